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
fn row(fixture: &mut ActingFixture, kind: SourceKind, backend: &str, server: &str) -> ProxyRow {
    let now = fixture.now();
    let Ok(Facts::Router(report)) = fixture.fixture.ask(now, kind, "pg-router") else { panic!("not a router's") };
    report.rows.into_iter().find(|row| row.proxy == *backend && row.server == *server).unwrap()
}

fn status(fixture: &mut ActingFixture, backend: &str, server: &str) -> ProxyStatus {
    row(fixture, SourceKind::RouterRuntime, backend, server).status
}

#[tokio::test(start_paused = true)]
async fn a_drained_server_keeps_its_sessions_until_they_leave_and_gets_no_new_ones() {
    let mut fixture = ActingFixture::new();
    let before = row(&mut fixture, SourceKind::RouterHttp, "replicas", "pg-1").sessions.unwrap();
    assert!(before > 20);
    assert_eq!(fixture.done(set("replicas", "pg-1", ServerState::Drain)).await, "state drain, verified: up, DRAIN");
    for kind in [SourceKind::RouterHttp, SourceKind::RouterRuntime] {
        let row = row(&mut fixture, kind, "replicas", "pg-1");
        assert_eq!(row.status, ProxyStatus::Drain, "{kind:?}");
        assert!(row.sessions.unwrap() > before / 2 && row.check.is_some(), "{kind:?}");
    }
    let total = row(&mut fixture, SourceKind::RouterHttp, "replicas", "pg-1").sessions_total;
    fixture.until(40.0, |fixture, now| fixture.server(now, "replicas", "pg-1").sessions == Some(0)).await;
    assert_eq!(row(&mut fixture, SourceKind::RouterHttp, "replicas", "pg-1").sessions_total, total);
    assert!(
        fixture.fixture.server(fixture.now(), "replicas", "pg-2").sessions.unwrap() > before,
        "the others take over"
    );
    fixture.done(set("replicas", "pg-1", ServerState::Ready)).await;
    fixture.until(20.0, |fixture, now| fixture.server(now, "replicas", "pg-1").sessions.unwrap() > 20).await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_drain_leaves_alone_what_another_operator_has_set_meanwhile() {
    let end = || {
        let request = RouterRequest::EndDrain { backend: "replicas".into(), server: "pg-1".into() };
        Step::Router { router: "pg-router".into(), request }
    };
    let mut fixture = ActingFixture::new();
    fixture.done(set("replicas", "pg-1", ServerState::Drain)).await;
    fixture.done(end()).await;
    assert!(status(&mut fixture, "replicas", "pg-1").takes_traffic());
    fixture.done(set("replicas", "pg-1", ServerState::Drain)).await;
    fixture.done(set("replicas", "pg-1", ServerState::Maintenance)).await;
    assert!(fixture.done(end()).await.contains("left unchanged"));
    assert_eq!(status(&mut fixture, "replicas", "pg-1"), ProxyStatus::Maintenance("".into()));
}

#[tokio::test(start_paused = true)]
async fn a_server_in_maintenance_is_cut_off_and_comes_back_as_up_until_it_is_checked() {
    let mut fixture = ActingFixture::new();
    fixture.done(set("primary", "pg-1", ServerState::Maintenance)).await;
    fixture.done(set("replicas", "pg-1", ServerState::Maintenance)).await;
    for kind in [SourceKind::RouterHttp, SourceKind::RouterRuntime] {
        let row = row(&mut fixture, kind, "replicas", "pg-1");
        assert_eq!((row.status, row.sessions, row.check), (ProxyStatus::Maintenance("".into()), Some(0), None));
    }
    fixture.pass(30.0).await;
    assert_eq!(status(&mut fixture, "replicas", "pg-1"), ProxyStatus::Maintenance("".into()), "no check ends it");
    fixture.done(set("primary", "pg-1", ServerState::Ready)).await;
    // A moment of wrong UP: a replica in the write pool.
    assert!(status(&mut fixture, "primary", "pg-1").takes_traffic());
    fixture.pass(0.3).await;
    assert_eq!(status(&mut fixture, "primary", "pg-1"), ProxyStatus::Down);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_up_lasts_until_as_many_checks_failed_as_ever() {
    let mut fixture = ActingFixture::new();
    assert_eq!(status(&mut fixture, "primary", "pg-2"), ProxyStatus::Down);
    assert_eq!(fixture.done(health("primary", "pg-2", true)).await, "health up, verified: up");
    assert_eq!(status(&mut fixture, "primary", "pg-2"), ProxyStatus::Up);
    let down =
        fixture.until(12.0, |fixture, now| fixture.server(now, "primary", "pg-2").status == ProxyStatus::Down).await;
    assert!((6.0..=9.5).contains(&down), "two or three intervals: {down}");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_down_lasts_until_as_many_checks_passed_as_ever() {
    let mut fixture = ActingFixture::new();
    fixture.done(health("primary", "pg-0", false)).await;
    let row = row(&mut fixture, SourceKind::RouterRuntime, "primary", "pg-0");
    assert_eq!((row.status, row.sessions), (ProxyStatus::Down, Some(0)), "its sessions are cut");
    let up = fixture.until(12.0, |fixture, now| fixture.server(now, "primary", "pg-0").status == ProxyStatus::Up).await;
    assert!((3.0..=6.5).contains(&up), "one or two intervals: {up}");
}

#[rstest]
#[case(true)]
#[case(false)]
#[tokio::test(start_paused = true)]
async fn in_maintenance_health_is_ignored(#[case] up: bool) {
    let mut fixture = ActingFixture::new();
    fixture.done(set("primary", "pg-0", ServerState::Maintenance)).await;
    let (accepted, words) = fixture.result_of(health("primary", "pg-0", up)).await;
    assert!(!accepted && words.starts_with("HAProxy ignored"), "{words}");
    assert_eq!(status(&mut fixture, "primary", "pg-0"), ProxyStatus::Maintenance("".into()));
}

#[tokio::test(start_paused = true)]
async fn a_draining_server_whose_check_fails_is_plainly_down() {
    let mut fixture = ActingFixture::new();
    fixture.done(set("primary", "pg-0", ServerState::Drain)).await;
    fixture.inject(Fault::KillNode(pg(0)));
    fixture.until(12.0, |fixture, now| fixture.server(now, "primary", "pg-0").status == ProxyStatus::Down).await;
}

#[tokio::test(start_paused = true)]
async fn where_nothing_checks_a_server_set_down_stays_down() {
    let mut fixture = ActingFixture::new();
    fixture.inject(Fault::RouterUnchecked);
    fixture.pass(0.3).await;
    fixture.done(health("primary", "pg-0", false)).await;
    fixture.pass(60.0).await;
    assert_eq!(status(&mut fixture, "primary", "pg-0"), ProxyStatus::Down);
    fixture.done(health("primary", "pg-0", true)).await;
    assert_eq!(status(&mut fixture, "primary", "pg-0"), ProxyStatus::NoCheck);
}

#[tokio::test(start_paused = true)]
async fn what_was_set_is_lost_when_the_router_starts_again_and_a_dead_one_refuses() {
    let mut fixture = ActingFixture::new();
    fixture.done(set("replicas", "pg-1", ServerState::Maintenance)).await;
    fixture.inject(Fault::RouterDown);
    fixture.pass(0.3).await;
    assert_eq!(unsent(fixture.order(set("replicas", "pg-1", ServerState::Ready)).await), FailureKind::Refused);
    fixture.inject(Fault::Heal(Repair::Router));
    fixture.pass(0.3).await;
    assert!(status(&mut fixture, "replicas", "pg-1").takes_traffic());
}

#[tokio::test(start_paused = true)]
async fn a_name_that_the_router_does_not_have_is_refused() {
    let mut fixture = ActingFixture::new();
    let ready = ServerState::Ready;
    assert_eq!(fixture.result_of(set("primari", "pg-1", ready)).await, (false, "No such backend.".to_owned()));
    assert_eq!(fixture.result_of(set("primary", "pg-9", ready)).await, (false, "No such server.".to_owned()));
    let request = RouterRequest::Health { backend: "primary".into(), server: "pg-1".into(), up: true };
    assert_eq!(unsent(fixture.order(Step::Router { router: "other".into(), request }).await), FailureKind::Name);
}
