//! From the wire's failures to the model's.

use crate::client::postgres::{PostgresError, Refusal, lost_on_the_way};
use crate::driver::failure_kind;
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// The failure `error` at `endpoint`. `hint` says what was odd about the password's place, and is told where the
/// password is the trouble.
pub(in crate::driver) fn source_error(error: &PostgresError, endpoint: &Text, hint: Option<&str>) -> SourceError {
    let failure_kind = failure_kind(error);
    let mut detail = error.to_string();
    // The trouble's own words say it.
    if detail == failure_kind.describe() {
        detail.clear();
    }
    if let Some(hint) = hint.filter(|_| error.concerns_password()) {
        detail = if detail.is_empty() { hint.to_owned() } else { format!("{detail}; {hint}") };
    }
    let reported = SourceError::new(failure_kind, endpoint.as_str(), detail);
    match advice(error) {
        Some(advice) => reported.advising(advice),
        None => reported,
    }
}

/// What mends a failure whose cause knows better than its kind.
fn advice(error: &PostgresError) -> Option<&'static str> {
    match error {
        PostgresError::Withheld(Refusal::Method(method)) if method.gives_the_password_away() => Some(
            "let the role use scram-sha-256 on the server, or verify the server (sslmode = \"verify-full\" and ca); else \
                set require_auth, and configure the host under [nodes] or in allowed_networks",
        ),
        PostgresError::Withheld(Refusal::Method(_)) => {
            Some("set require_auth to the authentication method that the server requests")
        }
        PostgresError::Withheld(_) => Some("check that the address is that of PostgreSQL and not of another service"),
        PostgresError::Outside(_) => Some(
            "find out who wrote this address to the DCS; if it belongs to the cluster, add its network to allowed_networks",
        ),
        _ => None,
    }
}

fn failure_kind(error: &PostgresError) -> FailureKind {
    match error {
        PostgresError::Name(_) => FailureKind::Name,
        PostgresError::Refused => FailureKind::Refused,
        PostgresError::Unreachable(error) => failure_kind::failure_kind(lost_on_the_way(error)),
        PostgresError::TimedOut { .. } => FailureKind::TimedOut,
        PostgresError::TlsSettings(_) | PostgresError::NoTls | PostgresError::Tls(_) => FailureKind::Tls,
        PostgresError::PasswordMissing | PostgresError::Password(_) | PostgresError::Authorization(_) => {
            FailureKind::Credentials
        }
        PostgresError::Withheld(Refusal::Method(_)) | PostgresError::Outside(_) => FailureKind::Withheld,
        PostgresError::Withheld(Refusal::TooLarge(_) | Refusal::Rounds(_)) => FailureKind::TooLarge,
        PostgresError::Withheld(Refusal::NoMessage(_)) => FailureKind::UnexpectedAnswer,
        PostgresError::Method(_) | PostgresError::TooOld(_) => FailureKind::Unsupported,
        PostgresError::TooMany(_) => FailureKind::SlotsTaken,
        PostgresError::Limit(_) => FailureKind::ConnectionLimit,
        PostgresError::Closed(_) => FailureKind::Closed,
        PostgresError::NotReady(_) => FailureKind::NotReady,
        PostgresError::Server { code, .. } if code == "42501" => FailureKind::Permission,
        // A pooler that does not take the session's settings.
        PostgresError::Server { code, .. } if code == "08P01" => FailureKind::Unsupported,
        PostgresError::NoDatabase(_) | PostgresError::Server { .. } | PostgresError::Protocol(_) => {
            FailureKind::UnexpectedAnswer
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
    #[case(lookup("Name or service not known"), FailureKind::Name, "host name pg-1 does not resolve")]
    #[case(
        lookup("Temporary failure in name resolution"),
        FailureKind::Name,
        "host name pg-1 does not resolve (Temporary failure in name resolution)"
    )]
    #[case(PostgresError::Refused, FailureKind::Refused, "connection refused")]
    #[case(
        PostgresError::Unreachable(io::ErrorKind::TimedOut.into()),
        FailureKind::TimedOut,
        "timed out"
    )]
    #[case(
        PostgresError::Unreachable(io::Error::from_raw_os_error(101)),
        FailureKind::Unreachable,
        "host unreachable (Network is unreachable)"
    )]
    #[case(
        PostgresError::TooMany("sorry, too many clients already".to_owned()),
        FailureKind::SlotsTaken,
        "no free connection slots (sorry, too many clients already)"
    )]
    #[case(
        PostgresError::Limit("too many connections for role \"looker\"".to_owned()),
        FailureKind::ConnectionLimit,
        "connection limit reached (too many connections for role \"looker\")"
    )]
    fn a_failure_to_connect_is_reported_once_and_briefly(
        #[case] error: PostgresError,
        #[case] failure_kind: FailureKind,
        #[case] line: &str,
    ) {
        let reported = source_error(&error, &"pg-1:5432".into(), None);
        assert_eq!((reported.failure_kind, reported.brief().as_str()), (failure_kind, line));
    }
}
