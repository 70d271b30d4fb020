//! From the wire's failures to the model's.

use crate::client::postgres::{PostgresError, Refusal, lost_on_the_way};
use crate::driver::trouble;
use crate::model::source::{SourceError, Trouble};
use crate::model::text::Text;

/// The failure `error` at `endpoint`. `hint` says what was odd about the password's place, and is told where the
/// password is the trouble.
pub(super) fn source_error(error: &PostgresError, endpoint: &Text, hint: Option<&str>) -> SourceError {
    let trouble = trouble(error);
    let mut detail = error.to_string();
    // The trouble's own words say it.
    if detail == trouble.words() {
        detail.clear();
    }
    if let Some(hint) = hint.filter(|_| error.concerns_password()) {
        detail = if detail.is_empty() { hint.to_owned() } else { format!("{detail}; {hint}") };
    }
    let told = SourceError::new(trouble, endpoint.as_str(), detail);
    match advice(error) {
        Some(advice) => told.advising(advice),
        None => told,
    }
}

/// What mends a failure whose cause knows better than its kind.
fn advice(error: &PostgresError) -> Option<&'static str> {
    match error {
        PostgresError::Withheld(Refusal::Method(method)) if method.gives_the_password_away() => Some(
            "let the role use scram-sha-256 on the server, or verify the server (sslmode = \"verify-full\" and ca); else \
             write require_auth, and name the host under [nodes] or in allowed_networks",
        ),
        PostgresError::Withheld(Refusal::Method(_)) => Some("write require_auth with what the server asks for"),
        PostgresError::Withheld(_) => Some("check that the address leads to PostgreSQL, and to no other service"),
        PostgresError::Outside(_) => Some(
            "find out who wrote this address to the record; if it is the cluster's, name its network in allowed_networks",
        ),
        _ => None,
    }
}

fn trouble(error: &PostgresError) -> Trouble {
    match error {
        PostgresError::Name(_) => Trouble::Name,
        PostgresError::Refused => Trouble::Refused,
        PostgresError::Unreachable(error) => trouble::trouble(lost_on_the_way(error)),
        PostgresError::TimedOut { .. } => Trouble::TimedOut,
        PostgresError::TlsSettings(_) | PostgresError::NoTls | PostgresError::Tls(_) => Trouble::Tls,
        PostgresError::PasswordMissing | PostgresError::Password(_) | PostgresError::Authorization(_) => {
            Trouble::Credentials
        }
        PostgresError::Withheld(Refusal::Method(_)) | PostgresError::Outside(_) => Trouble::Withheld,
        PostgresError::Withheld(Refusal::TooLarge(_) | Refusal::Rounds(_)) => Trouble::TooLarge,
        PostgresError::Withheld(Refusal::NoMessage(_)) => Trouble::UnexpectedAnswer,
        PostgresError::Method(_) | PostgresError::TooOld(_) => Trouble::Unsupported,
        PostgresError::TooMany(_) => Trouble::SlotsTaken,
        PostgresError::Limit(_) => Trouble::ConnectionLimit,
        PostgresError::Closed(_) => Trouble::Closed,
        PostgresError::NotReady(_) => Trouble::NotReady,
        PostgresError::Server { code, .. } if code == "42501" => Trouble::Permission,
        // A pooler that does not take the session's settings.
        PostgresError::Server { code, .. } if code == "08P01" => Trouble::Unsupported,
        PostgresError::NoDatabase(_) | PostgresError::Server { .. } | PostgresError::Protocol(_) => {
            Trouble::UnexpectedAnswer
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use rstest::rstest;

    use super::*;

    fn lookup(reason: &str) -> PostgresError {
        PostgresError::Name(io::Error::other(format!("failed to lookup address information: {reason}")))
    }

    #[rstest]
    #[case(lookup("Name or service not known"), Trouble::Name, "host name pg-1 does not resolve")]
    #[case(
        lookup("Temporary failure in name resolution"),
        Trouble::Name,
        "host name pg-1 does not resolve (Temporary failure in name resolution)"
    )]
    #[case(PostgresError::Refused, Trouble::Refused, "connection refused")]
    #[case(
        PostgresError::Unreachable(io::ErrorKind::TimedOut.into()),
        Trouble::TimedOut,
        "no answer in time"
    )]
    #[case(
        PostgresError::Unreachable(io::Error::from_raw_os_error(101)),
        Trouble::Unreachable,
        "host unreachable (Network is unreachable)"
    )]
    #[case(
        PostgresError::TooMany("sorry, too many clients already".to_owned()),
        Trouble::SlotsTaken,
        "all connection slots are taken (sorry, too many clients already)"
    )]
    #[case(
        PostgresError::Limit("too many connections for role \"looker\"".to_owned()),
        Trouble::ConnectionLimit,
        "connection limit reached (too many connections for role \"looker\")"
    )]
    fn a_failure_to_connect_is_said_once_and_briefly(
        #[case] error: PostgresError,
        #[case] trouble: Trouble,
        #[case] line: &str,
    ) {
        let told = source_error(&error, &"pg-1:5432".into(), None);
        assert_eq!((told.trouble, told.brief().as_str()), (trouble, line));
    }
}
