//! Clients of the HTTP library by the house's rules, and those that endpoints share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;

use super::HttpError;
use crate::client::cause::{self, Cause};
use crate::client::resolve::HttpResolver;
use crate::client::tls::{self, Verify};
use crate::config::endpoint::{HttpEndpoint, TlsSettings};

/// Clients that keep no connection, and so nothing of any far end, each with what it was made for.
static SHARED: Mutex<Vec<(Sharing, reqwest::Client)>> = Mutex::new(Vec::new());

/// What endpoints must have in common to be asked by one client.
#[derive(PartialEq)]
struct Sharing {
    /// The settings with the state of their files; `None`: plain text.
    tls: Option<(TlsSettings, Vec<tls::FileState>)>,
    connect: Duration,
}

/// The client that all endpoints of the same settings share.
pub(super) fn shared(endpoint: &HttpEndpoint, base: &Url) -> Result<reqwest::Client, HttpError> {
    let tls = (base.scheme() == "https").then(|| (endpoint.tls.clone(), tls::files(&endpoint.tls)));
    let sharing = Sharing { tls, connect: endpoint.timeouts.connect };
    let mut known = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, client)) = known.iter().find(|(other, _)| *other == sharing) {
        return Ok(client.clone());
    }
    let client = built(looking(endpoint, base)?.pool_max_idle_per_host(0))?;
    // One that was made of files which were replaced since is of no more use.
    known.retain(|(other, _)| match (&other.tls, &sharing.tls) {
        (Some((old, _)), Some((new, _))) => old != new || other.connect != sharing.connect,
        _ => true,
    });
    known.push((sharing, client.clone()));
    Ok(client)
}

pub(super) fn looking(endpoint: &HttpEndpoint, base: &Url) -> Result<reqwest::ClientBuilder, HttpError> {
    Ok(ruled(endpoint, base)?.redirect(same_origin_only()))
}

/// The endpoint's URL, and a client for it that keeps to the house's rules: TLS as configured, no proxy, no second try, a
/// deadline for the connection. Redirects and kept connections are the caller's to decide.
pub(in crate::client) fn prepared(endpoint: &HttpEndpoint) -> Result<(Url, reqwest::ClientBuilder), HttpError> {
    let base = base_url(endpoint)?;
    let builder = ruled(endpoint, &base)?;
    Ok((base, builder))
}

pub(super) fn base_url(endpoint: &HttpEndpoint) -> Result<Url, HttpError> {
    let unusable = || HttpError::Url(endpoint.url.clone());
    let base = Url::parse(endpoint.url.trim()).map_err(|_| unusable())?;
    if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none_or(str::is_empty) {
        return Err(unusable());
    }
    Ok(base)
}

fn ruled(endpoint: &HttpEndpoint, base: &Url) -> Result<reqwest::ClientBuilder, HttpError> {
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
        .dns_resolver(Arc::new(HttpResolver))
        .referer(false)
        .retry(reqwest::retry::never())
        // Shorter than the keep-alive of common servers, lest a request meet a connection that is just closing.
        .pool_idle_timeout(Duration::from_secs(4))
        .connect_timeout(endpoint.timeouts.connect);
    Ok(builder)
}

/// The finished client.
pub(in crate::client) fn built(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, HttpError> {
    builder.build().map_err(|error| HttpError::Connect { cause: Cause::Unsupported, why: cause::why(&error) })
}

/// `url` with `path` below it.
pub(in crate::client) fn below(url: &Url, path: &str) -> Url {
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
