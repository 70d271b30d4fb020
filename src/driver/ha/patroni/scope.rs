//! Whose agents the configured URLs lead to, where nobody wrote the scope: it is that of most of them.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::agent::agent_report;
use crate::client::patroni::Patroni;
use crate::config::endpoint::HttpEndpoint;
use crate::model::inventory::most_common;
use crate::model::text::Text;

/// How long is waited for further agents once one has told its scope.
const TIMEOUT: Duration = Duration::from_millis(400);

/// What the agents at some URLs tell of their scope.
#[derive(Debug)]
pub struct Scopes {
    /// By the order of the URLs; `None`: not told yet.
    reported: Vec<Option<Text>>,
}

impl Scopes {
    /// Nothing is known yet of `urls` agents.
    pub fn of(urls: usize) -> Self {
        Self { reported: vec![None; urls] }
    }

    /// Asks those that have not told theirs, all at once, until most are known to be of one scope. `GET /patroni` never
    /// blocks on the DCS; an agent that hangs is not waited for once another has spoken.
    pub async fn next_message(&mut self, endpoints: &[HttpEndpoint]) {
        if self.is_decided() {
            return;
        }
        let not_reasked =
            endpoints.iter().zip(&self.reported).enumerate().filter(|(_, (_, reported))| reported.is_none());
        let mut asked: FuturesUnordered<_> =
            not_reasked.map(|(at, (endpoint, _))| async move { (at, scope(endpoint).await) }).collect();
        while !self.is_decided() {
            let next = if self.reported.iter().any(Option::is_some) {
                tokio::time::timeout(TIMEOUT, asked.next()).await.ok().flatten()
            } else {
                asked.next().await
            };
            let Some((at, scope)) = next else { return };
            if let Some(reported) = self.reported.get_mut(at) {
                *reported = scope;
            }
        }
    }

    /// The scope that is meant: of most agents that told theirs, of several as frequent the first. `None`: none told.
    pub fn meant(&self) -> Option<Text> {
        most_common(self.reported.iter().flatten()).cloned()
    }

    /// Whether the agent at this URL told another scope than the one that is meant.
    pub fn is_foreign(&self, at: usize) -> bool {
        let own = self.reported.get(at).and_then(Option::as_ref);
        own.is_some() && own != self.meant().as_ref()
    }

    /// Whether what the others may still tell changes nothing.
    fn is_decided(&self) -> bool {
        let Some(meant) = self.meant() else { return self.reported.is_empty() };
        let of_it = self.reported.iter().flatten().filter(|scope| **scope == meant).count();
        of_it * 2 > self.reported.len() || self.reported.iter().all(Option::is_some)
    }
}

/// The scope that the agent at `endpoint` tells; `None`: it does not answer, or does not tell.
async fn scope(endpoint: &HttpEndpoint) -> Option<Text> {
    let status = Patroni::new(endpoint).ok()?.status().await.ok()?;
    agent_report(&status.value).scope
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::client::double::{self, endpoint};

    fn agent(scope: &str) -> HttpEndpoint {
        let body =
            json!({"state": "running", "role": "replica", "patroni": {"scope": scope, "name": "pg-0"}}).to_string();
        let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        endpoint(format!("http://{}", double::answering(format!("{head}{body}"))))
    }

    async fn meant(endpoints: &[HttpEndpoint]) -> Option<String> {
        let mut scopes = Scopes::of(endpoints.len());
        scopes.next_message(endpoints).await;
        scopes.meant().map(|scope| scope.to_string())
    }

    #[tokio::test]
    async fn most_of_the_urls_decide_then_the_first() {
        let dead = || endpoint(format!("http://{}", double::refused()));
        let hangs = || endpoint(format!("http://{}", double::silent()));
        assert_eq!(meant(&[agent("v6"), agent("pg-ha"), agent("pg-ha")]).await.as_deref(), Some("pg-ha"));
        assert_eq!(meant(&[agent("v6"), agent("pg-ha")]).await.as_deref(), Some("v6"));
        assert_eq!(meant(&[dead(), agent("pg-ha"), agent("v6")]).await.as_deref(), Some("pg-ha"));
        assert_eq!(meant(&[hangs(), agent("pg-ha")]).await.as_deref(), Some("pg-ha"));
        assert_eq!(meant(&[dead()]).await, None);
        assert_eq!(meant(&[]).await, None);
    }
}
