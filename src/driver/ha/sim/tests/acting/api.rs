//! An agent whose interface goes wrong, and a manager that gives up half-way: what is answered, and what is true.

use super::settings::claim;
use super::*;
use crate::driver::port::Lock;
use crate::model::lsn::Timeline;

fn with_fault(number: u8, defect: ApiDefect) -> ActingFixture {
    let fixture = ActingFixture::new();
    fixture.inject(Fault::AgentApi { node: pg(number), defect });
    fixture.fixture.cluster.world().lock().unwrap().advance(at(1.2));
    fixture
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_hangs_has_done_it_all_the_same() {
    let mut fixture = with_fault(0, ApiDefect::Hangs);
    fixture.pass(0.3).await;
    let began = fixture.now();
    assert_eq!(unanswered(fixture.order(switchover(Some(1))).await), FailureKind::TimedOut);
    let waited = fixture.now().since(began);
    assert!((Duration::from_secs(30)..Duration::from_secs(31)).contains(&waited), "until the deadline: {waited:?}");
    assert_eq!(fixture.fixture.holder(fixture.now()), Some(pg(1)));
    assert!(fixture.fixture.agent(fixture.now(), "pg-0").is_ok(), "it tells its state as ever");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_says_503_has_switched_over_all_the_same() {
    let mut fixture = with_fault(0, ApiDefect::Alarms);
    fixture.pass(0.3).await;
    assert_eq!(fixture.result_of(switchover(Some(1))).await, (false, "503 Switchover status unknown".to_owned()));
    fixture
        .until(12.0, |fixture, now| {
            fixture.holder(now) == Some(pg(1)) && fixture.sql(now, "pg-1").is_ok_and(|report| !report.in_recovery)
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_dies_after_it_accepted_leaves_an_order_that_fires_later() {
    let mut fixture = with_fault(0, ApiDefect::Dies);
    fixture.pass(0.3).await;
    assert_eq!(unanswered(fixture.order(switchover(Some(1))).await), FailureKind::Closed);
    assert_eq!(failure_kind(fixture.fixture.agent(fixture.now(), "pg-0")), FailureKind::Refused);
    assert!(fixture.fixture.record(fixture.now()).unwrap().order.is_some(), "the order stands in the DCS");
    fixture.pass(4.0).await;
    assert_eq!(fixture.fixture.holder(fixture.now()), Some(pg(0)), "nothing has happened yet");
    fixture.until(10.0, |fixture, now| fixture.holder(now) == Some(pg(1))).await;
    fixture.streams("pg-0", 13, 20.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_dies_after_it_accepted_for_others_changes_nothing_for_them() {
    let mut fixture = with_fault(2, ApiDefect::Dies);
    fixture.pass(0.3).await;
    let request = AgentRequest::Switchover { leader: pg(0), candidate: Some(pg(1)), at: None };
    assert_eq!(unanswered(fixture.order(agent(2, request)).await), FailureKind::Closed);
    fixture.until(8.0, |fixture, now| fixture.holder(now) == Some(pg(1))).await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_refuses_has_done_nothing_and_a_healed_one_does() {
    let mut fixture = with_fault(0, ApiDefect::Refuses);
    fixture.pass(0.3).await;
    let revision = fixture.fixture.record(fixture.now()).unwrap().order;
    let words = "412 switchover is not possible: no good candidates have been found";
    assert_eq!(fixture.result_of(switchover(Some(1))).await, (false, words.to_owned()));
    let restart = AgentRequest::Restart { role: None, only_pending: false, at: None };
    assert!(!fixture.result_of(agent(0, restart)).await.0);
    assert!(!fixture.result_of(agent(0, AgentRequest::Reload)).await.0);
    assert_eq!(fixture.fixture.record(fixture.now()).unwrap().order, revision);
    assert_eq!(fixture.fixture.holder(fixture.now()), Some(pg(0)));
    fixture.inject(Fault::Heal(Repair::Node(pg(0))));
    fixture.pass(1.0).await;
    fixture.done(switchover(Some(1))).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_patronis_own_is_reported_by_an_faulty_agent_too() {
    let mut fixture = with_fault(0, ApiDefect::Hangs);
    fixture.pass(0.3).await;
    assert!(!fixture.result_of(switchover(Some(2))).await.0, "it refuses at once what it would not take");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_dies_while_it_is_waited_for_closes_the_connection() {
    let mut fixture = ActingFixture::new();
    let at = fixture.now() + Duration::from_millis(600);
    fixture.fixture.inject(at, Fault::KillNode(pg(2)));
    let request = AgentRequest::Switchover { leader: pg(0), candidate: Some(pg(1)), at: None };
    assert_eq!(unanswered(fixture.order(agent(2, request)).await), FailureKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_cannot_promote_gives_the_leadership_back_after_patroni_stated_that_it_is_done() {
    let mut fixture = ActingFixture::new();
    let mut lock = fixture.fixture.cluster.lock(Arc::clone(&fixture.clock));
    lock.acquire(&claim("a")).await.unwrap();
    fixture.inject(Fault::PromotionFails(pg(1)));
    fixture.pass(0.3).await;
    assert_eq!(fixture.done(switchover(Some(1))).await, "200 Successfully switched over to \"pg-1\"");
    fixture.until(4.0, |fixture, now| fixture.holder(now).is_none()).await;
    assert!(fixture.fixture.sql(fixture.now(), "pg-1").unwrap().in_recovery, "it never took a write");
    fixture
        .until(15.0, |fixture, now| {
            fixture.holder(now) == Some(pg(0)) && fixture.sql(now, "pg-0").is_ok_and(|report| !report.in_recovery)
        })
        .await;
    fixture.pass(1.0).await;
    assert_eq!(fixture.fixture.record(fixture.now()).unwrap().order, None, "the order is over");
    assert_eq!(fixture.fixture.sql(fixture.now(), "pg-0").unwrap().timeline, Some(Timeline(13)));
    fixture.streams("pg-1", 13, 30.0).await;
    fixture.streams("pg-2", 13, 30.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_standby_that_cannot_promote_does_not_keep_the_others_from_leading_once_it_is_healed() {
    let mut fixture = ActingFixture::new();
    fixture.inject(Fault::PromotionFails(pg(1)));
    fixture.inject(Fault::KillNode(pg(0)));
    fixture.until(45.0, |fixture, now| fixture.holder(now).is_none()).await;
    fixture.pass(20.0).await;
    fixture.inject(Fault::Heal(Repair::Node(pg(1))));
    fixture.until(15.0, |fixture, now| fixture.sql(now, "pg-1").is_ok_and(|report| !report.in_recovery)).await;
}
