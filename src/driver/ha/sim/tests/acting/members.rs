//! What is asked of one member: restart, reload, a new copy.

use super::lead::pause;
use super::*;
use crate::action::intent::CopySource;
use crate::model::role::{MemberState, Role};

fn restart(number: u8, role: Option<Role>, only_pending: bool) -> Step {
    agent(number, AgentRequest::Restart { role, only_pending, at: None })
}

fn later(fixture: &ActingFixture, seconds: i64, role: Option<Role>, only_pending: bool) -> Step {
    agent(2, AgentRequest::Restart { role, only_pending, at: Some(fixture.wall(seconds)) })
}

fn reinit(number: u8, force: bool) -> Step {
    agent(number, AgentRequest::Reinit { source: CopySource::Any, force })
}

#[tokio::test(start_paused = true)]
async fn a_restart_answers_when_it_is_over_and_clears_what_waited_for_it() {
    let mut fixture = ActingFixture::new();
    fixture.inject(Fault::PendingRestart(pg(2)));
    fixture.pass(0.3).await;
    let before = fixture.fixture.sql(fixture.now(), "pg-2").unwrap();
    assert!(!before.pending_restart.is_empty());
    assert_eq!(fixture.done(restart(2, Some(Role::Replica), true)).await, "200 restarted successfully");
    let after = fixture.fixture.sql(fixture.now(), "pg-2").unwrap();
    assert!(after.postmaster_started > before.postmaster_started && after.pending_restart.is_empty());
    fixture.streams("pg-2", 12, 5.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_restarts_keeps_its_lock() {
    let mut fixture = ActingFixture::new();
    let before = fixture.fixture.record(fixture.now()).unwrap().leader.unwrap();
    assert_eq!(fixture.done(restart(0, None, false)).await, "200 restarted successfully");
    let after = fixture.fixture.record(fixture.now()).unwrap().leader.unwrap();
    assert_eq!((after.holder, after.create_revision), (before.holder, before.create_revision));
    assert!(!fixture.fixture.sql(fixture.now(), "pg-0").unwrap().in_recovery);
}

#[tokio::test(start_paused = true)]
async fn restarts_that_cannot_be_are_refused() {
    let mut fixture = ActingFixture::new();
    let unmet = (false, "503 restart conditions are not satisfied".to_owned());
    assert_eq!(fixture.result_of(restart(2, Some(Role::Primary), false)).await, unmet);
    assert_eq!(fixture.result_of(restart(0, Some(Role::Replica), false)).await, unmet);
    assert_eq!(fixture.result_of(restart(2, None, true)).await, unmet, "nothing waits for it");
    let past = later(&fixture, -3, None, false);
    assert_eq!(fixture.result_of(past).await, (false, "422 Cannot schedule restart in the past".to_owned()));
    fixture.inject(Fault::StartFails(pg(3)));
    fixture.pass(0.3).await;
    assert_eq!(fixture.result_of(restart(3, None, false)).await, (false, "503 restart failed".to_owned()));
    fixture.done(agent(0, AgentRequest::Configure { changes: pause(true) })).await;
    let order = later(&fixture, 60, None, false);
    assert_eq!(fixture.result_of(order).await, (false, "500 Can't schedule restart in the paused state".to_owned()));
    let started = fixture.fixture.sql(fixture.now(), "pg-2").unwrap().postmaster_started;
    assert!(started < epoch(), "nothing was restarted");
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_restart_is_reported_of_happens_and_can_be_reverted() {
    let mut fixture = ActingFixture::new();
    let order = later(&fixture, 20, Some(Role::Replica), false);
    assert_eq!(fixture.done(order.clone()).await, "202 Restart scheduled");
    let reported = fixture.fixture.agent(fixture.now(), "pg-2").unwrap().scheduled_restart.unwrap();
    assert_eq!(reported.conditions, ["role replica"]);
    assert_eq!(fixture.result_of(order).await, (false, "409 Another restart is already scheduled".to_owned()));
    let cancel = || agent(2, AgentRequest::CancelRestart);
    assert_eq!(fixture.done(cancel()).await, "200 scheduled restart deleted");
    assert_eq!(fixture.fixture.agent(fixture.now(), "pg-2").unwrap().scheduled_restart, None);
    assert_eq!(fixture.result_of(cancel()).await, (false, "404 no restarts are scheduled".to_owned()));
    let order = later(&fixture, 5, None, false);
    fixture.done(order).await;
    fixture
        .until(12.0, |fixture, now| fixture.sql(now, "pg-2").is_ok_and(|report| report.postmaster_started > epoch()))
        .await;
    assert_eq!(fixture.fixture.agent(fixture.now(), "pg-2").unwrap().scheduled_restart, None);
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_restart_whose_condition_fails_is_dropped() {
    let mut fixture = ActingFixture::new();
    let order = later(&fixture, 5, None, true);
    fixture.done(order).await;
    fixture.pass(15.0).await;
    assert!(fixture.fixture.sql(fixture.now(), "pg-2").unwrap().postmaster_started < epoch());
    assert_eq!(fixture.fixture.agent(fixture.now(), "pg-2").unwrap().scheduled_restart, None);
}

#[tokio::test(start_paused = true)]
async fn a_reload_is_taken_and_cuts_nobody_off() {
    let mut fixture = ActingFixture::new();
    let read =
        |fixture: &mut ActingFixture, name| fixture.fixture.sql(fixture.now(), name).unwrap().files_read.unwrap();
    let before = (read(&mut fixture, "pg-0"), read(&mut fixture, "pg-1"));
    assert_eq!(fixture.done(agent(1, AgentRequest::Reload)).await, "202 reload scheduled");
    assert_eq!(read(&mut fixture, "pg-1"), before.1, "accepted is not done");
    fixture.pass(2.0).await;
    assert!(fixture.fixture.sql(fixture.now(), "pg-1").unwrap().receiver.is_some());
    assert_eq!(read(&mut fixture, "pg-0"), before.0);
    assert!(read(&mut fixture, "pg-1") > before.1);
}

#[tokio::test(start_paused = true)]
async fn a_new_copy_shows_its_progress_and_takes_as_long_as_there_is_data() {
    let mut fixture = ActingFixture::new();
    assert_eq!(fixture.done(reinit(2, false)).await, "200 reinitialize started");
    let creating =
        |fixture: &mut ObservedFixture, now| fixture.agent(now, "pg-2").unwrap().state == MemberState::CreatingReplica;
    fixture.until(3.0, creating).await;
    let copied =
        |fixture: &mut ActingFixture| fixture.fixture.sql(fixture.now(), "pg-0").unwrap().base_backups[0].clone();
    fixture.pass(5.0).await;
    let first = copied(&mut fixture);
    fixture.pass(10.0).await;
    let second = copied(&mut fixture);
    assert!(second.streamed > first.streamed + (3 << 30), "{first:?} {second:?}");
    assert_eq!(second.total, Some(18 << 30));
    let busy = (false, "503 reinitialize already in progress".to_owned());
    assert_eq!(fixture.result_of(reinit(2, false)).await, busy);
    // Begun anew by force, it starts from nothing.
    assert_eq!(fixture.done(reinit(2, true)).await, "200 reinitialize started");
    fixture.pass(2.0).await;
    assert!(copied(&mut fixture).streamed < first.streamed);
    let took = fixture.until(80.0, |fixture, now| !creating(fixture, now)).await;
    assert!(took > 35.0, "18 GiB are not copied in {took} s");
    fixture.streams("pg-2", 12, 10.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_is_never_reinitialized_nor_anybody_without_one() {
    let mut fixture = ActingFixture::new();
    let words = "503 I am the leader, can not reinitialize";
    assert_eq!(fixture.result_of(reinit(0, true)).await, (false, words.to_owned()));
    fixture.inject(Fault::KillNode(pg(0)));
    fixture.done(agent(1, AgentRequest::Configure { changes: pause(true) })).await;
    fixture.until(45.0, |fixture, now| fixture.holder(now).is_none()).await;
    let words = "503 Cluster has no leader, can not reinitialize";
    assert_eq!(fixture.result_of(reinit(2, false)).await, (false, words.to_owned()));
}
