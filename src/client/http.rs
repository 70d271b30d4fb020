//! Reading over HTTP: GET and nothing else, within deadlines and a size limit, to the configured host only.

mod builder;
mod error;
mod excerpt;
mod recipient;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{StatusCode, Url, header};
use secrecy::{ExposeSecret, SecretString};

use self::builder::{base_url, looking, shared};
pub(super) use self::builder::{below, built, prepared};
pub use self::error::HttpError;
pub(super) use self::error::failure;
pub use self::excerpt::first_line;
pub(super) use self::excerpt::{shortened, without_tags};
pub(super) use self::recipient::Recipient;
use crate::client::kept_secret::{KeptSecret, kept};
use crate::config::endpoint::{HttpEndpoint, Login, Timeouts};

/// The most of an answer that is taken where the caller knows no better: a statistics page of thousands of servers.
pub const DEFAULT_LIMIT: usize = 8 * 1024 * 1024;

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
        let base = base_url(endpoint)?;
        let client = match connections {
            Connections::Kept => built(looking(endpoint, &base)?.pool_max_idle_per_host(1))?,
            Connections::Fresh => shared(endpoint, &base)?,
        };
        Ok(Self {
            client,
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
                kept.mark_rejected(password);
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
        const MAX_BODY: usize = 4096;
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk[..chunk.len().min(MAX_BODY - body.len())]);
            if body.len() == MAX_BODY {
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
