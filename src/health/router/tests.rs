use rstest::rstest;

use crate::health::FindingDraft;
use crate::model::finding::Severity;
use crate::model::router::{
    AdminState, Bypass, CheckState, HeldBy, ProxyKind, ProxyRow, ProxyStatus, ServerAdminState,
};
use crate::model::snapshot::Snapshot;
use crate::model::source::FailureKind;
use crate::model::test_support::{fail, healthy, proxy_row, record, rows, seconds, split};

fn found(snapshot: &Snapshot) -> Vec<FindingDraft> {
    let mut drafts = Vec::new();
    super::examine(snapshot, &mut drafts);
    drafts
}

/// Code, severity and title of the one finding.
fn only(snapshot: &Snapshot) -> (&'static str, Severity, String) {
    let drafts = found(snapshot);
    let [draft] = drafts.as_slice() else { panic!("one finding: {drafts:#?}") };
    (draft.finding.code, draft.finding.severity, draft.finding.title.to_string())
}

fn with(edit: impl FnOnce(&mut Vec<ProxyRow>)) -> Snapshot {
    let mut snapshot = healthy();
    rows(&mut snapshot, edit);
    snapshot
}

/// The rows of `pool`.
fn of<'a>(rows: &'a mut [ProxyRow], pool: &'a str) -> impl Iterator<Item = &'a mut ProxyRow> {
    rows.iter_mut().filter(move |row| row.proxy == pool && row.kind == ProxyKind::Server)
}

#[test]
fn nothing_is_wrong_with_a_healthy_router() {
    assert!(found(&healthy()).is_empty());
}

#[test]
fn the_only_router_is_the_only_way_in_and_its_death_is_critical_at_once() {
    let mut snapshot = healthy();
    fail(snapshot.routers[0].http.as_mut().unwrap(), FailureKind::Refused, seconds(0));
    let (code, severity, title) = only(&snapshot);
    assert_eq!((code, severity), ("router-silent", Severity::Critical));
    assert!(title.contains("the only router"), "{title}");
    assert!(!found(&snapshot)[0].settles);
}

#[test]
fn beside_a_router_that_serves_the_death_of_another_costs_redundancy() {
    let mut snapshot = healthy();
    let mut other = snapshot.routers[0].clone();
    other.name = "pg-router-2".into();
    snapshot.routers.push(other);
    fail(snapshot.routers[0].http.as_mut().unwrap(), FailureKind::TimedOut, seconds(3));
    let (code, severity, title) = only(&snapshot);
    assert_eq!((code, severity), ("router-one-silent", Severity::Warning));
    assert!(title.contains("pg-router-2 still routes writes"), "{title}");
}

#[rstest]
#[case(FailureKind::Credentials)]
#[case(FailureKind::UnexpectedAnswer)]
fn a_router_that_answers_and_says_no_is_not_down(#[case] failure_kind: FailureKind) {
    let mut snapshot = healthy();
    fail(snapshot.routers[0].http.as_mut().unwrap(), failure_kind, seconds(3));
    assert_eq!(only(&snapshot).1, Severity::Warning);
}

#[test]
fn an_unpublished_write_backend_is_critical_although_its_server_is_up() {
    let snapshot = with(|rows| {
        for row in of(rows, "primary") {
            row.bypass = Some(Bypass::Unpublished);
        }
    });
    let (code, severity, title) = only(&snapshot);
    assert_eq!((code, severity), ("router-unpublished", Severity::Critical));
    assert!(title.contains("no frontend routes writes there"), "{title}");
}

#[test]
fn a_backend_without_servers_and_one_that_is_not_there_are_distinguished() {
    let mut snapshot = with(|rows| rows.retain(|row| row.proxy != "primary" || row.kind != ProxyKind::Server));
    assert_eq!(only(&snapshot).0, "router-no-server");
    assert_eq!(only(&snapshot).1, Severity::Warning, "its purpose is a guess");
    snapshot.routers[0].write_backends = vec!["primary".into()];
    assert_eq!(only(&snapshot).1, Severity::Critical);
    snapshot = healthy();
    snapshot.routers[0].write_backends = vec!["primary".into(), "primary_tls".into()];
    assert_eq!(only(&snapshot).0, "router-no-backend");
}

#[test]
fn a_word_that_is_not_known_does_not_make_a_pool_lead_nowhere() {
    let snapshot = with(|rows| of(rows, "primary").next().unwrap().status = ProxyStatus::from_name("WARMING"));
    let (code, severity, title) = only(&snapshot);
    assert_eq!((code, severity), ("router-status-unknown", Severity::Warning));
    assert!(title.contains("\"WARMING\" of pg-0"), "{title}");
}

#[rstest]
#[case("MAINT", "manually set", false)]
#[case("MAINT (resolution)", "its name does not resolve", false)]
#[case("DOWN", "", true)]
fn why_a_write_pool_routes_nowhere_is_reported(#[case] word: &str, #[case] why: &str, #[case] settles: bool) {
    let snapshot = with(|rows| {
        let row = of(rows, "primary").next().unwrap();
        row.status = ProxyStatus::from_name(word);
        if word == "MAINT" {
            row.held_by = Some(HeldBy::Hand);
        }
    });
    let drafts = found(&snapshot);
    let draft = drafts.iter().find(|draft| draft.finding.code == "router-no-primary").expect("a finding");
    assert_eq!((draft.finding.severity, draft.settles), (Severity::Critical, settles));
    assert!(draft.finding.title.as_str().contains(why), "{}", draft.finding.title);
}

