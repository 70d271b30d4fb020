//! Why etcd did not answer, told apart.

use std::fmt;
use std::io;
use std::time::Duration;

use tonic::{Code, Status};

use crate::client::cause;

/// In which way a request failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Nothing listens on the port.
    Refused,
    /// No answer within the deadline.
    TimedOut,
    /// The host name does not resolve.
    Name,
    /// No route to the host.
    Unreachable,
    /// TLS failed, or its settings are wrong.
    Tls,
    /// Wrong or missing user or password.
    Credentials,
    /// The user may not read this.
    Permission,
    /// The connection ended.
    Closed,
    /// What answers is not etcd v3, or answers what it should not.
    Unexpected,
    /// The answer is larger than is taken.
    TooLarge,
    /// The member lives, but has no leader or no majority.
    NoQuorum,
    /// This server cannot do it.
    Unsupported,
    /// Starting up or shutting down.
    NotReady,
    /// The revision asked for is gone; a full read mends it.
    Compacted,
}

impl Kind {
    /// The words for it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Refused => "connection refused",
            Self::TimedOut => "no answer in time",
            Self::Name => "host name does not resolve",
            Self::Unreachable => "host unreachable",
            Self::Tls => "TLS failed",
            Self::Credentials => "credentials refused",
            Self::Permission => "permission denied",
            Self::Closed => "connection closed",
            Self::Unexpected => "unexpected answer",
            Self::TooLarge => "answer too large",
            Self::NoQuorum => "no quorum",
            Self::Unsupported => "not supported",
            Self::NotReady => "not ready",
            Self::Compacted => "revision compacted",
        }
    }
}

/// A failed request to one endpoint, or to all of them. Texts are as they came: not cleaned, not redacted.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{endpoint}: {}{}", .kind.words(), Detail(.detail))]
pub struct EtcdError {
    /// Where, as `host:port`; several endpoints are joined by commas.
    pub endpoint: String,
    /// In which way.
    pub kind: Kind,
    /// The cause in its own words; empty where the kind says it all.
    pub detail: String,
}

struct Detail<'a>(&'a str);

impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " ({})", self.0) }
    }
}

impl EtcdError {
    pub(super) fn new(endpoint: &str, kind: Kind, detail: impl Into<String>) -> Self {
        Self { endpoint: endpoint.to_owned(), kind, detail: detail.into() }
    }

    pub(super) fn timed_out(endpoint: &str, deadline: Duration) -> Self {
        Self::new(endpoint, Kind::TimedOut, format!("waited {:.1} s", deadline.as_secs_f64()))
    }

    pub(super) fn socket(endpoint: &str, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::ConnectionRefused => Kind::Refused,
            io::ErrorKind::TimedOut => Kind::TimedOut,
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable
            // A local firewall that rejects.
            | io::ErrorKind::PermissionDenied => Kind::Unreachable,
            _ => Kind::Closed,
        };
        let detail = if kind == Kind::Refused { String::new() } else { cause::chain(error) };
        Self::new(endpoint, kind, detail)
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
            | etcd_client::Error::Internal(_) => Self::new(endpoint, Kind::Unexpected, error.to_string()),
        }
    }

    /// Sorts a gRPC status. etcd's own errors are told by their message, since several share a code.
    pub(super) fn status(endpoint: &str, status: &Status) -> Self {
        let message = status.message();
        let own = message.strip_prefix("etcdserver: ");
        let kind = match (status.code(), own) {
            (_, Some("no leader" | "leader changed" | "raft proposal dropped")) => Kind::NoQuorum,
            (_, Some(own)) if own.starts_with("request timed out") => Kind::NoQuorum,
            (_, Some("server stopped" | "peer unhealthy" | "not capable")) => Kind::NotReady,
            (_, Some("user name is empty" | "user name not found" | "revision of auth store is old")) => {
                Kind::Credentials
            }
            (_, Some(own)) if own.starts_with("authentication failed") || own == "invalid auth token" => {
                Kind::Credentials
            }
            (Code::PermissionDenied, _) => Kind::Permission,
            (Code::Unauthenticated, _) => Kind::Credentials,
            (Code::OutOfRange, _) if message.contains("compacted") => Kind::Compacted,
            (Code::OutOfRange | Code::ResourceExhausted, None) if message.contains("too large") => Kind::TooLarge,
            (Code::DeadlineExceeded, _) => Kind::TimedOut,
            (_, Some(_)) | (Code::Unimplemented, None) => Kind::Unexpected,
            (_, None) => return Self::transport(endpoint, status),
        };
        Self::new(endpoint, kind, own.unwrap_or(message))
    }

    /// Trouble below gRPC.
    fn transport(endpoint: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        // HTTP/2 keeps its causes in words only.
        let words = cause::chain(error);
        if words.contains("CertificateRequired") {
            return Self::new(endpoint, Kind::Tls, "the server wants a client certificate");
        }
        if let Some((_, alert)) = words.split_once("AlertReceived(") {
            let alert = alert.split(')').next().unwrap_or_default();
            return Self::new(endpoint, Kind::Tls, format!("the server refused with the alert {alert}"));
        }
        let lower = words.to_lowercase();
        if lower.contains("frame") || lower.contains("protocol error") || lower.contains("invalid preface") {
            let hint = "what listens there does not speak gRPC; it may speak TLS or plain HTTP";
            return Self::new(endpoint, Kind::Unexpected, hint);
        }
        if lower.contains("timed out") || lower.contains("timeout expired") {
            return Self::new(endpoint, Kind::TimedOut, "");
        }
        match cause::find::<io::Error>(error) {
            Some(error) => Self::new(endpoint, Kind::Closed, cause::chain(error)),
            None => Self::new(endpoint, Kind::Closed, words),
        }
    }

    /// Whether the endpoint answered at all, though not with what was asked.
    pub(super) fn is_alive(&self) -> bool {
        match self.kind {
            Kind::NoQuorum
            | Kind::Credentials
            | Kind::Permission
            | Kind::TooLarge
            | Kind::Unsupported
            | Kind::NotReady
            | Kind::Compacted => true,
            Kind::Refused
            | Kind::TimedOut
            | Kind::Name
            | Kind::Unreachable
            | Kind::Tls
            | Kind::Closed
            | Kind::Unexpected => false,
        }
    }

    /// How much this failure tells about the store as a whole, beside those of other endpoints.
    fn weight(&self) -> u8 {
        match self.kind {
            Kind::NoQuorum => 9,
            Kind::Credentials | Kind::Permission => 8,
            Kind::TooLarge | Kind::Unsupported | Kind::Compacted => 7,
            Kind::Tls => 6,
            Kind::Unexpected | Kind::NotReady => 5,
            Kind::Name => 4,
            Kind::Closed => 3,
            Kind::TimedOut => 2,
            Kind::Unreachable | Kind::Refused => 1,
        }
    }

    /// One error for the failures of every endpoint: the most telling one leads, the others follow in brief.
    pub(super) fn all(mut errors: Vec<Self>) -> Option<Self> {
        errors.sort_by_key(|error| std::cmp::Reverse(error.weight()));
        let mut errors = errors.into_iter();
        let mut first = errors.next()?;
        for other in errors {
            let joint = if first.detail.is_empty() { "" } else { "; " };
            first.detail = format!("{}{joint}{}: {}", first.detail, other.endpoint, other.kind.words());
        }
        Some(first)
    }
}
