use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rstest::rstest;
use wiremock::matchers;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::client::double::{self, endpoint};
use crate::driver::port::Check;
use crate::model::checkup::{CheckAspect, CheckupVerdict};
use crate::model::router::{
    AdminState, Bypass, CheckState, HeldBy, ProxyKind, ProxyRow, ProxyStatus, ServerAdminState,
};
use crate::model::source::FailureKind;

const LONG_TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(10), request: Duration::from_secs(10) };

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
    HaproxyRuntime::new(&"lb".into(), RuntimeApi::Tcp(double::answering(answer)), LONG_TIMEOUTS)
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
    let control = |server: &str| row(&whole, "primary", server).admin_state;
    let held = |is_running, check| {
        Some(ServerAdminState { is_running, admin_state: AdminState::None, check, has_agent_check: false })
    };
    assert_eq!(control("pg-2"), held(true, CheckState::Passed));
    assert_eq!(control("pg-1"), held(false, CheckState::Failed));
    // At user level the table has no addresses; the servers' state has.
    let user = joined.replace("10.213.0.20:5432,", ",");
    let user = report(runtime(user).observe(Moment::START).await.expect("a report"));
    assert_eq!(row(&user, "any", "pg-0").address, Some("10.213.0.20:5432".into()));
}

#[rstest]
#[tokio::test]
async fn every_recorded_table_is_read_to_its_last_status(#[files("fixtures/haproxy-*/*/*st*.csv")] file: PathBuf) {
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
    let error = page(half).await.expect_err("isolated");
    assert_eq!((error.failure_kind, error.detail.as_str()), (FailureKind::UnexpectedAnswer, "HTTP 200: truncated CSV"));
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
    assert_eq!(page.observe(Moment::START).await.expect_err("refused").failure_kind, FailureKind::Refused);
    let (endless, _) = double::endless("HTTP/1.0 200 OK\r\n\r\n", "# pxname,svname,status,\n");
    let mut page = HaproxyPage::new(&"lb".into(), endpoint(format!("http://{endless}")));
    assert_eq!(page.observe(Moment::START).await.expect_err("too large").failure_kind, FailureKind::TooLarge);
    let denied = runtime("Permission denied\n\n").observe(Moment::START).await.expect_err("denied");
    assert_eq!(denied.failure_kind, FailureKind::Permission);
    let refused = RuntimeApi::Tcp(double::refused());
    let error =
        HaproxyRuntime::new(&"lb".into(), refused, LONG_TIMEOUTS).observe(Moment::START).await.expect_err("refused");
    assert_eq!(error.failure_kind, FailureKind::Refused);
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
    assert_eq!(verdict(CheckAspect::Reach), Some(CheckupVerdict::Pass));
    assert_eq!(verdict(CheckAspect::Identity), Some(CheckupVerdict::Pass));
    assert_eq!(verdict(CheckAspect::Version), Some(CheckupVerdict::Warn));
    assert_eq!(verdict(CheckAspect::Privileges), Some(CheckupVerdict::Warn));
}

#[tokio::test]
async fn doctor_says_when_the_page_wants_a_login() {
    let server = MockServer::start().await;
    Mock::given(matchers::any()).respond_with(ResponseTemplate::new(401)).mount(&server).await;
    let lines = HaproxyPage::new(&"lb".into(), endpoint(server.uri())).check().await;
    assert_eq!(
        lines.iter().map(|line| (line.aspect, line.verdict)).collect::<Vec<_>>(),
        [(CheckAspect::Credentials, CheckupVerdict::Fail)]
    );
    assert!(lines[0].text.as_str().contains("no login is configured"), "{}", lines[0].text);
}

#[rstest]
#[case("admin", CheckupVerdict::Warn)]
#[case("operator", CheckupVerdict::Pass)]
#[case("Unknown command: 'show cli level'", CheckupVerdict::Skipped)]
#[tokio::test]
async fn doctor_tells_the_level_of_a_socket(#[case] level: &str, #[case] verdict: CheckupVerdict) {
    let stat = file("healthy/show-stat.csv");
    let level = format!("{level}\n\n");
    let address = double::answering_by(move |question| {
        if question.contains("level") { level.clone() } else { stat.clone() }.into_bytes()
    });
    let lines = HaproxyRuntime::new(&"lb".into(), RuntimeApi::Tcp(address), LONG_TIMEOUTS).check().await;
    let line = lines.iter().find(|line| line.aspect == CheckAspect::Privileges).expect("a line");
    assert_eq!(line.verdict, verdict, "{}", line.text);
}

