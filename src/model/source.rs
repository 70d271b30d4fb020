//! Who said something, and in which ways a source can fail to say anything.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::lsn::SystemId;
use super::name::NodeName;
use super::text::Text;

/// The kind of wire a fact came over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// Patroni's REST interface of one node (`GET /patroni`).
    PatroniRest,
    /// The DCS as one Patroni node tells it (`GET /cluster`), used where etcd itself cannot be reached.
    PatroniCluster,
    /// Patroni's `/metrics` of one node.
    PatroniMetrics,
    /// The keys of the cluster in etcd.
    Etcd,
    /// One etcd member's own health.
    EtcdMember,
    /// Which clusters the etcd has; asked only where it is in doubt which of them is meant.
    EtcdClusters,
    /// One PostgreSQL node over SQL.
    Sql,
    /// What the nodes say over SQL, put together, where nobody keeps a record of the cluster.
    Nodes,
    /// HAProxy's statistics page over HTTP.
    RouterHttp,
    /// HAProxy's runtime API.
    RouterRuntime,
    /// The runtime API that is configured for acting: at which level it is.
    RouterActing,
    /// `postgres_exporter` of one node.
    Exporter,
    /// A connection pooler's admin console.
    Pooler,
    /// A backup repository or catalogue.
    Backup,
    /// A container runtime.
    Runtime,
}

impl SourceKind {
    /// The word shown for this kind, short enough for a column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PatroniRest => "REST",
            Self::PatroniCluster => "/cluster",
            Self::PatroniMetrics => "patroni metrics",
            Self::Etcd => "etcd",
            Self::EtcdMember => "etcd member",
            Self::EtcdClusters => "etcd clusters",
            Self::Sql => "SQL",
            Self::Nodes => "nodes",
            Self::RouterHttp => "HAProxy",
            Self::RouterRuntime => "HAProxy runtime",
            Self::RouterActing => "HAProxy acting",
            Self::Exporter => "exporter",
            Self::Pooler => "pooler",
            Self::Backup => "backup",
            Self::Runtime => "runtime",
        }
    }

    /// Whether its answer says that something of the cluster is seen. A container engine answers for containers, whatever
    /// becomes of what runs in them.
    pub fn describes_the_cluster(self) -> bool {
        self != Self::Runtime
    }
}

/// One source: a kind of wire and what stands at its far end (a node, a router, an etcd endpoint).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Source {
    /// The wire.
    pub kind: SourceKind,
    /// Whose opinion it is: node name, router name, or endpoint. Empty where the kind has one instance a cluster.
    pub target: Text,
}

impl Source {
    /// The source of kind `kind` at `target`.
    pub fn new(kind: SourceKind, target: impl AsRef<str>) -> Self {
        Self { kind, target: Text::new(target) }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.target.is_empty() {
            f.write_str(self.kind.as_str())
        } else {
            write!(f, "{} {}", self.kind.as_str(), self.target)
        }
    }
}

/// In which way a source failed. Each way has its own remedy, so they are kept apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The host answered that nothing listens on the port.
    Refused,
    /// No answer within the deadline.
    TimedOut,
    /// The host name does not resolve here.
    Name,
    /// No route to the host, or the network is down.
    Unreachable,
    /// The TLS handshake failed, or TLS was expected and plain text came (or the reverse).
    Tls,
    /// Wrong or missing credentials.
    Credentials,
    /// Nobody was asked: what would be needed to log in cannot be had here.
    #[serde(rename = "unasked")]
    NotAttempted,
    /// Nobody was asked: this console, or its host, may not open another file or socket.
    TooManyOpenFiles,
    /// The login was kept back: nothing proves who would get it.
    Withheld,
    /// Authenticated, but not allowed to look.
    Permission,
    /// The far end closed the connection in the middle.
    Closed,
    /// An answer came that is not what this source should say (HTML for JSON, a cut CSV, another scope).
    UnexpectedAnswer,
    /// It answers, and does not have the cluster that was asked for.
    NoSuchCluster,
    /// The answer was larger than any honest answer.
    TooLarge,
    /// The DCS is alive but has no majority.
    NoQuorum,
    /// This version or configuration of the far end cannot do what was asked.
    Unsupported,
    /// The far end answered that it is starting up or shutting down.
    NotReady,
    /// Every connection slot of the server is taken: whoever comes next is refused, clients too (SQLSTATE 53300).
    SlotsTaken,
    /// The connection limit of this role or database is reached: others may still come in (SQLSTATE 53300).
    ConnectionLimit,
}

