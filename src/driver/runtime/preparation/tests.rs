//! How a preparation stands, by answers of an engine that a double gives as a real one gave them.

use rstest::rstest;
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::client::double::{refused, silent};
use crate::model::checkup::CheckupVerdict;

const ENDED: &str = include_str!("../../../../fixtures/docker-20.10/inspect-ended.json");
const FAILED: &str = include_str!("../../../../fixtures/docker-20.10/inspect-failed.json");
const RUNNING: &str = include_str!("../../../../fixtures/docker-20.10/inspect-running.json");
const CREATED: &str = include_str!("../../../../fixtures/docker-20.10/inspect-created.json");
const GONE: &str = r#"{"message": "No such container: db-init"}"#;

fn json(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(text.to_owned(), "application/json")
}

/// A piece of a log as the engine frames it: 2 is standard error.
fn framed(stream: u8, text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("a short text").to_be_bytes();
    [&[stream, 0, 0, 0], length.as_slice(), text.as_bytes()].concat()
}

async fn engine(inspected: &str) -> MockServer {
    let server = MockServer::start().await;
    let answer = if inspected == GONE { ResponseTemplate::new(404).set_body_string(GONE) } else { json(inspected) };
    Mock::given(method("GET")).and(path_regex("/containers/[^/]+/json$")).respond_with(answer).mount(&server).await;
    Mock::given(method("GET"))
        .and(path_regex("/containers/json$"))
        .respond_with(json("[]"))
        .with_priority(1)
        .mount(&server)
        .await;
    let log = [
        framed(1, "waiting for the router\n"),
        framed(2, "psql: error: connection to server at \"pg-router\" failed\n"),
        framed(2, "\u{1b}[31mpostgresql://app:lab-app@pg-router:5000/app lab-app\u{1b}[0m\n"),
    ];
    let log = ResponseTemplate::new(200).set_body_raw(log.concat(), "application/vnd.docker.raw-stream");
    Mock::given(method("GET")).and(path_regex("/containers/[^/]+/logs$")).respond_with(log).mount(&server).await;
    server
}

fn preparation(address: &str) -> ContainerPreparation {
    let settings = PreparationSettings {
        container: "db-init".to_owned(),
        user: None,
        database: None,
        engine: None,
        project: None,
    };
    let address = format!("tcp://{}", address.trim_start_matches("http://"));
    ContainerPreparation::new(&settings, &address, vec![("127.0.0.13".to_owned(), 5432)], Duration::from_millis(800))
}

async fn asked(inspected: &str) -> Preparation {
    let server = engine(inspected).await;
    let preparation = preparation(&server.uri()).ask().await.expect("an answer");
    let changed = server.received_requests().await.expect("recorded").into_iter().find(|asked| asked.method != "GET");
    assert!(changed.is_none(), "it only looks: {changed:?}");
    preparation
}

#[tokio::test]
async fn what_an_engine_tells_is_distinguished() {
    let done = asked(ENDED).await;
    assert_eq!(done.container.as_str(), "pgctl-lab_pg-cluster-init_1");
    assert!(matches!(done.state, PreparationState::Done { at: Some(_) }), "{done:?}");
    assert!(matches!(asked(RUNNING).await.state, PreparationState::Running { since: Some(_) }));
    assert_eq!(asked(CREATED).await.state, PreparationState::Waiting);
    let absent = asked(GONE).await;
    assert_eq!((absent.container.as_str(), absent.state), ("db-init", PreparationState::Absent));
}

#[tokio::test]
async fn a_failure_comes_with_its_last_lines_and_without_its_secrets() {
    let failed = asked(FAILED).await;
    let PreparationState::Failed { code, retries, lines, .. } = failed.state else { panic!("{failed:?}") };
    assert_eq!((code, retries, lines.len()), (3, false, 3));
    assert_eq!(lines[0].as_str(), "waiting for the router");
    let last = lines[2].as_str();
    assert!(!last.contains("lab-app") && !last.contains('\u{1b}') && last.contains("pg-router"), "{last}");
}

