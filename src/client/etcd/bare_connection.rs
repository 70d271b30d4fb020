//! A connection before anybody has logged in on it: what can be asked of a member without a login, and logging in itself.

use std::time::Duration;

use etcd_client::{Channel, Client, ConnectOptions, GetOptions};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use super::error::EtcdError;
use super::health::PROBE;
use super::login::{SharedLogin, Token};
use super::token_service::with_token;
use crate::client::cause::Cause;

/// An answer that needs the majority and takes longer than this may wait for one that is gone.
const HEDGE_DELAY: Duration = Duration::from_millis(400);
/// A login is given up after this long, though its member goes on answering. etcd itself gives up sooner.
const MAX_LOGIN_TIME: Duration = Duration::from_secs(8);

/// One connection to one endpoint, without login. Cheap to clone.
#[derive(Clone)]
pub(super) struct BareConnection {
    pub(super) endpoint: String,
    pub(super) channel: tonic::transport::Channel,
    /// How long one answer is waited for.
    pub(super) deadline: Duration,
}

impl BareConnection {
    /// A client without login. A `strict` one is refused at once by a member that knows no leader.
    pub(super) async fn foreign(&self, strict: bool) -> Result<Client, EtcdError> {
        client(&self.endpoint, Channel::Tonic(self.channel.clone()), strict).await
    }

    /// A client with `token`, which is renewed when a member refuses it.
    pub(super) async fn known(
        &self,
        shared: &std::sync::Arc<SharedLogin>,
        token: Token,
        strict: bool,
    ) -> Result<Client, EtcdError> {
        client(&self.endpoint, with_token(shared, self, token), strict).await
    }

    /// Whether the member takes `token`; `None`: it knows no leader, and may not have heard of it.
    pub(super) async fn takes(&self, token: &Token) -> Result<Option<bool>, EtcdError> {
        let mut kv = client(&self.endpoint, token.on(&self.channel), false).await?.kv_client();
        let own_copy = GetOptions::new().with_serializable().with_count_only();
        let asked = async {
            match kv.get(PROBE, Some(own_copy)).await.map_err(|error| EtcdError::library(&self.endpoint, &error)) {
                Ok(_) => Ok(true),
                // Known, and not allowed to read that key.
                Err(error) if error.cause == Cause::Permission => Ok(true),
                Err(error) if error.asks_for_another_login() => Ok(false),
                Err(error) => Err(error),
            }
        };
        self.unless_leaderless(asked).await
    }

    /// Whether the member reaches the majority, without which nobody can log in; `None`: it knows no leader.
    pub(super) async fn may_log_in(&self) -> Result<Option<()>, EtcdError> {
        match self.unless_leaderless(self.with_majority()).await {
            Err(error) if error.cause == Cause::NoQuorum => Ok(None),
            outcome => outcome,
        }
    }

    /// Logs in. Whoever waits for it may wait long, since every member of the store has to reckon; for as long as the member
    /// goes on reading with the majority, nothing speaks against that.
    pub(super) async fn log_in(&self, user: &str, password: &SecretString) -> Result<String, EtcdError> {
        let mut auth = self.foreign(false).await?.auth_client();
        let asking = async { auth.authenticate(user.to_owned(), password.expose_secret().to_owned()).await };
        let mut login = Box::pin(asking);
        let answer = timeout(MAX_LOGIN_TIME, async {
            loop {
                match timeout(HEDGE_DELAY, &mut login).await {
                    Ok(answer) => {
                        return answer.map_err(|error| EtcdError::library(&self.endpoint, &error));
                    }
                    Err(_) => timeout(self.deadline, self.with_majority()).await.map_err(|_| self.slow_login())??,
                }
            }
        });
        let answer = answer.await.map_err(|_| self.slow_login())??;
        Ok(answer.token().to_owned())
    }

    /// A login that took too long.
    pub(super) fn slow_login(&self) -> EtcdError {
        EtcdError::new(&self.endpoint, Cause::TimedOut, "while logging in")
    }

    /// A read that needs the majority and no login: rights are looked at after the majority has answered, and so is the
    /// lack of a login.
    async fn with_majority(&self) -> Result<(), EtcdError> {
        let mut kv = self.foreign(true).await?.kv_client();
        let read = kv.get(PROBE, Some(GetOptions::new().with_count_only())).await;
        match read.map_err(|error| EtcdError::library(&self.endpoint, &error)) {
            Ok(_) => Ok(()),
            Err(error) if error.is_alive() && error.cause != Cause::NoQuorum => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Awaits `answer`, and where it takes long, asks whether the member knows a leader. `None`: it does not.
    async fn unless_leaderless<T>(
        &self,
        answer: impl Future<Output = Result<T, EtcdError>>,
    ) -> Result<Option<T>, EtcdError> {
        let mut answer = Box::pin(answer);
        if let Ok(answer) = timeout(self.deadline.min(HEDGE_DELAY), &mut answer).await {
            return answer.map(Some);
        }
        if self.has_no_leader().await? {
            return Ok(None);
        }
        timeout(self.deadline, answer).await.map_err(|_| self.slow_login())?.map(Some)
    }

    /// Whether the member knows no leader, asked without login. One that wants a leader is refused for want of it before
    /// anybody looks at its login; the status says so, too, but since etcd 3.5.28 not to strangers where authentication is
    /// on.
    async fn has_no_leader(&self) -> Result<bool, EtcdError> {
        let mut kv = self.foreign(true).await?.kv_client();
        let own_copy = GetOptions::new().with_serializable().with_count_only();
        match super::connect::bounded(&self.endpoint, self.deadline, kv.get(PROBE, Some(own_copy))).await {
            Ok(_) => Ok(false),
            Err(error) if error.cause == Cause::NoQuorum => Ok(true),
            Err(error) if error.is_alive() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

async fn client(endpoint: &str, channel: Channel, strict: bool) -> Result<Client, EtcdError> {
    let options = ConnectOptions::new().with_require_leader(strict);
    // Boxed: the library's future is large, though without a user it asks nothing.
    let client = Box::pin(Client::from_channel(channel, Some(options))).await;
    client.map_err(|error| EtcdError::library(endpoint, &error))
}
