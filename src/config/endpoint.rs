//! How an endpoint is spoken to: TLS, login, and where a secret comes from. These types describe; they fetch nothing.

use std::path::PathBuf;
use std::time::Duration;

use super::audience::Audience;
use super::libpq::{AuthPolicy, ChannelBinding};

/// TLS towards one kind of endpoint.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TlsSettings {
    /// PEM files of trusted authorities; empty: the system's.
    pub ca: Vec<PathBuf>,
    /// PEM file of the client certificate chain.
    pub certificate: Option<PathBuf>,
    /// PEM file of its key.
    pub key: Option<PathBuf>,
    /// Name to expect in the server's certificate instead of the host asked.
    pub server_name: Option<String>,
    /// Trust any certificate. Spelt out by the operator, and shown by `doctor`.
    pub insecure: bool,
}

/// Where a secret comes from. Never the secret itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SecretSource {
    /// First line of a file, which must not be readable by others.
    File(PathBuf),
    /// An environment variable, by name.
    Environment(String),
    /// First line that a command prints; run without a shell.
    Command(Vec<String>),
}

/// A user with the place of their password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Login {
    /// User.
    pub user: String,
    /// Password, where one is configured.
    pub password: Option<SecretSource>,
}

/// How long to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// For a connection, TLS and authentication included.
    pub connect: Duration,
    /// For one answer on an open connection.
    pub request: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(1), request: Duration::from_secs(1) }
    }
}

/// An HTTP endpoint: Patroni, a statistics page, an exporter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpEndpoint {
    /// URL without user information.
    pub url: String,
    /// Basic authentication.
    pub login: Option<Login>,
    /// To whom the login may be sent where TLS does not prove who answers.
    pub audience: Audience,
    /// TLS, used where the URL says `https`.
    pub tls: TlsSettings,
    /// How long to wait.
    pub timeouts: Timeouts,
}

impl PostgresAccess {
    /// A login to the database `postgres`, with whatever holds where nothing else is configured.
    pub fn of(user: impl Into<String>, sslmode: SslMode) -> Self {
        Self {
            user: user.into(),
            database: "postgres".to_owned(),
            password: None,
            passfile: None,
            service: None,
            sslmode,
            tls: TlsSettings::default(),
            auth: AuthPolicy::default(),
            channel_binding: ChannelBinding::default(),
            audience: Audience::default(),
            timeouts: Timeouts::default(),
        }
    }
}

/// An etcd cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EtcdEndpoints {
    /// Client URLs.
    pub urls: Vec<String>,
    /// Login, where authentication is on.
    pub login: Option<Login>,
    /// TLS, used where the URLs say `https`.
    pub tls: TlsSettings,
    /// How long to wait.
    pub timeouts: Timeouts,
}

/// HAProxy's runtime API.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RuntimeApi {
    /// TCP, `host:port`.
    Tcp(String),
    /// A Unix socket.
    Unix(PathBuf),
}

/// Where the admin console of a pooler is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PoolerAddress {
    /// TCP: host and port.
    Tcp(String, u16),
    /// A Unix socket.
    Unix(PathBuf),
}

impl std::fmt::Display for PoolerAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// libpq's `sslmode`, all six.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Plain text only.
    Disable,
    /// Plain text first.
    Allow,
    /// TLS if the server has it; nothing is verified.
    #[default]
    Prefer,
    /// TLS; nothing is verified (unless a root certificate is at hand, as libpq has it).
    Require,
    /// TLS with a verified chain.
    VerifyCa,
    /// TLS with a verified chain and host name.
    VerifyFull,
}

/// The word is none of libpq's six.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not one of disable, allow, prefer, require, verify-ca, verify-full")]
pub struct UnknownSslMode;

impl std::str::FromStr for SslMode {
    type Err = UnknownSslMode;

    fn from_str(word: &str) -> Result<Self, UnknownSslMode> {
        match word {
            "disable" => Ok(Self::Disable),
            "allow" => Ok(Self::Allow),
            "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            _ => Err(UnknownSslMode),
        }
    }
}

impl std::fmt::Display for SslMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        })
    }
}

/// How to log in to the PostgreSQL nodes of a cluster. Host and port come from each node's contact.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PostgresAccess {
    /// User.
    pub user: String,
    /// Database.
    pub database: String,
    /// Password; `None`: as libpq looks for one (`PGPASSWORD`, then the password file).
    pub password: Option<SecretSource>,
    /// Password file to look in; `None`: libpq's default place.
    pub passfile: Option<PathBuf>,
    /// Entry of `pg_service.conf` that the settings came from; it may hold a password too.
    pub service: Option<String>,
    /// TLS mode.
    pub sslmode: SslMode,
    /// Certificates. `ca` empty with [`SslMode::VerifyFull`]: the system's, asked for by that word.
    pub tls: TlsSettings,
    /// In which ways the server may ask who logs in.
    pub auth: AuthPolicy,
    /// Whether the login is tied to its TLS connection.
    pub channel_binding: ChannelBinding,
    /// To whom the login may be sent.
    pub audience: Audience,
    /// How long to wait.
    pub timeouts: Timeouts,
}
