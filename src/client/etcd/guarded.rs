//! A connection with a login: each request carries the token, and one that is refused for the token's sake is sent once more
//! with another. Whoever is refused so has done nothing: the token is looked at before the request.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use etcd_client::Channel;
use futures::future::{BoxFuture, FutureExt};
use http_body_util::{BodyExt, Full};
use hyper::http::{Request, Response};
use tonic::body::Body;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service};

use super::carrier::Carrier;
use super::error::asks_for_another_login;
use super::login::{Entry, SharedLogin, Token};

/// The header that etcd looks for.
const HEADER: &str = "token";
/// Calls whose requests are streams, which cannot be sent a second time.
const STREAMS: [&str; 2] = ["/etcdserverpb.Watch/Watch", "/etcdserverpb.Lease/LeaseKeepAlive"];
/// Tokens tried after the first: one that somebody else has got, and one by a login over this very connection.
const MORE_TRIES: usize = 2;

/// The channel of `carrier` with `token` on every request.
pub(super) fn guarded(shared: &Arc<SharedLogin>, carrier: &Carrier, token: Token) -> Channel {
    let worn = Arc::new(Worn { shared: Arc::clone(shared), carrier: carrier.clone(), token: Mutex::new(token) });
    Channel::Custom(BoxCloneSyncService::new(Guarded { inner: carrier.channel.clone(), worn }))
}

impl Token {
    /// `channel` with this token on every request, refused or not.
    pub(super) fn on(&self, channel: &tonic::transport::Channel) -> Channel {
        let token = self.header();
        let marked = tower::ServiceBuilder::new()
            .map_err(BoxError::from)
            .map_request(move |mut request: Request<Body>| {
                request.headers_mut().insert(HEADER, token.clone());
                request
            })
            .service(channel.clone());
        Channel::Custom(BoxCloneSyncService::new(marked))
    }
}

/// The token that a connection goes by: it keeps it for as long as its member takes it.
struct Worn {
    shared: Arc<SharedLogin>,
    carrier: Carrier,
    token: Mutex<Token>,
}

impl Worn {
    fn token(&self) -> Token {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another token in the place of `refused`; `None`: none can be had.
    async fn another(&self, refused: &Token) -> Option<Token> {
        let now = self.token();
        // Another request of this connection has seen to it.
        if now != *refused {
            return Some(now);
        }
        match self.shared.entry(&self.carrier, Some(refused)).await {
            Ok(Entry::With(token)) => {
                *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token.clone();
                Some(token)
            }
            Ok(Entry::Open) => None,
            Err(error) => {
                tracing::debug!(%error, "etcd: logging in again");
                None
            }
        }
    }
}

#[derive(Clone)]
struct Guarded {
    inner: tonic::transport::Channel,
    worn: Arc<Worn>,
}

impl Service<Request<Body>> for Guarded {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(BoxError::from)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The one that is ready is used up; its copy must be asked anew.
        let copy = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, copy);
        send(ready, Arc::clone(&self.worn), request).boxed()
    }
}

async fn send(
    mut channel: tonic::transport::Channel,
    worn: Arc<Worn>,
    mut request: Request<Body>,
) -> Result<Response<Body>, BoxError> {
    let mut token = worn.token();
    if STREAMS.contains(&request.uri().path()) {
        request.headers_mut().insert(HEADER, token.header());
        return Ok(channel.call(request).await?);
    }
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let with = |token: &Token| {
        let mut parts = parts.clone();
        parts.headers.insert(HEADER, token.header());
        Request::from_parts(parts, Body::new(Full::new(body.clone())))
    };
    let mut response = channel.call(with(&token)).await?;
    for _ in 0..MORE_TRIES {
        let refused = tonic::Status::from_header_map(response.headers());
        if !refused.is_some_and(|status| asks_for_another_login(&status)) {
            break;
        }
        let Some(another) = worn.another(&token).await else { break };
        token = another;
        std::future::poll_fn(|context| channel.poll_ready(context)).await?;
        response = channel.call(with(&token)).await?;
    }
    Ok(response)
}
