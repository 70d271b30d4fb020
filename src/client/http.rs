//! Reading over HTTP: GET and nothing else, within deadlines and a size limit, to the configured host only.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{StatusCode, Url, header};
use secrecy::{ExposeSecret, SecretString};

use crate::client::cause::{self, Cause};
use crate::client::kept_secret::{KeptSecret, kept};
use crate::client::resolve::{self, ForHttp};
use crate::client::secret::SecretError;
use crate::client::tls::{self, TlsError, Verify};
use crate::config::audience::{Audience, Standing};
use crate::config::endpoint::{HttpEndpoint, Login, Timeouts};

/// The most of an answer that is taken where the caller knows no better: a statistics page of thousands of servers.
pub const DEFAULT_LIMIT: usize = 8 * 1024 * 1024;

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
    #[error("{}", .cause.said(.why))]
    Connect {
        /// What kind of failure.
        cause: Cause,
        /// What there is to say beyond the cause; may be empty.
        why: String,
    },
    /// The exchange broke after the connection was there.
    #[error("{}", .cause.said(.why))]
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
    #[error("the login is not sent to {0}: the configuration does not name it, and plain HTTP proves nothing")]
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

/// The head of an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpHead {
    /// Status code.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Date`: the far end's clock, where it tells.
    pub date: Option<String>,
    /// Time from the request to the end of the answer.
    pub took: Duration,
}

/// A whole answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpAnswer {
    /// Its head.
    pub head: HttpHead,
    /// Its body, at most as large as the limit.
    pub body: Vec<u8>,
}

/// Whether the connection is kept for the next request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Connections {
    /// One is kept. For pages asked every second.
    Kept,
    /// None is: the far end closes after each answer (Patroni speaks HTTP/1.0) or has few threads to spare.
    Fresh,
}

/// An HTTP client of one endpoint that can only read.
#[derive(Debug)]
pub struct HttpReader {
    client: reqwest::Client,
    base: Url,
    login: Option<Login>,
    recipient: Recipient,
    password: Option<Arc<KeptSecret>>,
    timeouts: Timeouts,
    limit: usize,
}

impl HttpReader {
    /// A reader of `endpoint`. Nothing is sent yet.
    ///
    /// # Errors
    /// When the URL or the TLS settings cannot be used.
    pub fn new(endpoint: &HttpEndpoint, connections: Connections) -> Result<Self, HttpError> {
        let idle = match connections {
            Connections::Kept => 1,
            Connections::Fresh => 0,
        };
        let (base, builder) = prepared(endpoint)?;
        let builder = builder.redirect(same_origin_only()).pool_max_idle_per_host(idle);
        Ok(Self {
            client: built(builder)?,
            recipient: Recipient::of(endpoint, &base),
            base,
            login: endpoint.login.clone(),
            password: endpoint.login.as_ref().and_then(|login| login.password.as_ref()).map(kept),
            timeouts: endpoint.timeouts,
            limit: DEFAULT_LIMIT,
        })
    }

    /// The same reader with another size limit in bytes.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Whether the endpoint is spoken to over TLS, and its host and port.
    pub fn place(&self) -> (bool, String, u16) {
        let host = self.base.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        (self.base.scheme() == "https", host, self.base.port_or_known_default().unwrap_or(80))
    }

    /// GET of `path` below the endpoint's URL; an empty path is the URL itself.
    ///
    /// # Errors
    /// When no complete answer came. Any status but 401, 403 and a redirect elsewhere is an answer.
    pub async fn get(&self, path: &str) -> Result<HttpAnswer, HttpError> {
        self.get_within(path, self.limit).await
    }

