use std::path::{Path, PathBuf};
use std::time::Duration;

use rstest::rstest;
use wiremock::matchers;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::client::double::{self, endpoint};
use crate::driver::port::Check;
use crate::model::checkup::{Aspect, Verdict};
use crate::model::router::{Hold, OwnCheck, ProxyKind, ProxyRow, ProxyStatus, ServerControl};
use crate::model::source::Trouble;

const PATIENT: Timeouts = Timeouts { connect: Duration::from_secs(10), request: Duration::from_secs(10) };

fn file(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/haproxy-3.0").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn report(facts: Facts) -> RouterReport {
    let Facts::Router(report) = facts else { panic!("{facts:?}") };
    *report
}

async fn page(body: impl Into<String>) -> Result<RouterReport, SourceError> {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_string(body.into());
    Mock::given(matchers::path("/stats;csv")).respond_with(answer).mount(&server).await;
    let mut page = HaproxyPage::new(&"lb".into(), endpoint(format!("{}/stats", server.uri())));
    page.observe(Moment::START).await.map(report)
}

fn runtime(answer: impl Into<Vec<u8>>) -> HaproxyRuntime {
    HaproxyRuntime::new(&"lb".into(), RuntimeApi::Tcp(double::answering(answer)), PATIENT)
}

fn row<'a>(report: &'a RouterReport, proxy: &str, server: &str) -> &'a ProxyRow {
    report.rows.iter().find(|row| row.proxy == proxy && row.server == server).expect("a row")
}

#[tokio::test]
async fn the_recorded_page_of_a_healthy_cluster_is_read() {
    let report = page(file("healthy/stats.csv")).await.expect("a report");
    assert_eq!(report.rows.len(), 17);
    let up = row(&report, "primary", "pg-2");
    assert_eq!((up.kind, &up.status), (ProxyKind::Server, &ProxyStatus::Up));
    assert_eq!(up.sessions_limit, Some(100));
    let down = row(&report, "primary", "pg-0");
    let check = down.check.as_ref().expect("a check");
    assert_eq!((&down.status, check.result.as_str(), check.code), (&ProxyStatus::Down, "L7STS", Some(503)));
    assert_eq!(check.description, "Layer7 wrong status: Service Unavailable");
    assert_eq!(down.last_session, None, "-1 is never");
    assert_eq!(down.address, None, "the page tells no addresses");
    assert_eq!(row(&report, "primary", "FRONTEND").kind, ProxyKind::Frontend);
    assert_eq!(row(&report, "primary", "FRONTEND").status, ProxyStatus::Open);
    assert_eq!(row(&report, "replicas", "BACKEND").active, Some(2));
}

#[tokio::test]
async fn the_runtime_api_adds_the_process_and_the_addresses() {
    let parts = ["show-info.txt", "show-stat.csv", "show-servers-state.txt"];
    let joined: String = parts.iter().map(|part| file(&format!("healthy/{part}"))).collect();
    let whole = report(runtime(joined.clone()).observe(Moment::START).await.expect("a report"));
    let info = whole.info.as_ref().expect("the process");
    assert_eq!((info.version.as_str(), info.max_connections), ("3.0.11-1+deb13u3", 500));
    assert_eq!((info.uptime, info.idle_percent), (Duration::from_secs(46), Some(100)));
    assert_eq!(row(&whole, "any", "pg-1").address, Some("10.213.0.21:5432".into()));
    let control = |server: &str| row(&whole, "primary", server).control;
    let held = |running, check| Some(ServerControl { running, hold: Hold::None, check, agent: false });
    assert_eq!(control("pg-2"), held(true, OwnCheck::Passed));
    assert_eq!(control("pg-1"), held(false, OwnCheck::Failed));
    // At user level the table has no addresses; the servers' state has.
    let user = joined.replace("10.213.0.20:5432,", ",");
    let user = report(runtime(user).observe(Moment::START).await.expect("a report"));
    assert_eq!(row(&user, "any", "pg-0").address, Some("10.213.0.20:5432".into()));
}

