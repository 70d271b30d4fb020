//! Connecting as libpq does: six TLS modes, the fallbacks of `allow` and `prefer`, and one deadline around name, TCP,
//! TLS and login together, since each of them can hang.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::FutureExt;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_postgres::Client;
use tokio_postgres::config::{ChannelBinding as WireBinding, SslMode as WireMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::PostgresError;
use super::guard::{AnnouncedPid, Bounds, InspectedStream, InspectedTls};
use super::session::Session;
use crate::client::certificate::{Capture, ServerCertificate};
use crate::client::resolve::lookup;
use crate::client::tls::{self, Verify};
use crate::config::audience::{AddressTrust, Audience};
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
pub(in crate::client) type Driving = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

/// What one attempt brought.
pub(in crate::client) struct OpenedConnection {
    pub(in crate::client) client: Client,
    pub(in crate::client) driving: Driving,
    pub(in crate::client) encryption: Encryption,
    pub(in crate::client) version: String,
    /// The far end's address.
    pub(super) peer: Option<std::net::SocketAddr>,
    /// The backend's number, as it was announced at login.
    pub(super) announced: AnnouncedPid,
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
    let phase = ConnectPhase::default();
    let after = access.timeouts.connect;
    let session = async {
        let opened = open(access, host, port, password, SessionPurpose::Looking, &phase).await?;
        phase.set("preparation");
        Session::prepare(opened).await
    };
    let outcome = tokio::time::timeout(after, session).await;
    outcome.unwrap_or_else(|_| Err(PostgresError::TimedOut { phase: phase.get(), after }))
}

/// Opens a connection for acting, within the deadline that `access` sets. `patience` is the longest that its one
/// statement may take.
pub(super) async fn connect_for_acting(
    access: &PostgresAccess,
    host: &str,
    port: u16,
    password: Option<&SecretString>,
    time_limit: Duration,
) -> Result<OpenedConnection, PostgresError> {
    connect_within(access, host, port, password, access.timeouts.connect, SessionPurpose::Acting(time_limit)).await
}

/// Opens a connection for proving who leads, within `patience`: nothing is prepared beforehand.
pub(super) async fn connect_for_proving(
    access: &PostgresAccess,
    host: &str,
    port: u16,
    password: Option<&SecretString>,
    time_limit: Duration,
) -> Result<OpenedConnection, PostgresError> {
    connect_within(access, host, port, password, time_limit, SessionPurpose::Looking).await
}

/// Opens a connection for the probe of a drill, within `patience`.
pub(super) async fn connect_for_probing(
    access: &PostgresAccess,
    host: &str,
    port: u16,
    password: Option<&SecretString>,
    time_limit: Duration,
) -> Result<OpenedConnection, PostgresError> {
    connect_within(access, host, port, password, time_limit, SessionPurpose::Probing).await
}

/// Opens a connection of the probe by way of a pooler, within `time_limit`: it passes on no settings of a session.
pub(super) async fn connect_for_pooled_probing(
    access: &PostgresAccess,
    host: &str,
    port: u16,
    password: Option<&SecretString>,
    time_limit: Duration,
) -> Result<OpenedConnection, PostgresError> {
    connect_within(access, host, port, password, time_limit, SessionPurpose::PooledProbing).await
}

/// Opens a connection that is to hold the operation lock, within the deadline that `access` sets.
pub(super) async fn connect_for_locking(
    access: &PostgresAccess,
    host: &str,
    port: u16,
    password: Option<&SecretString>,
) -> Result<OpenedConnection, PostgresError> {
    connect_within(access, host, port, password, access.timeouts.connect, SessionPurpose::Locking).await
}

/// Opens a connection for the operator's own questions, within the deadline that `access` sets.
pub(super) async fn connect_for_asserting(
    access: &PostgresAccess,
    host: &str,
    port: u16,
    password: Option<&SecretString>,
) -> Result<OpenedConnection, PostgresError> {
    connect_within(access, host, port, password, access.timeouts.connect, SessionPurpose::Asserting).await
}

/// Opens a connection to the admin console of a pooler, within the deadline that `access` sets. No setting is sent along:
/// such a console refuses those that it does not know.
///
/// # Errors
/// Whatever kept it from being opened.
pub(in crate::client) async fn connect_for_administering(
    access: &PostgresAccess,
    host: &str,
    port: u16,
    password: Option<&SecretString>,
) -> Result<OpenedConnection, PostgresError> {
    connect_within(access, host, port, password, access.timeouts.connect, SessionPurpose::Administering).await
}

/// The same through a Unix socket, which is this host and knows no TLS.
///
/// # Errors
/// Whatever kept it from being opened.
#[cfg(unix)]
pub(in crate::client) async fn connect_for_administering_through(
    access: &PostgresAccess,
    socket: &std::path::Path,
    password: Option<&SecretString>,
) -> Result<OpenedConnection, PostgresError> {
    let after = access.timeouts.connect;
    let opening = async {
        let stream = tokio::net::UnixStream::connect(socket).await.map_err(PostgresError::from_reach)?;
        let trust = PeerTrust { proven: true, attested: true };
        let errand = (Attempt::Plain, SessionPurpose::Administering);
        log_in(stream, access, "localhost", password, errand, trust).await
    };
    let outcome = tokio::time::timeout(after, opening).await;
    outcome.unwrap_or(Err(PostgresError::TimedOut { phase: "login", after }))
}

/// Opens a connection within `patience`, without preparing anything on it.
async fn connect_within(
    access: &PostgresAccess,
    host: &str,
    port: u16,
    password: Option<&SecretString>,
    time_limit: Duration,
    errand: SessionPurpose,
) -> Result<OpenedConnection, PostgresError> {
    let phase = ConnectPhase::default();
    let opening = open(access, host, port, password, errand, &phase);
    let outcome = tokio::time::timeout(time_limit, opening).await;
    outcome.unwrap_or_else(|_| Err(PostgresError::TimedOut { phase: phase.get(), after: time_limit }))
}

/// What a session is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SessionPurpose {
    /// To be asked again and again.
    Looking,
    /// One statement that may take this long.
    Acting(Duration),
    /// To write the rows of a drill.
    Probing,
    /// The same by way of a pooler, which refuses settings that it does not know.
    PooledProbing,
    /// To hold the operation lock.
    Locking,
    /// To ask what the operator has written.
    Asserting,
    /// To talk to the admin console of a pooler.
    Administering,
}

