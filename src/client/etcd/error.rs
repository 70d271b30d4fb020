//! Why etcd did not answer, told apart.

use std::fmt;
use std::io;
use std::time::Duration;

use tonic::{Code, Status};

use crate::client::cause::{self, Cause};

/// A failed request to one endpoint, or to all of them. Texts are as they came: not cleaned, not redacted.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{endpoint}: {}{}", cause.describe(), Detail(.detail))]
pub struct EtcdError {
    /// Where, as `host:port`; several endpoints are joined by commas.
    pub endpoint: String,
    /// In which way.
    pub cause: Cause,
    /// What happened, in words; empty where the cause says it all.
    pub detail: String,
}

struct Detail<'a>(&'a str);

impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " ({})", self.0) }
    }
}

/// What etcd says of a token that it does not take, behind its name.
const REFUSED_TOKEN: [&str; 2] = ["invalid auth token", "revision of auth store is old"];

/// Whether `status` is such a refusal.
pub(super) fn asks_for_another_login(status: &Status) -> bool {
    status.message().strip_prefix("etcdserver: ").is_some_and(|own| REFUSED_TOKEN.contains(&own))
}

impl EtcdError {
    pub(super) fn new(endpoint: &str, cause: Cause, detail: impl Into<String>) -> Self {
        Self { endpoint: endpoint.to_owned(), cause, detail: detail.into() }
    }

    pub(super) fn timed_out(endpoint: &str, deadline: Duration) -> Self {
        Self::new(endpoint, Cause::TimedOut, format!("waited {:.1} s", deadline.as_secs_f64()))
    }

    pub(super) fn socket(endpoint: &str, error: &io::Error) -> Self {
        let cause = match error.kind() {
            // A local firewall that rejects.
            io::ErrorKind::PermissionDenied => Cause::Unreachable,
            _ => Cause::of_io(error).unwrap_or(Cause::Closed),
        };
        Self::new(endpoint, cause, cause::why(error))
    }

    /// A TLS handshake that failed, or a connection that was closed in the middle of it.
    pub(super) fn handshake(endpoint: &str, error: &io::Error) -> Self {
        Self::new(endpoint, Cause::Tls, cause::why(error))
    }

    pub(super) fn library(endpoint: &str, error: &etcd_client::Error) -> Self {
        match error {
            etcd_client::Error::GRpcStatus(status) => Self::status(endpoint, status),
            etcd_client::Error::IoError(error) => Self::socket(endpoint, error),
            etcd_client::Error::TransportError(error) => Self::transport(endpoint, error),
            etcd_client::Error::InvalidArgs(_)
            | etcd_client::Error::InvalidUri(_)
            | etcd_client::Error::WatchError(_)
            | etcd_client::Error::Utf8Error(_)
            | etcd_client::Error::LeaseKeepAliveError(_)
            | etcd_client::Error::ElectError(_)
            | etcd_client::Error::InvalidMetadataValue(_)
            | etcd_client::Error::EndpointError(_)
            | etcd_client::Error::EndpointsNotManaged
            | etcd_client::Error::Internal(_) => Self::new(endpoint, Cause::UnexpectedAnswer, error.to_string()),
        }
    }

    /// Sorts a gRPC status. etcd's own errors are told by their message, since several share a code.
    pub(super) fn status(endpoint: &str, status: &Status) -> Self {
        let message = status.message();
        let own = message.strip_prefix("etcdserver: ");
        let cause = match (status.code(), own) {
            (_, Some("no leader" | "leader changed" | "raft proposal dropped")) => Cause::NoQuorum,
            (_, Some(own)) if own.starts_with("request timed out") => Cause::NoQuorum,
            (_, Some("server stopped" | "peer unhealthy" | "not capable")) => Cause::NotReady,
            (_, Some("user name is empty" | "user name not found" | "revision of auth store is old")) => {
                Cause::Credentials
            }
            (_, Some(own)) if own.starts_with("authentication failed") || own == "invalid auth token" => {
                Cause::Credentials
            }
            (Code::PermissionDenied, _) => Cause::Permission,
            (Code::Unauthenticated, _) => Cause::Credentials,
            (Code::OutOfRange | Code::ResourceExhausted, None) if message.contains("too large") => Cause::TooLarge,
            (Code::DeadlineExceeded, _) => Cause::TimedOut,
            (_, Some(_)) | (Code::Unimplemented, None) => Cause::UnexpectedAnswer,
            (_, None) => return Self::transport(endpoint, status),
        };
        Self::new(endpoint, cause, own.unwrap_or(message))
    }

