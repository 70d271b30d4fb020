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

use super::bare_connection::BareConnection;
use super::error::asks_for_another_login;
use super::login::{LoginResult, SharedLogin, Token};

/// The header that etcd looks for.
const HEADER: &str = "token";
/// Calls whose requests are streams, which cannot be sent a second time.
const STREAMS: [&str; 2] = ["/etcdserverpb.Watch/Watch", "/etcdserverpb.Lease/LeaseKeepAlive"];
/// Tokens tried after the first: one that somebody else has got, and one by a login over this very connection.
const EXTRA_ATTEMPTS: usize = 2;

/// The channel of `carrier` with `token` on every request.
pub(super) fn with_token(shared: &Arc<SharedLogin>, bare_connection: &BareConnection, token: Token) -> Channel {
    let token_in_use = Arc::new(TokenInUse {
        shared: Arc::clone(shared),
        bare_connection: bare_connection.clone(),
        token: Mutex::new(token),
    });
    Channel::Custom(BoxCloneSyncService::new(TokenService { inner: bare_connection.channel.clone(), token_in_use }))
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
struct TokenInUse {
    shared: Arc<SharedLogin>,
    bare_connection: BareConnection,
    token: Mutex<Token>,
}

impl TokenInUse {
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
        match self.shared.entry(&self.bare_connection, Some(refused)).await {
            Ok(LoginResult::With(token)) => {
                *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token.clone();
                Some(token)
            }
            Ok(LoginResult::Open) => None,
            Err(error) => {
                tracing::debug!(%error, "etcd: logging in again");
                None
            }
        }
    }
}

#[derive(Clone)]
struct TokenService {
    inner: tonic::transport::Channel,
    token_in_use: Arc<TokenInUse>,
}

impl Service<Request<Body>> for TokenService {
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
        send(ready, Arc::clone(&self.token_in_use), request).boxed()
    }
}

async fn send(
    mut channel: tonic::transport::Channel,
    token_in_use: Arc<TokenInUse>,
    mut request: Request<Body>,
) -> Result<Response<Body>, BoxError> {
    let mut token = token_in_use.token();
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
    for _ in 0..EXTRA_ATTEMPTS {
        let refused = tonic::Status::from_header_map(response.headers());
        if !refused.is_some_and(|status| asks_for_another_login(&status)) {
            break;
        }
        let Some(another) = token_in_use.another(&token).await else { break };
        token = another;
        std::future::poll_fn(|context| channel.poll_ready(context)).await?;
        response = channel.call(with(&token)).await?;
    }
    Ok(response)
}
