//! In which ways a PostgreSQL server cannot be asked. Each has its own remedy, so they are kept apart.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio_postgres::error::{DbError, SqlState};

use super::guard::Refusal;
use crate::client::cause::{self, Cause};
use crate::client::tls::TlsError;

/// Why a session could not be opened, or ended.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The host name does not resolve.
    #[error("{}", Cause::Name.with_reason(&cause::why(.0)))]
    Name(io::Error),
    /// Nothing listens on the port.
    #[error("connection refused")]
    Refused,
    /// No way to the host, or the network failed on the way.
    #[error("{}", lost_on_the_way(.0).with_reason(&cause::why(.0)))]
    Unreachable(io::Error),
    /// Time ran out.
    #[error("timed out after {:.1} s during {phase}", .after.as_secs_f64())]
    TimedOut {
        /// What was being done.
        phase: &'static str,
        /// How long it was waited for.
        after: Duration,
    },
    /// The TLS settings are wrong.
    #[error("{}", cause::chain(.0))]
    TlsSettings(#[from] TlsError),
    /// TLS is demanded and the server has none.
    #[error("the server does not offer TLS on this port")]
    NoTls,
    /// The handshake failed.
    #[error("{0}")]
    Tls(String),
    /// The server wants a password and none was found.
    #[error("the server requires a password and none was found")]
    PasswordMissing,
    /// The password is wrong (28P01).
    #[error("{0}")]
    Password(String),
    /// The server does not let this role in: no line of `pg_hba.conf`, no such role, or no LOGIN (28000).
    #[error("{0}")]
    Authorization(String),
    /// The server wants a way to authenticate that does not exist here.
    #[error("{0}")]
    Method(String),
    /// The server asks in a way that is not answered, or wants more than an honest one does.
    #[error("{0}")]
    Withheld(Refusal),
    /// The record leads to an address that the operator does not allow: nobody was asked there.
    #[error("{0} is not in allowed_networks")]
    Outside(IpAddr),
    /// The database does not exist (3D000).
    #[error("{0}")]
    NoDatabase(String),
    /// Every connection slot is taken (53300).
    #[error("{0}")]
    TooMany(String),
    /// The connection limit of the role or of the database is reached (53300, too).
    #[error("{0}")]
    Limit(String),
    /// Starting up, shutting down, or in recovery without hot standby (57P03, 57P01, 57P02).
    #[error("{0}")]
    NotReady(String),
    /// Older than this program can read.
    #[error("PostgreSQL {0} is older than 13")]
    TooOld(String),
    /// The far end closed the connection.
    #[error("{0}")]
    Closed(String),
    /// Any other error that the server reports.
    #[error("{message} ({code})")]
    Server {
        /// SQLSTATE.
        code: String,
        /// The server's words.
        message: String,
    },
    /// What came is not PostgreSQL's protocol, or not what was asked for.
    #[error("{0}")]
    Protocol(String),
}

/// A network that swallows everything is told by the system's own deadline, which may be shorter than ours.
pub fn lost_on_the_way(error: &io::Error) -> Cause {
    Cause::of_io(error).filter(|cause| *cause == Cause::TimedOut).unwrap_or(Cause::Unreachable)
}

impl PostgresError {
    /// The failure to reach an address.
    pub(super) fn from_reach(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::ConnectionRefused { Self::Refused } else { Self::Unreachable(error) }
    }

    /// What the driver library reports.
    pub(in crate::client) fn from_wire(error: &tokio_postgres::Error) -> Self {
        if let Some(said) = error.as_db_error() {
            return Self::from_server(said);
        }
        if let Some(refusal) = cause::find::<Refusal>(error) {
            return Self::Withheld(refusal.clone());
        }
        let words = cause::chain(error);
        // The library keeps its kinds to itself, so its words decide; the tests hold them.
        if words.contains("server does not support TLS") {
            return Self::NoTls;
        }
        if words.contains("password missing") {
            return Self::PasswordMissing;
        }
        if let Some(method) = words.strip_prefix("authentication error: ") {
            return Self::Method(method.to_owned());
        }
        let why = Some(cause::why(error)).filter(|why| !why.is_empty());
        if words.starts_with("error performing TLS handshake") || cause::find::<rustls::Error>(error).is_some() {
            return Self::Tls(why.unwrap_or_default());
        }
        let ended = cause::find::<io::Error>(error).is_some_and(|error| {
            matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
            )
        });
        let why = why.unwrap_or(words);
        if error.is_closed() || ended { Self::Closed(why) } else { Self::Protocol(why) }
    }

    fn from_server(said: &DbError) -> Self {
        let message = match said.detail() {
            Some(detail) => format!("{} ({detail})", said.message()),
            None => said.message().to_owned(),
        };
        match said.code() {
            code if *code == SqlState::INVALID_PASSWORD => Self::Password(message),
            code if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => Self::Authorization(message),
            code if *code == SqlState::INVALID_CATALOG_NAME => Self::NoDatabase(message),
            // The code is the same for both; of the words, `too many connections for role` and `for database` are told
            // apart only where the server speaks English.
            code if *code == SqlState::TOO_MANY_CONNECTIONS && message.starts_with("too many connections for ") => {
                Self::Limit(message)
            }
            code if *code == SqlState::TOO_MANY_CONNECTIONS => Self::TooMany(message),
            code if [SqlState::CANNOT_CONNECT_NOW, SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN]
                .contains(code) =>
            {
                Self::NotReady(message)
            }
            code => Self::Server { code: code.code().to_owned(), message },
        }
    }

    /// Whether the far end went away, so that a fresh connection tells more.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }

    /// Whether another password might help.
    pub fn concerns_password(&self) -> bool {
        matches!(self, Self::Password(_) | Self::PasswordMissing)
    }
}
