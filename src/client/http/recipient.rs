//! Who gets a login over HTTP.

use std::time::Duration;

use reqwest::Url;

use super::HttpError;
use crate::client::cause::{self, Cause};
use crate::client::resolve;
use crate::config::audience::{AddressTrust, Audience};
use crate::config::endpoint::HttpEndpoint;

/// Who gets a login over HTTP, which hands it over as it is.
#[derive(Clone, Debug)]
pub(in crate::client) struct Recipient {
    /// TLS verifies who answers.
    proves: bool,
    audience: Audience,
    host: String,
}

impl Recipient {
    /// The far end of `endpoint`, whose URL is `base`.
    pub(in crate::client) fn of(endpoint: &HttpEndpoint, base: &Url) -> Self {
        Self {
            proves: base.scheme() == "https" && !endpoint.tls.insecure,
            audience: endpoint.audience.clone(),
            host: base.host_str().unwrap_or_default().to_owned(),
        }
    }

    /// Whether the login may be sent there. A name is looked up, for `patience` at most; whoever connects next goes by
    /// the same answer.
    pub(in crate::client) async fn check(&self, time_limit: Duration) -> Result<(), HttpError> {
        if self.proves || self.audience == Audience::Named {
            return Ok(());
        }
        let looked_up = tokio::time::timeout(time_limit, resolve::trust_of(&self.audience, &self.host)).await;
        let (trust, address) = looked_up
            .map_err(|_| HttpError::TimedOut(time_limit))?
            .map_err(|error| HttpError::Connect { cause: Cause::Name, why: cause::why(&error) })?;
        let place = || address.map_or_else(|| self.host.clone(), |address| address.to_string());
        if trust == AddressTrust::Vouched { Ok(()) } else { Err(HttpError::Withheld(place())) }
    }
}
