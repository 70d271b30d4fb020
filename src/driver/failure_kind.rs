//! From a client's cause to the model's trouble: one table for every driver.

use std::error::Error;

use crate::client::cause::{self, Cause};
use crate::client::http::HttpError;
use crate::model::source::{FailureKind, SourceError};

/// The model's word for a client's cause.
pub(crate) fn failure_kind(cause: Cause) -> FailureKind {
    match cause {
        Cause::Refused => FailureKind::Refused,
        Cause::TimedOut => FailureKind::TimedOut,
        Cause::Name => FailureKind::Name,
        Cause::Unreachable => FailureKind::Unreachable,
        Cause::Tls => FailureKind::Tls,
        Cause::Credentials => FailureKind::Credentials,
        Cause::Withheld => FailureKind::Withheld,
        Cause::Permission => FailureKind::Permission,
        Cause::Closed => FailureKind::Closed,
        Cause::UnexpectedAnswer => FailureKind::UnexpectedAnswer,
        Cause::TooLarge => FailureKind::TooLarge,
        Cause::Unsupported => FailureKind::Unsupported,
        Cause::NotReady => FailureKind::NotReady,
        Cause::NoQuorum => FailureKind::NoQuorum,
        Cause::TooManyOpenFiles => FailureKind::TooManyOpenFiles,
    }
}

/// A failure of `cause` at `endpoint`, told with what `error` adds to that.
pub(crate) fn source_error(endpoint: impl AsRef<str>, cause: Cause, error: &(dyn Error + 'static)) -> SourceError {
    let detail = cause::chain(error);
    SourceError::new(failure_kind(cause), endpoint, if detail == cause.describe() { "" } else { detail.as_str() })
}

/// An HTTP failure at `endpoint`.
pub(crate) fn http(endpoint: impl AsRef<str>, error: &HttpError) -> SourceError {
    source_error(endpoint, error.cause(), error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::double;
    use crate::client::http::{Connections, HttpReader};

    async fn reported(url: &str) -> SourceError {
        let mut endpoint = double::endpoint(url);
        endpoint.tls.insecure = true;
        let reader = HttpReader::new(&endpoint, Connections::Fresh).expect("a reader");
        http(&endpoint.url, &reader.get("/").await.expect_err("a failure"))
    }

    #[tokio::test]
    async fn a_failure_is_one_short_line_that_says_nothing_twice() {
        let (closed, plain) = (double::refused(), double::answering("HTTP/1.0 400 Bad Request\r\n\r\n"));
        let reported = [
            (reported("http://no-such-host.invalid:8008").await, "host name no-such-host.invalid does not resolve"),
            (reported(&format!("http://{closed}")).await, "connection refused"),
            (reported(&format!("https://{plain}")).await, "TLS failed (the service on this port does not use TLS)"),
        ];
        for (error, line) in reported {
            // A resolver that is down says so beside it.
            assert!(error.brief() == line || error.brief().starts_with(&format!("{line} (Temporary")), "{error}");
            assert!(error.to_string().starts_with("http") && !error.to_string().contains("client error"), "{error}");
        }
    }

    #[test]
    fn every_cause_has_the_words_of_its_failure() {
        let causes = [
            Cause::Refused,
            Cause::TimedOut,
            Cause::Name,
            Cause::Unreachable,
            Cause::Tls,
            Cause::Credentials,
            Cause::Withheld,
            Cause::Permission,
            Cause::Closed,
            Cause::UnexpectedAnswer,
            Cause::TooLarge,
            Cause::Unsupported,
            Cause::NotReady,
            Cause::NoQuorum,
            Cause::TooManyOpenFiles,
        ];
        for cause in causes {
            assert_eq!(cause.describe(), failure_kind(cause).describe());
        }
    }
}
