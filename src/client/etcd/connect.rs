//! One connection to one endpoint: name, socket, TLS, HTTP/2, login. Each step fails as what it is.
//!
//! The library's own channel would reconnect behind our back and wait in silence while it cannot; here a connection
//! that ends is an error, and who asked decides where to go next.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use etcd_client::Client;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tonic::transport::{Endpoint, Uri};

use super::bare_connection::BareConnection;
use super::error::EtcdError;
use super::login::{self, LoginResult, SharedLogin};
use crate::client::cause;
use crate::client::cause::Cause;
use crate::client::resolve::lookup;
use crate::client::tls::{self, Verify};
use crate::config::endpoint::{EtcdEndpoints, Timeouts};

/// A client URL taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndpointName {
    /// Host name or address, without brackets.
    pub host: String,
    /// Port; 2379 where the URL has none.
    pub port: u16,
    /// Whether the URL says `https`.
    pub tls: bool,
}

impl EndpointName {
    /// Takes `url` apart. A URL without scheme is plain text, as etcd's own tools have it.
    ///
    /// # Errors
    /// When it is not `http://host:port`, `https://host:port` or `host:port`.
    pub fn parse(url: &str) -> Result<Self, EtcdError> {
        let wrong = |why: &str| EtcdError::new(url, Cause::UnexpectedAnswer, format!("not an etcd endpoint: {why}"));
        let (tls, rest) = match url.split_once("://") {
            None => (false, url),
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            Some((scheme, _)) => return Err(wrong(&format!("unknown scheme {scheme}"))),
        };
        let uri: Uri = rest.trim_end_matches('/').parse().map_err(|_| wrong("expected http://host:port"))?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("no host given"))?;
        if uri.path().len() > 1 {
            return Err(wrong("a path is not allowed"));
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { host, port: uri.port_u16().unwrap_or(2379), tls })
    }
}

impl fmt::Display for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// How logging in went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Login {
    /// No login is configured, and none was asked for.
    NotAsked,
    /// The login was accepted.
    Accepted,
    /// A login is configured, but the store asks nobody for one.
    NotEnabled,
    /// Not tried to the end: the member has no majority, and a login needs one.
    Impossible,
}

/// How to connect to the endpoints of one etcd cluster. Cheap to clone.
#[derive(Clone)]
pub struct Connector {
    endpoints: Arc<[EndpointName]>,
    tls: Option<Arc<ClientConfig>>,
    login: Option<Arc<SharedLogin>>,
    settings: Arc<EtcdEndpoints>,
}

/// An endpoint that has not answered after this long is no longer waited for alone: the next one is tried beside it.
const STAGGER: Duration = Duration::from_millis(40);

/// What a request is sent through: one authenticated connection.
pub(super) struct AuthenticatedConnection {
    pub(super) endpoint: String,
    pub(super) client: Client,
    pub(super) login: Login,
    tls: bool,
    bare_connection: BareConnection,
    /// Whether the far end is known to take what is said.
    spoken: AtomicBool,
    /// Somebody had trouble with it: nobody joins it any more.
    spent: AtomicBool,
}

impl Connector {
    /// Reads the certificates and takes the URLs apart; connects nowhere yet.
    ///
    /// # Errors
    /// When there is no URL, one cannot be read, or the TLS settings are wrong.
    pub fn new(endpoints: &EtcdEndpoints) -> Result<Self, EtcdError> {
        Self::to(endpoints, &endpoints.urls)
    }

    /// The same for the one endpoint at `url`, which is one of `endpoints`: it shares the login of them all.
    ///
    /// # Errors
    /// As [`Connector::new`].
    pub fn only(endpoints: &EtcdEndpoints, url: &str) -> Result<Self, EtcdError> {
        Self::to(endpoints, std::slice::from_ref(&url.to_owned()))
    }

    fn to(endpoints: &EtcdEndpoints, urls: &[String]) -> Result<Self, EtcdError> {
        let names = urls.iter().map(|url| EndpointName::parse(url)).collect::<Result<Vec<_>, _>>()?;
        if names.is_empty() {
            return Err(EtcdError::new("etcd", Cause::UnexpectedAnswer, "no endpoint is configured"));
        }
        let tls = if names.iter().any(|name| name.tls) {
            let mut config = tls::client_config(&endpoints.tls, Verify::Full)
                .map_err(|error| EtcdError::new(&urls.join(", "), Cause::Tls, cause::chain(&error)))?;
            config.alpn_protocols = vec![b"h2".to_vec()];
            Some(Arc::new(config))
        } else {
            None
        };
        Ok(Self {
            endpoints: names.into(),
            tls,
            login: login::shared(endpoints),
            settings: Arc::new(endpoints.clone()),
        })
    }

    /// The endpoints, in the order of the configuration.
    pub fn endpoints(&self) -> &[EndpointName] {
        &self.endpoints
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        self.settings.timeouts
    }

    pub(super) fn settings(&self) -> &Arc<EtcdEndpoints> {
        &self.settings
    }

