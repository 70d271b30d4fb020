//! The PostgreSQL wire, for the operation lock of a cluster without a DCS: one session a node, which holds a session
//! advisory lock and says in its own statement who holds it and why.
//!
//! The key is the same for every console: a fixed class, and the lower half of the cluster's system identifier. PostgreSQL
//! keeps advisory locks apart by database, so whoever has taken it also looks for the same key in every other one.
//!
//! The session is a lease. Where nothing is heard of its client for [`LEASE`], the server ends it and with it the lock
//! (`idle_session_timeout`, PostgreSQL 14); a client that vanished is found out by keepalives besides.

use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use super::connect::{OpenedConnection, connect_for_locking};
use super::error::PostgresError;
use super::session::{flat, within};
use crate::config::endpoint::PostgresAccess;

/// How long the lock outlives a holder of whom nothing is heard. To be kept several times within it.
pub const LEASE: Duration = Duration::from_secs(15);

/// What begins the application name of a session that holds the lock.
pub const APPLICATION: &str = "pgctl-tui lock ";
/// Most bytes of an application name.
pub const MAX_APPLICATION_NAME: usize = 63;
/// What begins the comment of its statements.
pub const COMMENT: &str = "/* pgctl-tui lock ";
/// What ends it.
pub const COMMENT_END: &str = " */";

/// Which lock is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// The operation lock.
    Operation,
    /// One that nobody else wants, to find out whether a login could have the other.
    Trial,
}

/// The class of the operation lock, for every statement that names it: `pgct`, as four letters of a number.
macro_rules! lock_class {
    () => {
        "1885823860"
    };
}
pub(super) use lock_class;

/// Statements on one class; the other half of the key is computed where the data is.
macro_rules! statements {
    ($class:expr) => {
        Statements {
            take: concat!(
                "SELECT taken, CASE WHEN taken THEN set_config('application_name', $1, false) END FROM (SELECT \
                 pg_try_advisory_lock(",
                $class,
                ", (system_identifier << 32 >> 32)::int4) AS taken FROM pg_control_system() OFFSET 0) AS attempt"
            ),
            others: concat!(
                "SELECT holder.application_name, holder.query, CASE WHEN current_setting('idle_session_timeout', true) \
                 IS NOT NULL THEN extract(epoch FROM holder.state_change + interval '15 s' - clock_timestamp()) END::float8 \
                 FROM pg_locks AS held LEFT JOIN pg_stat_activity AS holder ON holder.pid = held.pid \
                 WHERE held.locktype = 'advisory' AND held.classid = ",
                $class,
                " AND held.objid::int8 = (SELECT system_identifier & 4294967295 FROM pg_control_system()) \
                 AND held.objsubid = 2 AND held.granted AND held.pid <> pg_backend_pid() LIMIT 1"
            ),
            keep: concat!(
                "SELECT pg_backend_pid(), EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = ",
                $class,
                " AND objsubid = 2 AND granted AND pid = pg_backend_pid())"
            ),
        }
    };
}

struct Statements {
    take: &'static str,
    others: &'static str,
    keep: &'static str,
}

const OPERATION_LOCK: Statements = statements!(lock_class!());
const TRIAL_LOCK: Statements = statements!("1885823861");

/// Who answers, and the settings by which the server finds out that its client is gone. Those that an older version does
/// not have are left out.
const PEER_QUERY: &str = "SELECT pg_backend_pid(), pg_is_in_recovery(), system_identifier::text, \
     pg_postmaster_start_time(), current_setting('default_transaction_read_only'), \
     (SELECT count(set_config(name, CASE name WHEN 'idle_session_timeout' THEN '15s' ELSE '5s' END, false)) \
     FROM pg_settings WHERE name IN ('idle_session_timeout', 'client_connection_check_interval')) \
     FROM pg_control_system()";

const RELEASE_ALL: &str = "SELECT pg_advisory_unlock_all()";

impl Key {
    fn statements(self) -> &'static Statements {
        match self {
            Self::Operation => &OPERATION_LOCK,
            Self::Trial => &TRIAL_LOCK,
        }
    }
}

/// What the holder says of itself, as a comment before its statements. Whatever is in it, it cannot end the comment, and
/// reads the same in any encoding.
#[derive(Clone, PartialEq, Eq)]
pub struct HolderComment(String);

