//! In which ways an admin console gives nothing. PgBouncer has one SQLSTATE for nearly everything, so its words decide.

use std::time::Duration;

use crate::client::postgres::PostgresError;

/// Why there is no answer at all.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The login is refused: no such user there, or another password.
    #[error("{0}")]
    Login(String),
    /// The login is good, and is neither in `admin_users` nor in `stats_users`.
    #[error("{0}: the user is neither in admin_users nor in stats_users")]
    NotPermitted(String),
    /// As many clients as it takes are connected.
    #[error("{0}")]
    Full(String),
    /// It is shutting down.
    #[error("{0}")]
    Leaving(String),
    /// It takes no login without TLS.
    #[error("{0}")]
    TlsRequired(String),
    /// PostgreSQL itself answers, or another program.
    #[error("not the admin console of PgBouncer: the server reports version \"{0}\"")]
    Foreign(String),
    /// It does not answer in time.
    #[error("no response to {statement} within {:.1} s", .after.as_secs_f64())]
    Hangs {
        /// The first statement without an answer.
        statement: &'static str,
        /// How long it was waited for.
        after: Duration,
    },
    /// The connection, TLS, or what any PostgreSQL server may say.
    #[error(transparent)]
    Wire(PostgresError),
    /// This system has no Unix sockets.
    #[error("Unix sockets are not supported on this system")]
    NoUnixSockets,
}

impl ConsoleError {
    /// What the wire reports, as PgBouncer means it.
    pub(super) fn from_wire(error: PostgresError) -> Self {
        let words = match &error {
            // Of old 08P01 for everything; later releases have PostgreSQL's codes for some.
            PostgresError::Server { message, .. }
            | PostgresError::Authorization(message)
            | PostgresError::TooMany(message) => message.clone(),
            PostgresError::Password(message) => return Self::Login(message.clone()),
            // PostgreSQL has no such database unless somebody has made one.
            PostgresError::NoDatabase(message) => return Self::Foreign(message.clone()),
            _ => return Self::Wire(error),
        };
        let says = |part: &str| words.contains(part);
        if words == "not allowed" || says("not allowed to access admin console") {
            Self::NotPermitted(words)
        } else if says("authentication failed") || says("no such user") || says("login rejected") {
            Self::Login(words)
        } else if says("no more connections allowed") || says("max_client_conn") {
            Self::Full(words)
        } else if says("SSL required") {
            Self::TlsRequired(words)
        } else if says("shutting down") {
            Self::Leaving(words)
        } else {
            Self::Wire(error)
        }
    }

    /// Whether another password might help.
    pub fn concerns_password(&self) -> bool {
        match self {
            Self::Login(_) => true,
            Self::Wire(error) => error.concerns_password(),
            _ => false,
        }
    }

    /// Whether the far end went away, so that a fresh connection tells more.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Leaving(_)) || matches!(self, Self::Wire(error) if error.is_closed())
    }
}

/// Why one statement has no rows. The session stays good.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// This version does not know the statement.
    #[error("this version does not support it")]
    Unknown,
    /// The login may not.
    #[error("admin rights are required")]
    Rights,
    /// More rows than any honest answer has.
    #[error("more than {0} rows")]
    TooMany(usize),
    /// Any other complaint, in PgBouncer's words.
    #[error("{0}")]
    Other(String),
}

impl Refusal {
    pub(super) fn of(words: &str) -> Self {
        if words.starts_with("invalid command") {
            Self::Unknown
        } else if words.contains("admin access needed") {
            Self::Rights
        } else {
            Self::Other(words.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn server(message: &str) -> PostgresError {
        PostgresError::Server { code: "08P01".to_owned(), message: message.to_owned() }
    }

    #[rstest]
    #[case("not allowed", "NotPermitted")]
    #[case("SASL authentication failed", "Login")]
    #[case("password authentication failed", "Login")]
    #[case("no such user: nobody", "Login")]
    #[case("no more connections allowed (max_client_conn)", "Full")]
    #[case("pgbouncer is shutting down", "Leaving")]
    #[case("SSL required", "TlsRequired")]
    #[case("unsupported startup parameter: x", "Wire")]
    fn refusals_at_login_are_told_apart_by_their_words(#[case] words: &str, #[case] kind: &str) {
        let error = ConsoleError::from_wire(server(words));
        assert!(format!("{error:?}").starts_with(kind), "{error:?}");
        assert_eq!(error.concerns_password(), kind == "Login");
    }

    #[rstest]
    #[case("invalid command 'SHOW FDS', use SHOW HELP;", Refusal::Unknown)]
    #[case("admin access needed", Refusal::Rights)]
    #[case("SHOW failed", Refusal::Other("SHOW failed".to_owned()))]
    fn a_refused_statement_says_whether_the_version_or_the_rights_are_at_fault(
        #[case] words: &str,
        #[case] expected: Refusal,
    ) {
        assert_eq!(Refusal::of(words), expected);
    }
}
