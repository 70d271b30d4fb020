use rstest::rstest;

use super::*;
use crate::model::pooler::test_support::working;
use crate::model::pooler::{LoginWait, Pool, PoolerState, ServerAddress};
use crate::model::source::{FailureKind, SourceKind};
use crate::model::test_support::{fail, healthy, leaderless, reading_of, seconds};

fn found_in(snapshot: &Snapshot) -> Vec<(&'static str, Severity, String)> {
    let mut drafts = Vec::new();
    examine(snapshot, &mut drafts);
    drafts
        .into_iter()
        .map(|draft| (draft.finding.code, draft.finding.severity, draft.finding.title.to_string()))
        .collect()
}

fn with(mut snapshot: Snapshot, report: PoolerReport) -> Snapshot {
    snapshot.poolers = vec![reading_of(SourceKind::Pooler, "edge", 100, report)];
    snapshot
}

fn found(edit: impl FnOnce(&mut PoolerReport)) -> Vec<(&'static str, Severity, String)> {
    let mut report = working();
    edit(&mut report);
    found_in(&with(healthy(), report))
}

fn codes(edit: impl FnOnce(&mut PoolerReport)) -> Vec<(&'static str, Severity)> {
    found(edit).into_iter().map(|(code, severity, _)| (code, severity)).collect()
}

#[test]
fn a_pooler_at_work_is_no_finding_and_neither_is_what_an_old_release_does_not_tell() {
    assert_eq!(codes(|_| {}), []);
    assert_eq!(
        codes(|report| {
            *report = PoolerReport {
                databases: vec![PoolerDatabase::named("shop")],
                pools: vec![Pool::named("shop", "app")],
                ..PoolerReport::default()
            };
        }),
        []
    );
}

#[test]
fn a_pause_is_critical_once_somebody_waits() {
    let paused = |waiting: u32, state: PoolerState, database: bool| {
        codes(|report| {
            report.state = state;
            report.databases[0].paused = Some(database);
            report.pools[0] = Pool { clients_waiting: Some(waiting), ..Pool::named("shop", "app") };
        })
    };
    assert_eq!(paused(0, PoolerState::Paused, false), [("pooler-paused", Severity::Warning)]);
    assert_eq!(paused(3, PoolerState::Paused, false), [("pooler-paused", Severity::Critical)]);
    assert_eq!(paused(3, PoolerState::Suspended, false), [("pooler-paused", Severity::Critical)]);
    assert_eq!(paused(3, PoolerState::Active, true), [("pooler-paused", Severity::Critical)]);
}

#[test]
fn one_of_two_databases_that_is_paused_is_named_and_the_others_clients_are_not_counted() {
    let lines = found(|report| {
        report.databases.push(PoolerDatabase { paused: Some(true), ..report.databases[0].clone() });
        report.databases[1].name = "billing".into();
        report.pools.push(Pool { clients_waiting: Some(2), ..Pool::named("billing", "app") });
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0].2, "database billing of pooler edge is paused: 2 clients waiting");
}

#[rstest]
#[case::configured(true, "shop", Some(Severity::Critical))]
#[case::assumed(false, "shop", Some(Severity::Warning))]
#[case::for_reads(false, "shop_ro", None)]
fn a_database_that_leads_to_a_replica_is_found(
    #[case] is_configured: bool,
    #[case] name: &str,
    #[case] severity: Option<Severity>,
) {
    let lines = codes(|report| {
        let database = &mut report.databases[0];
        (database.is_configured, database.name, database.host) = (is_configured, name.into(), Some("10.0.0.1".into()));
        report.pools.clear();
    });
    let expected: Vec<_> = severity.map(|severity| ("pooler-wrong-primary", severity)).into_iter().collect();
    assert_eq!(lines, expected);
}

