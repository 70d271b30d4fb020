//! The password of one node, fetched once and kept until the server refuses it.
//!
//! A password command may take longer than one observation is given. So the fetch is kept when the observation is
//! dropped, and the next one goes on waiting for the same fetch.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use secrecy::SecretString;

use crate::client::cause;
use crate::client::secret::{self, SecretError};
use crate::config::Environment;
use crate::config::endpoint::PostgresAccess;
use crate::config::libpq;
use crate::model::agent::Address;
use crate::model::source::{SourceError, Trouble};
use crate::model::text::Text;

/// A password with its way of being had.
pub(super) struct Password {
    access: PostgresAccess,
    address: Address,
    environment: Arc<Environment>,
    state: State,
    hint: Option<String>,
}

enum State {
    Unasked,
    Fetching(BoxFuture<'static, Result<Fetched, SecretError>>),
    Known(Option<SecretString>),
}

/// A password with a sentence on what was odd about its place.
struct Fetched {
    password: Option<SecretString>,
    warning: Option<String>,
}

/// The configured place of a password gives none.
pub(super) struct NoPassword(SecretError);

impl NoPassword {
    pub(super) fn at(&self, endpoint: &Text) -> SourceError {
        SourceError::new(Trouble::Credentials, endpoint.as_str(), self.to_string())
    }
}

impl std::fmt::Display for NoPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&cause::chain(&self.0))
    }
}

impl Password {
    pub(super) fn new(access: &PostgresAccess, address: &Address, environment: Arc<Environment>) -> Self {
        Self { access: access.clone(), address: address.clone(), environment, state: State::Unasked, hint: None }
    }

    /// The password; `None`: there is none, which the server may well accept.
    pub(super) async fn get(&mut self) -> Result<Option<SecretString>, NoPassword> {
        if let State::Unasked = self.state {
            self.state = State::Fetching(self.fetch());
        }
        match &mut self.state {
            State::Known(password) => Ok(password.clone()),
            State::Unasked => Ok(None),
            State::Fetching(fetching) => match fetching.await {
                Ok(Fetched { password, warning }) => {
                    self.hint = warning;
                    self.state = State::Known(password.clone());
                    Ok(password)
                }
                Err(error) => {
                    self.state = State::Unasked;
                    Err(NoPassword(error))
                }
            },
        }
    }

    /// Fetches anew next time: the server refused what is known.
    pub(super) fn forget(&mut self) {
        self.state = State::Unasked;
    }

    /// What was odd about the password's place, in a sentence with its remedy.
    pub(super) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    fn fetch(&self) -> BoxFuture<'static, Result<Fetched, SecretError>> {
        let (access, address, environment) = (self.access.clone(), self.address.clone(), self.environment.clone());
        async move {
            if let Some(source) = &access.password {
                let password = secret::fetch(source).await?;
                return Ok(Fetched { password: Some(password), warning: None });
            }
            let looking = tokio::task::spawn_blocking(move || {
                libpq::password(&access, address.host.as_str(), address.port, &environment)
            });
            let found = looking.await.unwrap_or_default();
            Ok(Fetched { password: found.password.map(|(password, _)| password), warning: found.warning })
        }
        .boxed()
    }
}
