//! From the wire's failures to the model's.

use crate::client::cause::Cause;
use crate::client::postgres::PostgresError;
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
    SourceError::new(trouble, endpoint.as_str(), detail)
}

fn trouble(error: &PostgresError) -> Trouble {
    match error {
        PostgresError::Name(_) => Trouble::Name,
        PostgresError::Refused => Trouble::Refused,
        PostgresError::Unreachable(error) if Cause::of_io(error) == Some(Cause::TimedOut) => Trouble::TimedOut,
        PostgresError::Unreachable(_) => Trouble::Unreachable,
        PostgresError::TimedOut { .. } => Trouble::TimedOut,
        PostgresError::TlsSettings(_) | PostgresError::NoTls | PostgresError::Tls(_) => Trouble::Tls,
        PostgresError::PasswordMissing | PostgresError::Password(_) | PostgresError::Authorization(_) => {
            Trouble::Credentials
        }
        PostgresError::Method(_) | PostgresError::TooOld(_) => Trouble::Unsupported,
        PostgresError::TooMany(_) | PostgresError::Closed(_) => Trouble::Closed,
        PostgresError::NotReady(_) => Trouble::NotReady,
        PostgresError::Server { code, .. } if code == "42501" => Trouble::Permission,
        // A pooler that does not take the session's settings.
        PostgresError::Server { code, .. } if code == "08P01" => Trouble::Unsupported,
        PostgresError::NoDatabase(_) | PostgresError::Server { .. } | PostgresError::Protocol(_) => {
            Trouble::UnexpectedAnswer
        }
    }
}
