//! Connecting as libpq does: six TLS modes, the fallbacks of `allow` and `prefer`, and one deadline around name, TCP,
//! TLS and login together, since each of them can hang.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::FutureExt;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;
use tokio_postgres::Client;
use tokio_postgres::config::{ChannelBinding as WireBinding, SslMode as WireMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::PostgresError;
use super::guard::{Bounds, Guarded, GuardedTls};
use super::session::Session;
use crate::client::certificate::{Capture, ServerCertificate};
use crate::client::resolve::lookup;
use crate::client::tls::{self, Verify};
use crate::config::audience::{Audience, Standing};
use crate::config::endpoint::{PostgresAccess, SslMode};
use crate::config::libpq::ChannelBinding;

/// How a session is protected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Encryption {
    /// Not at all.
    Plain,
    /// By TLS.
    Tls {
        /// How much of the certificate was verified.
        verified: Verify,
        /// The server's certificate, where it can be read.
        certificate: Option<ServerCertificate>,
    },
}

/// A connection's other half, which must be polled for anything to happen.
pub(super) type Driving = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

/// What one attempt brought.
pub(super) struct Opened {
    pub(super) client: Client,
    pub(super) driving: Driving,
    pub(super) encryption: Encryption,
    pub(super) version: String,
    /// The far end's address.
    pub(super) peer: Option<std::net::SocketAddr>,
}

/// Opens a session for looking at `host` and `port`, within the deadline that `access` sets.
///
/// # Errors
/// Whatever kept it from being opened.
pub async fn connect(
    access: &PostgresAccess,
    host: &str,
    port: u16,
    password: Option<&SecretString>,
) -> Result<Session, PostgresError> {
    let stage = Stage::default();
    let after = access.timeouts.connect;
    let session = async {
        let opened = open(access, host, port, password, Errand::Looking, &stage).await?;
        stage.set("preparation");
        Session::prepare(opened).await
    };
    let outcome = tokio::time::timeout(after, session).await;
    outcome.unwrap_or_else(|_| Err(PostgresError::TimedOut { stage: stage.get(), after }))
}

/// Opens a connection for acting, within the deadline that `access` sets. `patience` is the longest that its one
/// statement may take.
pub(super) async fn connect_for_acting(
    access: &PostgresAccess,
    host: &str,
    port: u16,
    password: Option<&SecretString>,
    patience: Duration,
) -> Result<Opened, PostgresError> {
    connect_within(access, host, port, password, access.timeouts.connect, Errand::Acting(patience)).await
}

/// Opens a connection for proving who leads, within `patience`: nothing is prepared beforehand.
pub(super) async fn connect_for_proving(
    access: &PostgresAccess,
    host: &str,
    port: u16,
    password: Option<&SecretString>,
    patience: Duration,
) -> Result<Opened, PostgresError> {
    connect_within(access, host, port, password, patience, Errand::Looking).await
}

/// Opens a connection for the probe of a drill, within `patience`.
pub(super) async fn connect_for_probing(
    access: &PostgresAccess,
    host: &str,
    port: u16,
    password: Option<&SecretString>,
    patience: Duration,
) -> Result<Opened, PostgresError> {
    connect_within(access, host, port, password, patience, Errand::Probing).await
}

/// Opens a connection within `patience`, without preparing anything on it.
async fn connect_within(
    access: &PostgresAccess,
    host: &str,
    port: u16,
    password: Option<&SecretString>,
    patience: Duration,
    errand: Errand,
) -> Result<Opened, PostgresError> {
    let stage = Stage::default();
    let opening = open(access, host, port, password, errand, &stage);
    let outcome = tokio::time::timeout(patience, opening).await;
    outcome.unwrap_or_else(|_| Err(PostgresError::TimedOut { stage: stage.get(), after: patience }))
}

/// What a session is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Errand {
    /// To be asked again and again.
    Looking,
    /// One statement that may take this long.
    Acting(Duration),
    /// To write the rows of a drill.
    Probing,
}

