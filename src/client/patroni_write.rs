//! Patroni's REST interface, for acting: a closed list of requests, each sent once on a connection of its own and never
//! again, whatever happens. The readers ([`super::patroni`], [`super::http`]) have no way to send any of them.
//!
//! Patroni answers in HTTP/1.0 and closes; bodies need a Content-Length and must be JSON objects. A status line is an
//! answer, even where the words after it are cut off. Redirects are not followed: an order goes where it was addressed.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, Url, header};
use secrecy::{ExposeSecret, SecretString};

use crate::client::cause;
use crate::client::http::{self, HttpError, Recipient};
use crate::client::kept_secret::{KeptSecret, kept};
use crate::client::sending::Unanswered;
use crate::config::endpoint::{HttpEndpoint, Login};

/// More of an answer than this is of no use: replies are one line, error pages half a kilobyte.
const MAX_BODY: usize = 16 * 1024;

/// What can be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PatroniEndpoint {
    /// `POST /switchover`.
    Switchover,
    /// `POST /failover`. With a leader in the body Patroni makes a switchover of it.
    Failover,
    /// `DELETE /switchover`.
    CancelSwitchover,
    /// `POST /restart`.
    Restart,
    /// `DELETE /restart`.
    CancelRestart,
    /// `POST /reload`.
    Reload,
    /// `POST /reinitialize`.
    Reinit,
    /// `PATCH /config`.
    Configure,
}

impl PatroniEndpoint {
    /// HTTP's word.
    pub fn method(self) -> Method {
        match self {
            Self::CancelSwitchover | Self::CancelRestart => Method::DELETE,
            Self::Configure => Method::PATCH,
            Self::Switchover | Self::Failover | Self::Restart | Self::Reload | Self::Reinit => Method::POST,
        }
    }

    /// Path below the agent's URL.
    pub fn path(self) -> &'static str {
        match self {
            Self::Switchover | Self::CancelSwitchover => "/switchover",
            Self::Failover => "/failover",
            Self::Restart | Self::CancelRestart => "/restart",
            Self::Reload => "/reload",
            Self::Reinit => "/reinitialize",
            Self::Configure => "/config",
        }
    }
}

/// What came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PatroniReply {
    /// HTTP status.
    pub status: u16,
    /// The line that a human would read: without tags, short.
    pub line: String,
    /// The words broke off in the middle.
    pub cut: bool,
    /// Whether a login was sent.
    pub with_login: bool,
}

/// A writer to one node's REST interface.
#[derive(Debug)]
pub struct PatroniWriter {
    client: reqwest::Client,
    base: Url,
    login: Option<Login>,
    recipient: Recipient,
    password: Option<Arc<KeptSecret>>,
    connect: Duration,
}

impl PatroniWriter {
    /// A writer to the interface at `endpoint`, whose login is the one for acting. Nothing is sent or fetched yet.
    ///
    /// # Errors
    /// When the URL or the TLS settings cannot be used.
    pub fn new(endpoint: &HttpEndpoint) -> Result<Self, HttpError> {
        let url = endpoint.url.trim().trim_end_matches('/');
        let url = url.strip_suffix("/patroni").unwrap_or(url).to_owned();
        let (base, builder) = http::prepared(&HttpEndpoint { url, ..endpoint.clone() })?;
        let builder = builder.redirect(reqwest::redirect::Policy::none()).pool_max_idle_per_host(0);
        Ok(Self {
            client: http::built(builder)?,
            recipient: Recipient::of(endpoint, &base),
            base,
            login: endpoint.login.clone(),
            password: endpoint.login.as_ref().and_then(|login| login.password.as_ref()).map(kept),
            connect: endpoint.timeouts.connect,
        })
    }

    /// Sends `order` once and waits `patience` for the answer, the time for connecting aside. `body` goes as it is: a
    /// JSON object; none where Patroni reads none and it would be left lying on the connection.
    ///
    /// # Errors
    /// When there is no answer. Any status is one.
    pub async fn send(
        &self,
        order: PatroniEndpoint,
        body: Option<&str>,
        time_limit: Duration,
    ) -> Result<PatroniReply, Unanswered<HttpError>> {
        let login = match &self.login {
            None => None,
            Some(login) => {
                self.recipient.check(self.connect).await.map_err(Unanswered::NotSent)?;
                Some((login.user.as_str(), self.password().await.map_err(Unanswered::NotSent)?))
            }
        };
        let deadline = self.connect + time_limit;
        let exchange = self.exchange(order, body, login);
        // The connection has a shorter deadline of its own: whoever is late here has the request.
        let late = Err(Unanswered::NoAnswer(HttpError::TimedOut(deadline)));
        tokio::time::timeout(deadline, exchange).await.unwrap_or(late)
    }

    async fn exchange(
        &self,
        order: PatroniEndpoint,
        body: Option<&str>,
        login: Option<(&str, Option<SecretString>)>,
    ) -> Result<PatroniReply, Unanswered<HttpError>> {
        let with_login = login.is_some();
        let mut request = self.client.request(order.method(), http::below(&self.base, order.path()));
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.to_owned());
        } else if order.method() == Method::POST {
            request = request.header(header::CONTENT_LENGTH, 0);
        }
        if let Some((user, password)) = &login {
            request = request.basic_auth(user, password.as_ref().map(ExposeSecret::expose_secret));
        }
        let mut response = request.send().await.map_err(|error| self.unanswered(error))?;
        let status = response.status().as_u16();
        if let (401, Some(kept), Some((_, Some(password)))) = (status, &self.password, &login) {
            kept.mark_rejected(password);
        }
        let (mut body, mut cut) = (Vec::new(), false);
        while body.len() < MAX_BODY {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(MAX_BODY - body.len())]),
                Ok(None) => break,
                Err(_) => {
                    cut = true;
                    break;
                }
            }
        }
        Ok(PatroniReply { status, line: body_text(&body), cut, with_login })
    }

    fn unanswered(&self, error: reqwest::Error) -> Unanswered<HttpError> {
        let handshake = refused_in_handshake(&error);
        let failure = http::failure(error, self.connect);
        if handshake || matches!(failure, HttpError::Connect { .. }) {
            Unanswered::NotSent(failure)
        } else {
            Unanswered::NoAnswer(failure)
        }
    }

    async fn password(&self) -> Result<Option<SecretString>, HttpError> {
        match &self.password {
            Some(kept) => Ok(Some(kept.get().await?)),
            None => Ok(None),
        }
    }
}

/// Whether the far end refused the TLS handshake. With TLS 1.3 that is heard of only after the request was written, but
/// a server that has not finished the handshake reads no request.
fn refused_in_handshake(error: &reqwest::Error) -> bool {
    use rustls::AlertDescription as Alert;
    matches!(
        cause::find::<rustls::Error>(error),
        Some(rustls::Error::AlertReceived(
            Alert::CertificateRequired
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied
                | Alert::HandshakeFailure
        ))
    )
}

/// What a reply says: plain text in one line, or the message of the error page that Python's server makes.
fn body_text(body: &[u8]) -> String {
    if !body.trim_ascii_start().starts_with(b"<") {
        let text = String::from_utf8_lossy(body);
        let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        return http::shortened(line);
    }
    let bare = http::without_tags(body);
    let message = bare.lines().find_map(|line| line.trim().strip_prefix("Message: "));
    message.map_or_else(|| http::first_line(body), http::shortened)
}

#[cfg(test)]
mod tests;