impl FailureKind {
    /// Whether the far end must have been there to fail like this.
    pub fn is_an_answer(self) -> bool {
        match self {
            Self::Refused
            | Self::TimedOut
            | Self::Name
            | Self::Unreachable
            | Self::Closed
            | Self::NotAttempted
            | Self::TooManyOpenFiles => false,
            Self::Tls
            | Self::Credentials
            | Self::Withheld
            | Self::Permission
            | Self::UnexpectedAnswer
            | Self::NoSuchCluster
            | Self::TooLarge
            | Self::NoQuorum
            | Self::Unsupported
            | Self::NotReady
            | Self::SlotsTaken
            | Self::ConnectionLimit => true,
        }
    }

    /// The words shown to the operator.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Refused => "connection refused",
            Self::TimedOut => "timed out",
            Self::Name => "host name does not resolve",
            Self::Unreachable => "host unreachable",
            Self::Tls => "TLS failed",
            Self::Credentials => "authentication failed",
            Self::NotAttempted => "no password available",
            Self::TooManyOpenFiles => "too many open files on this host",
            Self::Withheld => "password withheld",
            Self::Permission => "permission denied",
            Self::Closed => "connection closed",
            Self::UnexpectedAnswer => "unexpected response",
            Self::NoSuchCluster => "no such cluster",
            Self::TooLarge => "response too large",
            Self::NoQuorum => "no quorum",
            Self::Unsupported => "not supported",
            Self::NotReady => "not ready",
            Self::SlotsTaken => "no free connection slots",
            Self::ConnectionLimit => "connection limit reached",
        }
    }

    /// What usually mends it: one imperative line.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Refused => "check that the service runs and that the port in the configuration is right",
            Self::TimedOut => "check the network path and firewall; the host may be down, hung, or isolated",
            Self::Name => {
                "correct the name, or map it under [address_map] in the configuration (pgctl-tui init creates one)"
            }
            Self::Unreachable => "check routing from this host to the address",
            Self::Tls => "check the CA, the client certificate, the server name, and whether the port speaks TLS",
            Self::Credentials => "check user and password in the configuration (password_file, _env or _command)",
            Self::NotAttempted => "check the configured password source (file, environment variable or command)",
            Self::TooManyOpenFiles => "raise the limit on open files of this console (ulimit -n, LimitNOFILE)",
            Self::Withheld => {
                "use TLS with server verification, or configure its host, or add its network to allowed_networks"
            }
            Self::Permission => "grant the missing privilege",
            Self::Closed => "check the log of the service; it may be overloaded or have lost its DCS",
            Self::UnexpectedAnswer => "check that the address is the one of this service and not of another or a proxy",
            Self::NoSuchCluster => "set namespace and scope as in patroni.yml (--namespace, --scope)",
            Self::TooLarge => "check that the address is the one of this service",
            Self::NoQuorum => "restore a majority of the DCS members",
            Self::Unsupported => "see the supported versions in the manual",
            Self::NotReady => "wait: it is starting up or shutting down",
            Self::SlotsTaken => {
                "end idle sessions or raise max_connections (needs a restart); a pooler prevents clients from using all slots"
            }
            Self::ConnectionLimit => {
                "raise CONNECTION LIMIT of the role or database, or use a separate role for this console"
            }
        }
    }
}

impl FailureKind {
    /// What usually mends it on a wire of `kind`: logins are kept in another place for each.
    pub fn remedy_over(self, kind: SourceKind) -> &'static str {
        match (self, kind) {
            (Self::Credentials, SourceKind::Sql) => {
                "check user and password (password_file, _env or _command, or ~/.pgpass)"
            }
            (Self::Permission, SourceKind::Sql) => "grant the role pg_monitor",
            (Self::Credentials, SourceKind::PatroniRest | SourceKind::PatroniCluster | SourceKind::PatroniMetrics) => {
                "a proxy in front of Patroni requires a login: check user and password under [clusters.NAME.patroni.looking]"
            }
            (Self::Credentials, SourceKind::RouterHttp | SourceKind::RouterRuntime | SourceKind::RouterActing) => {
                "check user and password of the router under [[clusters.NAME.routers]]"
            }
            (Self::Credentials, SourceKind::Pooler) => "check user and password under [clusters.NAME.poolers.POOLER]",
            (Self::Permission, SourceKind::Pooler) => "add the user to stats_users in pgbouncer.ini, then RELOAD",
            (Self::Credentials, SourceKind::Etcd | SourceKind::EtcdMember | SourceKind::EtcdClusters) => {
                "check user and password under [clusters.NAME.etcd]"
            }
            (Self::Permission, SourceKind::EtcdClusters) => {
                "grant read on the whole etcd keyspace, or set scope and namespace in the configuration"
            }
            (Self::Permission, SourceKind::Etcd | SourceKind::EtcdMember) => {
                "grant the user a role with read permission on the prefix of the cluster"
            }
            (failure_kind, _) => failure_kind.remedy(),
        }
    }
}

