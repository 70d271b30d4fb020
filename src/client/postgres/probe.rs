//! The PostgreSQL wire, for the probe of a drill: numbered rows in a schema of its own, and nothing else. What is
//! dropped carries the probe's own marker.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::FutureExt as _;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::connect::{OpenedConnection, connect_for_pooled_probing, connect_for_probing};
use super::error::PostgresError;
use super::session::{flat, within};
use crate::client::sending::Unanswered;
use crate::config::endpoint::PostgresAccess;

/// The marker in the schema's comment, by which what is dropped is known.
macro_rules! marker {
    () => {
        "pgctl-tui drill probe: made and dropped by drills"
    };
}
const SCHEMA_MARKER: &str = marker!();
/// The comment of the schema, where it is there.
const SCHEMA_COMMENT: &str =
    "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'pgctl_drill'";
const CREATE_SCHEMA: &str = concat!(
    "CREATE SCHEMA pgctl_drill; COMMENT ON SCHEMA pgctl_drill IS '",
    marker!(),
    "'; CREATE TABLE pgctl_drill.rows (number bigint PRIMARY KEY)"
);
const DROP_SCHEMA: &str = "DROP SCHEMA pgctl_drill CASCADE";
const SETTINGS: &str = "SELECT current_setting('synchronous_commit'), \
     has_database_privilege(current_database(), 'CREATE'), pg_is_in_recovery()";
const PUBLICATIONS: &str = "SELECT pubname::text FROM pg_publication WHERE puballtables ORDER BY 1";
/// The timeline is read off the name of the segment that is written: the control file knows it only after a checkpoint.
const WRITE: &str = "INSERT INTO pgctl_drill.rows (number) VALUES ($1) RETURNING pg_postmaster_start_time(), \
     host(inet_server_addr()), inet_server_port(), \
     ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int";
/// The newest row of those that are written past every pooler: theirs have numbers from 2^40 on.
const READ: &str = "SELECT (SELECT max(number) FROM pgctl_drill.rows WHERE number < 1099511627776), pg_postmaster_start_time(), \
     host(inet_server_addr()), inet_server_port(), pg_is_in_recovery()";
const SELECT_NUMBERS: &str = "SELECT number FROM pgctl_drill.rows";

/// Who answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answering {
    /// Start of its postmaster.
    pub started: Timestamp,
    /// Its own address and port; empty over a local socket.
    pub address: String,
}

/// What a read saw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadSample {
    /// Who answered.
    pub answering: Answering,
    /// The largest number.
    pub newest: Option<i64>,
    /// Whether it is a standby.
    pub in_recovery: bool,
}

/// What the place of the probe is like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProbeServerInfo {
    /// `synchronous_commit` of the session.
    pub synchronous_commit: String,
    /// The role may make a schema.
    pub may_create: bool,
    /// The server is a standby.
    pub in_recovery: bool,
    /// Publications FOR ALL TABLES.
    pub publications: Vec<String>,
}

/// One connection of the probe.
pub struct ProbeSession(OpenedConnection);

impl ProbeSession {
    /// Connects to `host` and `port`, within `patience`.
    ///
    /// # Errors
    /// Whatever kept it from being opened.
    pub async fn connect(
        access: &PostgresAccess,
        (host, port): (&str, u16),
        password: Option<&SecretString>,
        time_limit: Duration,
    ) -> Result<Self, PostgresError> {
        connect_for_probing(access, host, port, password, time_limit).await.map(Self)
    }

