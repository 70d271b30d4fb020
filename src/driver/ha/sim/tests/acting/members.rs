//! What is asked of one member: restart, reload, a new copy.

use super::lead::pause;
use super::*;
use crate::action::intent::CopySource;
use crate::model::role::{MemberState, Role};

fn restart(number: u8, role: Option<Role>, only_pending: bool) -> Step {
    agent(number, AgentRequest::Restart { role, only_pending, at: None })
}

fn later(stage: &Stage, seconds: i64, role: Option<Role>, only_pending: bool) -> Step {
    agent(2, AgentRequest::Restart { role, only_pending, at: Some(stage.wall(seconds)) })
}

fn reinitialise(number: u8, force: bool) -> Step {
    agent(number, AgentRequest::Reinitialise { source: CopySource::Any, force })
}

#[tokio::test(start_paused = true)]
async fn a_restart_answers_when_it_is_over_and_clears_what_waited_for_it() {
    let mut stage = Stage::new();
    stage.strike(Fault::PendingRestart(pg(2)));
    stage.pass(0.3).await;
    let before = stage.bench.sql(stage.now(), "pg-2").unwrap();
    assert!(!before.pending_restart.is_empty());
    assert_eq!(stage.done(restart(2, Some(Role::Replica), true)).await, "200 restarted successfully");
    let after = stage.bench.sql(stage.now(), "pg-2").unwrap();
    assert!(after.postmaster_started > before.postmaster_started && after.pending_restart.is_empty());
    stage.streams("pg-2", 12, 5.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_restarts_keeps_its_lock() {
    let mut stage = Stage::new();
    let before = stage.bench.record(stage.now()).unwrap().leader.unwrap();
    assert_eq!(stage.done(restart(0, None, false)).await, "200 restarted successfully");
    let after = stage.bench.record(stage.now()).unwrap().leader.unwrap();
    assert_eq!((after.holder, after.create_revision), (before.holder, before.create_revision));
    assert!(!stage.bench.sql(stage.now(), "pg-0").unwrap().in_recovery);
}

#[tokio::test(start_paused = true)]
async fn restarts_that_cannot_be_are_refused() {
    let mut stage = Stage::new();
    let unmet = (false, "503 restart conditions are not satisfied".to_owned());
    assert_eq!(stage.said(restart(2, Some(Role::Primary), false)).await, unmet);
    assert_eq!(stage.said(restart(0, Some(Role::Replica), false)).await, unmet);
    assert_eq!(stage.said(restart(2, None, true)).await, unmet, "nothing waits for it");
    let past = later(&stage, -3, None, false);
    assert_eq!(stage.said(past).await, (false, "422 Cannot schedule restart in the past".to_owned()));
    stage.strike(Fault::StartFails(pg(3)));
    stage.pass(0.3).await;
    assert_eq!(stage.said(restart(3, None, false)).await, (false, "503 restart failed".to_owned()));
    stage.done(agent(0, AgentRequest::Configure { changes: pause(true) })).await;
    let order = later(&stage, 60, None, false);
    assert_eq!(stage.said(order).await, (false, "500 Can't schedule restart in the paused state".to_owned()));
    let started = stage.bench.sql(stage.now(), "pg-2").unwrap().postmaster_started;
    assert!(started < epoch(), "nothing was restarted");
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_restart_is_told_of_happens_and_can_be_taken_back() {
    let mut stage = Stage::new();
    let order = later(&stage, 20, Some(Role::Replica), false);
    assert_eq!(stage.done(order.clone()).await, "202 Restart scheduled");
    let told = stage.bench.agent(stage.now(), "pg-2").unwrap().scheduled_restart.unwrap();
    assert_eq!(told.conditions, ["role replica"]);
    assert_eq!(stage.said(order).await, (false, "409 Another restart is already scheduled".to_owned()));
    let cancel = || agent(2, AgentRequest::CancelRestart);
    assert_eq!(stage.done(cancel()).await, "200 scheduled restart deleted");
    assert_eq!(stage.bench.agent(stage.now(), "pg-2").unwrap().scheduled_restart, None);
    assert_eq!(stage.said(cancel()).await, (false, "404 no restarts are scheduled".to_owned()));
    let order = later(&stage, 5, None, false);
    stage.done(order).await;
    stage
        .until(12.0, |bench, now| bench.sql(now, "pg-2").is_ok_and(|report| report.postmaster_started > epoch()))
        .await;
    assert_eq!(stage.bench.agent(stage.now(), "pg-2").unwrap().scheduled_restart, None);
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_restart_whose_condition_fails_is_dropped() {
    let mut stage = Stage::new();
    let order = later(&stage, 5, None, true);
    stage.done(order).await;
    stage.pass(15.0).await;
    assert!(stage.bench.sql(stage.now(), "pg-2").unwrap().postmaster_started < epoch());
    assert_eq!(stage.bench.agent(stage.now(), "pg-2").unwrap().scheduled_restart, None);
}

#[tokio::test(start_paused = true)]
async fn a_reload_is_taken_and_cuts_nobody_off() {
    let mut stage = Stage::new();
    let read = |stage: &mut Stage, name| stage.bench.sql(stage.now(), name).unwrap().files_read.unwrap();
    let before = (read(&mut stage, "pg-0"), read(&mut stage, "pg-1"));
    assert_eq!(stage.done(agent(1, AgentRequest::Reload)).await, "202 reload scheduled");
    assert_eq!(read(&mut stage, "pg-1"), before.1, "accepted is not done");
    stage.pass(2.0).await;
    assert!(stage.bench.sql(stage.now(), "pg-1").unwrap().receiver.is_some());
    assert_eq!(read(&mut stage, "pg-0"), before.0);
    assert!(read(&mut stage, "pg-1") > before.1);
}

#[tokio::test(start_paused = true)]
async fn a_new_copy_shows_its_progress_and_takes_as_long_as_there_is_data() {
    let mut stage = Stage::new();
    assert_eq!(stage.done(reinitialise(2, false)).await, "200 reinitialize started");
    let creating = |bench: &mut Bench, now| bench.agent(now, "pg-2").unwrap().state == MemberState::CreatingReplica;
    stage.until(3.0, creating).await;
    let copied = |stage: &mut Stage| stage.bench.sql(stage.now(), "pg-0").unwrap().base_backups[0].clone();
    stage.pass(5.0).await;
    let first = copied(&mut stage);
    stage.pass(10.0).await;
    let second = copied(&mut stage);
    assert!(second.streamed > first.streamed + (3 << 30), "{first:?} {second:?}");
    assert_eq!(second.total, Some(18 << 30));
    let busy = (false, "503 reinitialize already in progress".to_owned());
    assert_eq!(stage.said(reinitialise(2, false)).await, busy);
    // Begun anew by force, it starts from nothing.
    assert_eq!(stage.done(reinitialise(2, true)).await, "200 reinitialize started");
    stage.pass(2.0).await;
    assert!(copied(&mut stage).streamed < first.streamed);
    let took = stage.until(80.0, |bench, now| !creating(bench, now)).await;
    assert!(took > 35.0, "18 GiB are not copied in {took} s");
    stage.streams("pg-2", 12, 10.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_is_never_copied_anew_nor_anybody_without_one() {
    let mut stage = Stage::new();
    let words = "503 I am the leader, can not reinitialize";
    assert_eq!(stage.said(reinitialise(0, true)).await, (false, words.to_owned()));
    stage.strike(Fault::KillNode(pg(0)));
    stage.done(agent(1, AgentRequest::Configure { changes: pause(true) })).await;
    stage.until(45.0, |bench, now| bench.holder(now).is_none()).await;
    let words = "503 Cluster has no leader, can not reinitialize";
    assert_eq!(stage.said(reinitialise(2, false)).await, (false, words.to_owned()));
}
