//! Patroni's `/metrics`: reachable, and what it says of its PostgreSQL and its DCS. A side source, asked seldom.

use jiff::Timestamp;

use crate::client::patroni;
use crate::client::prometheus::Sample;
use crate::config::endpoint::HttpEndpoint;
use crate::driver::side_metrics::SideMetrics;
use crate::model::metrics::MetricsReport;
use crate::model::name::NodeName;
use crate::model::source::{Source, SourceKind};
use crate::model::text::Text;

/// The metrics of the agent of `name` at `endpoint`, the base URL.
pub fn patroni_metrics(name: &NodeName, endpoint: &HttpEndpoint) -> SideMetrics {
    let source = Source::new(SourceKind::PatroniMetrics, name.as_str());
    SideMetrics::new(source, patroni::base(endpoint), "/metrics", note)
}

fn note(report: &mut MetricsReport, sample: &Sample<'_>) {
    match sample.name {
        "patroni_postgres_running" => report.up = sample.number().map(|number| number != 0.0),
        "patroni_version" => report.version = version(sample.value).map(Text::new),
        "patroni_dcs_last_seen" => {
            let seconds = sample.number().filter(|seconds| *seconds > 0.0);
            report.dcs_last_seen = seconds.and_then(|seconds| Timestamp::from_second(seconds as i64).ok());
        }
        _ => {}
    }
}

/// `040104` is 4.1.4: two digits each, the first zero sometimes lost on the way.
fn version(digits: &str) -> Option<String> {
    let number: u32 = digits.parse().ok().filter(|number| *number > 0)?;
    Some(format!("{}.{}.{}", number / 10_000, number / 100 % 100, number % 100))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::client::double::endpoint;
    use crate::driver::port::{Facts, Observe};
    use crate::model::moment::Moment;
    use crate::model::source::{FailureKind, SourceError};

    #[rstest]
    #[case("040104", Some("4.1.4"))]
    #[case("30304", Some("3.3.4"))]
    #[case("0", None)]
    #[case("four", None)]
    fn zero_padded_versions_are_read(#[case] digits: &str, #[case] expected: Option<&str>) {
        assert_eq!(version(digits).as_deref(), expected);
    }

    async fn observe(response: ResponseTemplate) -> Result<Facts, SourceError> {
        let server = MockServer::start().await;
        Mock::given(path("/metrics")).respond_with(response).mount(&server).await;
        patroni_metrics(&"pg-0".into(), &endpoint(server.uri())).observe(Moment::START).await
    }

    #[tokio::test]
    async fn the_stray_blank_of_old_versions_is_no_obstacle() {
        let text = "patroni_version{scope=\"a\"} 030304\npatroni_postgres_server_version {scope=\"a\"} 150004\n\
                    patroni_postgres_running{scope=\"a\"} 1\npatroni_dcs_last_seen{scope=\"a\"} 1795242134\n";
        let facts = observe(ResponseTemplate::new(200).set_body_string(text)).await.expect("facts");
        let expected = MetricsReport {
            up: Some(true),
            version: Some("3.3.4".into()),
            samples: 4,
            dcs_last_seen: Timestamp::from_second(1_795_242_134).ok(),
        };
        assert_eq!(facts, Facts::Metrics(expected));
    }

    #[tokio::test]
    async fn a_page_without_metrics_is_an_unexpected_answer() {
        let html = ResponseTemplate::new(200).set_body_string("<html><h1>Login</h1></html>");
        let error = observe(html).await.expect_err("no metrics");
        assert_eq!(error.failure_kind, FailureKind::UnexpectedAnswer);
        assert_eq!(error.detail, "HTTP 200: no metrics: Login");
    }
}