#[tokio::test]
async fn of_several_projects_the_one_that_publishes_the_clusters_ports_at_its_address_is_meant() {
    let server = MockServer::start().await;
    let container = |id: &str, project: &str, service: &str, ip: &str, port: u16| {
        serde_json::json!({
            "Id": id, "Names": [format!("/{project}_{service}_1")],
            "Ports": [{"IP": ip, "PrivatePort": 5432, "PublicPort": port, "Type": "tcp"}],
            "Labels": {"com.docker.compose.project": project, "com.docker.compose.service": service},
        })
    };
    let of_service = [container("a1", "a", "db-init", "0.0.0.0", 1), container("b1", "b", "db-init", "0.0.0.0", 2)];
    let running = [
        container("a0", "a", "pg-0", "127.0.0.13", 5632),
        container("b0", "b", "pg-0", "127.0.0.13", 5432),
        container("c0", "a", "pg-0", "127.0.0.1", 5432),
    ];
    let gone = ResponseTemplate::new(404).set_body_string(GONE);
    Mock::given(path_regex("/containers/db-init/json$")).respond_with(gone).mount(&server).await;
    Mock::given(path_regex("/containers/b1/json$")).respond_with(json(ENDED)).mount(&server).await;
    let by_label = wiremock::matchers::query_param_contains("filters", "com.docker.compose.service=db-init");
    let of_service = json(&serde_json::to_string(&of_service).expect("JSON"));
    Mock::given(path_regex("/containers/json$"))
        .and(by_label)
        .respond_with(of_service)
        .with_priority(1)
        .mount(&server)
        .await;
    let running = json(&serde_json::to_string(&running).expect("JSON"));
    Mock::given(path_regex("/containers/json$")).respond_with(running).mount(&server).await;
    let mut wanted = preparation(&server.uri());
    let found = wanted.ask().await.expect("one of them");
    assert!(matches!(found.state, PreparationState::Done { .. }), "{found:?}");
    // Nobody publishes a port of this cluster: it may be neither.
    wanted.endpoints = vec![("127.0.0.13".to_owned(), 9)];
    assert_eq!(wanted.ask().await.expect("an answer").state, PreparationState::Absent);
    wanted.settings.project = Some("b".to_owned());
    assert!(matches!(wanted.ask().await.expect("by its project").state, PreparationState::Done { .. }));
}

#[tokio::test]
async fn an_engine_that_is_gone_or_silent_costs_its_patience_and_no_more() {
    let error = preparation(&refused()).ask().await.expect_err("nobody is there");
    assert_eq!(error.failure_kind, FailureKind::Refused, "{error}");
    let began = std::time::Instant::now();
    let error = preparation(&silent()).ask().await.expect_err("nobody answers");
    assert_eq!(error.failure_kind, FailureKind::TimedOut, "{error}");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[rstest]
#[case(ENDED, CheckupVerdict::Pass, "successfully (exit code 0")]
#[case(RUNNING, CheckupVerdict::Pass, "is setting up the cluster since 2026-")]
#[case(CREATED, CheckupVerdict::Warn, "never started")]
#[case(FAILED, CheckupVerdict::Fail, "exited with code 3: ")]
#[case(GONE, CheckupVerdict::Unknown, "there is no container db-init")]
#[tokio::test]
async fn doctor_says_how_it_stands(#[case] inspected: &str, #[case] verdict: CheckupVerdict, #[case] words: &str) {
    let server = engine(inspected).await;
    let lines = preparation(&server.uri()).check().await;
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(line.verdict, verdict, "{line:?}");
    assert!(line.text.as_str().contains(words) && !line.text.as_str().contains("lab-app"), "{line:?}");
    assert_eq!(line.remedy.is_empty(), verdict == CheckupVerdict::Pass, "{line:?}");
}

#[tokio::test]
async fn without_an_engine_doctor_leaves_it_out_and_says_so() {
    let mut nowhere = preparation(&refused());
    for engine in [nowhere.engine.clone(), "unix:///nonexistent/docker.sock".to_owned()] {
        nowhere.engine = engine;
        let lines = nowhere.check().await;
        assert_eq!(lines[0].verdict, CheckupVerdict::Skipped);
        assert!(lines[0].text.as_str().contains("no container engine available"), "{lines:?}");
    }
}