    /// Trouble below gRPC.
    fn transport(endpoint: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        // HTTP/2 keeps its causes in words only.
        let words = cause::chain(error);
        if words.contains("CertificateRequired") {
            return Self::new(endpoint, Cause::Tls, "the server requires a client certificate");
        }
        if let Some((_, alert)) = words.split_once("AlertReceived(") {
            let alert = alert.split(')').next().unwrap_or_default();
            return Self::new(
                endpoint,
                Cause::Tls,
                format!("the server rejected the handshake with TLS alert {alert}"),
            );
        }
        let lower = words.to_lowercase();
        if lower.contains("frame") || lower.contains("protocol error") || lower.contains("invalid preface") {
            let hint = "the service on this port does not use gRPC; it may use TLS or plain HTTP";
            return Self::new(endpoint, Cause::UnexpectedAnswer, hint);
        }
        if lower.contains("timed out") || lower.contains("timeout expired") {
            return Self::new(endpoint, Cause::TimedOut, "");
        }
        tracing::debug!(endpoint, error = words, "etcd");
        Self::new(endpoint, Cause::Closed, cause::why(error))
    }

    /// Whether the login is refused that a request came with, as it is once the token has expired or is not known to the
    /// member, or once logins were changed after a signed one was given.
    pub(super) fn asks_for_another_login(&self) -> bool {
        self.cause == Cause::Credentials && REFUSED_TOKEN.contains(&self.detail.as_str())
    }

    /// Whether the endpoint answered at all, though not with what was asked.
    pub(super) fn is_alive(&self) -> bool {
        match self.cause {
            Cause::NoQuorum
            | Cause::Credentials
            | Cause::Permission
            | Cause::TooLarge
            | Cause::Unsupported
            | Cause::NotReady => true,
            Cause::Refused
            | Cause::TimedOut
            | Cause::Name
            | Cause::Unreachable
            | Cause::Tls
            | Cause::Withheld
            | Cause::Closed
            | Cause::UnexpectedAnswer
            | Cause::TooManyOpenFiles => false,
        }
    }

    /// How much this failure tells about the store as a whole, beside those of other endpoints.
    fn weight(&self) -> u8 {
        match self.cause {
            Cause::NoQuorum => 9,
            Cause::Credentials | Cause::Withheld | Cause::Permission => 8,
            Cause::TooLarge | Cause::Unsupported => 7,
            Cause::Tls => 6,
            Cause::UnexpectedAnswer | Cause::NotReady => 5,
            Cause::Name => 4,
            Cause::Closed => 3,
            Cause::TimedOut => 2,
            Cause::Unreachable | Cause::Refused | Cause::TooManyOpenFiles => 1,
        }
    }

    /// One error for the failures of every endpoint: the most telling one leads, the others follow in brief.
    pub(super) fn all(mut errors: Vec<Self>) -> Option<Self> {
        errors.sort_by_key(|error| std::cmp::Reverse(error.weight()));
        let mut errors = errors.into_iter();
        let mut first = errors.next()?;
        for other in errors {
            let joint = if first.detail.is_empty() { "" } else { "; " };
            first.detail = format!("{}{joint}{}: {}", first.detail, other.endpoint, other.cause.describe());
        }
        Some(first)
    }
}
