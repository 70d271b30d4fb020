use std::path::PathBuf;

use proptest::prelude::*;
use rstest::rstest;
use serde::Deserialize;
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::client::double::{self, endpoint, with_short_timeouts};
use crate::config::discovered::Reach;
use crate::driver::ha::patroni::discover::discover;
use crate::driver::ha::patroni::record;
use crate::driver::port::Check;
use crate::model::checkup::{CheckAspect, CheckupVerdict};

fn recorded(file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

async fn serving(status: u16, body: impl Into<Vec<u8>>) -> MockServer {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(status).set_body_raw(body, "application/json");
    Mock::given(path("/patroni")).respond_with(answer).mount(&server).await;
    server
}

async fn observe_as(name: &str, status: u16, body: impl Into<Vec<u8>>) -> Result<AgentReport, SourceError> {
    let server = serving(status, body).await;
    let mut node = PatroniNode::new(name.into(), endpoint(server.uri()), Some("pg-ha".into()));
    match node.observe(Moment::START).await? {
        Facts::Agent(report) => Ok(*report),
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[tokio::test]
async fn every_recorded_answer_is_understood_to_its_last_word(
    #[files("fixtures/patroni-*/*/*.patroni*.json")] file: PathBuf,
) {
    let name = file.file_name().and_then(|name| name.to_str()).and_then(|name| name.split('.').next()).expect("a name");
    let report = observe_as(name, 200, std::fs::read(&file).expect("a file")).await.expect("a report");
    assert!(!matches!(report.role, Role::Unknown(_)), "{:?}", report.role);
    assert!(!matches!(report.state, MemberState::Unknown(_)), "{:?}", report.state);
    assert_eq!(report.name, Some(name.into()));
    assert!(report.dcs_last_seen.is_some() && report.agent_version.is_some());
    if report.state.is_up() {
        assert!(report.system_id.is_some() && report.timeline.is_some() && report.postmaster_started.is_some());
        assert!(report.position.and_then(|position| position.furthest()).is_some());
    }
}

#[tokio::test]
async fn the_master_of_3_3_is_a_primary_with_its_standbys() {
    let report = observe_as("pg-1", 200, recorded("patroni-3.3/healthy/pg-1.patroni.json")).await.expect("a report");
    assert_eq!((report.role, report.state), (Role::Primary, MemberState::Running));
    assert_eq!(report.position, Some(Position::Writing { at: Lsn(89_194_544) }));
    let standbys: Vec<_> = report.downstream.iter().map(|standby| standby.application.as_str()).collect();
    assert_eq!(standbys, ["pg-0", "pg-2"]);
    assert_eq!(report.downstream[0].sync, Some(SyncState::Async));
    assert_eq!(report.system_id, Some(SystemId(7_710_509_575_901_450_352)));
    assert_eq!(report.agent_version, Some("3.3.8".into()));
}

#[tokio::test]
async fn a_standby_leader_without_its_source_says_so_by_naming_no_stream() {
    let streams = async |name: &str| {
        let text = recorded(&format!("patroni-4.0/standby-leader-cut/{name}.patroni.json"));
        observe_as(name, 200, text).await.expect("a report").streams()
    };
    assert_eq!(streams("pg-2").await, Some(false), "the standby leader");
    assert_eq!((streams("pg-0").await, streams("pg-1").await), (Some(true), Some(true)), "they stream from it");
}

#[tokio::test]
async fn a_demoted_node_without_postgresql_claims_nothing_it_does_not_know() {
    let text = recorded("patroni-3.3/just-switched-over/pg-1.patroni.json");
    let report = observe_as("pg-1", 200, text).await.expect("a report");
    assert_eq!((report.role, report.state), (Role::Demoted, MemberState::Stopped));
    assert_eq!((report.position, report.timeline, report.postmaster_started), (None, None, None));
}

#[tokio::test]
async fn a_streaming_replica_tells_its_position_and_pause() {
    let text = recorded("patroni-4.0/paused/pg-0.patroni.json");
    let report = observe_as("pg-0", 200, text).await.expect("a report");
    assert_eq!(report.replication_state, Some(MemberState::Streaming));
    assert!(report.paused);
    let Some(Position::Replaying { received, replayed, replayed_at, paused }) = report.position else {
        panic!("{:?}", report.position)
    };
    assert_eq!((received, paused), (replayed, Some(false)));
    assert!(replayed_at.is_some());
}

#[tokio::test]
async fn a_pending_restart_names_its_settings() {
    let text = recorded("patroni-4.0/pending-restart/pg-0.patroni.json");
    let report = observe_as("pg-0", 200, text).await.expect("a report");
    assert!(report.pending_restart);
    let setting = &report.pending_settings[0];
    let values = (setting.old.as_ref().map(Text::as_str), setting.new.as_ref().map(Text::as_str));
    assert_eq!((setting.name.as_str(), values), ("max_connections", (Some("100"), Some("120"))));
}

#[tokio::test]
async fn a_503_with_a_status_is_an_answer() {
    let body = json!({"state": "starting", "role": "replica", "patroni": {"version": "4.1.0", "scope": "pg-ha"}});
    let report = observe_as("pg-0", 503, body.to_string()).await.expect("a report");
    assert_eq!(report.state, MemberState::Starting);
}

#[tokio::test]
async fn an_http_1_0_answer_without_a_length_is_read_to_its_end() {
    let body = recorded("patroni-4.1/healthy/pg-0.patroni.json");
    let answer = format!(
        "HTTP/1.0 200 OK\r\nServer: BaseHTTP/0.6 Python/3.13.5\r\nContent-Type: application/json\r\n\r\n{body}"
    );
    let mut node = PatroniNode::new("pg-0".into(), endpoint(format!("http://{}", double::answering(answer))), None);
    for _ in 0..2 {
        let facts = node.observe(Moment::START).await.expect("facts");
        assert!(matches!(facts, Facts::Agent(report) if report.role == Role::Replica));
    }
}

#[rstest]
#[case("pg-1", "pg-ha", "is the agent of pg-1, not of pg-0")]
#[case("pg-0", "other", "belongs to scope other, not pg-ha")]
#[tokio::test]
async fn an_agent_of_another_node_or_cluster_is_not_believed(
    #[case] name: &str,
    #[case] scope: &str,
    #[case] words: &str,
) {
    let body = json!({"state": "running", "role": "primary", "patroni": {"scope": scope, "name": name}});
    let error = observe_as("pg-0", 200, body.to_string()).await.expect_err("a stranger");
    assert_eq!((error.failure_kind, error.detail.as_str()), (FailureKind::UnexpectedAnswer, words));
}

#[rstest]
#[case("<!DOCTYPE HTML><title>Welcome to nginx!</title>", "HTTP 200: HTML instead of JSON: Welcome to nginx!")]
#[case("{\"state\": \"run", "HTTP 200: truncated JSON")]
#[case("[]", "HTTP 200: not a JSON object")]
#[case("{\"status\": \"UP\"}", "HTTP 200: JSON, but not from Patroni")]
#[case("", "HTTP 200: empty response instead of JSON")]
#[tokio::test]
async fn what_is_not_patronis_answer_is_reported_by_its_first_line(#[case] body: &str, #[case] detail: &str) {
    let error = observe_as("pg-0", 200, body).await.expect_err("unexpected");
    assert_eq!((error.failure_kind, error.detail.as_str()), (FailureKind::UnexpectedAnswer, detail));
}

#[tokio::test]
async fn every_way_to_fail_has_its_own_word() {
    let failure_kind = async |endpoint: HttpEndpoint| {
        let mut node = PatroniNode::new("pg-0".into(), endpoint, None);
        node.observe(Moment::START).await.expect_err("a failure").failure_kind
    };
    assert_eq!(failure_kind(endpoint(format!("http://{}", double::refused()))).await, FailureKind::Refused);
    assert_eq!(
        failure_kind(with_short_timeouts(endpoint(format!("http://{}", double::silent())))).await,
        FailureKind::TimedOut
    );
    assert_eq!(failure_kind(endpoint(format!("http://{}", double::answering("")))).await, FailureKind::Closed);
    assert_eq!(failure_kind(endpoint("http://no-such-host.invalid:8008")).await, FailureKind::Name);
    assert_eq!(failure_kind(endpoint(serving(401, "").await.uri())).await, FailureKind::Credentials);
    assert_eq!(failure_kind(endpoint(serving(403, "").await.uri())).await, FailureKind::Permission);
    assert_eq!(failure_kind(endpoint("not a url")).await, FailureKind::Unsupported);
    let (endless, _) = double::endless("HTTP/1.0 200 OK\r\n\r\n", "{\"state\": ");
    assert_eq!(failure_kind(endpoint(format!("http://{endless}"))).await, FailureKind::TooLarge);
    let mut missing_file = endpoint("https://127.0.0.1:1");
    missing_file.tls.ca = vec!["/nonexistent/ca.pem".into()];
    assert_eq!(failure_kind(missing_file).await, FailureKind::Tls);
}

#[tokio::test]
async fn nothing_a_terminal_obeys_comes_through() {
    let evil = "pg\u{1b}]0;owned\u{7}-0";
    let body = json!({"state": "run\u{1b}[2Jning\u{202e}", "role": "wi\u{9b}31mtch",
        "replication": [{"application_name": "\u{1b}[31mapp", "state": "streaming\r\n"}],
        "tags": {"zone\u{1b}[0m": "b\u{7}"}, "patroni": {"scope": "pg-ha", "name": evil}});
    let report = observe_as("pg-0", 200, body.to_string()).await.expect("a report");
    let shown = serde_json::to_string(&report).expect("text");
    assert!(!shown.contains("\\u00") && !shown.contains("owned"), "{shown}");
    assert_eq!(report.downstream[0].application, "app");
}

#[tokio::test]
async fn doctor_reads_version_identity_and_the_silence_of_the_dcs() {
    let body = json!({"state": "running", "role": "master", "dcs_last_seen": 1_600_000_000,
        "patroni": {"version": "2.1.4", "scope": "pg-ha"}});
    let server = serving(200, body.to_string()).await;
    let lines = PatroniNode::new("pg-0".into(), endpoint(server.uri()), Some("pg-ha".into())).check().await;
    let verdicts: Vec<_> = lines.iter().map(|line| (line.aspect, line.verdict)).collect();
    assert_eq!(
        verdicts,
        [
            (CheckAspect::Reach, CheckupVerdict::Pass),
            (CheckAspect::Version, CheckupVerdict::Warn),
            (CheckAspect::Identity, CheckupVerdict::Skipped),
            (CheckAspect::Clock, CheckupVerdict::Pass),
            (CheckAspect::Reach, CheckupVerdict::Warn),
        ]
    );
    let lines = PatroniNode::new("pg-0".into(), endpoint(server.uri()), Some("prod".into())).check().await;
    assert!(lines.iter().any(|line| (line.aspect, line.verdict) == (CheckAspect::Identity, CheckupVerdict::Fail)));
}

#[tokio::test]
async fn discovery_tells_which_advertised_addresses_work_from_here() {
    let server = MockServer::start().await;
    let answer = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    let status = json!({"state": "running", "role": "primary", "pause": true,
        "patroni": {"version": "4.0.7", "scope": "prod", "name": "a"}});
    let cluster = json!({"scope": "prod", "members": [
        {"name": "a", "role": "leader", "state": "running", "api_url": format!("{}/patroni", server.uri()),
         "host": "10.0.0.1", "port": 5432},
        {"name": "b", "role": "replica", "api_url": format!("http://{}/patroni", double::refused()), "host": "10.0.0.2",
         "port": 5433},
        {"name": "c", "role": "replica", "api_url": null, "host": "10.0.0.3", "port": 5432},
        {"name": "d", "role": "replica", "api_url": format!("{}/patroni", server.uri())},
    ]});
    Mock::given(path("/patroni")).respond_with(answer(status)).mount(&server).await;
    Mock::given(path("/cluster")).respond_with(answer(cluster)).mount(&server).await;
    let found = discover(&endpoint(format!("{}/patroni", server.uri()))).await.expect("a cluster");
    assert_eq!((found.scope.as_deref(), found.namespace.as_deref(), found.paused), (Some("prod"), None, true));
    let reaches: Vec<_> = found.members.iter().map(|member| member.reach.clone()).collect();
    assert_eq!(reaches[0], Reach::Answers);
    assert!(matches!(&reaches[1], Reach::Fails(words) if words.starts_with("connection refused")), "{:?}", reaches[1]);
    assert_eq!(reaches[2], Reach::Untried);
    assert_eq!(reaches[3], Reach::Fails("the agent there is the agent of a, not of d".to_owned()));
    assert_eq!((found.members[1].host.as_deref(), found.members[1].port), (Some("10.0.0.2"), Some(5433)));
    assert_eq!(found.members[0].api_url, Some(server.uri()));
}

#[tokio::test]
async fn discovery_without_a_dcs_knows_the_one_node_and_says_so() {
    let body = json!({"state": "running", "role": "replica", "patroni": {"scope": "prod", "name": "a"}});
    let server = serving(200, body.to_string()).await;
    let found = discover(&endpoint(server.uri())).await.expect("a node");
    assert_eq!(found.members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>(), ["a"]);
    assert!(found.notes.iter().any(|note| note.starts_with("members could not be listed")), "{:?}", found.notes);
}

proptest! {
    #[test]
    fn no_status_brings_the_conversion_down(value in record::tests::any_json()) {
        if let Ok(mut status) = PatroniStatus::deserialize(&value) {
            status.record = value;
            agent_report(&status);
        }
    }
}
