//! The router's servers, set by hand.

use rstest::rstest;

use super::*;
use crate::action::intent::ServerState;
use crate::action::order::RouterRequest;
use crate::model::router::ProxyStatus;

fn set(backend: &str, server: &str, state: ServerState) -> Step {
    let request = RouterRequest::State { backend: backend.into(), server: server.into(), state };
    Step::Router { router: "pg-router".into(), request }
}

fn health(backend: &str, server: &str, up: bool) -> Step {
    let request = RouterRequest::Health { backend: backend.into(), server: server.into(), up };
    Step::Router { router: "pg-router".into(), request }
}

/// The row of a server, from either interface.
fn row(stage: &mut Stage, kind: SourceKind, backend: &str, server: &str) -> ProxyRow {
    let now = stage.now();
    let Ok(Facts::Router(report)) = stage.bench.ask(now, kind, "pg-router") else { panic!("not a router's") };
    report.rows.into_iter().find(|row| row.proxy == *backend && row.server == *server).unwrap()
}

fn status(stage: &mut Stage, backend: &str, server: &str) -> ProxyStatus {
    row(stage, SourceKind::RouterRuntime, backend, server).status
}

#[tokio::test(start_paused = true)]
async fn a_drained_server_keeps_its_sessions_until_they_leave_and_gets_no_new_ones() {
    let mut stage = Stage::new();
    let before = row(&mut stage, SourceKind::RouterHttp, "replicas", "pg-1").sessions.unwrap();
    assert!(before > 20);
    assert_eq!(
        stage.done(set("replicas", "pg-1", ServerState::Drain)).await,
        "state drain; it reads back as up, draining"
    );
    for kind in [SourceKind::RouterHttp, SourceKind::RouterRuntime] {
        let row = row(&mut stage, kind, "replicas", "pg-1");
        assert_eq!(row.status, ProxyStatus::Drain, "{kind:?}");
        assert!(row.sessions.unwrap() > before / 2 && row.check.is_some(), "{kind:?}");
    }
    let total = row(&mut stage, SourceKind::RouterHttp, "replicas", "pg-1").sessions_total;
    stage.until(40.0, |bench, now| bench.server(now, "replicas", "pg-1").sessions == Some(0)).await;
    assert_eq!(row(&mut stage, SourceKind::RouterHttp, "replicas", "pg-1").sessions_total, total);
    assert!(stage.bench.server(stage.now(), "replicas", "pg-2").sessions.unwrap() > before, "the others take over");
    stage.done(set("replicas", "pg-1", ServerState::Ready)).await;
    stage.until(20.0, |bench, now| bench.server(now, "replicas", "pg-1").sessions.unwrap() > 20).await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_drain_leaves_alone_what_another_hand_has_set_meanwhile() {
    let end = || {
        let request = RouterRequest::EndDrain { backend: "replicas".into(), server: "pg-1".into() };
        Step::Router { router: "pg-router".into(), request }
    };
    let mut stage = Stage::new();
    stage.done(set("replicas", "pg-1", ServerState::Drain)).await;
    stage.done(end()).await;
    assert!(status(&mut stage, "replicas", "pg-1").takes_traffic());
    stage.done(set("replicas", "pg-1", ServerState::Drain)).await;
    stage.done(set("replicas", "pg-1", ServerState::Maintenance)).await;
    assert!(stage.done(end()).await.contains("left as it is"));
    assert_eq!(status(&mut stage, "replicas", "pg-1"), ProxyStatus::Maintenance("".into()));
}

#[tokio::test(start_paused = true)]
async fn a_server_in_maintenance_is_cut_off_and_comes_back_as_up_until_it_is_checked() {
    let mut stage = Stage::new();
    stage.done(set("primary", "pg-1", ServerState::Maintenance)).await;
    stage.done(set("replicas", "pg-1", ServerState::Maintenance)).await;
    for kind in [SourceKind::RouterHttp, SourceKind::RouterRuntime] {
        let row = row(&mut stage, kind, "replicas", "pg-1");
        assert_eq!((row.status, row.sessions, row.check), (ProxyStatus::Maintenance("".into()), Some(0), None));
    }
    stage.pass(30.0).await;
    assert_eq!(status(&mut stage, "replicas", "pg-1"), ProxyStatus::Maintenance("".into()), "no check ends it");
    stage.done(set("primary", "pg-1", ServerState::Ready)).await;
    // A moment of wrong UP: a replica in the write pool.
    assert!(status(&mut stage, "primary", "pg-1").takes_traffic());
    stage.pass(0.3).await;
    assert_eq!(status(&mut stage, "primary", "pg-1"), ProxyStatus::Down);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_up_lasts_until_as_many_checks_failed_as_ever() {
    let mut stage = Stage::new();
    assert_eq!(status(&mut stage, "primary", "pg-2"), ProxyStatus::Down);
    assert_eq!(stage.done(health("primary", "pg-2", true)).await, "health up; it reads back as up");
    assert_eq!(status(&mut stage, "primary", "pg-2"), ProxyStatus::Up);
    let down = stage.until(12.0, |bench, now| bench.server(now, "primary", "pg-2").status == ProxyStatus::Down).await;
    assert!((6.0..=9.5).contains(&down), "two or three intervals: {down}");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_down_lasts_until_as_many_checks_passed_as_ever() {
    let mut stage = Stage::new();
    stage.done(health("primary", "pg-0", false)).await;
    let row = row(&mut stage, SourceKind::RouterRuntime, "primary", "pg-0");
    assert_eq!((row.status, row.sessions), (ProxyStatus::Down, Some(0)), "its sessions are cut");
    let up = stage.until(12.0, |bench, now| bench.server(now, "primary", "pg-0").status == ProxyStatus::Up).await;
    assert!((3.0..=6.5).contains(&up), "one or two intervals: {up}");
}

#[rstest]
#[case(true)]
#[case(false)]
#[tokio::test(start_paused = true)]
async fn in_maintenance_health_is_ignored(#[case] up: bool) {
    let mut stage = Stage::new();
    stage.done(set("primary", "pg-0", ServerState::Maintenance)).await;
    let (accepted, words) = stage.said(health("primary", "pg-0", up)).await;
    assert!(!accepted && words.starts_with("HAProxy ignored"), "{words}");
    assert_eq!(status(&mut stage, "primary", "pg-0"), ProxyStatus::Maintenance("".into()));
}

#[tokio::test(start_paused = true)]
async fn a_draining_server_whose_check_fails_is_plainly_down() {
    let mut stage = Stage::new();
    stage.done(set("primary", "pg-0", ServerState::Drain)).await;
    stage.strike(Fault::KillNode(pg(0)));
    stage.until(12.0, |bench, now| bench.server(now, "primary", "pg-0").status == ProxyStatus::Down).await;
}

#[tokio::test(start_paused = true)]
async fn where_nothing_checks_a_server_told_down_stays_down() {
    let mut stage = Stage::new();
    stage.strike(Fault::RouterUnchecked);
    stage.pass(0.3).await;
    stage.done(health("primary", "pg-0", false)).await;
    stage.pass(60.0).await;
    assert_eq!(status(&mut stage, "primary", "pg-0"), ProxyStatus::Down);
    stage.done(health("primary", "pg-0", true)).await;
    assert_eq!(status(&mut stage, "primary", "pg-0"), ProxyStatus::NoCheck);
}

#[tokio::test(start_paused = true)]
async fn what_was_set_is_lost_when_the_router_starts_anew_and_a_dead_one_refuses() {
    let mut stage = Stage::new();
    stage.done(set("replicas", "pg-1", ServerState::Maintenance)).await;
    stage.strike(Fault::RouterDown);
    stage.pass(0.3).await;
    assert_eq!(unsent(stage.order(set("replicas", "pg-1", ServerState::Ready)).await), Trouble::Refused);
    stage.strike(Fault::Heal(Cure::Router));
    stage.pass(0.3).await;
    assert!(status(&mut stage, "replicas", "pg-1").takes_traffic());
}

#[tokio::test(start_paused = true)]
async fn a_name_that_the_router_does_not_have_is_refused() {
    let mut stage = Stage::new();
    let ready = ServerState::Ready;
    assert_eq!(stage.said(set("primari", "pg-1", ready)).await, (false, "No such backend.".to_owned()));
    assert_eq!(stage.said(set("primary", "pg-9", ready)).await, (false, "No such server.".to_owned()));
    let request = RouterRequest::Health { backend: "primary".into(), server: "pg-1".into(), up: true };
    assert_eq!(unsent(stage.order(Step::Router { router: "other".into(), request }).await), Trouble::Name);
}
