//! What doubles of etcd members share where logins are asked for: users' passwords, the tokens that were given, and how
//! often somebody logged in.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::http;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::{Request, Status};
use tower::Service;

use super::double::Member;

#[derive(Default)]
struct State {
    password: String,
    /// Tokens that every member takes, with the revision of logins at which they were given.
    tokens: Vec<(String, u64)>,
    revision: u64,
    logins: usize,
    /// How many are about it, and the most there have been at once.
    busy: usize,
    most_busy: usize,
    takes: Duration,
    is_stuck: bool,
}

/// The logins of one store. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<State>>);

impl Gate {
    /// Logins with this password are let in, each after `takes`.
    pub(crate) fn new(password: &str, takes: Duration) -> Self {
        let gate = Self::default();
        gate.state().password = password.to_owned();
        gate.state().takes = takes;
        gate
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logins so far, refused ones too.
    pub(crate) fn logins(&self) -> usize {
        self.state().logins
    }

    /// The most logins that were in flight at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.state().most_busy
    }

    /// Forgets every token, as a member does that is started again, or five minutes after its last use.
    pub(crate) fn forget(&self) {
        self.state().tokens.clear();
    }

    /// Logins were changed: what was given before is of an old revision.
    pub(crate) fn revise(&self) {
        self.state().revision += 1;
    }

    /// From now on this is the password.
    pub(crate) fn change(&self, password: &str) {
        let mut state = self.state();
        state.password = password.to_owned();
        state.tokens.clear();
    }

    /// From now on no login is answered; `false`: as before.
    pub(crate) fn be_stuck(&self, stuck: bool) {
        self.state().is_stuck = stuck;
    }

    /// Whether whoever asks is let in.
    pub(super) fn admit<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let state = self.state();
        let Some(token) = request.metadata().get("token").and_then(|token| token.to_str().ok()) else {
            return Err(Status::invalid_argument("etcdserver: user name is empty"));
        };
        match state.tokens.iter().find(|(known, _)| known == token) {
            None => Err(Status::unauthenticated("etcdserver: invalid auth token")),
            Some((_, revision)) if *revision < state.revision => {
                Err(Status::invalid_argument("etcdserver: revision of auth store is old"))
            }
            Some(_) => Ok(()),
        }
    }

    async fn log_in(&self, name: &str, password: &str) -> Result<String, Status> {
        /// One who is about it, also where whoever asked has stopped waiting.
        struct Busy(Gate);
        impl Drop for Busy {
            fn drop(&mut self) {
                self.0.state().busy -= 1;
            }
        }
        let (takes, stuck) = {
            let mut state = self.state();
            state.logins += 1;
            state.busy += 1;
            state.most_busy = state.most_busy.max(state.busy);
            (state.takes, state.is_stuck)
        };
        let _busy = Busy(self.clone());
        if stuck {
            return std::future::pending().await;
        }
        tokio::time::sleep(takes).await;
        let mut state = self.state();
        if password != state.password {
            return Err(Status::invalid_argument("etcdserver: authentication failed, invalid user ID or password"));
        }
        let token = format!("{name}.{}", state.logins);
        let revision = state.revision;
        state.tokens.push((token.clone(), revision));
        Ok(token)
    }
}

/// Logging in, and no other call of its service. The library does not export all that its own server would need.
#[derive(Clone)]
pub(super) struct Logins(pub(super) Member);

impl NamedService for Logins {
    const NAME: &'static str = "etcdserverpb.Auth";
}

impl Service<http::Request<Body>> for Logins {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let member = self.0.clone();
        async move { Ok(answer(&member, request).await.unwrap_or_else(Status::into_http)) }.boxed()
    }
}

async fn answer(member: &Member, request: http::Request<Body>) -> Result<http::Response<Body>, Status> {
    if !request.uri().path().ends_with("/Authenticate") {
        return Err(Status::unimplemented("it only lets in"));
    }
    let Some(gate) = member.gate() else {
        return Err(Status::failed_precondition("etcdserver: authentication is not enabled"));
    };
    let message = request.into_body().collect().await?.to_bytes();
    // Behind the five bytes that gRPC puts before each message.
    let (name, password) = (field(&message[5..], 1), field(&message[5..], 2));
    member.majority(false).await?;
    let token = gate.log_in(&name, &password).await?;
    let length = u8::try_from(token.len()).expect("a short token");
    let message = [&[0, 0, 0, 0, length + 2, 2 << 3 | 2, length], token.as_bytes()].concat();
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    let frames = [Frame::data(message.into()), Frame::trailers(trailers)].map(Ok::<_, Status>);
    let mut response = http::Response::new(Body::new(StreamBody::new(stream::iter(frames))));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/grpc"));
    Ok(response)
}

/// A text of fewer than 128 bytes by the number of its field, in a message of such texts alone.
fn field(mut message: &[u8], number: u8) -> String {
    while let [tag, length, rest @ ..] = message {
        let (text, rest) = rest.split_at(usize::from(*length));
        if *tag == number << 3 | 2 {
            return String::from_utf8_lossy(text).into_owned();
        }
        message = rest;
    }
    String::new()
}
