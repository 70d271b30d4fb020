//! Bad input, end to end: a cluster of real wires on loopback of which one part misbehaves. Whatever it is, the user gets
//! one clear line about it, and the picture of everything else goes on.

mod inventory;

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::one_line;
use super::stack::{AssembledStack, Purpose};
use crate::cli::printer::Printer;
use crate::client::double;
use crate::client::etcd::double::{Member as Etcd, ServerMode};
use crate::config::environment::Environment;
use crate::config::resolved::Settings;
use crate::config::{Flags, load};
use crate::model::checkup::{CheckAspect, CheckLine, CheckupVerdict};
use crate::model::dcs::Quorum;
use crate::model::observed::Freshness;
use crate::model::snapshot::Snapshot;
use crate::model::source::{FailureKind, Source, SourceError, SourceKind};
use crate::observe::cluster::start;
use crate::observe::once::settled;
use crate::observe::picture::Handle;
use crate::report;

pub(super) const SYSTEM: &str = "7710510059453931642";

pub(super) fn http(status: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    [format!("HTTP/1.0 {status}\r\n\r\n").as_bytes(), body.as_ref()].concat()
}

/// An agent of `name` at its port.
pub(super) fn agent(name: &str, role: &str, system: &str) -> String {
    let replication_state = if role == "replica" { json!("streaming") } else { json!(null) };
    let body = json!({"state": "running", "role": role, "timeline": 1, "database_system_identifier": system,
        "replication_state": replication_state,
        "xlog": {"location": 1000, "received_location": 1000, "replayed_location": 1000},
        "patroni": {"version": "4.1.5", "scope": "pg-ha", "name": name}});
    double::answering(http("200 OK", body.to_string()))
}

fn good_csv() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/haproxy-3.0/healthy/stats.csv");
    std::fs::read_to_string(path).expect("a fixture")
}

/// A member on record whose agent is at `address`, `host:port` or a URL; empty: none is on record.
pub(super) fn on_record(role: &str, address: &str) -> String {
    let mut record = json!({"role": role, "state": "running", "timeline": 1, "xlog_location": 1000});
    if !address.is_empty() {
        let url = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        record["api_url"] = format!("{url}/patroni").into();
    }
    record.to_string()
}

/// The parts of the cluster. All is well unless a test says otherwise.
struct WiredCluster {
    /// Where pg-1's agent is.
    pg_1: String,
    /// Where the router's page is.
    page: String,
    /// Further lines of the cluster's configuration.
    more: String,
    namespace: &'static str,
    scope: &'static str,
}

impl WiredCluster {
    fn healthy() -> Self {
        Self {
            pg_1: agent("pg-1", "replica", SYSTEM),
            page: double::answering(http("200 OK", good_csv())),
            more: String::new(),
            namespace: "/service/",
            scope: "pg-ha",
        }
    }

    fn with_pg_1(address: impl Into<String>) -> Self {
        Self { pg_1: address.into(), ..Self::healthy() }
    }

    async fn set(self) -> Running {
        let pg_0 = agent("pg-0", "primary", SYSTEM);
        let etcd = Etcd::start(&[
            ("/service/pg-ha/leader", "pg-0"),
            ("/service/pg-ha/initialize", SYSTEM),
            ("/service/pg-ha/members/pg-0", &on_record("primary", &pg_0)),
            ("/service/pg-ha/members/pg-1", &on_record("replica", &self.pg_1)),
            ("/db/pg-ha/leader", "other-0"),
            ("/db/pg-ha/members/other-0", &on_record("primary", "")),
        ])
        .await;
        let Self { page, more, namespace, scope, .. } = self;
        let text = format!(
            "interval = \"300ms\"\n[timeouts]\nconnect = \"500ms\"\nrequest = \"500ms\"\n\
             [clusters.c]\nscope = \"{scope}\"\nnamespace = \"{namespace}\"\n\
             [clusters.c.patroni]\nmetrics = false\n\
             [clusters.c.etcd]\nendpoints = [\"{}\"]\n\
             [[clusters.c.routers]]\nname = \"lb\"\nstats = \"http://{page}/\"\n{more}",
            etcd.url
        );
        Running { handle: observe(&text, scope), _etcd: etcd }
    }
}

