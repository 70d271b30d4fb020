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
        Cause::Withheld => Trouble::Withheld,
        Cause::Permission => Trouble::Permission,
        Cause::Closed => Trouble::Closed,
        Cause::UnexpectedAnswer => Trouble::UnexpectedAnswer,
        Cause::TooLarge => Trouble::TooLarge,
        Cause::Unsupported => Trouble::Unsupported,
        Cause::NotReady => Trouble::NotReady,
        Cause::NoQuorum => Trouble::NoQuorum,
    }
}

/// A failure of `cause` at `endpoint`, told with what `error` adds to that.
pub(crate) fn source_error(endpoint: impl AsRef<str>, cause: Cause, error: &(dyn Error + 'static)) -> SourceError {
    let detail = cause::chain(error);
    SourceError::new(trouble(cause), endpoint, if detail == cause.words() { "" } else { detail.as_str() })
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

    async fn told(url: &str) -> SourceError {
        let mut endpoint = double::endpoint(url);
        endpoint.tls.insecure = true;
        let reader = HttpReader::new(&endpoint, Connections::Fresh).expect("a reader");
        http(&endpoint.url, &reader.get("/").await.expect_err("a failure"))
    }

    #[tokio::test]
    async fn a_failure_is_one_short_line_that_says_nothing_twice() {
        let (closed, plain) = (double::refused(), double::answering("HTTP/1.0 400 Bad Request\r\n\r\n"));
        let told = [
            (told("http://no-such-host.invalid:8008").await, "host name no-such-host.invalid does not resolve"),
            (told(&format!("http://{closed}")).await, "connection refused"),
            (told(&format!("https://{plain}")).await, "TLS failed (what listens there does not speak TLS)"),
        ];
        for (error, line) in told {
            // A resolver that is down says so beside it.
            assert!(error.brief() == line || error.brief().starts_with(&format!("{line} (Temporary")), "{error}");
            assert!(error.to_string().starts_with("http") && !error.to_string().contains("client error"), "{error}");
        }
    }

    #[test]
    fn every_cause_has_the_words_of_its_trouble() {
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
        ];
        for cause in causes {
            assert_eq!(cause.words(), trouble(cause).words());
        }
    }
}