    /// Connects and logs in. `strict` requests are refused at once by a member that knows no leader; others are
    /// answered as far as it can, without login if need be.
    pub(super) async fn open(&self, index: usize, strict: bool) -> Result<AuthenticatedConnection, EtcdError> {
        let Some(name) = self.endpoints.get(index) else {
            return Err(EtcdError::new("etcd", Cause::UnexpectedAnswer, "no such endpoint"));
        };
        let endpoint = name.to_string();
        let deadline = self.settings.timeouts.connect;
        let channel = timeout(deadline, self.channel(name, &endpoint))
            .await
            .map_err(|_| EtcdError::timed_out(&endpoint, deadline))??;
        let bare_connection =
            BareConnection { endpoint: endpoint.clone(), channel, deadline: self.settings.timeouts.request };
        let (client, login) = Box::pin(self.enter(&bare_connection, strict)).await?;
        let spoken = AtomicBool::new(login == Login::Accepted);
        Ok(AuthenticatedConnection {
            endpoint,
            client,
            login,
            tls: name.tls,
            bare_connection,
            spoken,
            spent: AtomicBool::new(false),
        })
    }

    /// Asks the endpoints by `attempt`, beginning with `first`, until one answers: each next one is asked as soon as
    /// the ones before failed or are slow, and the answers race, for as long as `patience`.
    ///
    /// # Errors
    /// When none answers: the most telling failure, with the others in brief.
    pub(super) async fn race<T, F>(
        &self,
        first: usize,
        time_limit: Duration,
        attempt: impl Fn(usize) -> F,
    ) -> Result<(usize, T), EtcdError>
    where
        F: Future<Output = Result<T, EtcdError>>,
    {
        let count = self.endpoints.len();
        let mut waiting = (0..count).map(|step| (first + step) % count).peekable();
        let mut running = FuturesUnordered::new();
        let mut unanswered = Vec::new();
        let nobody = || EtcdError::new("etcd", Cause::UnexpectedAnswer, "no endpoint is configured");
        let mut failures: Vec<EtcdError> = Vec::new();
        let mut deadline = Instant::now() + time_limit;
        loop {
            if let Some(index) = waiting.next() {
                let attempt = attempt(index);
                running.push(async move { (index, attempt.await) });
                unanswered.push(index);
            }
            let pause = if waiting.peek().is_some() { deadline.min(Instant::now() + STAGGER) } else { deadline };
            match timeout_at(pause, running.next()).await {
                Ok(Some((index, Ok(answer)))) => return Ok((index, answer)),
                Ok(Some((index, Err(failure)))) => {
                    unanswered.retain(|other| *other != index);
                    if failure.cause == Cause::NoQuorum {
                        // The majority may be on the other side, but then it is near.
                        deadline = deadline.min(Instant::now() + self.settings.timeouts.request / 2);
                    }
                    let refused = failure.cause == Cause::Credentials;
                    failures.push(failure);
                    // Logins are the whole store's; each one costs every member dearly.
                    if refused {
                        return Err(EtcdError::all(failures).unwrap_or_else(nobody));
                    }
                }
                Ok(None) if waiting.peek().is_none() => break,
                Err(_) if Instant::now() >= deadline => break,
                Ok(None) | Err(_) => {}
            }
        }
        let silent = unanswered.iter().filter_map(|index| self.endpoints.get(*index));
        failures.extend(silent.map(|name| EtcdError::new(&name.to_string(), Cause::TimedOut, "")));
        Err(EtcdError::all(failures).unwrap_or_else(nobody))
    }

    /// Patience for [`race`](Self::race) that gives every endpoint all its time.
    pub(super) fn time_limit(&self) -> Duration {
        self.settings.timeouts.connect + self.settings.timeouts.request
    }

