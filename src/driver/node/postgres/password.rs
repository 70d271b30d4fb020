//! The password of one node, fetched once and kept until the server refuses it.
//!
//! A password command, or a home directory that hangs, may take longer than one observation is given. So the fetch is
//! kept when the observation is dropped, and the next one goes on waiting for the same fetch.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use secrecy::SecretString;

use crate::client::cause;
use crate::client::kept_secret::{KeptSecret, kept};
use crate::client::secret::SecretError;
use crate::config::Environment;
use crate::config::endpoint::PostgresAccess;
use crate::config::libpq;
use crate::model::agent::Address;
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// A password with its way of being had.
pub(in crate::driver) enum Password {
    /// From the place that the configuration names.
    Configured {
        /// Shared by all who use that place.
        kept: Arc<KeptSecret>,
        /// What the server was told last.
        reported: Option<SecretString>,
    },
    /// From libpq's own places.
    Libpq(Box<Search>),
}

/// A search of libpq's places for the password of one address.
pub(in crate::driver) struct Search {
    access: PostgresAccess,
    address: Address,
    environment: Arc<Environment>,
    state: State,
    hint: Option<String>,
}

enum State {
    NotAttempted,
    Searching(BoxFuture<'static, libpq::PasswordLookup>),
    Known(Option<SecretString>),
}

/// The configured place of a password gives none.
pub(in crate::driver) struct NoPassword(Arc<SecretError>);

impl NoPassword {
    pub(in crate::driver) fn at(&self, endpoint: &Text) -> SourceError {
        SourceError::new(FailureKind::NotAttempted, endpoint.as_str(), self.to_string())
    }
}

impl std::fmt::Display for NoPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&cause::chain(&self.0))
    }
}

impl Password {
    pub(in crate::driver) fn new(access: &PostgresAccess, address: &Address, environment: Arc<Environment>) -> Self {
        match &access.password {
            Some(source) => Self::Configured { kept: kept(source), reported: None },
            None => Self::Libpq(Box::new(Search {
                access: access.clone(),
                address: address.clone(),
                environment,
                state: State::NotAttempted,
                hint: None,
            })),
        }
    }

    /// The password; `None`: there is none, which the server may well accept.
    pub(in crate::driver) async fn get(&mut self) -> Result<Option<SecretString>, NoPassword> {
        match self {
            Self::Configured { kept, reported } => {
                let password = kept.get().await.map_err(NoPassword)?;
                Ok(Some(reported.insert(password).clone()))
            }
            Self::Libpq(search) => Ok(search.get().await),
        }
    }

    /// Fetches anew next time: the server refused what is known.
    pub(in crate::driver) fn forget(&mut self) {
        match self {
            Self::Configured { kept, reported } => {
                if let Some(password) = reported {
                    kept.mark_rejected(password);
                }
            }
            Self::Libpq(search) => search.state = State::NotAttempted,
        }
    }

    /// What was odd about the password's place, in a sentence with its remedy.
    pub(in crate::driver) fn hint(&self) -> Option<&str> {
        match self {
            Self::Configured { .. } => None,
            Self::Libpq(search) => search.hint.as_deref(),
        }
    }
}

impl Search {
    async fn get(&mut self) -> Option<SecretString> {
        if let State::NotAttempted = self.state {
            self.state = State::Searching(self.begin());
        }
        match &mut self.state {
            State::Known(password) => password.clone(),
            State::NotAttempted => None,
            State::Searching(search) => {
                let found = search.await;
                self.hint = found.warning;
                let password = found.password.map(|(password, _)| password);
                self.state = State::Known(password.clone());
                password
            }
        }
    }

    fn begin(&self) -> BoxFuture<'static, libpq::PasswordLookup> {
        let (access, address, environment) = (self.access.clone(), self.address.clone(), self.environment.clone());
        let looking = move || libpq::password(&access, address.host.as_str(), address.port, &environment);
        async move { tokio::task::spawn_blocking(looking).await.unwrap_or_default() }.boxed()
    }
}