    /// Like [`Self::get`], of an answer that is never larger than `limit` bytes.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn get_within(&self, path: &str, limit: usize) -> Result<HttpAnswer, HttpError> {
        let mut body = Vec::new();
        let limit = limit.min(self.limit);
        let head = self.stream_within(path, limit, |chunk| body.extend_from_slice(chunk)).await?;
        Ok(HttpAnswer { head, body })
    }

    /// Like [`Self::get`], and hands the body on piece by piece instead of keeping it.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn stream(&self, path: &str, take: impl FnMut(&[u8]) + Send) -> Result<HttpHead, HttpError> {
        self.stream_within(path, self.limit, take).await
    }

    async fn stream_within(
        &self,
        path: &str,
        limit: usize,
        take: impl FnMut(&[u8]) + Send,
    ) -> Result<HttpHead, HttpError> {
        let login = match &self.login {
            None => None,
            Some(login) => {
                self.recipient.check(self.timeouts.connect).await?;
                Some((login.user.as_str(), self.password().await?))
            }
        };
        let deadline = self.timeouts.connect + self.timeouts.request;
        let exchange = self.exchange(path, limit, login, take);
        tokio::time::timeout(deadline, exchange).await.unwrap_or(Err(HttpError::TimedOut(deadline)))
    }

    async fn exchange(
        &self,
        path: &str,
        limit: usize,
        login: Option<(&str, Option<SecretString>)>,
        mut take: impl FnMut(&[u8]) + Send,
    ) -> Result<HttpHead, HttpError> {
        let began = Instant::now();
        let sent = login.is_some();
        let mut request = self.client.get(self.url(path));
        if let Some((user, password)) = &login {
            request = request.basic_auth(user, password.as_ref().map(ExposeSecret::expose_secret));
        }
        let mut response = request.send().await.map_err(|error| self.failed(error))?;
        let status = response.status();
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
        let (content_type, date) = (text(header::CONTENT_TYPE), text(header::DATE));
        let location = text(header::LOCATION);
        if let (true, Some(location)) = (status.is_redirection(), location) {
            return Err(HttpError::Redirected { status: status.as_u16(), location });
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            if let (Some(kept), Some((_, Some(password)))) = (&self.password, &login) {
                kept.refuse(password);
            }
            let line = self.complaint(&mut response).await;
            if status == StatusCode::FORBIDDEN {
                return Err(HttpError::Forbidden { line });
            }
            return Err(HttpError::Unauthorized { sent, line });
        }
        let announced = response.content_length().unwrap_or(0);
        if announced > limit as u64 {
            return Err(HttpError::TooLarge(limit));
        }
        let mut length = 0;
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(error))? {
            length += chunk.len();
            if length > limit {
                return Err(HttpError::TooLarge(limit));
            }
            take(&chunk);
        }
        Ok(HttpHead { status: status.as_u16(), content_type, date, took: began.elapsed() })
    }

    /// The first line of a refusal; one that cannot be read is no reason to hide the refusal itself.
    async fn complaint(&self, response: &mut reqwest::Response) -> String {
        const ENOUGH: usize = 4096;
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk[..chunk.len().min(ENOUGH - body.len())]);
            if body.len() == ENOUGH {
                break;
            }
        }
        first_line(&body)
    }

    fn failed(&self, error: reqwest::Error) -> HttpError {
        failure(error, self.timeouts.connect)
    }

    fn url(&self, path: &str) -> Url {
        below(&self.base, path)
    }

    async fn password(&self) -> Result<Option<SecretString>, HttpError> {
        match &self.password {
            Some(kept) => Ok(Some(kept.get().await?)),
            None => Ok(None),
        }
    }
}

/// Who gets a login over HTTP, which hands it over as it is.
#[derive(Clone, Debug)]
pub(super) struct Recipient {
    /// TLS verifies who answers.
    proves: bool,
    audience: Audience,
    host: String,
}

impl Recipient {
    /// The far end of `endpoint`, whose URL is `base`.
    pub(super) fn of(endpoint: &HttpEndpoint, base: &Url) -> Self {
        Self {
            proves: base.scheme() == "https" && !endpoint.tls.insecure,
            audience: endpoint.audience.clone(),
            host: base.host_str().unwrap_or_default().to_owned(),
        }
    }

    /// Whether the login may be sent there. A name is looked up, for `patience` at most; whoever connects next goes by
    /// the same answer.
    pub(super) async fn check(&self, patience: Duration) -> Result<(), HttpError> {
        if self.proves || self.audience == Audience::Named {
            return Ok(());
        }
        let looked_up = tokio::time::timeout(patience, resolve::standing(&self.audience, &self.host)).await;
        let (standing, address) = looked_up
            .map_err(|_| HttpError::TimedOut(patience))?
            .map_err(|error| HttpError::Connect { cause: Cause::Name, why: cause::why(&error) })?;
        let place = || address.map_or_else(|| self.host.clone(), |address| address.to_string());
        if standing == Standing::Vouched { Ok(()) } else { Err(HttpError::Withheld(place())) }
    }
}