    async fn channel(&self, name: &EndpointName, endpoint: &str) -> Result<tonic::transport::Channel, EtcdError> {
        let stream = self.stream(name, endpoint).await?;
        // The scheme is `http` even under TLS: encryption was dealt with above, and etcd does not look at it.
        let target = Endpoint::from_shared(format!("http://{endpoint}"))
            .map_err(|error| EtcdError::new(endpoint, Cause::UnexpectedAnswer, cause::chain(&error)))?
            .user_agent(concat!("pgctl-tui/", env!("CARGO_PKG_VERSION")))
            .map_err(|error| EtcdError::new(endpoint, Cause::UnexpectedAnswer, cause::chain(&error)))?;
        let once = Arc::new(Mutex::new(Some(TokioIo::new(stream))));
        let connector = tower::service_fn(move |_: Uri| {
            let stream = once.lock().unwrap_or_else(PoisonError::into_inner).take();
            std::future::ready(stream.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionReset)))
        });
        target
            .connect_with_connector(connector)
            .await
            .map_err(|error| EtcdError::library(endpoint, &etcd_client::Error::TransportError(error)))
    }

    async fn stream(&self, name: &EndpointName, endpoint: &str) -> Result<Box<dyn EtcdStream>, EtcdError> {
        let socket = tcp(name, endpoint).await?;
        let Some(config) = self.tls.as_ref().filter(|_| name.tls) else { return Ok(Box::new(socket)) };
        let host = ServerName::try_from(name.host.clone())
            .map_err(|_| EtcdError::new(endpoint, Cause::Tls, "the host is not a name that TLS can verify"))?;
        let stream = tokio_rustls::TlsConnector::from(config.clone())
            .connect(host, socket)
            .await
            .map_err(|error| EtcdError::handshake(endpoint, &error))?;
        Ok(Box::new(stream))
    }

    /// The client for a connection that stands: with the login that all connections to this store share.
    async fn enter(&self, bare_connection: &BareConnection, strict: bool) -> Result<(Client, Login), EtcdError> {
        let Some(shared) = &self.login else { return Ok((bare_connection.foreign(strict).await?, Login::NotAsked)) };
        let mut refused = None;
        if let Some(token) = shared.known() {
            match bare_connection.takes(&token).await? {
                Some(true) => return Ok((bare_connection.known(shared, token, strict).await?, Login::Accepted)),
                Some(false) => refused = Some(token),
                None => return nobody_can(bare_connection, strict).await,
            }
        }
        // A login is a proposal to the majority: only a member that has one is asked for it.
        let Some(()) = bare_connection.may_log_in().await? else { return nobody_can(bare_connection, strict).await };
        let entry = timeout(bare_connection.deadline, shared.entry(bare_connection, refused.as_ref())).await;
        match entry.map_err(|_| bare_connection.slow_login())?? {
            LoginResult::With(token) => Ok((bare_connection.known(shared, token, strict).await?, Login::Accepted)),
            LoginResult::Open => Ok((bare_connection.foreign(strict).await?, Login::NotEnabled)),
        }
    }
}

/// What a member without a majority is good for.
async fn nobody_can(bare_connection: &BareConnection, strict: bool) -> Result<(Client, Login), EtcdError> {
    if strict {
        let why = "it is up but has no leader: login is impossible";
        return Err(EtcdError::new(&bare_connection.endpoint, Cause::NoQuorum, why));
    }
    Ok((bare_connection.foreign(false).await?, Login::Impossible))
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

impl AuthenticatedConnection {
    /// The same connection without login and without asking for a leader: a member cut off from its peers still
    /// answers it, if only to say that it knows no leader or wants credentials.
    pub(super) async fn lenient(&self) -> Result<Client, EtcdError> {
        self.bare_connection.foreign(false).await
    }

    /// Nobody joins it any more.
    pub(super) fn spend(&self) {
        self.spent.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_spent(&self) -> bool {
        self.spent.load(Ordering::Relaxed)
    }

    /// How long one answer is waited for.
    pub(super) fn deadline(&self) -> Duration {
        self.bare_connection.deadline
    }

    /// Awaits `request` up to the deadline for one answer.
    pub(super) async fn within<T>(
        &self,
        request: impl Future<Output = Result<T, etcd_client::Error>>,
    ) -> Result<T, EtcdError> {
        match bounded(&self.endpoint, self.deadline(), request).await {
            Ok(answer) => {
                self.spoken.store(true, Ordering::Relaxed);
                Ok(answer)
            }
            Err(error) if error.cause == Cause::Closed && !self.spoken.load(Ordering::Relaxed) => {
                let hint = if self.tls {
                    "right after the TLS handshake: the server may require a client certificate"
                } else {
                    "at the first message, unencrypted: the port may require TLS (https:// in the URL)"
                };
                Err(EtcdError::new(&error.endpoint, Cause::Closed, hint))
            }
            Err(error) => Err(error),
        }
    }
}

/// Awaits `request` up to `deadline`, with the failure told apart.
pub(super) async fn bounded<T>(
    endpoint: &str,
    deadline: Duration,
    request: impl Future<Output = Result<T, etcd_client::Error>>,
) -> Result<T, EtcdError> {
    timeout(deadline, request)
        .await
        .map_err(|_| EtcdError::timed_out(endpoint, deadline))?
        .map_err(|error| EtcdError::library(endpoint, &error))
}

trait EtcdStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> EtcdStream for T {}

/// Connects to the first of the name's addresses that takes it: one address family may lead nowhere.
async fn tcp(name: &EndpointName, endpoint: &str) -> Result<TcpStream, EtcdError> {
    let addresses = lookup(&name.host, name.port)
        .await
        .map_err(|error| EtcdError::new(endpoint, Cause::Name, cause::why(&error)))?;
    let mut attempts: FuturesUnordered<_> = addresses.into_iter().take(4).map(TcpStream::connect).collect();
    let mut failure = EtcdError::new(endpoint, Cause::Name, "the host name has no address");
    while let Some(attempt) = attempts.next().await {
        match attempt {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(|error| EtcdError::socket(endpoint, &error))?;
                return Ok(stream);
            }
            Err(error) => failure = EtcdError::socket(endpoint, &error),
        }
    }
    Err(failure)
}
