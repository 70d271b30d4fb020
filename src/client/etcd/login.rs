//! One login for all connections of this process to one store as one user. Each login makes every member of the store hash
//! the password, for a tenth of a second of its processor; what it yields, a token, every member takes.
//!
//! A token without a signature is known to all members, since it is made by way of the majority. Each forgets it five
//! minutes after it has last been used there, or when it is started again, and a signed one expires: then whoever is refused
//! asks here for another, and all who are refused later get that one.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt, Shared};
use hyper::http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use super::bare_connection::BareConnection;
use super::error::EtcdError;
use crate::client::cause::{self, Cause};
use crate::client::kept_secret::{KeptSecret, kept};
use crate::config::endpoint::{EtcdEndpoints, SecretSource};

/// A password that was refused is not tried again sooner than this: everybody who needs a login is told the same.
const REFUSAL_CACHE_TIME: Duration = Duration::from_secs(5);

/// What proves a login to every member.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token(HeaderValue);

impl Token {
    /// The token in a member's words; `None`: no such words.
    fn of(words: &str) -> Option<Self> {
        let mut value = HeaderValue::from_str(words).ok().filter(|value| !value.is_empty())?;
        value.set_sensitive(true);
        Some(Self(value))
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// What came of asking to be let in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum LoginResult {
    /// With this.
    With(Token),
    /// Nobody is asked for a login.
    Open,
}

type Attempt = Shared<BoxFuture<'static, Result<LoginResult, EtcdError>>>;

enum State {
    Nobody,
    Asking(Attempt),
    Known(Token),
}

/// A password that was refused.
struct Refusal {
    password: SecretString,
    error: EtcdError,
    at: Instant,
}

/// Which login it is.
#[derive(PartialEq, Eq)]
struct Identity {
    /// All endpoints of the store, in order of their names.
    urls: Vec<String>,
    user: String,
    source: Option<SecretSource>,
}

/// The login of one user at one store.
pub(super) struct SharedLogin {
    identity: Identity,
    password: Option<Arc<KeptSecret>>,
    state: Mutex<State>,
    refusal: Arc<Mutex<Option<Refusal>>>,
}

/// Those in use by anybody in this process.
static IN_USE: Mutex<Vec<Weak<SharedLogin>>> = Mutex::new(Vec::new());

/// The login that `endpoints` have, shared by all who have the same; `None`: they have none. Nothing is asked yet.
pub(super) fn shared(endpoints: &EtcdEndpoints) -> Option<Arc<SharedLogin>> {
    let login = endpoints.login.as_ref()?;
    let mut urls = endpoints.urls.clone();
    urls.sort();
    let identity = Identity { urls, user: login.user.clone(), source: login.password.clone() };
    let mut in_use = lock(&IN_USE);
    in_use.retain(|login| login.strong_count() > 0);
    if let Some(known) = in_use.iter().filter_map(Weak::upgrade).find(|login| login.identity == identity) {
        return Some(known);
    }
    let new = Arc::new(SharedLogin {
        identity,
        password: login.password.as_ref().map(kept),
        state: Mutex::new(State::Nobody),
        refusal: Arc::default(),
    });
    in_use.push(Arc::downgrade(&new));
    Some(new)
}

impl SharedLogin {
    /// The token, where one is at hand.
    pub(super) fn known(&self) -> Option<Token> {
        match &*lock(&self.state) {
            State::Known(token) => Some(token.clone()),
            State::Nobody | State::Asking(_) => None,
        }
    }

    /// A token other than `refused`: one that somebody else has got meanwhile, or by logging in, over `carrier` where nobody
    /// is about it. May be dropped while it waits; the login is kept, and goes on with the next one who waits for it.
    ///
    /// # Errors
    /// When the login is refused, or nothing comes of it over `carrier`.
    pub(super) async fn entry(
        &self,
        bare_connection: &BareConnection,
        refused: Option<&Token>,
    ) -> Result<LoginResult, EtcdError> {
        loop {
            let (attempt, is_own) = {
                let mut state = lock(&self.state);
                match &*state {
                    State::Known(token) if refused != Some(token) => return Ok(LoginResult::With(token.clone())),
                    State::Asking(attempt) => (attempt.clone(), false),
                    State::Known(_) | State::Nobody => {
                        let attempt = self.attempt(bare_connection);
                        *state = State::Asking(attempt.clone());
                        (attempt, true)
                    }
                }
            };
            let outcome = attempt.clone().await;
            self.settle(&attempt, &outcome);
            match outcome {
                // Another one's connection failed, which says nothing of this one.
                Err(error) if !is_own && error.cause != Cause::Credentials => {}
                // The login is the store's; where it was asked is told by the one who asked.
                outcome => {
                    return outcome.map_err(|error| EtcdError { endpoint: bare_connection.endpoint.clone(), ..error });
                }
            }
        }
    }

    /// Of several who waited the first one settles it.
    fn settle(&self, attempt: &Attempt, outcome: &Result<LoginResult, EtcdError>) {
        let mut state = lock(&self.state);
        if matches!(&*state, State::Asking(current) if current.ptr_eq(attempt)) {
            *state = match outcome {
                Ok(LoginResult::With(token)) => State::Known(token.clone()),
                Ok(LoginResult::Open) | Err(_) => State::Nobody,
            };
        }
    }

    fn attempt(&self, bare_connection: &BareConnection) -> Attempt {
        let (bare_connection, user) = (bare_connection.clone(), self.identity.user.clone());
        let (password, refusal) = (self.password.clone(), Arc::clone(&self.refusal));
        async move { log_in(&bare_connection, &user, password.as_deref(), &refusal).await }.boxed().shared()
    }
}

async fn log_in(
    bare_connection: &BareConnection,
    user: &str,
    kept: Option<&KeptSecret>,
    refusal: &Mutex<Option<Refusal>>,
) -> Result<LoginResult, EtcdError> {
    let wrong = |detail: String| EtcdError::new(&bare_connection.endpoint, Cause::Credentials, detail);
    let Some(kept) = kept else { return Err(wrong(format!("no password is configured for user {user}"))) };
    let password = kept.get().await.map_err(|error| wrong(cause::chain(&error)))?;
    if let Some(before) = &*lock(refusal)
        && before.at.elapsed() < REFUSAL_CACHE_TIME
        && before.password.expose_secret() == password.expose_secret()
    {
        // The next one looks again whether it has been mended.
        kept.mark_rejected(&password);
        return Err(before.error.clone());
    }
    match bare_connection.log_in(user, &password).await {
        Ok(words) => {
            *lock(refusal) = None;
            let odd =
                || EtcdError::new(&bare_connection.endpoint, Cause::UnexpectedAnswer, "the login returned no token");
            Ok(LoginResult::With(Token::of(&words).ok_or_else(odd)?))
        }
        // A login for a store that asks for none is no obstacle: authentication is often switched on later.
        Err(error) if error.detail.contains("authentication is not enabled") => Ok(LoginResult::Open),
        Err(error) => {
            if error.cause == Cause::Credentials {
                kept.mark_rejected(&password);
                *lock(refusal) = Some(Refusal { password, error: error.clone(), at: Instant::now() });
            }
            Err(error)
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
