//! An agent whose interface goes wrong, and a manager that gives up half-way: what is answered, and what is true.

use super::settings::claim;
use super::*;
use crate::driver::port::Lock;
use crate::model::lsn::Timeline;

fn ailing(number: u8, defect: ApiDefect) -> Stage {
    let stage = Stage::new();
    stage.strike(Fault::AgentApi { node: pg(number), defect });
    stage.bench.cluster.world().lock().unwrap().advance(at(1.2));
    stage
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_hangs_has_done_it_all_the_same() {
    let mut stage = ailing(0, ApiDefect::Hangs);
    stage.pass(0.3).await;
    let began = stage.now();
    assert_eq!(unanswered(stage.order(switchover(Some(1))).await), Trouble::TimedOut);
    let waited = stage.now().since(began);
    assert!((Duration::from_secs(30)..Duration::from_secs(31)).contains(&waited), "until the deadline: {waited:?}");
    assert_eq!(stage.bench.holder(stage.now()), Some(pg(1)));
    assert!(stage.bench.agent(stage.now(), "pg-0").is_ok(), "it tells its state as ever");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_says_503_has_switched_over_all_the_same() {
    let mut stage = ailing(0, ApiDefect::Alarms);
    stage.pass(0.3).await;
    assert_eq!(stage.said(switchover(Some(1))).await, (false, "503 Switchover status unknown".to_owned()));
    stage
        .until(12.0, |bench, now| {
            bench.holder(now) == Some(pg(1)) && bench.sql(now, "pg-1").is_ok_and(|report| !report.in_recovery)
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_dies_after_it_accepted_leaves_an_order_that_fires_later() {
    let mut stage = ailing(0, ApiDefect::Dies);
    stage.pass(0.3).await;
    assert_eq!(unanswered(stage.order(switchover(Some(1))).await), Trouble::Closed);
    assert_eq!(trouble(stage.bench.agent(stage.now(), "pg-0")), Trouble::Refused);
    assert!(stage.bench.record(stage.now()).unwrap().order.is_some(), "the order stands on record");
    stage.pass(4.0).await;
    assert_eq!(stage.bench.holder(stage.now()), Some(pg(0)), "nothing has happened yet");
    stage.until(10.0, |bench, now| bench.holder(now) == Some(pg(1))).await;
    stage.streams("pg-0", 13, 20.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_dies_after_it_accepted_for_others_changes_nothing_for_them() {
    let mut stage = ailing(2, ApiDefect::Dies);
    stage.pass(0.3).await;
    let request = AgentRequest::Switchover { leader: pg(0), candidate: Some(pg(1)), at: None };
    assert_eq!(unanswered(stage.order(agent(2, request)).await), Trouble::Closed);
    stage.until(8.0, |bench, now| bench.holder(now) == Some(pg(1))).await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_refuses_has_done_nothing_and_a_healed_one_does() {
    let mut stage = ailing(0, ApiDefect::Refuses);
    stage.pass(0.3).await;
    let revision = stage.bench.record(stage.now()).unwrap().order;
    let words = "412 switchover is not possible: no good candidates have been found";
    assert_eq!(stage.said(switchover(Some(1))).await, (false, words.to_owned()));
    let restart = AgentRequest::Restart { role: None, only_pending: false, at: None };
    assert!(!stage.said(agent(0, restart)).await.0);
    assert!(!stage.said(agent(0, AgentRequest::Reload)).await.0);
    assert_eq!(stage.bench.record(stage.now()).unwrap().order, revision);
    assert_eq!(stage.bench.holder(stage.now()), Some(pg(0)));
    stage.strike(Fault::Heal(Cure::Node(pg(0))));
    stage.pass(1.0).await;
    stage.done(switchover(Some(1))).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_patronis_own_is_told_by_an_ailing_agent_too() {
    let mut stage = ailing(0, ApiDefect::Hangs);
    stage.pass(0.3).await;
    assert!(!stage.said(switchover(Some(2))).await.0, "it refuses at once what it would not take");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_dies_while_it_is_waited_for_closes_the_connection() {
    let mut stage = Stage::new();
    let at = stage.now() + Duration::from_millis(600);
    stage.bench.strike(at, Fault::KillNode(pg(2)));
    let request = AgentRequest::Switchover { leader: pg(0), candidate: Some(pg(1)), at: None };
    assert_eq!(unanswered(stage.order(agent(2, request)).await), Trouble::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_cannot_promote_gives_the_lead_back_after_patroni_said_that_it_is_done() {
    let mut stage = Stage::new();
    let mut lock = stage.bench.cluster.lock(Arc::clone(&stage.clock));
    lock.acquire(&claim("a")).await.unwrap();
    stage.strike(Fault::PromotionFails(pg(1)));
    stage.pass(0.3).await;
    assert_eq!(stage.done(switchover(Some(1))).await, "200 Successfully switched over to \"pg-1\"");
    stage.until(4.0, |bench, now| bench.holder(now).is_none()).await;
    assert!(stage.bench.sql(stage.now(), "pg-1").unwrap().in_recovery, "it never took a write");
    stage
        .until(15.0, |bench, now| {
            bench.holder(now) == Some(pg(0)) && bench.sql(now, "pg-0").is_ok_and(|report| !report.in_recovery)
        })
        .await;
    stage.pass(1.0).await;
    assert_eq!(stage.bench.record(stage.now()).unwrap().order, None, "the order is over");
    assert_eq!(stage.bench.sql(stage.now(), "pg-0").unwrap().timeline, Some(Timeline(13)));
    stage.streams("pg-1", 13, 30.0).await;
    stage.streams("pg-2", 13, 30.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_standby_that_cannot_promote_does_not_keep_the_others_from_leading_once_it_is_healed() {
    let mut stage = Stage::new();
    stage.strike(Fault::PromotionFails(pg(1)));
    stage.strike(Fault::KillNode(pg(0)));
    stage.until(45.0, |bench, now| bench.holder(now).is_none()).await;
    stage.pass(20.0).await;
    stage.strike(Fault::Heal(Cure::Node(pg(1))));
    stage.until(15.0, |bench, now| bench.sql(now, "pg-1").is_ok_and(|report| !report.in_recovery)).await;
}
