//! Who leads: switchover and failover.

use super::*;
use crate::model::lsn::Timeline;

fn failover(asked: u8, candidate: u8) -> Step {
    agent(asked, AgentRequest::Failover { candidate: pg(candidate) })
}

fn scheduled(fixture: &ActingFixture, seconds: i64) -> Step {
    agent(0, AgentRequest::Switchover { leader: pg(0), candidate: Some(pg(1)), at: Some(fixture.wall(seconds)) })
}

#[tokio::test(start_paused = true)]
async fn a_switchover_answers_when_it_is_over_and_shows_in_every_source() {
    let mut fixture = ActingFixture::new();
    let began = fixture.now();
    assert_eq!(fixture.done(switchover(Some(1))).await, "200 Successfully switched over to \"pg-1\"");
    let took = fixture.now().since(began);
    assert!((Duration::from_secs(1)..Duration::from_secs(8)).contains(&took), "{took:?}");
    let now = fixture.now();
    assert_eq!(fixture.fixture.holder(now), Some(pg(1)));
    fixture.until(3.0, |fixture, now| fixture.sql(now, "pg-1").is_ok_and(|report| !report.in_recovery)).await;
    fixture.streams("pg-0", 13, 20.0).await;
    fixture.streams("pg-2", 13, 20.0).await;
    fixture.pass(11.0).await;
    let record = fixture.fixture.record(fixture.now()).unwrap();
    assert_eq!((record.order, record.history.last().unwrap().timeline), (None, Timeline(12)));
}

#[tokio::test(start_paused = true)]
async fn without_a_candidate_the_synchronous_standby_takes_over() {
    let mut fixture = ActingFixture::new();
    assert_eq!(fixture.done(switchover(None)).await, "200 Successfully switched over to \"pg-1\"");
}