impl HolderComment {
    /// The comment that tells `json`, an object as JSON text.
    pub fn new(json: &str) -> Self {
        let mut text = String::with_capacity(json.len() + COMMENT.len() + COMMENT_END.len());
        text.push_str(COMMENT);
        for letter in json.chars() {
            match letter {
                // In JSON an asterisk can stand only within a string, where this is another way to write it.
                '*' => text.push_str("\\u002a"),
                ' '..='~' => text.push(letter),
                _ => {
                    for unit in letter.encode_utf16(&mut [0; 2]) {
                        // Writing to a string cannot fail.
                        let _ = write!(text, "\\u{unit:04x}");
                    }
                }
            }
        }
        text.push_str(COMMENT_END);
        Self(text)
    }

    /// Bytes of the comment.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The comment.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn before(&self, statement: &str) -> String {
        format!("{} {statement}", self.0)
    }
}

impl fmt::Debug for HolderComment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who answers at one address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerInfo {
    /// The backend of the session, by the server's own word.
    pub backend: i32,
    /// The same as it was announced at login. A pooler announces a number of its own.
    pub announced: Option<i32>,
    /// `pg_is_in_recovery()`.
    pub in_recovery: bool,
    /// System identifier.
    pub system_id: u64,
    /// When the postmaster started, which tells one server from another.
    pub started: Timestamp,
    /// Whether the session has the settings that it was opened with.
    pub keeps_settings: bool,
}

impl PeerInfo {
    /// Whether something stands between here and the server that hands its sessions round.
    pub fn is_pooled(&self) -> bool {
        !self.keeps_settings || self.announced.is_some_and(|announced| announced != self.backend)
    }
}

/// Somebody else's hold, as far as this role may see it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Holder {
    /// `application_name`.
    pub application: Option<String>,
    /// Its newest statement, comment and all. Other roles see it with `pg_read_all_stats` alone.
    pub query: Option<String>,
    /// Seconds that it lives on if nothing more is heard of it.
    pub left: Option<f64>,
}

/// What came of an attempt to take the lock.
#[derive(Clone, PartialEq, Debug)]
pub enum AcquireOutcome {
    /// It is ours on this node.
    Taken,
    /// Somebody else has it.
    Busy(Holder),
}

/// What came of keeping it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RenewOutcome {
    /// The session lives and holds it.
    Held,
    /// The session lives and does not hold it, or it is another's.
    Gone,
}

/// A session for the lock of one node. It is driven only while it is asked; dropping it gives the lock back.
pub struct LockSession {
    opened: OpenedConnection,
    answers: PeerInfo,
    key: Key,
}

impl LockSession {
    /// Logs in at `host` and `port`, within the deadline that `access` sets.
    ///
    /// # Errors
    /// Whatever kept it from being opened.
    pub async fn open(
        access: &PostgresAccess,
        (host, port): (&str, u16),
        password: Option<&SecretString>,
        key: Key,
    ) -> Result<Self, PostgresError> {
        let mut opened = connect_for_locking(access, host, port, password).await?;
        let rows = {
            let OpenedConnection { client, driving, .. } = &mut opened;
            within(access.timeouts.request, flat(driving, client.query_typed(PEER_QUERY, &[]))).await?
        };
        let row = rows.first().ok_or_else(unexpected)?;
        let system_id: String = cell(row, 2)?;
        let read_only: String = cell(row, 4)?;
        let answers = PeerInfo {
            backend: cell(row, 0)?,
            announced: opened.announced.get(),
            in_recovery: cell(row, 1)?,
            system_id: system_id.parse().map_err(|_| unexpected())?,
            started: cell(row, 3)?,
            keeps_settings: read_only == "on",
        };
        Ok(Self { opened, answers, key })
    }

    /// Who answered.
    pub fn answers(&self) -> &PeerInfo {
        &self.answers
    }