#[test]
fn a_name_that_does_not_resolve_is_nobodys_hand() {
    let snapshot = with(|rows| {
        let row = of(rows, "replicas").last().unwrap();
        row.status = ProxyStatus::from_name("MAINT (resolution)");
        row.fqdn = Some("pg-2.lab".into());
    });
    let (code, severity, title) = only(&snapshot);
    assert_eq!((code, severity), ("router-unresolved", Severity::Warning));
    assert_eq!(title, "backend replicas of pg-router: the host name of pg-2 (pg-2.lab) does not resolve");
}

#[test]
fn a_drained_server_whose_check_fails_is_reported_by_its_control() {
    let snapshot = with(|rows| {
        let row = of(rows, "replicas").last().unwrap();
        row.status = ProxyStatus::Down;
        row.held_by = Some(HeldBy::Hand);
        let check = CheckState::Failed;
        row.admin_state =
            Some(ServerAdminState { is_running: false, admin_state: AdminState::Drain, check, has_agent_check: false });
    });
    let (code, _, title) = only(&snapshot);
    assert_eq!(code, "router-maintenance");
    assert!(title.ends_with("pg-2 DRAIN (manually set)"), "{title}");
}

/// Patroni's `/sync` on an asynchronous cluster: 503 of everybody.
fn sync_pool(rows: &mut Vec<ProxyRow>) {
    rows.push(proxy_row("replicas_sync", "FRONTEND", ProxyKind::Frontend, "OPEN"));
    for name in ["pg-0", "pg-1", "pg-2"] {
        rows.push(proxy_row("replicas_sync", name, ProxyKind::Server, "DOWN"));
    }
    rows.push(proxy_row("replicas_sync", "BACKEND", ProxyKind::Backend, "DOWN"));
}

#[test]
fn a_pool_that_is_empty_by_design_is_a_note_and_none_where_the_configuration_leaves_it_out() {
    let mut snapshot = with(sync_pool);
    let (code, severity, title) = only(&snapshot);
    assert_eq!((code, severity), ("router-empty", Severity::Note));
    assert!(title.contains("has no server UP") && !title.contains("no replica is up"), "{title}");
    snapshot.routers[0].read_backends = vec!["replicas".into()];
    assert!(found(&snapshot).is_empty());
}

#[rstest]
#[case::the_last_read_pool(|rows: &mut Vec<ProxyRow>| rows.retain(|row| row.proxy != "replicas"))]
#[case::checks_without_an_answer(|rows: &mut Vec<ProxyRow>| {
    for row in rows.iter_mut().filter(|row| row.proxy == "replicas_sync") {
        if let Some(check) = &mut row.check {
            check.result = "L4CON".into();
        }
    }
})]
fn an_empty_read_pool_is_a_warning_where_reads_fail_or_nobody_answers(#[case] edit: fn(&mut Vec<ProxyRow>)) {
    let snapshot = with(|rows| {
        sync_pool(rows);
        edit(rows);
    });
    assert_eq!(only(&snapshot).0, "router-no-replica");
}

#[test]
fn a_standby_cluster_has_nobody_to_lead_writes_to() {
    let mut snapshot = with(|rows| of(rows, "primary").next().unwrap().status = ProxyStatus::Down);
    record(&mut snapshot, |record| record.patroni_mut().config.as_mut().unwrap().standby_cluster = true);
    assert_eq!((only(&snapshot).0, only(&snapshot).1), ("router-empty", Severity::Note));
}

#[test]
fn a_write_pool_that_leads_to_another_than_the_leader_and_a_foreign_node_are_reported() {
    let snapshot = with(|rows| {
        let mut pool = of(rows, "primary");
        pool.next().unwrap().status = ProxyStatus::Down;
        pool.next().unwrap().status = ProxyStatus::Up;
    });
    assert_eq!(only(&snapshot).0, "router-wrong-primary");
    let snapshot = with(|rows| of(rows, "primary").next().unwrap().server = "web".into());
    assert_eq!((only(&snapshot).0, only(&snapshot).1), ("router-stranger", Severity::Note));
    assert!(found(&split()).iter().any(|draft| draft.finding.code == "router-wrong-primary"));
}

#[test]
fn routers_that_disagree_are_reported_where_no_leader_is_known() {
    let mut snapshot = healthy();
    let mut other = snapshot.routers[0].clone();
    other.name = "pg-router-2".into();
    snapshot.routers.push(other);
    rows(&mut snapshot, |rows| {
        let mut pool = of(rows, "primary");
        pool.next().unwrap().status = ProxyStatus::Down;
        pool.next().unwrap().status = ProxyStatus::Up;
    });
    assert_eq!(only(&snapshot).0, "router-wrong-primary", "by the leader");
    record(&mut snapshot, |record| record.leader = None);
    let (code, severity, title) = only(&snapshot);
    assert_eq!((code, severity), ("routers-disagree", Severity::Critical));
    assert!(title.ends_with("pg-router to pg-1, pg-router-2 to pg-0"), "{title}");
}