#[test]
fn nobody_is_told_to_lead_elsewhere_while_nobody_leads() {
    let mut report = working();
    report.databases[0].host = Some("10.0.0.1".into());
    report.pools[0] =
        Pool { clients_waiting: Some(3), servers_active: Some(0), servers_idle: Some(0), ..report.pools[0].clone() };
    assert_eq!(found_in(&with(leaderless(), report)), []);
}

#[test]
fn an_address_that_nobody_knows_is_a_note() {
    let lines = codes(|report| report.databases[0].host = Some("192.0.2.77".into()));
    assert_eq!(lines, [("pooler-stranger", Severity::Note)]);
}

#[test]
fn servers_left_at_another_member_are_found_and_those_that_come_back_to_the_leader_are_not() {
    let left = |host: &str| {
        codes(|report| {
            report.servers = Some(vec![ServerAddress {
                database: "shop".into(),
                address: host.into(),
                port: Some(5432),
                connections: 2,
                active: 2,
                closing: 2,
            }]);
        })
    };
    assert_eq!(left("10.0.0.1"), [("pooler-old-address", Severity::Warning)]);
    assert_eq!(left("10.0.0.0"), [], "RECONNECT");
}

#[test]
fn clients_without_any_server_are_found_although_no_wait_is_counted() {
    let lines = found(|report| {
        report.pools[0] = Pool {
            clients_waiting: Some(2),
            servers_active: Some(0),
            servers_idle: Some(0),
            ..report.pools[0].clone()
        };
        report.login_waits = Some(vec![LoginWait {
            database: "shop".into(),
            user: "app".into(),
            clients: 2,
            longest: Some(seconds(9)),
        }]);
    });
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].0, lines[0].1), ("pooler-no-server", Severity::Critical));
}

#[rstest]
#[case(4, None)]
#[case(6, Some(Severity::Warning))]
#[case::near_the_limit(60, Some(Severity::Critical))]
fn long_waits_are_found_and_are_critical_near_the_limit(#[case] longest: u64, #[case] severity: Option<Severity>) {
    let lines = codes(|report| {
        report.pools[0].clients_waiting = Some(7);
        report.pools[0].longest_wait = Some(seconds(longest));
    });
    let expected: Vec<_> = severity.map(|severity| ("pooler-clients-waiting", severity)).into_iter().collect();
    assert_eq!(lines, expected);
}

#[rstest]
#[case(89, None)]
#[case(90, Some(Severity::Warning))]
#[case(100, Some(Severity::Critical))]
fn a_pooler_that_fills_up_is_found(#[case] used: u32, #[case] severity: Option<Severity>) {
    let lines = codes(|report| report.sockets.used_clients = Some(used));
    let expected: Vec<_> = severity.map(|severity| ("pooler-full", severity)).into_iter().collect();
    assert_eq!(lines, expected);
}

#[test]
fn a_disabled_database_is_found() {
    assert_eq!(codes(|report| report.databases[0].disabled = Some(true)), [("pooler-disabled", Severity::Critical)]);
}

#[rstest]
#[case(FailureKind::Refused, "pooler-silent", Severity::Critical)]
#[case(FailureKind::TimedOut, "pooler-silent", Severity::Critical)]
#[case(FailureKind::Credentials, "pooler-refuses", Severity::Warning)]
#[case(FailureKind::Permission, "pooler-refuses", Severity::Warning)]
fn a_silent_pooler_is_told_from_one_that_does_not_let_the_console_look(
    #[case] kind: FailureKind,
    #[case] code: &str,
    #[case] severity: Severity,
) {
    let mut snapshot = with(healthy(), working());
    fail(&mut snapshot.poolers[0], kind, seconds(20));
    let lines = found_in(&snapshot);
    assert_eq!((lines[0].0, lines[0].1, lines.len()), (code, severity, 1), "what it said before is not judged");
    // Another pooler still takes clients.
    snapshot.poolers.push(reading_of(SourceKind::Pooler, "other", 100, working()));
    assert_eq!(found_in(&snapshot)[0].1, Severity::Warning);
}
