//! HAProxy by its two interfaces: the statistics page over HTTP, and the runtime API. Each is a source of its own.

use std::time::Duration;

use futures::future::BoxFuture;

use super::haproxy_rows::{LastChecks, info, reached, rows};
use crate::client::haproxy::{StatTable, StatisticsPage};
use crate::client::haproxy_runtime::{RuntimeAnswer, RuntimeError, RuntimeReader};
use crate::client::http::HttpHead;
use crate::config::address::AddressMap;
use crate::config::endpoint::{HttpEndpoint, RuntimeApi, Timeouts};
use crate::driver::failure_kind;
use crate::driver::port::{Facts, Observe, PollPace};
use crate::model::moment::Moment;
use crate::model::name::RouterName;
use crate::model::router::{ProxyKind, ProxyRow, RouterReport};
use crate::model::source::{Source, SourceError, SourceKind};
use crate::model::text::Text;

/// The statistics page of one router. It also examines its endpoint for `doctor`.
#[derive(Debug)]
pub struct HaproxyPage {
    pub(super) source: Source,
    pub(super) endpoint: HttpEndpoint,
    page: Option<StatisticsPage>,
    pace: PollPace,
    map: AddressMap,
    last: LastChecks,
}

/// How often the page is read where the runtime API tells the same more fully: the router is asked once a second in all.
const STATISTICS_INTERVAL: Duration = Duration::from_secs(5);

impl HaproxyPage {
    /// The statistics page of `router` at `endpoint`: any URL under which the page is seen in a browser.
    pub fn new(router: &RouterName, endpoint: HttpEndpoint) -> Self {
        Self {
            source: Source::new(SourceKind::RouterHttp, router.as_str()),
            endpoint,
            page: None,
            pace: PollPace::Each,
            map: AddressMap::default(),
            last: LastChecks::default(),
        }
    }

    /// With where servers' addresses are reached from here.
    #[must_use]
    pub fn reaching(self, map: AddressMap) -> Self {
        Self { map, ..self }
    }

    /// As a second opinion on a router whose runtime API is read at every turn.
    #[must_use]
    pub fn with_runtime(self) -> Self {
        Self { pace: PollPace::Slow(STATISTICS_INTERVAL), ..self }
    }

    /// Asks once.
    pub(super) async fn ask(&mut self) -> Result<(StatTable, HttpHead), SourceError> {
        let page = match self.page.take() {
            Some(page) => Ok(page),
            None => StatisticsPage::new(&self.endpoint),
        };
        let page = self.page.insert(page.map_err(|error| failure_kind::http(&self.endpoint.url, &error))?);
        page.statistics().await.map_err(|error| failure_kind::http(&self.endpoint.url, &error))
    }
}

impl Observe for HaproxyPage {
    fn source(&self) -> &Source {
        &self.source
    }

    fn endpoint(&self) -> Text {
        Text::redacted(&self.endpoint.url)
    }

    fn pace(&self) -> PollPace {
        self.pace
    }

    fn observe(&mut self, _now: Moment) -> BoxFuture<'_, Result<Facts, SourceError>> {
        Box::pin(async move {
            let (table, _) = self.ask().await?;
            let mut rows = reached(rows(&table, |_, _| None), &self.map);
            self.last.complete(&mut rows);
            let report = RouterReport { info: None, rows };
            Ok(Facts::Router(Box::new(report)))
        })
    }
}

/// Where the runtime API is, for messages.
pub(super) fn runtime_endpoint(api: &RuntimeApi) -> Text {
    match api {
        RuntimeApi::Tcp(address) => Text::new(address),
        RuntimeApi::Unix(path) => Text::new(path.to_string_lossy()),
    }
}

/// The runtime API of one router. It also examines its endpoint for `doctor`.
#[derive(Debug)]
pub struct HaproxyRuntime {
    pub(super) source: Source,
    pub(super) endpoint: Text,
    pub(super) reader: RuntimeReader,
    map: AddressMap,
    last: LastChecks,
}

impl HaproxyRuntime {
    /// The runtime API of `router`.
    pub fn new(router: &RouterName, api: RuntimeApi, timeouts: Timeouts) -> Self {
        let source = Source::new(SourceKind::RouterRuntime, router.as_str());
        let (map, last) = (AddressMap::default(), LastChecks::default());
        Self { source, endpoint: runtime_endpoint(&api), reader: RuntimeReader::new(api, timeouts), map, last }
    }

    /// With where servers' addresses are reached from here.
    #[must_use]
    pub fn reaching(self, map: AddressMap) -> Self {
        Self { map, ..self }
    }

    /// The servers of one backend.
    ///
    /// # Errors
    /// When no complete answer came.
    pub async fn servers(&self, backend: &Text) -> Result<Vec<ProxyRow>, SourceError> {
        let answer = self.reader.read().await.map_err(|error| self.failure(&error))?;
        let mut rows = runtime_report(&answer).rows;
        rows.retain(|row| row.kind == ProxyKind::Server && row.proxy == *backend);
        Ok(rows)
    }

    /// A failure of the runtime API in the model's words.
    pub(super) fn failure(&self, error: &RuntimeError) -> SourceError {
        failure_kind::source_error(self.endpoint.as_str(), error.cause(), error)
    }
}

impl Observe for HaproxyRuntime {
    fn source(&self) -> &Source {
        &self.source
    }

    fn endpoint(&self) -> Text {
        self.endpoint.clone()
    }

    fn pace(&self) -> PollPace {
        PollPace::Each
    }

    fn observe(&mut self, _now: Moment) -> BoxFuture<'_, Result<Facts, SourceError>> {
        Box::pin(async move {
            let answer = self.reader.read().await.map_err(|error| self.failure(&error))?;
            let RouterReport { info, rows } = runtime_report(&answer);
            let mut rows = reached(rows, &self.map);
            self.last.complete(&mut rows);
            Ok(Facts::Router(Box::new(RouterReport { info, rows })))
        })
    }
}

pub(super) fn runtime_report(answer: &RuntimeAnswer) -> RouterReport {
    let state = |proxy: &str, server: &str| answer.servers.get(&(proxy.to_owned(), server.to_owned()));
    RouterReport { info: info(&answer.info), rows: rows(&answer.statistics, state) }
}

#[cfg(test)]
mod tests;