#[rstest]
#[tokio::test]
async fn every_recorded_table_is_read_to_its_last_status(#[files("fixtures/haproxy-3.0/*/*st*.csv")] file: PathBuf) {
    let text = std::fs::read_to_string(&file).expect("a file");
    let table = StatTable::parse(text.as_bytes()).expect("a table");
    let rows = rows(&table, |_, _| None);
    assert!(rows.iter().any(|row| row.kind == ProxyKind::Server));
    for row in rows {
        assert!(!matches!(row.status, ProxyStatus::Unknown(_)), "{}: {:?}", name(&file), row.status);
    }
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

#[tokio::test]
async fn a_table_cut_off_is_refused_rather_than_shown_in_part() {
    let text = file("healthy/stats.csv");
    let half = text.char_indices().nth(text.len() * 2 / 3).map(|(at, _)| &text[..at]).expect("a half");
    let error = page(half).await.expect_err("cut off");
    assert_eq!((error.trouble, error.detail.as_str()), (Trouble::UnexpectedAnswer, "HTTP 200: CSV that is cut off"));
}

#[tokio::test]
async fn control_sequences_in_names_and_checks_do_not_come_through() {
    let text = "# pxname,svname,status,type,check_status,last_chk,\n\
        \u{1b}[31mprimary,pg\u{9b}2J-0,UP\u{7},2,* L7OK,\"\u{1b}]0;owned\u{7}fine\",\nprimary,BACKEND,UP,1,,,\n";
    let report = page(text).await.expect("a report");
    let row = &report.rows[0];
    assert_eq!((row.proxy.as_str(), row.server.as_str(), &row.status), ("primary", "pg-0", &ProxyStatus::Up));
    let check = row.check.as_ref().expect("a check");
    assert_eq!((check.result.as_str(), check.description.as_str(), check.in_progress), ("L7OK", "fine", true));
    assert_eq!((row.sessions, row.last_change), (None, None), "columns that do not exist are unknown");
}

#[tokio::test]
async fn failures_have_their_own_words_at_both_interfaces() {
    let mut page = HaproxyPage::new(&"lb".into(), endpoint(format!("http://{}", double::refused())));
    assert_eq!(page.observe(Moment::START).await.expect_err("refused").trouble, Trouble::Refused);
    let (endless, _) = double::endless("HTTP/1.0 200 OK\r\n\r\n", "# pxname,svname,status,\n");
    let mut page = HaproxyPage::new(&"lb".into(), endpoint(format!("http://{endless}")));
    assert_eq!(page.observe(Moment::START).await.expect_err("too large").trouble, Trouble::TooLarge);
    let denied = runtime("Permission denied\n\n").observe(Moment::START).await.expect_err("denied");
    assert_eq!(denied.trouble, Trouble::Permission);
    let refused = RuntimeApi::Tcp(double::refused());
    let error = HaproxyRuntime::new(&"lb".into(), refused, PATIENT).observe(Moment::START).await.expect_err("refused");
    assert_eq!(error.trouble, Trouble::Refused);
}

#[tokio::test]
async fn doctor_warns_of_a_page_that_can_act() {
    let server = MockServer::start().await;
    let csv = ResponseTemplate::new(200).set_body_string(file("healthy/stats.csv"));
    Mock::given(matchers::path("/;csv")).respond_with(csv).mount(&server).await;
    let html = "<h1>HAProxy version 1.8.4, released</h1><form><select name=action></select></form>";
    let html = ResponseTemplate::new(200).set_body_string(html);
    Mock::given(matchers::path("/")).respond_with(html).mount(&server).await;
    let lines = HaproxyPage::new(&"lb".into(), endpoint(server.uri())).check().await;
    let verdict = |aspect| lines.iter().find(|line| line.aspect == aspect).map(|line| line.verdict);
    assert_eq!(verdict(Aspect::Reach), Some(Verdict::Pass));
    assert_eq!(verdict(Aspect::Identity), Some(Verdict::Pass));
    assert_eq!(verdict(Aspect::Version), Some(Verdict::Warn));
    assert_eq!(verdict(Aspect::Privileges), Some(Verdict::Warn));
}

#[tokio::test]
async fn doctor_says_when_the_page_wants_a_login() {
    let server = MockServer::start().await;
    Mock::given(matchers::any()).respond_with(ResponseTemplate::new(401)).mount(&server).await;
    let lines = HaproxyPage::new(&"lb".into(), endpoint(server.uri())).check().await;
    assert_eq!(
        lines.iter().map(|line| (line.aspect, line.verdict)).collect::<Vec<_>>(),
        [(Aspect::Credentials, Verdict::Fail)]
    );
    assert!(lines[0].text.as_str().contains("no login is configured"), "{}", lines[0].text);
}

#[rstest]
#[case("admin", Verdict::Warn)]
#[case("operator", Verdict::Pass)]
#[case("Unknown command: 'show cli level'", Verdict::Skipped)]
#[tokio::test]
async fn doctor_tells_the_level_of_a_socket(#[case] level: &str, #[case] verdict: Verdict) {
    let stat = file("healthy/show-stat.csv");
    let level = format!("{level}\n\n");
    let address = double::answering_by(move |question| {
        if question.contains("level") { level.clone() } else { stat.clone() }.into_bytes()
    });
    let lines = HaproxyRuntime::new(&"lb".into(), RuntimeApi::Tcp(address), PATIENT).check().await;
    let line = lines.iter().find(|line| line.aspect == Aspect::Privileges).expect("a line");
    assert_eq!(line.verdict, verdict, "{}", line.text);
}

#[test]
fn beside_the_runtime_api_the_page_is_read_seldom() {
    let page = HaproxyPage::new(&"lb".into(), endpoint("http://127.0.0.1:1".to_owned()));
    assert_eq!(page.pace(), Pace::Each);
    assert_eq!(page.beside_runtime().pace(), Pace::Slow(Duration::from_secs(5)));
}

/// Routers know members by addresses that this host maps to others.
#[test]
fn an_address_is_followed_through_the_address_map() {
    let mut map = crate::config::address::AddressMap::default();
    map.add("10.0.0.21:5432", "127.0.0.1:15433").unwrap();
    let mut row = crate::model::test_support::proxy_row("rw", "b", ProxyKind::Server, "UP");
    row.address = Some("10.0.0.21:5432".into());
    let mut other = row.clone();
    other.address = Some("10.0.0.22:5432".into());
    let rows = super::super::haproxy_rows::reached(vec![row, other], &map);
    assert_eq!(rows[0].reached.as_ref().map(Text::as_str), Some("127.0.0.1:15433"));
    assert_eq!(rows[1].reached, None, "where it is advertised");
}
