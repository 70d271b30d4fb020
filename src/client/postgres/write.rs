//! The PostgreSQL wire, for acting: one connection an order, and three fixed statements. Each is guarded by the system
//! identifier; ending a session also by the start of its backend, in the same statement that ends it.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use tokio_postgres::types::Type;

use super::connect::{OpenedConnection, connect_for_acting};
use super::error::PostgresError;
use super::session::{flat, within};
use crate::client::sending::Unanswered;
use crate::config::endpoint::PostgresAccess;

/// What can be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SqlOrder {
    /// `CHECKPOINT`.
    Checkpoint,
    /// `pg_cancel_backend` of the backend with this number that started then.
    Cancel {
        /// Process.
        pid: i32,
        /// Start of the backend.
        started: Timestamp,
    },
    /// `pg_terminate_backend` of the backend with this number that started then.
    Terminate {
        /// Process.
        pid: i32,
        /// Start of the backend.
        started: Timestamp,
    },
}

/// What came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SqlReply {
    /// Done; for a session: the signal was sent.
    Done,
    /// The server holds other data than it should. Nothing was done.
    AnotherSystem,
    /// No backend with that number started then: it ended, and its number may be somebody else's by now.
    NoSuchSession,
    /// The server found the session, and could not signal it.
    NotSignalled,
    /// The server refused, in its own words.
    Refused {
        /// SQLSTATE.
        code: String,
        /// Words.
        message: String,
    },
}

/// Whether this is the system it should be; an order without one is for whichever is there.
const SAME_SYSTEM: &str =
    "SELECT $1::text IS NULL OR (SELECT system_identifier::text FROM pg_control_system()) = $1::text";

/// One statement: the guards and what they guard cannot be told apart in time. CASE keeps the function from being called
/// where they do not hold.
macro_rules! end_session {
    ($function:literal) => {
        concat!(
            "SELECT guard.same, found.pid IS NOT NULL, CASE WHEN guard.same AND found.pid IS NOT NULL THEN ",
            $function,
            "(found.pid) END FROM (SELECT $1::text IS NULL OR (SELECT system_identifier::text FROM \
             pg_control_system()) = $1::text AS same) guard LEFT JOIN (SELECT pid FROM pg_stat_activity \
             WHERE pid = $2 AND backend_start = $3 AND pid <> pg_backend_pid()) found ON true"
        )
    };
}

impl SqlOrder {
    /// The statement, as it is sent.
    pub fn statement(self) -> &'static str {
        match self {
            Self::Checkpoint => "CHECKPOINT",
            Self::Cancel { .. } => end_session!("pg_cancel_backend"),
            Self::Terminate { .. } => end_session!("pg_terminate_backend"),
        }
    }
}