impl SessionPurpose {
    /// Tells the two apart in `pg_stat_activity` and in the server's log.
    fn application(self) -> &'static str {
        match self {
            Self::Looking | Self::Administering => "pgctl-tui",
            Self::Acting(_) => "pgctl-tui acting",
            Self::Probing | Self::PooledProbing => "pgctl-tui drill",
            Self::Locking => "pgctl-tui locking",
            Self::Asserting => "pgctl-tui assertions",
        }
    }

    /// Most bytes that one answer may have.
    fn largest_answer(self) -> usize {
        match self {
            Self::Looking
            | Self::Acting(_)
            | Self::Locking
            | Self::Asserting
            | Self::Administering
            | Self::PooledProbing => 8 << 20,
            // Every number that a drill of hours has written.
            Self::Probing => 64 << 20,
        }
    }
}

/// What is being done, for the message of a deadline.
#[derive(Default)]
struct ConnectPhase(Mutex<&'static str>);

impl ConnectPhase {
    fn set(&self, phase: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = phase;
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
    errand: SessionPurpose,
    phase: &ConnectPhase,
) -> Result<OpenedConnection, PostgresError> {
    let (first, second) = match access.sslmode {
        SslMode::Disable => (Attempt::Plain, None),
        SslMode::Allow => (Attempt::Plain, Some(Attempt::Tls)),
        SslMode::Prefer => (Attempt::Offered, Some(Attempt::Plain)),
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => (Attempt::Tls, None),
    };
    let run = |attempt| attempt_once(access, host, port, password, (attempt, errand), phase);
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
    (attempt, errand): (Attempt, SessionPurpose),
    phase: &ConnectPhase,
) -> Result<OpenedConnection, PostgresError> {
    let stream = reach(host, port, &access.audience, phase).await?;
    let far_end = stream.peer_addr().map_err(PostgresError::Unreachable)?;
    let peer = far_end.ip();
    let trust = PeerTrust {
        proven: peer.to_canonical().is_loopback(),
        attested: access.audience.trust_of(peer) == AddressTrust::Vouched,
    };
    phase.set(if attempt == Attempt::Plain { "login" } else { "TLS and login" });
    let opened = log_in(stream, access, host, password, (attempt, errand), trust).await?;
    Ok(OpenedConnection { peer: Some(far_end), ..opened })
}

/// How far the other end of a stream is trusted before anything is said on it.
struct PeerTrust {
    /// It is this host.
    proven: bool,
    /// The operator vouches for its address.
    attested: bool,
}

/// TLS and login over a stream that stands. `host` is the name that a certificate is expected to have.
async fn log_in<S>(
    stream: S,
    access: &PostgresAccess,
    host: &str,
    password: Option<&SecretString>,
    (attempt, errand): (Attempt, SessionPurpose),
    trust: PeerTrust,
) -> Result<OpenedConnection, PostgresError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let announced = AnnouncedPid::default();
    let bounds = |proven| Bounds {
        auth: access.auth.clone(),
        proven: proven || trust.proven,
        attested: trust.attested,
        answer: errand.largest_answer(),
        announced: announced.clone(),
    };
    let mut config = tokio_postgres::Config::new();
    config.user(&access.user).dbname(&access.database);
    config.application_name(errand.application());
    let settings = options(access, errand);
    if !settings.is_empty() {
        config.options(settings);
    }
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
        InspectedTls { inner: make_connector(client_config, name), bounds: bounds(verify != Verify::Nothing) };
    let stream = match attempt {
        Attempt::Plain => InspectedStream::plain(stream, bounds(false)),
        Attempt::Offered | Attempt::Tls => InspectedStream::offered(stream, bounds(false)),
    };
    let opened = config.connect_raw(stream, connector).await;
    let (client, connection) = opened.map_err(|error| explain(&error, &capture))?;
    let version = connection.parameter("server_version").unwrap_or_default().to_owned();
    let certificate = capture.certificate();
    let encryption = match certificate {
        None => Encryption::Plain,
        Some(_) => Encryption::Tls { verified: verify, certificate },
    };
    Ok(OpenedConnection { client, driving: connection.boxed(), encryption, version, peer: None, announced })
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
                Some(format!(
                    "{distrust}; the server presented {}, issued by {}",
                    certificate.subject, certificate.issuer
                ))
            });
            PostgresError::Tls(shown.unwrap_or(why))
        }
        other => other,
    }
}

