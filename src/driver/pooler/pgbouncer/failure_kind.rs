//! From the console's failures to the model's.

use crate::client::pgbouncer::ConsoleError;
use crate::driver::node::postgres;
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// The failure `error` at `endpoint`. `hint` says what was odd about the password's place.
pub(super) fn source_error(error: &ConsoleError, endpoint: &Text, hint: Option<&str>) -> SourceError {
    let kind = match error {
        ConsoleError::Wire(error) => return postgres::source_error(error, endpoint, hint),
        ConsoleError::Login(_) => FailureKind::Credentials,
        ConsoleError::NotPermitted(_) => FailureKind::Permission,
        ConsoleError::Full(_) => FailureKind::SlotsTaken,
        ConsoleError::TlsRequired(_) => FailureKind::Tls,
        ConsoleError::Leaving(_) => FailureKind::NotReady,
        ConsoleError::Foreign(_) => FailureKind::UnexpectedAnswer,
        ConsoleError::Hangs { .. } => FailureKind::TimedOut,
        ConsoleError::NoUnixSockets => FailureKind::Unsupported,
    };
    let detail = match hint.filter(|_| error.concerns_password()) {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    };
    let reported = SourceError::new(kind, endpoint.as_str(), detail);
    match error {
        // Of the pooler, not of PostgreSQL.
        ConsoleError::Full(_) => reported.advising("raise max_client_conn in pgbouncer.ini, then RELOAD"),
        ConsoleError::TlsRequired(_) => reported.advising("set sslmode = \"require\" or stricter for this pooler"),
        ConsoleError::Foreign(_) => {
            reported.advising("set the address of PgBouncer itself: PostgreSQL is configured under [nodes]")
        }
        _ => reported,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::source::SourceKind;

    #[rstest]
    #[case(ConsoleError::Login("SASL authentication failed".to_owned()), "authentication failed", "poolers")]
    #[case(ConsoleError::NotPermitted("not allowed".to_owned()), "permission denied", "stats_users")]
    #[case(ConsoleError::Full("no more connections allowed".to_owned()), "no free connection slots", "max_client_conn")]
    #[case(ConsoleError::TlsRequired("SSL required".to_owned()), "TLS failed (SSL required)", "sslmode")]
    #[case(ConsoleError::Foreign("17.12".to_owned()), "unexpected response", "PgBouncer itself")]
    #[case(
        ConsoleError::Hangs { statement: "SHOW STATE", after: std::time::Duration::from_secs(1) },
        "timed out (no response to SHOW STATE within 1.0 s)",
        "network"
    )]
    fn each_failure_says_what_mends_it_at_the_pooler(
        #[case] error: ConsoleError,
        #[case] begins: &str,
        #[case] remedy: &str,
    ) {
        let reported = source_error(&error, &"10.0.0.5:6432".into(), None);
        assert!(reported.brief().starts_with(begins), "{reported}");
        assert!(reported.remedy(SourceKind::Pooler).contains(remedy), "{}", reported.remedy(SourceKind::Pooler));
    }
}