#[test]
fn beside_the_runtime_api_the_page_is_read_seldom() {
    let page = HaproxyPage::new(&"lb".into(), endpoint("http://127.0.0.1:1".to_owned()));
    assert_eq!(page.pace(), PollPace::Each);
    assert_eq!(page.with_runtime().pace(), PollPace::Slow(Duration::from_secs(5)));
}

fn recorded(version: &str, part: &str) -> String {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/haproxy-{version}/every-status/{part}"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

async fn every_status(version: &str) -> RouterReport {
    let parts = ["show-info.txt", "show-stat.csv", "show-servers-state.txt"];
    let joined: String = parts.iter().map(|part| recorded(version, part)).collect();
    report(runtime(joined).observe(Moment::START).await.expect("a report"))
}

#[rstest]
#[tokio::test]
async fn every_state_that_a_version_can_show_is_known(#[values("2.6", "3.0", "3.4")] version: &str) {
    let report = every_status(version).await;
    for row in &report.rows {
        assert!(row.status.is_known(), "{}/{}: {:?}", row.proxy, row.server, row.status);
    }
    let words = |server: &str| {
        let row = row(&report, "words", server);
        (row.status.as_str(), row.takes_traffic(), row.holder())
    };
    let reported = |word: &str, traffic, by: Option<HeldBy>| (word.to_owned(), traffic, by);
    assert_eq!(words("up"), reported("UP", true, None));
    assert_eq!(words("unchecked"), reported("no check", true, None));
    assert_eq!(words("disabled"), reported("MAINT", false, Some(HeldBy::Configuration)));
    assert_eq!(words("maintained"), reported("MAINT", false, Some(HeldBy::Hand)));
    let follows = HeldBy::Server("words/maintained".into());
    assert_eq!(words("follows-maintained"), reported("MAINT (via words/maintained)", false, Some(follows)));
    assert_eq!(words("drained"), reported("DRAIN", false, Some(HeldBy::Hand)));
    assert_eq!(words("drained-down"), reported("DOWN", false, Some(HeldBy::Hand)), "its status does not tell");
    assert_eq!(words("agent-drain"), reported("DRAIN (agent)", false, Some(HeldBy::Agent)));
    assert_eq!(words("agent-down"), reported("DOWN (agent)", false, None));
    assert_eq!(words("weightless"), reported("UP", false, Some(HeldBy::Weight)));
    assert_eq!(words("spare"), reported("UP", false, None), "others serve");
    assert_eq!(row(&report, "words", "spare").bypass, Some(Bypass::Spare));
    assert_eq!(row(&report, "nolb", "nolb").status, ProxyStatus::NoLoadBalancing);
    assert_eq!(row(&report, "stopped", "FRONTEND").status, ProxyStatus::Stopped);
    assert_eq!(row(&report, "paused", "FRONTEND").status, ProxyStatus::Paused);
}

#[rstest]
#[tokio::test]
async fn the_names_that_a_router_resolves_are_reported_with_their_addresses(
    #[values("2.6", "3.0", "3.4")] version: &str,
) {
    let report = every_status(version).await;
    let alpha = row(&report, "primary", "alpha");
    assert_eq!((alpha.fqdn.as_ref().map(Text::as_str), alpha.port), (Some("alpha.lab"), Some(21003)));
    assert_eq!(alpha.address.as_ref().map(Text::as_str), Some("127.0.0.21:21003"));
    let ghost = row(&report, "primary", "ghost");
    assert_eq!(
        (ghost.fqdn.as_ref().map(Text::as_str), ghost.address.as_ref().map(Text::as_str)),
        (Some("ghost.lab"), None)
    );
    assert_eq!((ghost.status.as_str().as_str(), ghost.holder()), ("MAINT (resolution)", Some(HeldBy::Resolver)));
}

#[tokio::test]
async fn an_unpublished_backend_routes_nowhere_unless_it_listens_itself() {
    let report = every_status("3.4").await;
    let backend = row(&report, "unpublished", "BACKEND");
    assert_eq!((&backend.status, backend.status.as_str()), (&ProxyStatus::UpUnpublished, "UP (UNPUB)".to_owned()));
    let server = row(&report, "unpublished", "one");
    assert_eq!((&server.status, server.bypass), (&ProxyStatus::Up, Some(Bypass::Unpublished)));
    assert!(!server.takes_traffic());
    assert_eq!(row(&report, "unpublished-down", "BACKEND").status, ProxyStatus::DownUnpublished);
    assert!(row(&report, "listening-unpublished", "one").takes_traffic(), "a listen is its own frontend");
    assert!(every_status("3.0").await.rows.iter().all(|row| row.bypass != Some(Bypass::Unpublished)));
}

/// A frontend and a backend may share their name without being one.
#[tokio::test]
async fn a_backend_that_shares_its_name_with_a_frontend_is_no_listen() {
    let text = "# pxname,svname,status,type,iid,\nprimary,FRONTEND,OPEN,0,7,\nprimary,a,UP,2,8,\nprimary,BACKEND,UP (UNPUB),1,8,\n";
    let split = page(text).await.expect("a report");
    assert_eq!(row(&split, "primary", "a").bypass, Some(Bypass::Unpublished));
    let listen = page(text.replace(",8,", ",7,")).await.expect("a report");
    assert_eq!(row(&listen, "primary", "a").bypass, None);
}

#[tokio::test]
async fn while_a_check_runs_the_last_one_is_shown_and_a_code_of_0_never_is() {
    let table = |check: &str| {
        format!(
            "# pxname,svname,status,type,check_status,check_code,last_chk,\nrw,a,DOWN,2,{check},\nrw,BACKEND,UP,1,,,,\n"
        )
    };
    let answers = Arc::new(Mutex::new(vec![
        table("* L7STS,0,"),
        table("L7STS,503,Service Unavailable"),
        table("* L7STS,0,"),
        table("L7OK,0,PostgreSQL server is ok"),
        table("* L7OK,0,"),
    ]));
    answers.lock().expect("one").reverse();
    let next = Arc::clone(&answers);
    let address =
        double::answering_by(move |_| (next.lock().expect("one").pop().expect("an answer") + "\n").into_bytes());
    let mut router = HaproxyRuntime::new(&"lb".into(), RuntimeApi::Tcp(address), LONG_TIMEOUTS);
    let mut shown = Vec::new();
    for _ in 0..5 {
        let report = report(router.observe(Moment::START).await.expect("a report"));
        let server = row(&report, "rw", "a");
        let said = server.check.as_ref().map(|check| check.description.to_string()).unwrap_or_default();
        shown.push(format!("{} ({said})", server.check_text().expect("a check")));
    }
    assert_eq!(
        shown,
        [
            "L7STS … ()",
            "L7STS 503 (Service Unavailable)",
            "L7STS 503 … (Service Unavailable)",
            "L7OK (PostgreSQL server is ok)",
            "L7OK … (PostgreSQL server is ok)",
        ]
    );
}

#[tokio::test]
async fn doctor_says_how_the_newest_page_tells_its_version() {
    let server = MockServer::start().await;
    let csv = ResponseTemplate::new(200).set_body_string(recorded("3.4", "stats.csv"));
    Mock::given(matchers::path("/;csv")).respond_with(csv).mount(&server).await;
    let html = ResponseTemplate::new(200).set_body_string("<h1><a href=\"http://www.haproxy.org/\">HAProxy</a></h1>");
    Mock::given(matchers::path("/")).respond_with(html).mount(&server).await;
    let lines = HaproxyPage::new(&"lb".into(), endpoint(server.uri())).check().await;
    let line = lines.iter().find(|line| line.aspect == CheckAspect::Version).expect("a line");
    assert!(line.text.as_str().contains("stats show-version"), "{}", line.text);
}

/// Routers know members by addresses that this host maps to others.
#[test]
fn an_address_is_followed_through_the_address_map() {
    let mut map = crate::config::address::AddressMap::default();
    map.insert("10.0.0.21:5432", "127.0.0.1:15433").unwrap();
    let mut row = crate::model::test_support::proxy_row("rw", "b", ProxyKind::Server, "UP");
    row.address = Some("10.0.0.21:5432".into());
    let mut other = row.clone();
    other.address = Some("10.0.0.22:5432".into());
    let rows = super::super::haproxy_rows::reached(vec![row, other], &map);
    assert_eq!(rows[0].reached.as_ref().map(Text::as_str), Some("127.0.0.1:15433"));
    assert_eq!(rows[1].reached, None, "where it is advertised");
}