/// A TCP connection to the first address of `host` that takes one, among those where a login may go.
async fn reach(host: &str, port: u16, audience: &Audience, phase: &ConnectPhase) -> Result<TcpStream, PostgresError> {
    phase.set("name resolution");
    let addresses = lookup(host, port).await.map_err(PostgresError::Name)?;
    phase.set("the TCP connection");
    let mut last = None;
    for address in addresses {
        if audience.trust_of(address.ip()) == AddressTrust::Outside {
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
    Err(last.unwrap_or_else(|| PostgresError::Name(std::io::Error::other("the host name has no address"))))
}

/// Settings of the session, sent with the first message so that they hold from the start.
///
/// `search_path`: no function of the same name that somebody put into `public` is ever called. The isolation level: a
/// role's default of `serializable` is an error on a standby. The timeouts end a slow part before the whole answer is
/// given up.
///
/// A session for acting is read-only too: nothing on its list writes a table.
fn options(access: &PostgresAccess, errand: SessionPurpose) -> String {
    let request = access.timeouts.request;
    let milliseconds = |span: Duration, least: u128| span.as_millis().max(least);
    let (statement, lock) = match errand {
        SessionPurpose::Looking => (milliseconds(request / 2, 250), milliseconds(request / 4, 100)),
        // Nothing is sent along.
        SessionPurpose::Administering | SessionPurpose::PooledProbing => return String::new(),
        // The operator's own words mean what they mean anywhere else: the search path is the server's.
        SessionPurpose::Asserting => return "-c default_transaction_read_only=on -c jit=off".to_owned(),
        // Whose client has vanished is found out within seconds, also by a server that cannot end idle sessions.
        SessionPurpose::Locking => {
            return format!(
                "-c default_transaction_read_only=on -c default_transaction_isolation=read\\ committed -c \
                 search_path=pg_catalog -c jit=off -c statement_timeout={} -c tcp_keepalives_idle=5 \
                 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 -c tcp_user_timeout=11000",
                milliseconds(request, 250),
            );
        }
        // The server gives up before we do, so that it is known to have.
        SessionPurpose::Acting(time_limit) => {
            (milliseconds(time_limit * 9 / 10, 250), milliseconds(time_limit / 2, 100))
        }
        // No time limit on the server: ended while it waits for a standby, a commit would count as done and not be
        // copied. The client has its own.
        SessionPurpose::Probing => {
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
