//! The pooler, paused and resumed by hand.

use super::*;
use crate::action::order::PoolerRequest;
use crate::model::pooler::{PoolerReport, PoolerState};

fn ask(request: PoolerRequest) -> Step {
    Step::pooler(&"pgbouncer".into(), request)
}

fn report(fixture: &mut ActingFixture) -> PoolerReport {
    let now = fixture.now();
    let Ok(Facts::Pooler(report)) = fixture.fixture.ask(now, SourceKind::Pooler, "pgbouncer") else {
        panic!("not a pooler's")
    };
    *report
}

#[tokio::test(start_paused = true)]
async fn clients_wait_while_their_database_is_paused_and_go_on_afterwards() {
    let mut fixture = ActingFixture::new();
    let pause = || ask(PoolerRequest::Pause { database: "orders".into() });
    let resume = || ask(PoolerRequest::Resume { database: "orders".into() });
    assert_eq!(report(&mut fixture).clients_waiting(), Some(0));
    fixture.done(pause()).await;
    fixture.pass(5.0).await;
    let paused = report(&mut fixture);
    assert_eq!((paused.state, paused.databases[0].paused), (PoolerState::Active, Some(true)));
    assert!(paused.clients_waiting() > Some(0) && paused.longest_wait() >= Some(Duration::from_secs(4)));
    assert!(paused.pools.iter().all(|pool| pool.servers_active == Some(0)));
    let (accepted, words) = fixture.result_of(pause()).await;
    assert!(!accepted && words.contains("already"), "{words}");
    fixture.done(resume()).await;
    assert_eq!(report(&mut fixture).clients_waiting(), Some(0));
    fixture.done(resume()).await;
}

#[tokio::test(start_paused = true)]
async fn no_database_is_resumed_while_everything_is_paused() {
    let mut fixture = ActingFixture::new();
    fixture.done(ask(PoolerRequest::PauseAll)).await;
    let paused = report(&mut fixture);
    assert_eq!((paused.state, paused.databases[0].paused), (PoolerState::Paused, Some(false)), "as PgBouncer tells it");
    assert!(!fixture.result_of(ask(PoolerRequest::Resume { database: "orders".into() })).await.0);
    assert_eq!(report(&mut fixture).state, PoolerState::Paused);
    fixture.done(ask(PoolerRequest::ResumeAll)).await;
    assert_eq!(report(&mut fixture).state, PoolerState::Active);
}

#[tokio::test(start_paused = true)]
async fn dropped_clients_stay_away_until_the_database_is_resumed() {
    let mut fixture = ActingFixture::new();
    fixture.done(ask(PoolerRequest::Kill { database: "orders".into() })).await;
    let killed = report(&mut fixture);
    assert_eq!((killed.databases[0].paused, killed.clients()), (Some(true), Some(0)));
    assert!(!fixture.result_of(ask(PoolerRequest::Kill { database: "other".into() })).await.0);
    fixture.done(ask(PoolerRequest::Resume { database: "orders".into() })).await;
    assert!(report(&mut fixture).clients() > Some(0));
}
