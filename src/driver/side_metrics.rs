//! A Prometheus endpoint beside a node: a side source, asked seldom, of which a few samples are wanted. Which ones is
//! for whoever makes it to say.

use std::time::Duration;

use futures::future::BoxFuture;

use crate::client::http::{Connections, HttpError, HttpReader};
use crate::client::prometheus::{Sample, Scan};
use crate::config::endpoint::HttpEndpoint;
use crate::driver::failure_kind;
use crate::driver::port::{Facts, Observe, PollPace};
use crate::model::metrics::MetricsReport;
use crate::model::moment::Moment;
use crate::model::source::{Source, SourceError};
use crate::model::text::Text;

/// How often side sources are asked.
const PACE: PollPace = PollPace::Slow(Duration::from_secs(15));

/// Puts what a sample says into the report.
pub(crate) type Note = fn(&mut MetricsReport, &Sample<'_>);

/// The metrics at one endpoint.
#[derive(Debug)]
pub struct SideMetrics {
    source: Source,
    endpoint: HttpEndpoint,
    path: &'static str,
    note: Note,
    http: Option<HttpReader>,
}

impl SideMetrics {
    /// The metrics at `path` below the URL of `endpoint`, read by `note`.
    pub(crate) fn new(source: Source, endpoint: HttpEndpoint, path: &'static str, note: Note) -> Self {
        Self { source, endpoint, path, note, http: None }
    }

    /// Where they are.
    pub(crate) fn settings(&self) -> &HttpEndpoint {
        &self.endpoint
    }

    /// Asks once.
    ///
    /// # Errors
    /// When no complete answer came, or one without samples.
    pub(crate) async fn ask(&mut self) -> Result<MetricsReport, HttpError> {
        let http = match self.http.take() {
            Some(http) => http,
            None => HttpReader::new(&self.endpoint, Connections::Fresh)?,
        };
        let note = self.note;
        let mut report = MetricsReport { up: None, version: None, samples: 0, dcs_last_seen: None };
        report.samples = Scan::read(self.http.insert(http), self.path, |sample| note(&mut report, sample)).await?;
        Ok(report)
    }
}

impl Observe for SideMetrics {
    fn source(&self) -> &Source {
        &self.source
    }

    fn endpoint(&self) -> Text {
        Text::redacted(&self.endpoint.url)
    }

    fn pace(&self) -> PollPace {
        PACE
    }

    fn observe(&mut self, _now: Moment) -> BoxFuture<'_, Result<Facts, SourceError>> {
        Box::pin(async move {
            let report = self.ask().await;
            report.map(Facts::Metrics).map_err(|error| failure_kind::http(&self.endpoint.url, &error))
        })
    }
}
