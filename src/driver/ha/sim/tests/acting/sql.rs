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

fn sessions(fixture: &mut ActingFixture, node: &str) -> Vec<Session> {
    let now = fixture.now();
    fixture.fixture.sql(now, node).unwrap().sessions
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_takes_its_time_and_makes_the_next_shutdown_shorter() {
    let downtime = async |before: Option<Step>| {
        let mut fixture = ActingFixture::new();
        if let Some(order) = before {
            let began = fixture.now();
            assert_eq!(fixture.done(order).await, "checkpoint done");
            assert!(fixture.now().since(began) >= Duration::from_millis(400));
        }
        let _ = tokio::time::timeout(Duration::from_millis(50), fixture.order(switchover(Some(1)))).await;
        fixture.until(5.0, |fixture, now| fixture.sql(now, "pg-0").is_err()).await;
        let stopping = fixture.now();
        fixture.until(12.0, |fixture, now| fixture.holder(now) != Some(pg(0))).await;
        fixture.now().since(stopping)
    };
    let (without, with) = (downtime(None).await, downtime(Some(checkpoint(0))).await);
    assert!(without >= Duration::from_millis(700), "{without:?}");
    assert!(with <= Duration::from_millis(600), "{with:?}");
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_on_a_node_that_is_down_or_another_system_is_not_made() {
    let mut fixture = ActingFixture::new();
    let order = Step::Sql { member: pg(0), system_id: Some(SystemId(1)), request: SqlRequest::Checkpoint };
    assert_eq!(
        fixture.result_of(order).await,
        (false, "a server with another system identifier responded: nothing was done".to_owned())
    );
    fixture.generation.system_id = Some(SystemId(1));
    assert!(!fixture.result_of(checkpoint(0)).await.0, "the permit's own system counts as well");
    fixture.generation.system_id = None;
    fixture.inject(Fault::WeakRole(pg(1)));
    fixture.inject(Fault::KillNode(pg(2)));
    fixture.inject(Fault::FreezeNode(pg(3)));
    fixture.pass(0.3).await;
    let words = "permission denied to execute CHECKPOINT command (42501)";
    assert_eq!(fixture.result_of(checkpoint(1)).await, (false, words.to_owned()));
    assert_eq!(unsent(fixture.order(checkpoint(2)).await), FailureKind::Refused);
    assert_eq!(unsent(fixture.order(checkpoint(3)).await), FailureKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_terminated_session_is_gone_and_its_pool_opens_another() {
    let mut fixture = ActingFixture::new();
    let victim = sessions(&mut fixture, "pg-0")[0].clone();
    let words = fixture.done(end(0, &victim, EndSession::Terminate)).await;
    assert_eq!(words, format!("pg_terminate_backend({}) sent", victim.pid));
    for _ in 0..100 {
        fixture.pass(0.3).await;
        assert!(sessions(&mut fixture, "pg-0").iter().all(|session| session.pid != victim.pid));
    }
    let newer = |session: &Session| session.started > victim.started;
    assert!(sessions(&mut fixture, "pg-0").iter().any(newer), "the pool opened another");
    let words = "the session has already ended: nothing was done";
    assert_eq!(fixture.result_of(end(0, &victim, EndSession::Terminate)).await, (false, words.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_session_drops_its_statement_and_stays() {
    let mut fixture = ActingFixture::new();
    let victim = sessions(&mut fixture, "pg-0")[0].clone();
    fixture.done(end(0, &victim, EndSession::Cancel)).await;
    assert!(sessions(&mut fixture, "pg-0").iter().all(|session| session.pid != victim.pid));
    fixture
        .until(30.0, |fixture, now| {
            let sessions = fixture.sql(now, "pg-0").unwrap().sessions;
            sessions.iter().any(|session| session.pid == victim.pid && session.started == victim.started)
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_number_that_is_somebody_elses_by_now_is_left_alone() {
    let mut fixture = ActingFixture::new();
    let victim = sessions(&mut fixture, "pg-0")[0].clone();
    let older = Session {
        started: victim.started.map(|started| started - jiff::SignedDuration::from_secs(1)),
        ..victim.clone()
    };
    assert!(!fixture.result_of(end(0, &older, EndSession::Terminate)).await.0);
    assert!(sessions(&mut fixture, "pg-0").iter().any(|session| session.pid == victim.pid));
    fixture.inject(Fault::WeakRole(pg(0)));
    fixture.pass(0.1).await;
    let seen = sessions(&mut fixture, "pg-0")[0].clone();
    let words = "permission denied to terminate process (42501)";
    assert_eq!(fixture.result_of(end(0, &seen, EndSession::Terminate)).await, (false, words.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn ending_the_long_transaction_or_whoever_holds_the_lock_ends_the_failure() {
    let mut fixture = ActingFixture::new();
    fixture.inject(Fault::LongTransaction(Duration::from_secs(600)));
    fixture.inject(Fault::LockChain(4));
    fixture.pass(12.0).await;
    let seen = sessions(&mut fixture, "pg-0");
    let job = seen.iter().find(|session| session.application == *"etl-nightly").unwrap().clone();
    let migration = seen.iter().find(|session| session.application == *"schema-migration").unwrap().clone();
    let waiter = seen.iter().find(|session| session.blocked_by == [migration.pid]).unwrap().clone();
    fixture.done(end(0, &job, EndSession::Cancel)).await;
    let oldest = fixture.fixture.sql(fixture.now(), "pg-0").unwrap().oldest_transaction;
    assert!(oldest.is_none_or(|oldest| oldest.age < Duration::from_secs(60)));
    let blocked = |fixture: &mut ActingFixture| {
        let now = fixture.now();
        fixture.fixture.sql(now, "pg-0").unwrap().connections.doing.unwrap().blocked
    };
    let before = blocked(&mut fixture);
    fixture.done(end(0, &waiter, EndSession::Terminate)).await;
    assert_eq!(blocked(&mut fixture), before - 1);
    fixture.done(end(0, &migration, EndSession::Cancel)).await;
    assert!(blocked(&mut fixture) > 0, "a cancel does nothing to one that is idle in its transaction");
    fixture.done(end(0, &migration, EndSession::Terminate)).await;
    assert_eq!(blocked(&mut fixture), 0);
}
