//! A session that can only show.

use std::time::Duration;

use futures::future::join_all;
use secrecy::SecretString;
use tokio_postgres::SimpleQueryMessage;

use super::answer::Rows;
use super::error::{ConsoleError, Refusal};
use crate::client::postgres::{
    Driving, Encryption, OpenedConnection, PostgresError, connect_for_administering, drive, within,
};
use crate::config::endpoint::{PoolerAddress, PostgresAccess};

/// More rows than an honest answer has: a pooler with more clients is not asked for each of them.
const MAX_ROWS: usize = 20_000;

/// What every version of it ends the number that it gives PostgreSQL's clients with.
const VERSION_SUFFIX: &str = "/bouncer";

/// The statements that exist here. All of them only show.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Show {
    /// The process as a whole.
    State,
    /// Databases.
    Databases,
    /// Pools.
    Pools,
    /// Counters by database.
    Stats,
    /// Numbers of objects.
    Lists,
    /// Clients, a row each.
    Clients,
    /// Server connections, a row each.
    Servers,
    /// Settings.
    Config,
    /// The version.
    Version,
}

impl Show {
    /// The statement.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::State => "SHOW STATE",
            Self::Databases => "SHOW DATABASES",
            Self::Pools => "SHOW POOLS",
            Self::Stats => "SHOW STATS",
            Self::Lists => "SHOW LISTS",
            Self::Clients => "SHOW CLIENTS",
            Self::Servers => "SHOW SERVERS",
            Self::Config => "SHOW CONFIG",
            Self::Version => "SHOW VERSION",
        }
    }
}

/// A session with the admin console that can only show. It is driven only while it is asked, and dropping it closes the
/// connection.
pub struct AdminReader {
    client: tokio_postgres::Client,
    driving: Driving,
    encryption: Encryption,
    version: String,
}

impl AdminReader {
    /// Opens a session at `address`, within the deadline that `access` sets.
    ///
    /// # Errors
    /// Whatever kept it from being opened.
    pub async fn open(
        access: &PostgresAccess,
        address: &PoolerAddress,
        password: Option<&SecretString>,
    ) -> Result<Self, ConsoleError> {
        let opened = match address {
            PoolerAddress::Tcp(host, port) => connect_for_administering(access, host, *port, password).await,
            #[cfg(unix)]
            PoolerAddress::Unix(path) => {
                crate::client::postgres::connect_for_administering_through(access, path, password).await
            }
            #[cfg(not(unix))]
            PoolerAddress::Unix(_) => return Err(ConsoleError::NoUnixSockets),
        };
        let OpenedConnection { client, driving, encryption, version, .. } = opened.map_err(ConsoleError::from_wire)?;
        match version.strip_suffix(VERSION_SUFFIX) {
            Some(number) => Ok(Self { client, driving, encryption, version: number.to_owned() }),
            None => Err(ConsoleError::Foreign(version)),
        }
    }

    /// The version, as it was announced at login.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How the session is protected.
    pub fn encryption(&self) -> &Encryption {
        &self.encryption
    }

    /// Sends `asked` at once and reads the answers, in the same order: one round trip.
    ///
    /// A statement that is refused leaves its own answer missing; the session stays good. After an error of this function,
    /// or when its future was dropped, the session must not be used again.
    ///
    /// # Errors
    /// No answer within `deadline`, or the connection ended.
    pub async fn ask(
        &mut self,
        asked: &[Show],
        deadline: Duration,
    ) -> Result<Vec<Result<Rows, Refusal>>, ConsoleError> {
        let Self { client, driving, .. } = self;
        let work = join_all(asked.iter().map(|show| client.simple_query(show.as_str())));
        let outcomes = within(deadline, drive(driving, work)).await.map_err(|error| match error {
            PostgresError::TimedOut { after, .. } => {
                ConsoleError::Hangs { statement: asked.first().map_or("SHOW", |show| show.as_str()), after }
            }
            other => ConsoleError::from_wire(other),
        })?;
        let answers = outcomes.into_iter().map(|outcome| match outcome {
            Ok(messages) => Ok(rows(messages)),
            Err(error) => match error.as_db_error() {
                Some(said) if said.severity() != "FATAL" => Ok(Err(Refusal::of(said.message()))),
                _ => Err(ConsoleError::from_wire(PostgresError::from_wire(&error))),
            },
        });
        answers.collect()
    }

    /// Sends one statement that is no question, for the session that may.
    pub(super) async fn command(
        &mut self,
        statement: &str,
        word: &'static str,
        deadline: Duration,
    ) -> Result<Result<(), Refusal>, ConsoleError> {
        let Self { client, driving, .. } = self;
        let sending = client.simple_query(statement);
        let outcome = within(deadline, drive(driving, sending)).await.map_err(|error| match error {
            PostgresError::TimedOut { after, .. } => ConsoleError::Hangs { statement: word, after },
            other => ConsoleError::from_wire(other),
        })?;
        match outcome {
            Ok(_) => Ok(Ok(())),
            Err(error) => match error.as_db_error() {
                Some(said) if said.severity() != "FATAL" => Ok(Err(Refusal::of(said.message()))),
                _ => Err(ConsoleError::from_wire(PostgresError::from_wire(&error))),
            },
        }
    }
}

fn rows(messages: Vec<SimpleQueryMessage>) -> Result<Rows, Refusal> {
    let mut columns = Vec::new();
    let mut rows = Vec::new();
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(described) => {
                columns = described.iter().map(|column| column.name().to_owned()).collect();
            }
            SimpleQueryMessage::Row(row) => {
                if rows.len() >= MAX_ROWS {
                    return Err(Refusal::TooMany(MAX_ROWS));
                }
                let cells = (0..row.len()).map(|index| row.try_get(index).ok().flatten().map(ToOwned::to_owned));
                rows.push(cells.collect());
            }
            _ => {}
        }
    }
    Ok(Rows::new(columns, rows))
}