#[tokio::test(start_paused = true)]
async fn a_replica_takes_a_switchover_as_healthy() {
    let mut fixture = ActingFixture::new();
    let request = AgentRequest::Switchover { leader: pg(0), candidate: Some(pg(1)), at: None };
    fixture.done(agent(2, request)).await;
    assert_eq!(fixture.fixture.holder(fixture.now()), Some(pg(1)));
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_switchover_is_on_record_and_can_be_reverted() {
    let mut fixture = ActingFixture::new();
    let order = scheduled(&fixture, 30);
    assert_eq!(fixture.done(order).await, "202 Switchover scheduled");
    let there = fixture.fixture.record(fixture.now()).unwrap().order.unwrap();
    assert!(there.scheduled_at.unwrap().as_str().starts_with("2026-11-21T14:00:31"));
    let cancel = || agent(0, AgentRequest::CancelSwitchover);
    assert_eq!(fixture.done(cancel()).await, "200 scheduled switchover deleted");
    assert_eq!(fixture.fixture.record(fixture.now()).unwrap().order, None);
    assert_eq!(fixture.result_of(cancel()).await, (false, "404 no switchover is scheduled".to_owned()));
    fixture.pass(60.0).await;
    assert_eq!(fixture.fixture.holder(fixture.now()), Some(pg(0)));
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_switchover_happens_at_its_time() {
    let mut fixture = ActingFixture::new();
    let order = scheduled(&fixture, 30);
    fixture.done(order).await;
    fixture.pass(29.0).await;
    assert_eq!(fixture.fixture.holder(fixture.now()), Some(pg(0)));
    fixture.until(12.0, |fixture, now| fixture.holder(now) == Some(pg(1))).await;
}

#[tokio::test(start_paused = true)]
async fn a_newer_order_replaces_a_scheduled_one_without_a_word() {
    let mut fixture = ActingFixture::new();
    let order = scheduled(&fixture, 300);
    fixture.done(order).await;
    let revision = |fixture: &mut ActingFixture| {
        let now = fixture.now();
        let keys = fixture.fixture.record(now).unwrap().keys().to_vec();
        keys.into_iter().find(|key| key.name == *"failover").unwrap().mod_revision
    };
    let before = revision(&mut fixture);
    let order = scheduled(&fixture, 600);
    assert_eq!(fixture.done(order).await, "202 Switchover scheduled");
    assert!(revision(&mut fixture) > before, "the key tells that it was written again");
}

#[tokio::test(start_paused = true)]
async fn switchovers_that_cannot_be_are_refused_in_patronis_words() {
    let mut fixture = ActingFixture::new();
    let ask = |leader: u8, candidate: Option<u8>| {
        agent(0, AgentRequest::Switchover { leader: pg(leader), candidate: candidate.map(pg), at: None })
    };
    for (order, words) in [
        (ask(2, Some(1)), "412 leader name does not match"),
        (ask(0, Some(0)), "400 Switchover target and source are the same"),
        (ask(0, Some(2)), "412 candidate name does not match with sync_standby"),
        (ask(0, Some(9)), "412 candidate name does not match with sync_standby"),
        (scheduled(&fixture, -5), "422 Cannot schedule switchover in the past"),
    ] {
        assert_eq!(fixture.result_of(order).await, (false, words.to_owned()));
    }
    let fixture = ObservedFixture::calm();
    fixture.cluster.world().lock().unwrap().patroni().agents[2].tags.nofailover = true;
    let mut fixture = ActingFixture::around(fixture);
    let off = serde_json::json!({ "synchronous_mode": null }).as_object().cloned().unwrap();
    fixture.done(agent(0, AgentRequest::Configure { changes: off })).await;
    fixture.pass(1.0).await;
    for (candidate, words) in [
        (9, "412 candidate does not exists"),
        (2, "412 switchover is not possible: no good candidates have been found"),
    ] {
        assert_eq!(fixture.result_of(ask(0, Some(candidate))).await, (false, words.to_owned()));
    }
    fixture.done(agent(0, AgentRequest::Configure { changes: pause(true) })).await;
    let words = "400 Switchover is possible only to a specific candidate in a paused state";
    assert_eq!(fixture.result_of(ask(0, None)).await, (false, words.to_owned()));
    let words = "400 Can't schedule switchover in the paused state";
    let order = scheduled(&fixture, 60);
    assert_eq!(fixture.result_of(order).await, (false, words.to_owned()));
    assert_eq!(fixture.fixture.holder(fixture.now()), Some(pg(0)), "nothing has happened");
}

pub(super) fn pause(on: bool) -> serde_json::Map<String, serde_json::Value> {
    let value = if on { serde_json::json!({ "pause": true }) } else { serde_json::json!({ "pause": null }) };
    value.as_object().cloned().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_candidate_too_far_behind_fails_the_switchover_and_the_leader_stays() {
    let mut fixture = ActingFixture::new();
    fixture.inject(Fault::SlowStream { node: pg(1), bytes_per_second: 1 << 20 });
    fixture.pass(3.0).await;
    // Patroni does not look at the lag before it takes the order.
    assert_eq!(fixture.result_of(switchover(Some(1))).await, (false, "503 Switchover failed".to_owned()));
    assert_eq!(fixture.fixture.holder(fixture.now()), Some(pg(0)));
    assert_eq!(fixture.fixture.record(fixture.now()).unwrap().order, None);
}

#[tokio::test(start_paused = true)]
async fn without_the_store_nothing_is_written() {
    let mut fixture = ActingFixture::new();
    fixture.inject(Fault::LoseDcsMajority);
    fixture.pass(0.3).await;
    let words = "503 failed to write failover key into DCS";
    assert_eq!(fixture.result_of(switchover(Some(1))).await, (false, words.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_failover_without_a_leader_takes_whom_it_is_reported_and_loses_what_that_one_lacks() {
    let mut fixture = ActingFixture::new();
    fixture.inject(Fault::SlowStream { node: pg(2), bytes_per_second: 256 << 10 });
    fixture.pass(20.0).await;
    fixture.done(agent(0, AgentRequest::Configure { changes: pause(true) })).await;
    fixture.inject(Fault::KillNode(pg(0)));
    fixture.until(45.0, |fixture, now| fixture.holder(now).is_none()).await;
    let now = fixture.now();
    let ahead = fixture.fixture.sql(now, "pg-1").unwrap().position.furthest().unwrap();
    let behind = fixture.fixture.sql(now, "pg-2").unwrap().position.furthest().unwrap();
    assert!(ahead.0 > behind.0 + (20 << 20), "{ahead} {behind}");
    assert_eq!(fixture.done(failover(2, 2)).await, "200 Successfully failed over to \"pg-2\"");
    fixture.until(5.0, |fixture, now| fixture.sql(now, "pg-2").is_ok_and(|report| !report.in_recovery)).await;
    fixture.until(5.0, |fixture, now| fixture.record(now).unwrap().history.len() == 12).await;
    let fork = fixture.fixture.record(fixture.now()).unwrap().history.last().unwrap().lsn;
    assert!(fork < ahead, "the new timeline leaves the old one before what the other had: {fork} {ahead}");
    // Whoever had more gives it up.
    fixture.streams("pg-1", 13, 40.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_failover_to_nobody_or_to_the_leader_itself_fails() {
    let mut fixture = ActingFixture::new();
    assert_eq!(fixture.result_of(failover(1, 9)).await, (false, "412 candidate does not exists".to_owned()));
    assert_eq!(fixture.result_of(failover(1, 0)).await, (false, "503 Failover failed".to_owned()));
    fixture.inject(Fault::FreezeNode(pg(2)));
    fixture.pass(0.3).await;
    let words = "412 failover is not possible: no good candidates have been found";
    assert_eq!(fixture.result_of(failover(1, 2)).await, (false, words.to_owned()));
    assert_eq!(fixture.fixture.holder(fixture.now()), Some(pg(0)));
}

#[tokio::test(start_paused = true)]
async fn a_failover_of_a_living_leader_hands_over_to_one_that_is_not_synchronous() {
    let mut fixture = ActingFixture::new();
    assert_eq!(fixture.done(failover(0, 2)).await, "200 Successfully failed over to \"pg-2\"");
    fixture.streams("pg-0", 13, 25.0).await;
    fixture.streams("pg-1", 13, 25.0).await;
}