/// A failed attempt to ask a source. The cause's own words are kept cleaned and redacted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{endpoint}: {}{}", .failure_kind.describe(), Detail(.detail))]
pub struct SourceError {
    /// In which way it failed.
    #[serde(rename = "trouble")]
    pub failure_kind: FailureKind,
    /// Where: address and port, or URL without credentials.
    pub endpoint: Text,
    /// The cause in its own words; empty where the trouble says it all.
    pub detail: Text,
    /// What mends this very failure, where its cause knows better than the trouble does; else empty.
    #[serde(default)]
    pub advice: Text,
    /// Who answered instead, where that was another node or another cluster's.
    #[serde(skip)]
    pub foreign: Option<Box<AgentIdentity>>,
}

/// Who an agent says it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentIdentity {
    /// Its name; `None`: it does not tell.
    pub name: Option<NodeName>,
    /// Its scope; `None`: it does not tell.
    pub scope: Option<Text>,
    /// Its system identifier; `None`: it does not tell.
    pub system_id: Option<SystemId>,
}

impl SourceError {
    /// A failure at `endpoint`; `detail` is cleaned and its passwords are masked.
    pub fn new(failure_kind: FailureKind, endpoint: impl AsRef<str>, detail: impl AsRef<str>) -> Self {
        Self {
            failure_kind,
            endpoint: Text::redacted(endpoint),
            detail: Text::redacted(detail),
            advice: Text::default(),
            foreign: None,
        }
    }

    /// With what mends this very failure.
    #[must_use]
    pub fn advising(self, advice: impl AsRef<str>) -> Self {
        Self { advice: Text::redacted(advice), ..self }
    }

    /// With who answered instead.
    #[must_use]
    pub fn answered_by(self, foreign: AgentIdentity) -> Self {
        Self { foreign: Some(Box::new(foreign)), ..self }
    }

    /// What mends it on a wire of `kind`: one imperative line.
    pub fn remedy(&self, kind: SourceKind) -> &str {
        if self.advice.is_empty() { self.failure_kind.remedy_over(kind) } else { self.advice.as_str() }
    }

    /// The failure of an attempt that was given up after `deadline`.
    pub fn timed_out(endpoint: impl AsRef<str>, deadline: Duration) -> Self {
        Self::new(FailureKind::TimedOut, endpoint, format!("waited {:.1} s", deadline.as_secs_f64()))
    }

    /// Trouble and detail without the endpoint, for where the endpoint is already on the line. A host name that does not
    /// resolve is named even so: it is what the operator must correct or map.
    pub fn brief(&self) -> String {
        match (self.failure_kind, self.host()) {
            (FailureKind::Name, Some(host)) => format!("host name {host} does not resolve{}", Detail(&self.detail)),
            _ => format!("{}{}", self.failure_kind.describe(), Detail(&self.detail)),
        }
    }

    /// The host that the endpoint names; `None` where it names several, or none.
    fn host(&self) -> Option<&str> {
        let endpoint = self.endpoint.as_str();
        let authority = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest).split('/').next()?;
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        (!host.is_empty() && !host.contains([',', ' '])).then_some(host)
    }
}

struct Detail<'a>(&'a Text);

impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " ({})", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("http://pg-1.internal:8008/patroni", "host name pg-1.internal does not resolve")]
    #[case("pg-1:5432", "host name pg-1 does not resolve")]
    #[case("pg-1", "host name pg-1 does not resolve")]
    #[case("a:2379, b:2379", "host name does not resolve")]
    #[case("", "host name does not resolve")]
    fn a_name_that_does_not_resolve_is_named(#[case] endpoint: &str, #[case] line: &str) {
        assert_eq!(SourceError::new(FailureKind::Name, endpoint, "").brief(), line);
    }
}
