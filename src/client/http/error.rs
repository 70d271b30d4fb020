//! Why nothing useful came over HTTP.

use std::sync::Arc;
use std::time::Duration;

use crate::client::cause::{self, Cause};
use crate::client::secret::SecretError;
use crate::client::tls::TlsError;

/// Why nothing useful came over HTTP.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The URL cannot be used.
    #[error("\"{0}\" is not a URL of the form http(s)://host:port/path")]
    Url(String),
    /// The TLS settings are wrong.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The password cannot be had.
    #[error(transparent)]
    Secret(#[from] Arc<SecretError>),
    /// No connection.
    #[error("{}", .cause.with_reason(.why))]
    Connect {
        /// What kind of failure.
        cause: Cause,
        /// What there is to say beyond the cause; may be empty.
        why: String,
    },
    /// The exchange broke after the connection was there.
    #[error("{}", .cause.with_reason(.why))]
    Exchange {
        /// What kind of failure.
        cause: Cause,
        /// What there is to say beyond the cause; may be empty.
        why: String,
    },
    /// Time ran out after the connection was there, or it is not known where.
    #[error("waited {:.1} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// Nobody vouches for the far end, and nothing proves who it is: the login was not sent.
    #[error("the login is not sent to {0}: it is not in the configuration, and plain HTTP cannot verify the server")]
    Withheld(String),
    /// The answer does not end within the limit.
    #[error("more than {} bytes", .0)]
    TooLarge(usize),
    /// The answer sends elsewhere.
    #[error("HTTP {status}: redirected to {location}")]
    Redirected {
        /// Status code.
        status: u16,
        /// Where to.
        location: String,
    },
    /// 401: credentials missing or wrong.
    #[error("HTTP 401 {}{}", if *.sent { "with the configured login" } else { "and no login is configured" }, Line(.line))]
    Unauthorized {
        /// Whether a login was sent.
        sent: bool,
        /// First line of the answer.
        line: String,
    },
    /// 403: not allowed.
    #[error("HTTP 403{}", Line(.line))]
    Forbidden {
        /// First line of the answer.
        line: String,
    },
    /// An answer of another kind than expected.
    #[error("HTTP {status}: {reason}{}", Line(.line))]
    Unexpected {
        /// Status code.
        status: u16,
        /// What is wrong with it.
        reason: &'static str,
        /// First line of the answer, without tags.
        line: String,
    },
}

struct Line<'a>(&'a str);

impl std::fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}

impl HttpError {
    /// The kind of failure.
    pub fn cause(&self) -> Cause {
        match self {
            Self::Url(_) => Cause::Unsupported,
            Self::Tls(_) => Cause::Tls,
            Self::Secret(_) | Self::Unauthorized { .. } => Cause::Credentials,
            Self::Connect { cause, .. } | Self::Exchange { cause, .. } => *cause,
            Self::TimedOut(_) => Cause::TimedOut,
            Self::TooLarge(_) => Cause::TooLarge,
            Self::Withheld(_) => Cause::Withheld,
            Self::Forbidden { .. } => Cause::Permission,
            Self::Redirected { .. } | Self::Unexpected { .. } => Cause::UnexpectedAnswer,
        }
    }

    /// Whether the far end was never reached: another endpoint may do better.
    pub fn is_before_the_answer(&self) -> bool {
        matches!(self, Self::Url(_) | Self::Tls(_) | Self::Secret(_) | Self::Withheld(_) | Self::Connect { .. })
    }
}

/// Which kind of failure it was, and why in one clause; the library's whole account goes into the log. `patience` is how
/// long a connection was waited for.
pub(in crate::client) fn failure(error: reqwest::Error, time_limit: Duration) -> HttpError {
    let error = error.without_url();
    tracing::debug!(error = cause::chain(&error), "HTTP");
    if error.is_connect() {
        let (cause, why) = if error.is_timeout() {
            (Cause::TimedOut, format!("no connection within {:.1} s", time_limit.as_secs_f64()))
        } else {
            (connect_cause(&error), cause::why(&error))
        };
        return HttpError::Connect { cause, why };
    }
    let hyper = cause::find::<hyper::Error>(&error);
    let cause = match hyper {
        Some(hyper) if hyper.is_incomplete_message() || hyper.is_canceled() || hyper.is_closed() => Cause::Closed,
        Some(hyper) if hyper.is_parse() => Cause::UnexpectedAnswer,
        Some(_) | None => Cause::of(&error).unwrap_or(Cause::Closed),
    };
    HttpError::Exchange { cause, why: cause::why(&error) }
}

fn connect_cause(error: &reqwest::Error) -> Cause {
    if error.is_dns() { Cause::Name } else { Cause::of(error).unwrap_or(Cause::Unreachable) }
}
