use super::super::table::Tone;
use super::super::test_support::*;
use super::*;
use crate::model::pooler::test_support::working;
use crate::model::pooler::{LoginWait, Pool, PoolerDatabase, PoolerReport, PoolerState, ServerAddress};
use crate::model::source::{FailureKind, SourceKind};

/// A pooler whose one pool is full.
fn report() -> PoolerReport {
    let mut report = working();
    let pool = &mut report.pools[0];
    (pool.clients_active, pool.clients_waiting) = (Some(40), Some(3));
    (pool.servers_active, pool.servers_idle) = (Some(20), Some(0));
    pool.longest_wait = Some(seconds(2));
    report.databases[0].connections = Some(20);
    report
}

fn with(report: PoolerReport) -> Snapshot {
    let mut snapshot = healthy();
    snapshot.poolers = vec![reading_of(SourceKind::Pooler, "edge", 200, report)];
    snapshot
}

#[test]
fn waiting_clients_are_worth_a_look() {
    let snapshot = with(report());
    insta::assert_snapshot!(rendered(&pools(&snapshot)), @r"
    POOLER    DATABASE  USER       CLIENTS   WAITING   MAXWAIT   SERVERS      IDLE      USED    TESTED     LOGIN    CANCEL  MODE
    edge      shop      app             40         3     2.0 s        20         0         0         0         0         0  transaction
    ");
    insta::assert_snapshot!(rendered(&instances(&snapshot)), @r"
    POOLER    STATE       CLIENTS       MAX   WAITING   MAXWAIT  LOGIN WAIT   SERVERS  MODE         VERSION           AGE
    edge      active           43       100         3     2.0 s           0        20  transaction  1.24.1        1 s ago
    ");
    insta::assert_snapshot!(rendered(&databases(&snapshot)), @r"
    POOLER    DATABASE  TRAFFIC   ROUTES TO      MEMBER  PRIMARY   SERVERS      SIZE  OLD ADDRESS        TX/S   QUERIES/S  MODE
    edge      shop      passes    10.0.0.0:5432  pg-0    yes            20        20  –                     ?           ?  transaction
    ");
    assert_eq!(pools(&snapshot).rows[0].cells[4].tone, Tone::Warning);
    for table in [instances(&healthy()), databases(&healthy()), pools(&healthy())] {
        assert_eq!(table.empty.reason, "no connection pooler is configured for this cluster");
    }
}

#[test]
fn a_pause_of_everything_shows_in_each_database() {
    let text = |state, paused| {
        let mut report = report();
        report.state = state;
        report.databases[0].paused = paused;
        databases(&with(report)).rows[0].cells[2].text.to_string()
    };
    assert_eq!(text(PoolerState::Active, Some(false)), "passes");
    assert_eq!(text(PoolerState::Paused, Some(false)), "paused");
    assert_eq!(text(PoolerState::Active, Some(true)), "paused");
    assert_eq!(text(PoolerState::Unknown, Some(false)), "?");
}

#[test]
fn servers_left_at_an_old_address_are_named_by_their_member() {
    let mut report = report();
    let server = |host: &str, closing| ServerAddress {
        database: "shop".into(),
        address: host.into(),
        port: Some(5432),
        connections: 2,
        active: 2,
        closing,
    };
    report.servers = Some(vec![server("10.0.0.0", 0), server("10.0.0.1", 2)]);
    assert_eq!(databases(&with(report.clone())).rows[0].cells[8].text, "2 to pg-1");
    report.servers = None;
    assert_eq!(databases(&with(report)).rows[0].cells[8].text, "?", "nobody asked");
}

#[test]
fn a_login_wait_is_shown_although_no_wait_is_counted() {
    let mut report = report();
    report.pools[0].longest_wait = Some(std::time::Duration::ZERO);
    report.login_waits =
        Some(vec![LoginWait { database: "shop".into(), user: "app".into(), clients: 3, longest: Some(seconds(9)) }]);
    let table = instances(&with(report));
    assert_eq!((table.rows[0].cells[6].text.as_str(), table.rows[0].cells[6].tone), ("3", Tone::Warning));
}

#[test]
fn what_an_old_release_does_not_tell_is_unknown() {
    let bare = PoolerReport {
        databases: vec![PoolerDatabase::named("shop")],
        pools: vec![Pool::named("shop", "app")],
        ..PoolerReport::default()
    };
    let snapshot = with(bare);
    for table in [instances(&snapshot), pools(&snapshot)] {
        assert!(!table.rows[0].cells.iter().any(|cell| cell.text == "0"), "{table:?}");
    }
}

#[test]
fn a_pooler_that_refuses_the_login_says_so_in_its_row() {
    let mut snapshot = with(report());
    fail(&mut snapshot.poolers[0], FailureKind::Credentials, seconds(20));
    let table = instances(&snapshot);
    assert_eq!(table.rows[0].cells[1].text, "authentication failed");
    assert_eq!(table.rows[0].cells[1].tone, Tone::Critical);
    assert_eq!(table.rows[0].cells[2].tone, Tone::Stale, "what it said before is old");
}