/// Sends `order` to the server at `host` and `port`, once, on a connection that is closed afterwards. `system_id` is the
/// identifier that the server must have. The answer is waited for as long as `patience`.
///
/// # Errors
/// When there is no answer. What the server refuses is one.
pub async fn send(
    access: &PostgresAccess,
    (host, port): (&str, u16),
    password: Option<&SecretString>,
    system_id: Option<u64>,
    order: SqlOrder,
    time_limit: Duration,
) -> Result<SqlReply, Unanswered<PostgresError>> {
    let opening = connect_for_acting(access, host, port, password, time_limit);
    let OpenedConnection { client, mut driving, .. } = opening.await.map_err(Unanswered::NotSent)?;
    let system_id = system_id.map(|id| id.to_string());
    let unanswered = |error: PostgresError| match error {
        PostgresError::Server { code, message } => Ok(SqlReply::Refused { code, message }),
        error => Err(Unanswered::NoAnswer(error)),
    };
    match order {
        SqlOrder::Checkpoint => {
            // CHECKPOINT takes no condition, so the question comes before it on the same connection.
            let arguments = [(&system_id as &(dyn tokio_postgres::types::ToSql + Sync), Type::TEXT)];
            let same = client.query_typed(SAME_SYSTEM, &arguments);
            let rows = within(access.timeouts.request, flat(&mut driving, same)).await;
            let same = match rows.map(|rows| rows.first().and_then(|row| row.try_get::<_, bool>(0).ok())) {
                Ok(Some(same)) => same,
                Ok(None) => false,
                Err(PostgresError::Server { code, message }) => return Ok(SqlReply::Refused { code, message }),
                Err(error) => return Err(Unanswered::NotSent(error)),
            };
            if !same {
                return Ok(SqlReply::AnotherSystem);
            }
            let work = client.batch_execute(order.statement());
            match within(time_limit, flat(&mut driving, work)).await {
                Ok(()) => Ok(SqlReply::Done),
                Err(error) => unanswered(error),
            }
        }
        SqlOrder::Cancel { pid, started } | SqlOrder::Terminate { pid, started } => {
            let arguments: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] =
                [(&system_id, Type::TEXT), (&pid, Type::INT4), (&started, Type::TIMESTAMPTZ)];
            let work = client.query_typed(order.statement(), &arguments);
            let rows = match within(time_limit, flat(&mut driving, work)).await {
                Ok(rows) => rows,
                Err(error) => return unanswered(error),
            };
            let reported = rows.first().and_then(|row| {
                let flag = |at| row.try_get::<_, Option<bool>>(at).ok();
                Some((flag(0)?, flag(1)?, flag(2)?))
            });
            Ok(match reported {
                Some((Some(true), Some(true), Some(true))) => SqlReply::Done,
                Some((Some(true), Some(true), _)) => SqlReply::NotSignalled,
                Some((Some(true), _, _)) => SqlReply::NoSuchSession,
                Some((Some(false) | None, _, _)) => SqlReply::AnotherSystem,
                None => {
                    let odd = PostgresError::Protocol("unexpected response format".to_owned());
                    return Err(Unanswered::NoAnswer(odd));
                }
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::double;
    use crate::client::tls::install_provider;
    use crate::config::endpoint::{SslMode, Timeouts};
    use crate::config::libpq::AuthPolicy;

    fn access() -> PostgresAccess {
        let time_limit = Duration::from_millis(200);
        PostgresAccess {
            timeouts: Timeouts { connect: time_limit, request: time_limit },
            ..PostgresAccess::of("admin", SslMode::Disable)
        }
    }

    async fn to(address: &str) -> Unanswered<PostgresError> {
        install_provider();
        let (host, port) = address.split_once(':').expect("host:port");
        let place = (host, port.parse().expect("a port"));
        let password = SecretString::from("hunter2".to_owned());
        let time_limit = Duration::from_millis(200);
        let sent = send(&access(), place, Some(&password), Some(7), SqlOrder::Checkpoint, time_limit).await;
        sent.expect_err("nothing listens")
    }

    #[tokio::test]
    async fn a_login_that_fails_or_hangs_sends_nothing_and_tells_no_secret() {
        for address in [double::refused(), double::silent(), double::answering("HTTP/1.0 400 Bad Request\r\n\r\n")] {
            let error = to(&address).await;
            assert!(matches!(error, Unanswered::NotSent(_)), "{error:?}");
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }

    #[tokio::test]
    async fn a_password_is_not_sent_in_clear_text_or_as_md5_even_to_this_host() {
        for question in [&[0, 0, 0, 3][..], &[0, 0, 0, 5, 1, 2, 3, 4]] {
            let (address, said) = double::asking_for_a_password(question);
            install_provider();
            let (host, port) = address.split_once(':').expect("host:port");
            let place = (host, port.parse().expect("a port"));
            let password = SecretString::from("hunter2".to_owned());
            let time_limit = Duration::from_secs(10);
            let access = PostgresAccess {
                auth: AuthPolicy::Scram,
                timeouts: Timeouts { connect: time_limit, request: time_limit },
                ..access()
            };
            let sent = send(&access, place, Some(&password), Some(7), SqlOrder::Checkpoint, time_limit).await;
            let Err(Unanswered::NotSent(error @ PostgresError::Withheld(_))) = sent else { panic!("{sent:?}") };
            assert!(error.to_string().contains("it was not sent"), "{error}");
            assert_eq!(said.recv().expect("a connection"), b"", "nothing follows the question");
        }
    }

    #[tokio::test]
    async fn to_this_host_looking_sends_what_a_server_asks_for() {
        let (address, said) = double::asking_for_a_password(&[0, 0, 0, 3]);
        install_provider();
        let (host, port) = address.split_once(':').expect("host:port");
        let password = SecretString::from("hunter2".to_owned());
        let access = PostgresAccess { auth: AuthPolicy::Guarded, ..access() };
        let port = port.parse().expect("a port");
        let opened = crate::client::postgres::connect(&access, host, port, Some(&password)).await;
        assert!(opened.is_err(), "it never lets anybody in");
        assert_eq!(said.recv().expect("a connection"), b"p\0\0\0\x0chunter2\0");
    }
}