/// The endpoint's URL, and a client for it that keeps to the house's rules: TLS as configured, no proxy, no second try, a
/// deadline for the connection. Redirects and kept connections are the caller's to decide.
pub(super) fn prepared(endpoint: &HttpEndpoint) -> Result<(Url, reqwest::ClientBuilder), HttpError> {
    let unusable = || HttpError::Url(endpoint.url.clone());
    let base = Url::parse(endpoint.url.trim()).map_err(|_| unusable())?;
    if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none_or(str::is_empty) {
        return Err(unusable());
    }
    let tls = match base.scheme() {
        "https" => tls::client_config(&endpoint.tls, Verify::Full)?,
        _ => tls::plain_config()?,
    };
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_only()
        .user_agent(concat!("pgctl-tui/", env!("CARGO_PKG_VERSION")))
        // http_proxy in an operator's shell is meant for the way out, not for the cluster.
        .no_proxy()
        .dns_resolver(Arc::new(ForHttp))
        .referer(false)
        .retry(reqwest::retry::never())
        // Shorter than the keep-alive of common servers, lest a request meet a connection that is just closing.
        .pool_idle_timeout(Duration::from_secs(4))
        .connect_timeout(endpoint.timeouts.connect);
    Ok((base, builder))
}

/// The finished client.
pub(super) fn built(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, HttpError> {
    builder.build().map_err(|error| HttpError::Connect { cause: Cause::Unsupported, why: cause::why(&error) })
}

/// Which kind of failure it was, and why in one clause; the library's whole account goes into the log. `patience` is how
/// long a connection was waited for.
pub(super) fn failure(error: reqwest::Error, patience: Duration) -> HttpError {
    let error = error.without_url();
    tracing::debug!(error = cause::chain(&error), "HTTP");
    if error.is_connect() {
        let (cause, why) = if error.is_timeout() {
            (Cause::TimedOut, format!("no connection within {:.1} s", patience.as_secs_f64()))
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

/// `url` with `path` below it.
pub(super) fn below(url: &Url, path: &str) -> Url {
    let mut url = url.clone();
    if !path.is_empty() {
        let joined = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&joined);
    }
    url
}

/// Follows a redirect within the same origin (a missing slash, say), and none elsewhere: a cluster's address must not
/// lead to another machine unseen, nor a password travel there.
fn same_origin_only() -> reqwest::redirect::Policy {
    reqwest::redirect::Policy::custom(|attempt| {
        let first = attempt.previous().first().map(Url::origin);
        if first == Some(attempt.url().origin()) && attempt.previous().len() <= 3 {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
}

fn connect_cause(error: &reqwest::Error) -> Cause {
    if error.is_dns() { Cause::Name } else { Cause::of(error).unwrap_or(Cause::Unreachable) }
}

/// The first line of a body that says anything, without tags: what a human would read of an error page.
pub fn first_line(body: &[u8]) -> String {
    if is_data(body) {
        return String::new();
    }
    let bare = without_tags(body);
    let line = bare.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    shortened(line)
}

/// Whether a body is JSON, whole or not: made for programs, and no sentence for anybody.
fn is_data(body: &[u8]) -> bool {
    let mut head = body.iter().filter(|byte| !byte.is_ascii_whitespace());
    match head.next() {
        Some(b'{') => true,
        // Square brackets also begin lines of logs.
        Some(b'[') => head.next().is_none_or(|next| matches!(next, b'[' | b'{' | b'"' | b']' | b'-' | b'0'..=b'9')),
        _ => false,
    }
}

/// The head of a body without tags, each tag a line break.
pub(super) fn without_tags(body: &[u8]) -> String {
    const ENOUGH: usize = 4096;
    let text = String::from_utf8_lossy(&body[..body.len().min(ENOUGH)]);
    let mut bare = String::new();
    let mut hidden = false;
    for c in text.chars() {
        match c {
            '<' => {
                hidden = true;
                bare.push('\n');
            }
            '>' if hidden => hidden = false,
            c if !hidden => bare.push(c),
            _ => {}
        }
    }
    bare
}

/// As much of a line as a message has room for.
pub(super) fn shortened(line: &str) -> String {
    const LONGEST: usize = 200;
    line.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests;