impl Errand {
    /// Tells the two apart in `pg_stat_activity` and in the server's log.
    fn application(self) -> &'static str {
        match self {
            Self::Looking => "pgctl-tui",
            Self::Acting(_) => "pgctl-tui acting",
            Self::Probing => "pgctl-tui drill",
        }
    }

    /// Most bytes that one answer may have.
    fn largest_answer(self) -> usize {
        match self {
            Self::Looking | Self::Acting(_) => 8 << 20,
            // Every number that a drill of hours has written.
            Self::Probing => 64 << 20,
        }
    }
}

/// What is being done, for the message of a deadline.
#[derive(Default)]
struct Stage(Mutex<&'static str>);

impl Stage {
    fn set(&self, stage: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    fn get(&self) -> &'static str {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One way of speaking to the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Attempt {
    Plain,
    /// TLS if the server has it.
    Offered,
    Tls,
}

async fn open(
    access: &PostgresAccess,
    host: &str,
    port: u16,
    password: Option<&SecretString>,
    errand: Errand,
    stage: &Stage,
) -> Result<Opened, PostgresError> {
    let (first, second) = match access.sslmode {
        SslMode::Disable => (Attempt::Plain, None),
        SslMode::Allow => (Attempt::Plain, Some(Attempt::Tls)),
        SslMode::Prefer => (Attempt::Offered, Some(Attempt::Plain)),
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => (Attempt::Tls, None),
    };
    let run = |attempt| attempt_once(access, host, port, password, (attempt, errand), stage);
    let error = match run(first).await {
        Ok(opened) => return Ok(opened),
        Err(error) => error,
    };
    // The other way helps where this one is not let in, or where a preferred handshake fails. libpq also tries again
    // after a wrong password, which only sends it once more without protection.
    let another = matches!(error, PostgresError::Authorization(_) | PostgresError::Tls(_));
    let Some(second) = second.filter(|_| another) else { return Err(error) };
    match run(second).await {
        Ok(opened) => Ok(opened),
        Err(PostgresError::Authorization(_) | PostgresError::NoTls) => Err(error),
        Err(later) => Err(later),
    }
}

async fn attempt_once(
    access: &PostgresAccess,
    host: &str,
    port: u16,
    password: Option<&SecretString>,
    (attempt, errand): (Attempt, Errand),
    stage: &Stage,
) -> Result<Opened, PostgresError> {
    let stream = reach(host, port, &access.audience, stage).await?;
    let far_end = stream.peer_addr().map_err(PostgresError::Unreachable)?;
    let peer = far_end.ip();
    let bounds = |proven| Bounds {
        auth: access.auth.clone(),
        proven: proven || peer.to_canonical().is_loopback(),
        vouched: access.audience.standing(peer) == Standing::Vouched,
        answer: errand.largest_answer(),
    };
    stage.set(if attempt == Attempt::Plain { "login" } else { "TLS and login" });
    let mut config = tokio_postgres::Config::new();
    config.user(&access.user).dbname(&access.database);
    config.application_name(errand.application()).options(options(access, errand));
    if let Some(password) = password {
        config.password(password.expose_secret());
    }
    config.channel_binding(match access.channel_binding {
        ChannelBinding::Disable => WireBinding::Disable,
        ChannelBinding::Prefer => WireBinding::Prefer,
        ChannelBinding::Require => WireBinding::Require,
    });
    config.ssl_mode(match attempt {
        Attempt::Plain => WireMode::Disable,
        Attempt::Offered => WireMode::Prefer,
        Attempt::Tls => WireMode::Require,
    });
    let verify = verification(access);
    let (client_config, capture) = if attempt == Attempt::Plain {
        (tls::plain_config()?, Capture::default())
    } else {
        tls::refuse_exposed_key(&access.tls)?;
        tls::capturing_config(&access.tls, verify)?
    };
    let name = access.tls.server_name.as_deref().unwrap_or(host);
    let connector =
        GuardedTls { inner: make_connector(client_config, name), bounds: bounds(verify != Verify::Nothing) };
    let stream = match attempt {
        Attempt::Plain => Guarded::plain(stream, bounds(false)),
        Attempt::Offered | Attempt::Tls => Guarded::offered(stream, bounds(false)),
    };
    let opened = config.connect_raw(stream, connector).await;
    let (client, connection) = opened.map_err(|error| explain(&error, &capture))?;
    let version = connection.parameter("server_version").unwrap_or_default().to_owned();
    let certificate = capture.certificate();
    let encryption = match certificate {
        None => Encryption::Plain,
        Some(_) => Encryption::Tls { verified: verify, certificate },
    };
    Ok(Opened { client, driving: connection.boxed(), encryption, version, peer: Some(far_end) })
}

fn make_connector(
    config: rustls::ClientConfig,
    name: &str,
) -> <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::TlsConnect {
    let made =
        <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::make_tls_connect(&mut MakeRustlsConnect::new(config), name);
    match made {
        Ok(connector) => connector,
        Err(never) => match never {},
    }
}

/// How much of the certificate the mode wants verified. `require` verifies the chain where a root certificate is
/// named or lies in its default place, as libpq has it.
fn verification(access: &PostgresAccess) -> Verify {
    match access.sslmode {
        SslMode::Disable | SslMode::Allow | SslMode::Prefer => Verify::Nothing,
        SslMode::Require if access.tls.ca.is_empty() => Verify::Nothing,
        SslMode::Require | SslMode::VerifyCa => Verify::Chain,
        SslMode::VerifyFull => Verify::Full,
    }
}

/// A failed handshake is told with what was wrong about the certificate that the server showed.
fn explain(error: &tokio_postgres::Error, capture: &Capture) -> PostgresError {
    match PostgresError::from_wire(error) {
        PostgresError::Tls(why) => {
            let shown = capture.certificate().and_then(|certificate| {
                let distrust = certificate.distrust?;
                Some(format!("{distrust}; the server showed {}, signed by {}", certificate.subject, certificate.issuer))
            });
            PostgresError::Tls(shown.unwrap_or(why))
        }
        other => other,
    }
}

/// A TCP connection to the first address of `host` that takes one, among those where a login may go.
async fn reach(host: &str, port: u16, audience: &Audience, stage: &Stage) -> Result<TcpStream, PostgresError> {
    stage.set("name resolution");
    let addresses = lookup(host, port).await.map_err(PostgresError::Name)?;
    stage.set("the TCP connection");
    let mut last = None;
    for address in addresses {
        if audience.standing(address.ip()) == Standing::Outside {
            last = Some(PostgresError::Outside(address.ip()));
            continue;
        }
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Small messages in both directions: waiting to fill a packet would only add delay.
                stream.set_nodelay(true).map_err(PostgresError::Unreachable)?;
                return Ok(stream);
            }
            Err(error) => last = Some(PostgresError::from_reach(error)),
        }
    }
    Err(last.unwrap_or_else(|| PostgresError::Name(std::io::Error::other("the name has no address"))))
}