    /// The same by way of a pooler.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_through_pooler(
        access: &PostgresAccess,
        (host, port): (&str, u16),
        password: Option<&SecretString>,
        time_limit: Duration,
    ) -> Result<Self, PostgresError> {
        connect_for_pooled_probing(access, host, port, password, time_limit).await.map(Self)
    }

    /// Whether the far end has closed it already. Driving it here lets what has come in be read.
    pub fn is_over(&mut self) -> bool {
        self.0.driving.as_mut().now_or_never().is_some()
    }

    /// What the place is like.
    ///
    /// # Errors
    /// When it does not tell within `patience`.
    pub async fn environment(&mut self, time_limit: Duration) -> Result<ProbeServerInfo, PostgresError> {
        let work = async {
            let settings = self.0.client.query_typed(SETTINGS, &[]).await?;
            Ok((settings, self.0.client.query_typed(PUBLICATIONS, &[]).await?))
        };
        let (settings, publications) = within(time_limit, flat(&mut self.0.driving, work)).await?;
        let settings = settings.first().ok_or_else(unexpected)?;
        let names: Result<Vec<String>, PostgresError> = publications.iter().map(|row| cell(row, 0)).collect();
        Ok(ProbeServerInfo {
            synchronous_commit: cell(settings, 0)?,
            may_create: cell(settings, 1)?,
            in_recovery: cell(settings, 2)?,
            publications: names?,
        })
    }

    /// Makes the schema anew; one that an earlier drill left is dropped, and nobody else's.
    ///
    /// # Errors
    /// When a schema of that name is somebody else's, or it cannot be made within `patience`.
    pub async fn create_schema(&mut self, time_limit: Duration) -> Result<(), PostgresError> {
        if self.clear(time_limit).await? == CleanupOutcome::Foreign {
            let message =
                "a schema pgctl_drill exists that was not created by a drill: rename it, or choose another database";
            return Err(PostgresError::Server { code: "42P06".to_owned(), message: message.to_owned() });
        }
        let work = self.0.client.batch_execute(CREATE_SCHEMA);
        within(time_limit, flat(&mut self.0.driving, work)).await
    }

    /// Drops the schema, if it carries the marker.
    ///
    /// # Errors
    /// When that was not done within `patience`.
    pub async fn clear(&mut self, time_limit: Duration) -> Result<CleanupOutcome, PostgresError> {
        let rows =
            within(time_limit, flat(&mut self.0.driving, self.0.client.query_typed(SCHEMA_COMMENT, &[]))).await?;
        let Some(row) = rows.first() else { return Ok(CleanupOutcome::Nothing) };
        let marker: Option<String> = cell(row, 0)?;
        if marker.as_deref() != Some(SCHEMA_MARKER) {
            return Ok(CleanupOutcome::Foreign);
        }
        let work = self.0.client.batch_execute(DROP_SCHEMA);
        within(time_limit, flat(&mut self.0.driving, work)).await?;
        Ok(CleanupOutcome::Dropped)
    }

    /// Writes row `number`, once. The timeline comes with the answer.
    ///
    /// # Errors
    /// Whether it is proven that the row was not written is told apart. The end of a session is no such proof, not even
    /// in the server's own words: one that waits for a standby has committed already.
    pub async fn write(&mut self, number: i64) -> Result<(Answering, i32), Unanswered<PostgresError>> {
        let arguments = [(&number as &(dyn tokio_postgres::types::ToSql + Sync), Type::INT8)];
        let work = self.0.client.query_typed(WRITE, &arguments);
        let rows = flat(&mut self.0.driving, work).await.map_err(|error| match error {
            PostgresError::Server { .. } => Unanswered::NotSent(error),
            error => Unanswered::NoAnswer(error),
        })?;
        let read = || {
            let row = rows.first().ok_or_else(unexpected)?;
            Ok((answering(row, 0)?, cell::<i32>(row, 3)?))
        };
        read().map_err(Unanswered::NoAnswer)
    }

    /// Reads the largest number.
    ///
    /// # Errors
    /// When there is no answer, or no table yet.
    pub async fn read(&mut self) -> Result<ReadSample, PostgresError> {
        let rows = flat(&mut self.0.driving, self.0.client.query_typed(READ, &[])).await?;
        let row = rows.first().ok_or_else(unexpected)?;
        Ok(ReadSample { newest: cell(row, 0)?, answering: answering(row, 1)?, in_recovery: cell(row, 4)? })
    }

    /// Every number that is there, as the leader has it.
    ///
    /// # Errors
    /// When there is no answer within `patience`, or a standby gave it.
    pub async fn stored_rows(&mut self, time_limit: Duration) -> Result<BTreeSet<u64>, PostgresError> {
        if self.environment(time_limit).await?.in_recovery {
            return Err(PostgresError::Protocol("a standby responds where the leader should".to_owned()));
        }
        let rows =
            within(time_limit, flat(&mut self.0.driving, self.0.client.query_typed(SELECT_NUMBERS, &[]))).await?;
        rows.iter().map(|row| cell::<i64>(row, 0).map(i64::cast_unsigned)).collect()
    }
}

/// What became of the schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CleanupOutcome {
    /// There was none.
    Nothing,
    /// It is gone.
    Dropped,
    /// It is somebody else's, and was left.
    Foreign,
}

fn answering(row: &Row, from: usize) -> Result<Answering, PostgresError> {
    let address: Option<String> = cell(row, from + 1)?;
    let port: Option<i32> = cell(row, from + 2)?;
    let address = address.zip(port).map(|(host, port)| format!("{host}:{port}")).unwrap_or_default();
    Ok(Answering { started: cell(row, from)?, address })
}

fn cell<'r, T: tokio_postgres::types::FromSql<'r>>(row: &'r Row, at: usize) -> Result<T, PostgresError> {
    row.try_get(at).map_err(|_| unexpected())
}

fn unexpected() -> PostgresError {
    PostgresError::Protocol("unexpected response format".to_owned())
}
