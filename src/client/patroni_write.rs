//! Patroni's REST interface, for acting: a closed list of requests, each sent once on a connection of its own and never
//! again, whatever happens. The readers ([`super::patroni`], [`super::http`]) have no way to send any of them.
//!
//! Patroni answers in HTTP/1.0 and closes; bodies need a Content-Length and must be JSON objects. A status line is an
//! answer, even where the words after it are cut off. Redirects are not followed: an order goes where it was addressed.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, Url, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use crate::client::cause;
use crate::client::http::{self, HttpError};
use crate::client::kept_secret::{KeptSecret, kept};
use crate::client::sending::Unanswered;
use crate::config::endpoint::{HttpEndpoint, Login};

/// More of an answer than this is of no use: replies are one line, error pages half a kilobyte.
const ENOUGH: usize = 16 * 1024;

/// What can be asked. Times are RFC 3339 with a zone.
#[derive(Clone, PartialEq, Debug)]
pub enum PatroniOrder {
    /// `POST /switchover`.
    Switchover {
        /// The leader that must lead.
        leader: String,
        /// The new leader.
        candidate: Option<String>,
        /// When; `None`: now.
        at: Option<String>,
    },
    /// `POST /failover`. Without a leader in the body, which would make a switchover of it.
    Failover {
        /// The new leader.
        candidate: String,
    },
    /// `DELETE /switchover`.
    CancelSwitchover,
    /// `POST /restart`.
    Restart {
        /// Only while the node has this role, in Patroni's word.
        role: Option<String>,
        /// Only if a setting waits for it.
        only_pending: bool,
        /// When; `None`: now.
        at: Option<String>,
    },
    /// `DELETE /restart`.
    CancelRestart,
    /// `POST /reload`.
    Reload,
    /// `POST /reinitialize`.
    Reinitialise {
        /// End a copy that is under way.
        force: bool,
        /// Copy from the leader and from nobody else. Since 4.1; older ones ignore it.
        from_leader: bool,
    },
    /// `PATCH /config`.
    Configure {
        /// Keys to set; null removes one.
        changes: Map<String, Value>,
    },
}

impl PatroniOrder {
    fn method(&self) -> Method {
        match self {
            Self::CancelSwitchover | Self::CancelRestart => Method::DELETE,
            Self::Configure { .. } => Method::PATCH,
            Self::Switchover { .. }
            | Self::Failover { .. }
            | Self::Restart { .. }
            | Self::Reload
            | Self::Reinitialise { .. } => Method::POST,
        }
    }

    fn path(&self) -> &'static str {
        match self {
            Self::Switchover { .. } | Self::CancelSwitchover => "/switchover",
            Self::Failover { .. } => "/failover",
            Self::Restart { .. } | Self::CancelRestart => "/restart",
            Self::Reload => "/reload",
            Self::Reinitialise { .. } => "/reinitialize",
            Self::Configure { .. } => "/config",
        }
    }

    /// The body; `None` where Patroni reads none and one would be left lying on the connection.
    fn body(&self) -> Option<Value> {
        let object = |pairs: Vec<(&str, Option<Value>)>| {
            let present = pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
            Some(Value::Object(present.collect()))
        };
        match self {
            Self::Switchover { leader, candidate, at } => object(vec![
                ("leader", Some(json!(leader))),
                ("candidate", candidate.as_ref().map(|name| json!(name))),
                ("scheduled_at", at.as_ref().map(|at| json!(at))),
            ]),
            Self::Failover { candidate } => object(vec![("candidate", Some(json!(candidate)))]),
            Self::Restart { role, only_pending, at } => object(vec![
                ("role", role.as_ref().map(|role| json!(role))),
                // Its mere presence counts, with false in it too.
                ("restart_pending", only_pending.then(|| json!(true))),
                ("schedule", at.as_ref().map(|at| json!(at))),
            ]),
            Self::Reinitialise { force, from_leader } => {
                object(vec![("force", force.then(|| json!(true))), ("from_leader", from_leader.then(|| json!(true)))])
            }
            Self::Configure { changes } => Some(Value::Object(changes.clone())),
            Self::CancelSwitchover | Self::CancelRestart | Self::Reload => None,
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
            base,
            login: endpoint.login.clone(),
            password: endpoint.login.as_ref().and_then(|login| login.password.as_ref()).map(kept),
            connect: endpoint.timeouts.connect,
        })
    }

    /// Sends `order` once and waits `patience` for the answer, the time for connecting aside.
    ///
    /// # Errors
    /// When there is no answer. Any status is one.
    pub async fn send(&self, order: &PatroniOrder, patience: Duration) -> Result<PatroniReply, Unanswered<HttpError>> {
        let login = match &self.login {
            None => None,
            Some(login) => Some((login.user.as_str(), self.password().await.map_err(Unanswered::NotSent)?)),
        };
        let deadline = self.connect + patience;
        let exchange = self.exchange(order, login);
        // The connection has a shorter deadline of its own: whoever is late here has the request.
        let late = Err(Unanswered::NoAnswer(HttpError::TimedOut(deadline)));
        tokio::time::timeout(deadline, exchange).await.unwrap_or(late)
    }

    async fn exchange(
        &self,
        order: &PatroniOrder,
        login: Option<(&str, Option<SecretString>)>,
    ) -> Result<PatroniReply, Unanswered<HttpError>> {
        let with_login = login.is_some();
        let mut request = self.client.request(order.method(), http::below(&self.base, order.path()));
        if let Some(body) = order.body() {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.to_string());
        } else if order.method() == Method::POST {
            request = request.header(header::CONTENT_LENGTH, 0);
        }
        if let Some((user, password)) = &login {
            request = request.basic_auth(user, password.as_ref().map(ExposeSecret::expose_secret));
        }
        let mut response = request.send().await.map_err(|error| self.unanswered(error))?;
        let status = response.status().as_u16();
        if let (401, Some(kept), Some((_, Some(password)))) = (status, &self.password, &login) {
            kept.refuse(password);
        }
        let (mut body, mut cut) = (Vec::new(), false);
        while body.len() < ENOUGH {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(ENOUGH - body.len())]),
                Ok(None) => break,
                Err(_) => {
                    cut = true;
                    break;
                }
            }
        }
        Ok(PatroniReply { status, line: said(&body), cut, with_login })
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
fn said(body: &[u8]) -> String {
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