/// Settings of the session, sent with the first message so that they hold from the start.
///
/// `search_path`: no function of the same name that somebody put into `public` is ever called. The isolation level: a
/// role's default of `serializable` is an error on a standby. The timeouts end a slow part before the whole answer is
/// given up.
///
/// A session for acting is read-only too: nothing on its list writes a table.
fn options(access: &PostgresAccess, errand: Errand) -> String {
    let request = access.timeouts.request;
    let milliseconds = |span: Duration, least: u128| span.as_millis().max(least);
    let (statement, lock) = match errand {
        Errand::Looking => (milliseconds(request / 2, 250), milliseconds(request / 4, 100)),
        // The server gives up before we do, so that it is known to have.
        Errand::Acting(patience) => (milliseconds(patience * 9 / 10, 250), milliseconds(patience / 2, 100)),
        // No time limit on the server: ended while it waits for a standby, a commit would count as done and not be
        // copied. The client has its own.
        Errand::Probing => {
            return "-c default_transaction_isolation=read\\ committed -c search_path=pg_catalog -c jit=off -c \
                    lock_timeout=1000"
                .to_owned();
        }
    };
    format!(
        "-c default_transaction_read_only=on -c default_transaction_isolation=read\\ committed -c \
         search_path=pg_catalog -c jit=off -c statement_timeout={statement} -c lock_timeout={lock}",
    )
}