    /// Takes the lock if it is free, in this database and in every other one. Where it is not, nothing of it stays.
    ///
    /// # Errors
    /// When there is no answer within `deadline`: the session must be dropped then.
    pub async fn take(
        &mut self,
        application: &str,
        holder_comment: &HolderComment,
        deadline: Duration,
    ) -> Result<AcquireOutcome, PostgresError> {
        let statements = self.key.statements();
        let OpenedConnection { client, driving, .. } = &mut self.opened;
        // The newest statement is what others see, so that each of them says whose it is.
        let (take, others) = (holder_comment.before(statements.take), holder_comment.before(statements.others));
        let work = async {
            let rows = client.query_typed(&take, &[(&application, Type::TEXT)]).await?;
            Ok((rows, client.query_typed(&others, &[]).await?))
        };
        let (taken, others) = within(deadline, flat(driving, work)).await?;
        let taken: bool = cell(taken.first().ok_or_else(unexpected)?, 0)?;
        match (taken, others.first()) {
            (true, None) => Ok(AcquireOutcome::Taken),
            (taken, other) => {
                if taken {
                    within(deadline, flat(driving, client.query_typed(RELEASE_ALL, &[]))).await?;
                }
                Ok(AcquireOutcome::Busy(other.map(holder).transpose()?.unwrap_or_default()))
            }
        }
    }

    /// Who else holds the lock.
    ///
    /// # Errors
    /// When there is no answer within `deadline`.
    pub async fn other(&mut self, deadline: Duration) -> Result<Option<Holder>, PostgresError> {
        let OpenedConnection { client, driving, .. } = &mut self.opened;
        let asking = client.query_typed(self.key.statements().others, &[]);
        let rows = within(deadline, flat(driving, asking)).await?;
        rows.first().map(holder).transpose()
    }

    /// One round trip, which proves that the session lives and holds the lock, and lets it live on.
    ///
    /// # Errors
    /// When there is no answer within `deadline`.
    pub async fn renew(
        &mut self,
        holder_comment: &HolderComment,
        deadline: Duration,
    ) -> Result<RenewOutcome, PostgresError> {
        let OpenedConnection { client, driving, .. } = &mut self.opened;
        let text = holder_comment.before(self.key.statements().keep);
        let rows = within(deadline, flat(driving, client.query_typed(&text, &[]))).await?;
        let row = rows.first().ok_or_else(unexpected)?;
        let ours = cell::<i32>(row, 0)? == self.answers.backend && cell::<bool>(row, 1)?;
        Ok(if ours { RenewOutcome::Held } else { RenewOutcome::Gone })
    }

    /// Gives the lock back.
    ///
    /// # Errors
    /// When there is no answer within `deadline`.
    pub async fn release(mut self, deadline: Duration) -> Result<(), PostgresError> {
        let OpenedConnection { client, driving, .. } = &mut self.opened;
        within(deadline, flat(driving, client.query_typed(RELEASE_ALL, &[]))).await.map(|_| ())
    }
}

impl fmt::Debug for LockSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockSession").field("answers", &self.answers).field("key", &self.key).finish_non_exhaustive()
    }
}

fn holder(row: &Row) -> Result<Holder, PostgresError> {
    Ok(Holder { application: cell(row, 0)?, query: cell(row, 1)?, left: cell(row, 2)? })
}

fn cell<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, PostgresError> {
    row.try_get(index).map_err(|_| unexpected())
}

fn unexpected() -> PostgresError {
    PostgresError::Protocol("unexpected response format".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_class_is_four_letters_as_a_number() {
        assert_eq!(lock_class!().parse(), Ok(i32::from_be_bytes(*b"pgct")));
        assert!(OPERATION_LOCK.take.contains(lock_class!()) && !TRIAL_LOCK.take.contains(lock_class!()));
    }

    proptest! {
        #[test]
        fn no_claim_can_end_the_comment_and_every_one_is_read_back(reason in any::<String>()) {
            let json = serde_json::json!({ "reason": reason }).to_string();
            let holder_comment = HolderComment::new(&json);
            let inside = holder_comment.as_str().strip_prefix(COMMENT).and_then(|text| text.strip_suffix(COMMENT_END));
            let inside = inside.expect("a comment");
            prop_assert!(!inside.contains('*'), "{inside}");
            prop_assert!(holder_comment.as_str().bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            let read: serde_json::Value = serde_json::from_str(inside).expect("JSON");
            prop_assert_eq!(read["reason"].as_str(), Some(reason.as_str()));
        }
    }
}
