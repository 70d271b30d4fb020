//! From a client's cause to the model's trouble: one table for every driver.

use std::error::Error;

use crate::client::cause::{self, Cause};
use crate::client::http::HttpError;
use crate::model::source::{SourceError, Trouble};

/// The model's word for a client's cause.
pub(crate) fn trouble(cause: Cause) -> Trouble {
    match cause {
        Cause::Refused => Trouble::Refused,
        Cause::TimedOut => Trouble::TimedOut,
        Cause::Name => Trouble::Name,
        Cause::Unreachable => Trouble::Unreachable,
        Cause::Tls => Trouble::Tls,
        Cause::Credentials => Trouble::Credentials,
        Cause::Permission => Trouble::Permission,
        Cause::Closed => Trouble::Closed,
        Cause::UnexpectedAnswer => Trouble::UnexpectedAnswer,
        Cause::TooLarge => Trouble::TooLarge,
        Cause::Unsupported => Trouble::Unsupported,
        Cause::NotReady => Trouble::NotReady,
        Cause::NoQuorum => Trouble::NoQuorum,
    }
}

/// A failure of `cause` at `endpoint`, told with everything that led to it.
pub(crate) fn source_error(endpoint: impl AsRef<str>, cause: Cause, error: &(dyn Error + 'static)) -> SourceError {
    SourceError::new(trouble(cause), endpoint, cause::chain(error))
}

/// An HTTP failure at `endpoint`.
pub(crate) fn http(endpoint: impl AsRef<str>, error: &HttpError) -> SourceError {
    source_error(endpoint, error.cause(), error)
}
