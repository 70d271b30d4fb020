//! `postgres_exporter` beside a node: reachable, and whether it reaches its server. A side source, asked seldom.

use futures::future::BoxFuture;

use crate::client::http::{Connections, HttpReader};
use crate::client::prometheus::Sample;
use crate::config::endpoint::HttpEndpoint;
use crate::driver::checklist::Checklist;
use crate::driver::failure_kind;
use crate::driver::port::Check;
use crate::driver::side_metrics::SideMetrics;
use crate::model::checkup::{CheckAspect, CheckLine};
use crate::model::metrics::MetricsReport;
use crate::model::name::NodeName;
use crate::model::source::{Source, SourceKind};
use crate::model::text::Text;

/// The exporter of `name` at `endpoint`; a URL without a path means `/metrics`.
pub fn exporter(name: &NodeName, endpoint: HttpEndpoint) -> SideMetrics {
    let url = endpoint.url.trim();
    let bare = url.split_once("://").is_some_and(|(_, rest)| !rest.trim_end_matches('/').contains('/'));
    let path = if bare { "/metrics" } else { "" };
    SideMetrics::new(Source::new(SourceKind::Exporter, name.as_str()), endpoint, path, note)
}

/// The exporter of one node, for `doctor`.
#[derive(Debug)]
pub struct ExporterCheck {
    source: Source,
    metrics: SideMetrics,
}

impl ExporterCheck {
    /// Examines the exporter of `name` at `endpoint`.
    pub fn new(name: &NodeName, endpoint: HttpEndpoint) -> Self {
        Self { source: Source::new(SourceKind::Exporter, name.as_str()), metrics: exporter(name, endpoint) }
    }

    async fn examine(&mut self) -> Vec<CheckLine> {
        let endpoint = self.metrics.settings().clone();
        let mut list = Checklist::new(self.source.clone(), Text::redacted(&endpoint.url));
        match HttpReader::new(&endpoint, Connections::Fresh) {
            Ok(http) => list.transport(&http, &endpoint).await,
            Err(error) => {
                list.failed(&failure_kind::http(&endpoint.url, &error));
                return list.into_lines();
            }
        }
        match self.metrics.ask().await {
            Err(error) => list.failed(&failure_kind::http(&endpoint.url, &error)),
            Ok(report) => {
                list.pass(CheckAspect::Reach, format!("returns {} samples", report.samples));
                match &report.version {
                    Some(version) => list.pass(CheckAspect::Version, format!("exporter {version}")),
                    None => list.skipped(CheckAspect::Version, "the exporter reports no version"),
                }
                match report.up {
                    Some(true) => list.pass(CheckAspect::Credentials, "the exporter can connect to its PostgreSQL"),
                    Some(false) => {
                        let remedy = "check the connection string of the exporter and its log";
                        list.warn(CheckAspect::Credentials, "the exporter cannot connect to its PostgreSQL", remedy);
                    }
                    None => list.unknown(CheckAspect::Identity, "no pg_up metric: not a PostgreSQL exporter?", ""),
                }
            }
        }
        list.into_lines()
    }
}

/// An exporter of several servers has several `pg_up`; one that is down counts.
fn note(report: &mut MetricsReport, sample: &Sample<'_>) {
    if sample.name == "pg_up" {
        let up = sample.number().map(|number| number != 0.0);
        report.up = if report.up == Some(false) { report.up } else { up };
    } else if sample.name.ends_with("_exporter_build_info") {
        report.version = sample.label("version").map(Text::new);
    }
}

impl Check for ExporterCheck {
    fn endpoint(&self) -> Text {
        Text::redacted(&self.metrics.settings().url)
    }

    fn check(&mut self) -> BoxFuture<'_, Vec<CheckLine>> {
        Box::pin(self.examine())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::client::double::{self, endpoint};
    use crate::driver::port::{Facts, Observe};
    use crate::model::checkup::CheckupVerdict;
    use crate::model::moment::Moment;
    use crate::model::source::{FailureKind, SourceError};

    async fn observe(text: &str) -> Result<Facts, SourceError> {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(200).set_body_string(text);
        Mock::given(path("/metrics")).respond_with(answer).mount(&server).await;
        let bare = exporter(&"pg-0".into(), endpoint(server.uri())).observe(Moment::START).await;
        let whole = endpoint(format!("{}/metrics", server.uri()));
        assert_eq!(exporter(&"pg-0".into(), whole).observe(Moment::START).await, bare);
        bare
    }

    #[tokio::test]
    async fn the_recorded_exporter_is_up_and_tells_its_version() {
        let facts = observe(include_str!("../../fixtures/exporter-0.17/healthy/pg-0.txt")).await.expect("facts");
        let Facts::Metrics(report) = facts else { panic!("{facts:?}") };
        assert_eq!((report.up, report.version), (Some(true), Some("0.17.1".into())));
        assert!(report.samples > 100, "{}", report.samples);
    }

    #[rstest]
    #[case("pg_up 0\n", Some(false))]
    #[case("pg_up{server=\"a\"} 0\npg_up{server=\"b\"} 1\n", Some(false))]
    #[case("process_open_fds 7\n", None)]
    #[tokio::test]
    async fn an_exporter_that_reaches_no_server_is_not_up_and_silence_is_unknown(
        #[case] text: &str,
        #[case] up: Option<bool>,
    ) {
        let facts = observe(text).await.expect("facts");
        assert!(matches!(facts, Facts::Metrics(report) if report.up == up));
    }

    #[tokio::test]
    async fn an_endless_exporter_is_given_up() {
        let (address, _) = double::endless("HTTP/1.0 200 OK\r\n\r\n", "pg_up 1\n");
        let mut source = exporter(&"pg-0".into(), endpoint(format!("http://{address}")));
        assert_eq!(source.observe(Moment::START).await.expect_err("too large").failure_kind, FailureKind::TooLarge);
    }

    #[tokio::test]
    async fn doctor_says_when_nothing_listens() {
        let mut exporter = ExporterCheck::new(&"pg-0".into(), endpoint(format!("http://{}", double::refused())));
        let lines = exporter.check().await;
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].aspect, lines[0].verdict), (CheckAspect::Reach, CheckupVerdict::Fail));
        assert!(lines[0].remedy.as_str().contains("port"));
    }
}
