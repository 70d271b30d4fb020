//! What PostgreSQL is asked: a checkpoint, and the end of a session.

use super::*;
use crate::action::intent::EndSession;
use crate::action::order::SqlRequest;
use crate::model::lsn::SystemId;
use crate::model::postgres::Session;

fn checkpoint(number: u8) -> Step {
    Step::Sql { member: pg(number), system_id: None, request: SqlRequest::Checkpoint }
}

fn end(number: u8, session: &Session, how: EndSession) -> Step {
    let request = SqlRequest::EndSession { pid: session.pid.unsigned_abs(), started: session.started.unwrap(), how };
    Step::Sql { member: pg(number), system_id: None, request }
}

fn sessions(stage: &mut Stage, node: &str) -> Vec<Session> {
    let now = stage.now();
    stage.bench.sql(now, node).unwrap().sessions
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_takes_its_time_and_makes_the_next_shutdown_shorter() {
    let downtime = async |before: Option<Step>| {
        let mut stage = Stage::new();
        if let Some(order) = before {
            let began = stage.now();
            assert_eq!(stage.done(order).await, "checkpoint done");
            assert!(stage.now().since(began) >= Duration::from_millis(400));
        }
        let _ = tokio::time::timeout(Duration::from_millis(50), stage.order(switchover(Some(1)))).await;
        stage.until(5.0, |bench, now| bench.sql(now, "pg-0").is_err()).await;
        let stopping = stage.now();
        stage.until(12.0, |bench, now| bench.holder(now) != Some(pg(0))).await;
        stage.now().since(stopping)
    };
    let (without, with) = (downtime(None).await, downtime(Some(checkpoint(0))).await);
    assert!(without >= Duration::from_millis(700), "{without:?}");
    assert!(with <= Duration::from_millis(600), "{with:?}");
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_on_a_node_that_is_down_or_another_system_is_not_made() {
    let mut stage = Stage::new();
    let order = Step::Sql { member: pg(0), system_id: Some(SystemId(1)), request: SqlRequest::Checkpoint };
    assert_eq!(stage.said(order).await, (false, "another system answers there: nothing was done".to_owned()));
    stage.generation.system_id = Some(SystemId(1));
    assert!(!stage.said(checkpoint(0)).await.0, "the permit's own system counts as well");
    stage.generation.system_id = None;
    stage.strike(Fault::WeakRole(pg(1)));
    stage.strike(Fault::KillNode(pg(2)));
    stage.strike(Fault::FreezeNode(pg(3)));
    stage.pass(0.3).await;
    let words = "permission denied to execute CHECKPOINT command (42501)";
    assert_eq!(stage.said(checkpoint(1)).await, (false, words.to_owned()));
    assert_eq!(unsent(stage.order(checkpoint(2)).await), Trouble::Refused);
    assert_eq!(unsent(stage.order(checkpoint(3)).await), Trouble::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_terminated_session_is_gone_and_its_pool_opens_another() {
    let mut stage = Stage::new();
    let victim = sessions(&mut stage, "pg-0")[0].clone();
    let words = stage.done(end(0, &victim, EndSession::Terminate)).await;
    assert_eq!(words, format!("{} was told to end", victim.pid));
    for _ in 0..100 {
        stage.pass(0.3).await;
        assert!(sessions(&mut stage, "pg-0").iter().all(|session| session.pid != victim.pid));
    }
    let newer = |session: &Session| session.started > victim.started;
    assert!(sessions(&mut stage, "pg-0").iter().any(newer), "the pool opened another");
    let words = "the session has ended by itself: nothing was done";
    assert_eq!(stage.said(end(0, &victim, EndSession::Terminate)).await, (false, words.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_session_drops_its_statement_and_stays() {
    let mut stage = Stage::new();
    let victim = sessions(&mut stage, "pg-0")[0].clone();
    stage.done(end(0, &victim, EndSession::Cancel)).await;
    assert!(sessions(&mut stage, "pg-0").iter().all(|session| session.pid != victim.pid));
    stage
        .until(30.0, |bench, now| {
            let sessions = bench.sql(now, "pg-0").unwrap().sessions;
            sessions.iter().any(|session| session.pid == victim.pid && session.started == victim.started)
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_number_that_is_somebody_elses_by_now_is_left_alone() {
    let mut stage = Stage::new();
    let victim = sessions(&mut stage, "pg-0")[0].clone();
    let older = Session {
        started: victim.started.map(|started| started - jiff::SignedDuration::from_secs(1)),
        ..victim.clone()
    };
    assert!(!stage.said(end(0, &older, EndSession::Terminate)).await.0);
    assert!(sessions(&mut stage, "pg-0").iter().any(|session| session.pid == victim.pid));
    stage.strike(Fault::WeakRole(pg(0)));
    stage.pass(0.1).await;
    let seen = sessions(&mut stage, "pg-0")[0].clone();
    let words = "permission denied to terminate process (42501)";
    assert_eq!(stage.said(end(0, &seen, EndSession::Terminate)).await, (false, words.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn ending_the_long_transaction_or_whoever_holds_the_lock_ends_the_trouble() {
    let mut stage = Stage::new();
    stage.strike(Fault::LongTransaction(Duration::from_secs(600)));
    stage.strike(Fault::LockChain(4));
    stage.pass(12.0).await;
    let seen = sessions(&mut stage, "pg-0");
    let job = seen.iter().find(|session| session.application == *"etl-nightly").unwrap().clone();
    let migration = seen.iter().find(|session| session.application == *"schema-migration").unwrap().clone();
    let waiter = seen.iter().find(|session| session.blocked_by == [migration.pid]).unwrap().clone();
    stage.done(end(0, &job, EndSession::Cancel)).await;
    let oldest = stage.bench.sql(stage.now(), "pg-0").unwrap().oldest_transaction;
    assert!(oldest.is_none_or(|oldest| oldest.age < Duration::from_secs(60)));
    let blocked = |stage: &mut Stage| {
        let now = stage.now();
        stage.bench.sql(now, "pg-0").unwrap().connections.doing.unwrap().blocked
    };
    let before = blocked(&mut stage);
    stage.done(end(0, &waiter, EndSession::Terminate)).await;
    assert_eq!(blocked(&mut stage), before - 1);
    stage.done(end(0, &migration, EndSession::Cancel)).await;
    assert!(blocked(&mut stage) > 0, "a cancel does nothing to one that is idle in its transaction");
    stage.done(end(0, &migration, EndSession::Terminate)).await;
    assert_eq!(blocked(&mut stage), 0);
}