/// The settings that a configuration makes.
fn settings(text: &str) -> Settings {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    let flags = Flags { config: Some(file.path().to_owned()), ..Flags::default() };
    load(&flags, &Environment::of_process()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Observes the one cluster of a configuration, as a console does.
pub(super) fn observe(text: &str, scope: &str) -> Handle {
    let cluster = Arc::new(settings(text).clusters.remove(0));
    let stack = AssembledStack::of(&cluster, Some(scope)).observed(true, Purpose::Stay);
    start(stack, &TaskTracker::new(), &CancellationToken::new())
}

/// What `doctor` says of the one cluster of a configuration.
async fn examined(text: &str) -> Vec<CheckLine> {
    let all = super::checks::examine(&settings(text), &mut Printer::new()).await.expect("examined");
    all.into_iter().flat_map(|(_, lines)| lines).collect()
}

struct Running {
    handle: Handle,
    _etcd: Etcd,
}

impl Running {
    /// The picture once every source has answered or failed.
    async fn first(&mut self) -> Arc<Snapshot> {
        settled(&mut self.handle, Duration::from_secs(10)).await.snapshot.clone()
    }

    /// The picture once it is as `wanted` says.
    async fn until(&mut self, wanted: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let found = tokio::time::timeout(
            Duration::from_secs(10),
            self.handle.pictures.wait_for(|picture| wanted(&picture.snapshot)),
        );
        let picture = found.await.expect("in time").expect("an observer").clone();
        picture.snapshot.clone()
    }

    /// Waits until every source but `bad` has answered anew; panics if one does not.
    async fn continues_without(&mut self, bad: &Source) {
        let before = self.handle.latest().snapshot.now;
        let again = |snapshot: &Snapshot| {
            let sources = snapshot.sources();
            let mut others = sources.iter().filter(|status| status.source != *bad);
            let since = snapshot.now.since(before);
            sources.len() >= 3
                && others.all(|other| other.freshness == Freshness::Fresh && other.age.is_some_and(|age| age < since))
        };
        let time_limit = Duration::from_secs(5);
        let found = tokio::time::timeout(time_limit, self.handle.pictures.wait_for(|picture| again(&picture.snapshot)));
        let in_time = found.await.is_ok();
        assert!(in_time, "{:#?}", self.handle.latest().snapshot.sources());
    }
}

/// The line that the Sources view has of `source`: what is wrong, and what mends it.
fn line(snapshot: &Snapshot, source: &Source) -> String {
    let table = report::sources::table(snapshot);
    let name = source.to_string();
    let row = table.rows.iter().find(|row| row.cells.iter().any(|cell| cell.text == name.as_str()));
    let row = row.unwrap_or_else(|| panic!("no row of {name}"));
    row.cells.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>().join(" | ")
}

/// Asserts what all bad input has in common.
async fn is_reported_in_one_clear_line(scene: WiredCluster, bad: Source, words: &[&str]) {
    let mut running = scene.set().await;
    running.first().await;
    let snapshot =
        running.until(|snapshot| snapshot.sources().iter().any(|s| s.source == bad && s.failure_kind.is_some())).await;
    let line = line(&snapshot, &bad);
    for word in words {
        assert!(line.contains(word), "{word:?} is not in: {line}");
    }
    assert!(!line.chars().any(char::is_control) && line.len() < 400, "not one clear line: {line}");
    assert_eq!(snapshot.leader().map(|leader| leader.value.to_string()), Some("pg-0".to_owned()));
    running.continues_without(&bad).await;
}

fn rest() -> Source {
    Source::new(SourceKind::PatroniRest, "pg-1")
}

#[tokio::test]
async fn nothing_is_wrong_where_nothing_is_wrong() {
    let mut running = WiredCluster::healthy().set().await;
    let snapshot = running.first().await;
    let failures: Vec<_> = snapshot.sources().into_iter().filter_map(|status| status.failure_kind).collect();
    assert_eq!(failures, Vec::<String>::new());
    running.continues_without(&Source::new(SourceKind::Sql, "nobody")).await;
}

#[rstest]
#[case::unknown_host("no-such-host.invalid:8008".to_owned(), &["host name no-such-host.invalid does not resolve", "address_map"])]
#[case::frozen_host(double::silent(), &["timed out", "firewall"])]
#[case::refused_port(double::refused(), &["connection refused", "port"])]
#[case::tls_to_a_plain_port(format!("https://{}", double::answering(http("200 OK", "{}"))), &["TLS failed", "whether the port speaks TLS"])]
#[case::login_wanted(double::answering(http("401 Unauthorized", "no auth header received")), &["authentication failed", "user and password"])]
#[case::html(double::answering(http("200 OK", "<html><title>Sign in</title></html>")), &["HTML instead of JSON", "Sign in"])]
#[case::cut_json(double::answering(http("200 OK", "{\"state\": \"run")), &["truncated JSON"])]
#[case::escape_sequences(double::answering(http("200 OK", "\u{1b}]0;owned\u{7}\u{1b}[2Jgo\naway\u{9b}31m")), &["text instead of JSON"])]
#[case::another_node(agent("pg-7", "replica", SYSTEM), &["pg-7"])]
#[case::endless(double::endless("HTTP/1.0 200 OK\r\n\r\n", "{\"state\": \"running\", ").0, &["response too large"])]
#[case::a_hundred_megabytes(double::answering(http("200 OK\r\nContent-Length: 104857600", "{")), &["response too large"])]
#[tokio::test]
async fn whatever_an_agent_answers(#[case] address: String, #[case] words: &[&str]) {
    is_reported_in_one_clear_line(WiredCluster::with_pg_1(address), rest(), words).await;
}

#[rstest]
#[case::cut(http("200 OK", good_csv().rsplit_once("replicas").expect("a last table").0), &["unexpected response", "truncated"])]
#[case::html(http("200 OK", "<html><h1>HAProxy</h1></html>"), &["unexpected response", "HAProxy"])]
#[case::login_wanted(http("401 Unauthorized", "no"), &["authentication failed"])]
#[case::a_hundred_megabytes(http("200 OK\r\nContent-Length: 104857600", "# pxname"), &["response too large"])]
#[tokio::test]
async fn whatever_a_router_answers(#[case] answer: Vec<u8>, #[case] words: &[&str]) {
    let scene = WiredCluster { page: double::answering(answer), ..WiredCluster::healthy() };
    is_reported_in_one_clear_line(scene, Source::new(SourceKind::RouterHttp, "lb"), words).await;
}

#[tokio::test]
async fn names_that_a_router_made_up_reach_no_terminal() {
    let csv = good_csv().replace("pg-2", "\u{1b}]0;owned\u{7}pg\u{9b}31m-2");
    let scene = WiredCluster { page: double::answering(http("200 OK", csv)), ..WiredCluster::healthy() };
    let snapshot = scene.set().await.first().await;
    let table = report::router::servers(&snapshot, &snapshot.routers[0]);
    let shown: String = table.rows.iter().flat_map(|row| row.cells.iter().map(|cell| cell.text.as_str())).collect();
    assert!(shown.contains("pg-2") && !shown.contains("owned") && !shown.chars().any(char::is_control), "{shown}");
}

#[tokio::test]
async fn a_wrong_password_for_postgresql_is_reported_and_stops_nothing_else() {
    let (host, port) =
        double::wrong_password().rsplit_once(':').map(|(h, p)| (h.to_owned(), p.to_owned())).expect("a port");
    let more = format!(
        "[clusters.c.postgres]\nuser = \"monitor\"\nsslmode = \"disable\"\npassword_command = [\"echo\", \"wrong\"]\n\
         [clusters.c.nodes.pg-1]\npostgres = \"{host}:{port}\"\n"
    );
    let sql = Source::new(SourceKind::Sql, "pg-1");
    is_reported_in_one_clear_line(
        WiredCluster { more, ..WiredCluster::healthy() },
        sql,
        &["authentication failed", "monitor"],
    )
    .await;
}

#[tokio::test]
async fn an_etcd_without_the_scope_says_which_it_has() {
    let scene = WiredCluster { scope: "pg-hb", more: String::new(), ..WiredCluster::healthy() };
    let mut running = scene.set().await;
    let snapshot = running.first().await;
    let etcd = Source::new(SourceKind::Etcd, "");
    let line = line(&snapshot, &etcd);
    for word in ["/service/pg-hb/", "/service/pg-ha", "/db/pg-ha", "use --namespace /service --scope pg-ha"] {
        assert!(line.contains(word), "{word} is not in: {line}");
    }
    // The store's own members and the router are still there, and tell nothing of the cluster.
    assert!(!snapshot.knows_the_cluster());
    running.continues_without(&etcd).await;
}

#[tokio::test]
async fn two_clusters_of_one_name_in_one_etcd_are_kept_apart() {
    let here = WiredCluster::healthy().set().await.first().await;
    let there = WiredCluster { namespace: "/db/", ..WiredCluster::healthy() }.set().await.first().await;
    let leader = |snapshot: &Snapshot| snapshot.leader().map(|leader| leader.value.to_string());
    let members = |snapshot: &Snapshot| snapshot.members.iter().map(|m| m.name.to_string()).collect::<Vec<_>>();
    assert_eq!((leader(&here).as_deref(), members(&here)), (Some("pg-0"), vec!["pg-0".to_owned(), "pg-1".to_owned()]));
    assert_eq!((leader(&there).as_deref(), members(&there)), (Some("other-0"), vec!["other-0".to_owned()]));
}

#[tokio::test]
async fn a_node_of_another_cluster_of_the_same_name_is_distinguished_from_ours() {
    let mut running = WiredCluster::with_pg_1(agent("pg-1", "primary", "1234567890123456789")).set().await;
    running.first().await;
    let foreign = |snapshot: &Snapshot| snapshot.findings.iter().any(|f| f.code == "foreign-system-identifier");
    let snapshot = running.until(foreign).await;
    let finding = snapshot.findings.iter().find(|finding| finding.code == "foreign-system-identifier").expect("found");
    assert!(finding.title.as_str().contains("pg-1"), "{}", finding.title);
    let evidence: String = finding.evidence.iter().map(|evidence| evidence.text.to_string()).collect();
    assert!(evidence.contains("1234567890123456789") && evidence.contains(SYSTEM), "{evidence}");
    assert_eq!(snapshot.leader().map(|leader| leader.value.to_string()), Some("pg-0".to_owned()));
}

#[tokio::test]
async fn a_member_without_api_url_is_shown_by_its_record_and_says_what_is_missing() {
    let mut running = WiredCluster::with_pg_1("").set().await;
    running.first().await;
    let reported = |snapshot: &Snapshot| snapshot.findings.iter().any(|finding| finding.code == "no-agent-address");
    let snapshot = running.until(reported).await;
    let finding = snapshot.findings.iter().find(|finding| finding.code == "no-agent-address").expect("found");
    assert_eq!(finding.title.as_str(), "pg-1 has no api_url in the DCS: its agent cannot be queried");
    let view = snapshot.view(snapshot.member(&"pg-1".into()).expect("a row"));
    assert!(view.role().is_some_and(|role| role.fresh), "the record's word is shown");
    running.continues_without(&Source::new(SourceKind::Sql, "nobody")).await;
}

#[tokio::test]
async fn the_master_of_old_versions_is_a_primary() {
    let scene = WiredCluster {
        more: format!("[clusters.c.nodes.pg-0]\nrest = \"http://{}\"\n", agent("pg-0", "master", SYSTEM)),
        ..WiredCluster::healthy()
    };
    let snapshot = scene.set().await.first().await;
    let view = snapshot.view(snapshot.member(&"pg-0".into()).expect("a row"));
    assert_eq!(view.agent_role().map(|role| role.value), Some(crate::model::role::Role::Primary));
    assert!(snapshot.findings.iter().all(|finding| finding.code != "state-unknown"));
}

#[tokio::test]
async fn a_record_with_a_repeated_name_and_an_unknown_lag_is_shown_as_it_is() {
    let member = |name: &str, role: &str, lag: serde_json::Value| json!({"name": name, "role": role, "state": "running", "lag": lag, "timeline": 1, "host": "h", "port": 5432});
    let record = json!({"scope": "pg-ha", "members": [member("pg-0", "leader", json!(0)),
        member("pg-1", "replica", json!("unknown")), member("pg-1", "replica", json!("unknown"))]});
    let seed = double::answering_by(move |request| match request.split(' ').nth(1) {
        Some("/cluster") => http("200 OK", record.to_string()),
        Some("/history") => http("200 OK", "[]"),
        Some("/config") => http("200 OK", "{}"),
        Some("/patroni") => http(
            "200 OK",
            json!({"state": "running", "role": "primary", "patroni": {"version": "4.1.5",
            "scope": "pg-ha", "name": "pg-0"}})
            .to_string(),
        ),
        _ => http("404 Not Found", ""),
    });
    let pg_0 = agent("pg-0", "primary", SYSTEM);
    let text = format!(
        "interval = \"1s\"\n[clusters.c]\nscope = \"pg-ha\"\n[clusters.c.patroni]\nurls = [\"http://{seed}\"]\n\
         metrics = false\n[clusters.c.nodes.pg-0]\nrest = \"http://{pg_0}\"\n"
    );
    let mut handle = observe(&text, "pg-ha");
    settled(&mut handle, Duration::from_secs(10)).await;
    let reported = |snapshot: &Snapshot| snapshot.findings.iter().any(|finding| finding.code == "name-repeated");
    let found = handle.pictures.wait_for(|picture| reported(&picture.snapshot)).await.expect("an observer").clone();
    let snapshot = &found.snapshot;
    let names: Vec<_> = snapshot.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["pg-0", "pg-1"], "one row, and a finding about the other");
    let view = snapshot.view(snapshot.member(&"pg-1".into()).expect("a row"));
    assert_eq!(view.lag().bytes, None, "unknown is not 0");
    let table = report::topology::table(snapshot);
    let lag = table.columns.iter().position(|column| column.title.starts_with("LAG")).expect("a column of lag");
    let row = table.rows.iter().find(|row| row.cells[0].text.as_str().contains("pg-1")).expect("a row");
    assert_eq!(row.cells[lag].text, "?");
    assert_eq!(snapshot.leader().map(|leader| leader.value.to_string()), Some("pg-0".to_owned()));
}

#[rstest]
#[case(ServerMode::NoLeader)]
#[case(ServerMode::Leaderless)]
#[tokio::test]
async fn a_lost_majority_shows_within_two_seconds_at_the_usual_deadlines(#[case] server_mode: ServerMode) {
    let etcd = Etcd::start(&[("/service/pg-ha/leader", "pg-0")]).await;
    let endpoints =
        [etcd.url.clone(), format!("http://{}", double::refused()), format!("http://{}", double::refused())];
    let endpoints = endpoints.map(|url| format!("{url:?}")).join(", ");
    let text = format!("[clusters.c]\nscope = \"pg-ha\"\n[clusters.c.etcd]\nendpoints = [{endpoints}]\n");
    let mut handle = observe(&text, "pg-ha");
    settled(&mut handle, Duration::from_secs(10)).await;
    for pause in [0, 400, 800] {
        // The loss may come at any moment between two confirmations.
        tokio::time::sleep(Duration::from_millis(pause)).await;
        assert!(handle.pictures.wait_for(|p| p.snapshot.record_is_fresh()).await.is_ok());
        etcd.set_mode(server_mode);
        let lost = tokio::time::Instant::now();
        let seen = handle.pictures.wait_for(|picture| !picture.snapshot.record_is_fresh()).await.is_ok();
        assert!(seen && lost.elapsed() < Duration::from_millis(2200), "after {:?}", lost.elapsed());
        let reported = |snapshot: &Snapshot| {
            let members = &snapshot.dcs.members;
            members.iter().any(|member| member.fresh(snapshot.now).is_some_and(|m| m.quorum == Quorum::Missing))
        };
        let reported = handle.pictures.wait_for(|picture| reported(&picture.snapshot)).await.is_ok();
        assert!(reported && lost.elapsed() < Duration::from_millis(2700), "after {:?}", lost.elapsed());
        etcd.set_mode(ServerMode::Healthy);
    }
}

#[tokio::test]
async fn a_member_of_etcd_is_asked_no_more_than_it_must() {
    let etcd = Etcd::start(&[("/service/pg-ha/leader", "pg-0")]).await;
    let text = format!("[clusters.c]\nscope = \"pg-ha\"\n[clusters.c.etcd]\nendpoints = [\"{}\"]\n", etcd.url);
    let mut handle = observe(&text, "pg-ha");
    settled(&mut handle, Duration::from_secs(10)).await;
    let (reads, statuses) = (etcd.reads(), etcd.statuses());
    tokio::time::sleep(Duration::from_secs(6)).await;
    let (reads, statuses) = (etcd.reads() - reads, etcd.statuses() - statuses);
    // Each second the record is confirmed, and the member is asked whether it reaches the majority; every fifth time the
    // operation lock is looked at too.
    assert!(reads <= 15 && statuses <= 2, "{reads} reads and {statuses} statuses in 6 s");
}

#[rstest]
#[case::html(format!("http://{}", double::answering(http("200 OK", "<html><title>Sign in</title></html>"))), "HTML")]
#[case::https_for_http(format!("https://{}", double::answering(http("200 OK", "{}"))), "TLS")]
#[case::unresolvable("http://no-such-host.invalid:8008".to_owned(), "does not resolve")]
#[case::refused(format!("http://{}", double::refused()), "connection refused")]
#[tokio::test]
async fn doctor_says_what_is_wrong_with_the_only_address_it_was_given(#[case] url: String, #[case] word: &str) {
    for text in [
        format!("[clusters.c.patroni]\nurls = [\"{url}\"]\n"),
        format!("[clusters.c]\nscope = \"pg-ha\"\n[clusters.c.patroni]\nurls = [\"{url}\"]\n"),
    ] {
        let lines = examined(&text).await;
        let reported = |line: &CheckLine| {
            line.verdict == CheckupVerdict::Fail && line.text.as_str().contains(word) && !line.remedy.is_empty()
        };
        assert!(lines.iter().any(reported), "{lines:#?}");
    }
}

#[tokio::test]
async fn doctor_examines_an_etcd_whose_scope_cannot_be_learnt() {
    let refused = format!("http://{}", double::refused());
    let with = |etcd: &str| {
        format!("[clusters.c.patroni]\nurls = [\"{refused}\"]\n[clusters.c.etcd]\nendpoints = [\"{etcd}\"]\n")
    };
    let lines = examined(&with(&refused)).await;
    for kind in [SourceKind::EtcdMember, SourceKind::PatroniRest] {
        let reported = |line: &CheckLine| line.source.kind == kind && line.verdict == CheckupVerdict::Fail;
        assert!(lines.iter().any(reported), "{lines:#?}");
    }
    let etcd = Etcd::start(&[("/service/a/leader", "x"), ("/service/b/leader", "y")]).await;
    let lines = examined(&with(&etcd.url)).await;
    let reported = |line: &CheckLine| line.verdict == CheckupVerdict::Fail && line.text.as_str().contains("a, b");
    assert!(lines.iter().any(reported), "{lines:#?}");
    let reached = |line: &CheckLine| line.source.kind == SourceKind::EtcdMember && line.verdict == CheckupVerdict::Pass;
    assert!(lines.iter().any(reached), "{lines:#?}");
}

#[tokio::test]
async fn doctor_says_that_a_login_for_acting_was_not_examined() {
    let lines = examined(&format!(
        "[clusters.c.patroni]\nurls = [\"http://{}\"]\nuser = \"admin\"\npassword_command = [\"false\"]\n",
        double::refused()
    ))
    .await;
    let line = lines.iter().find(|line| line.aspect == CheckAspect::Credentials).expect("a line");
    assert_eq!(line.verdict, CheckupVerdict::Skipped);
    assert!(line.text.as_str().contains("admin: not checked (used only when"), "{}", line.text);
}

#[tokio::test]
async fn doctor_warns_of_a_router_that_leads_to_none_of_the_members() {
    let strange = good_csv().replace("pg-", "db-");
    for (csv, warned) in [(good_csv(), false), (strange, true)] {
        let pg_0 = agent("pg-0", "primary", SYSTEM);
        let etcd = Etcd::start(&[("/service/pg-ha/members/pg-0", &on_record("primary", &pg_0))]).await;
        let page = double::answering(http("200 OK", csv));
        let lines = examined(&format!(
            "[clusters.c]\nscope = \"pg-ha\"\n[clusters.c.etcd]\nendpoints = [\"{}\"]\n\
             [[clusters.c.routers]]\nname = \"lb\"\nstats = \"http://{page}/\"\n",
            etcd.url
        ))
        .await;
        let reported = |line: &CheckLine| {
            line.verdict == CheckupVerdict::Warn && line.text.as_str().contains("none of its servers")
        };
        assert_eq!(lines.iter().any(reported), warned, "{lines:#?}");
    }
}

#[test]
fn a_view_that_there_is_not_is_reported_with_those_that_there_are() {
    let error = super::console::named_view("nosuch").expect_err("no such view").to_string();
    assert!(error.contains("topology, replication") && error.contains("sources"), "{error}");
}

#[test]
fn a_timeout_in_which_nothing_can_answer_is_wrong_usage() {
    for short in ["0s", "9ms"] {
        let error = super::time_limit("--timeout", short).expect_err("too short");
        assert!(error.is::<super::UsageError>() && error.to_string().contains("10ms or more"), "{error}");
    }
    assert_eq!(super::time_limit("--timeout", "10ms").ok(), Some(Duration::from_millis(10)));
}

#[test]
fn an_error_that_ends_the_program_is_one_line_with_its_remedy() {
    let refused = anyhow::Error::from(SourceError::new(FailureKind::Refused, "http://pg-0:8008", ""));
    let remedy = FailureKind::Refused.remedy();
    assert_eq!(one_line(&refused), format!("http://pg-0:8008: connection refused → {remedy}"));
    let missing = std::io::Error::from_raw_os_error(2);
    let error = anyhow::Error::from(missing).context("cannot write /x");
    assert_eq!(one_line(&error), "cannot write /x: No such file or directory");
}
