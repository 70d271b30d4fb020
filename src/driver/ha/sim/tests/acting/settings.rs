//! The dynamic configuration: what it shows, and what follows from it.

use crate::model::record::Counter;
use serde_json::{Map, Value, json};

use super::lead::pause;
use super::*;
use crate::action::order::RecordRequest;
use crate::driver::port::{Lock, LockClaim};
use crate::model::text::Text;

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

fn configure(changes: &Value) -> Step {
    agent(0, AgentRequest::Configure { changes: map(changes) })
}

fn config(fixture: &mut ActingFixture) -> Value {
    let lines = fixture.fixture.record(fixture.now()).unwrap().config().cloned().unwrap().lines;
    serde_json::from_str(&lines.iter().map(Text::as_str).collect::<Vec<_>>().join("\n")).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_patch_is_merged_and_shown_and_null_removes() {
    let mut fixture = ActingFixture::new();
    let before = fixture.fixture.record(fixture.now()).unwrap().config().cloned().unwrap();
    let changes = json!({
        "ttl": 45,
        "slots": null,
        "postgresql": { "parameters": { "work_mem": "64MB", "archive_mode": null } }
    });
    assert_eq!(fixture.done(configure(&changes)).await, "200 configuration changed");
    let after = fixture.fixture.record(fixture.now()).unwrap().config().cloned().unwrap();
    assert_eq!((before.ttl, after.ttl), (Some(Duration::from_secs(30)), Some(Duration::from_secs(45))));
    assert!(after.mod_revision > before.mod_revision);
    let value = config(&mut fixture);
    assert_eq!(value.get("slots"), None);
    let parameters = &value["postgresql"]["parameters"];
    assert_eq!((&parameters["work_mem"], parameters.get("archive_mode")), (&json!("64MB"), None));
    assert_eq!(parameters["max_wal_size"], "8GB", "what was not named stays");
    let again = fixture.fixture.record(fixture.now()).unwrap().revision;
    fixture.done(configure(&changes)).await;
    assert_eq!(fixture.fixture.record(fixture.now()).unwrap().revision, again, "nothing new is not written");
    assert_eq!(fixture.result_of(configure(&json!({}))).await, (false, "400 Bad Request".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_longer_lease_keeps_a_dead_leaders_lock_longer() {
    let mut fixture = ActingFixture::new();
    fixture.done(configure(&json!({ "ttl": 90 }))).await;
    fixture.pass(2.0).await;
    fixture.inject(Fault::KillNode(pg(0)));
    let gone = fixture.until(120.0, |fixture, now| fixture.holder(now).is_none()).await;
    assert!((78.0..=91.0).contains(&gone), "{gone}");
}

#[tokio::test(start_paused = true)]
async fn a_shorter_loop_renews_the_lease_more_often() {
    let mut fixture = ActingFixture::new();
    fixture.done(configure(&json!({ "loop_wait": 2 }))).await;
    fixture.pass(5.0).await;
    for _ in 0..60 {
        fixture.pass(0.3).await;
        let left = fixture.fixture.record(fixture.now()).unwrap().leader.unwrap().lease_left.unwrap();
        assert!(left > Duration::from_secs(27), "{left:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_larger_allowed_lag_lets_a_laggard_lead() {
    let mut fixture = ActingFixture::new();
    fixture.done(configure(&json!({ "maximum_lag_on_failover": 1_u64 << 40, "synchronous_mode": null }))).await;
    fixture.inject(Fault::SlowStream { node: pg(2), bytes_per_second: 2 << 20 });
    fixture.pass(12.0).await;
    assert_eq!(fixture.done(switchover(Some(2))).await, "200 Successfully switched over to \"pg-2\"");
}

#[tokio::test(start_paused = true)]
async fn synchronous_mode_goes_and_comes_with_its_key() {
    let mut fixture = ActingFixture::new();
    fixture.done(configure(&json!({ "synchronous_mode": false }))).await;
    fixture.until(2.0, |fixture, now| fixture.record(now).unwrap().sync().is_none()).await;
    assert!(!fixture.fixture.record(fixture.now()).unwrap().config().cloned().unwrap().synchronous_mode);
    fixture.until(11.0, |fixture, now| fixture.sql(now, "pg-0").unwrap().synchronous_names.is_empty()).await;
    fixture.done(configure(&json!({ "synchronous_mode": true }))).await;
    fixture
        .until(3.0, |fixture, now| fixture.record(now).unwrap().sync().is_some_and(|sync| sync.standbys.len() == 1))
        .await;
    fixture.done(configure(&json!({ "synchronous_mode": "quorum" }))).await;
    let reported = fixture.fixture.record(fixture.now()).unwrap().config().cloned().unwrap();
    assert!(reported.synchronous_mode && reported.quorum);
}

#[tokio::test(start_paused = true)]
async fn maintenance_is_on_by_the_word_of_the_record_and_of_every_member_and_goes_off_again() {
    let mut fixture = ActingFixture::new();
    fixture.done(agent(1, AgentRequest::Configure { changes: pause(true) })).await;
    let paused = |fixture: &mut ObservedFixture, now| {
        let record = fixture.record(now).unwrap();
        record.is_paused()
            && record.members.iter().all(|member| member.paused)
            && fixture.agent(now, "pg-3").unwrap().paused
    };
    fixture.until(3.0, paused).await;
    fixture.done(agent(1, AgentRequest::Configure { changes: pause(false) })).await;
    fixture
        .until(3.0, |fixture, now| {
            let record = fixture.record(now).unwrap();
            !record.is_paused() && record.members.iter().all(|member| !member.paused)
        })
        .await;
    assert_eq!(config(&mut fixture).get("pause"), None);
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_needs_a_restart_waits_for_one_on_every_member() {
    let mut fixture = ActingFixture::new();
    let set = |value: u32| configure(&json!({ "postgresql": { "parameters": { "max_connections": value } } }));
    fixture.done(set(600)).await;
    for member in ["pg-0", "pg-3"] {
        let waits = fixture.fixture.agent(fixture.now(), member).unwrap().pending_settings;
        assert_eq!((waits[0].name.as_str(), waits[0].new.as_ref().unwrap().as_str()), ("max_connections", "600"));
    }
    let restart = AgentRequest::Restart { role: None, only_pending: true, at: None };
    fixture.done(agent(3, restart)).await;
    assert!(fixture.fixture.agent(fixture.now(), "pg-3").unwrap().pending_settings.is_empty());
    fixture.done(set(400)).await;
    assert!(
        fixture.fixture.agent(fixture.now(), "pg-0").unwrap().pending_settings.is_empty(),
        "back to what is in force"
    );
    assert!(!fixture.fixture.agent(fixture.now(), "pg-3").unwrap().pending_settings.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_falls_waits_on_a_standby_until_the_primary_has_it() {
    let mut fixture = ActingFixture::new();
    let set = configure(&json!({ "postgresql": { "parameters": { "max_connections": 200 } } }));
    fixture.done(set).await;
    let restart = |number| agent(number, AgentRequest::Restart { role: None, only_pending: true, at: None });
    let waits = |fixture: &mut ActingFixture, name| {
        !fixture.fixture.agent(fixture.now(), name).unwrap().pending_settings.is_empty()
    };
    fixture.done(restart(3)).await;
    assert!(waits(&mut fixture, "pg-3"), "the primary still has 400");
    fixture.done(restart(0)).await;
    fixture.done(restart(3)).await;
    assert!(!waits(&mut fixture, "pg-0") && !waits(&mut fixture, "pg-3"));
    let settings = fixture.fixture.sql(fixture.now(), "pg-3").unwrap().settings.unwrap();
    assert!(settings.get("max_connections").unwrap().holds("200"));
}

#[tokio::test(start_paused = true)]
async fn without_the_store_the_connection_closes_without_an_answer() {
    let mut fixture = ActingFixture::new();
    fixture.inject(Fault::LoseDcsMajority);
    fixture.pass(0.3).await;
    assert_eq!(unanswered(fixture.order(configure(&json!({ "ttl": 60 }))).await), FailureKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_record_is_written_only_under_the_lock_and_only_as_it_was_seen() {
    let mut fixture = ActingFixture::new();
    let request = AgentRequest::Switchover { leader: pg(0), candidate: Some(pg(1)), at: Some(fixture.wall(300)) };
    fixture.done(agent(0, request)).await;
    let record = fixture.fixture.record(fixture.now()).unwrap();
    fixture.generation.leader = Some(pg(0));
    fixture.generation.counters.insert(Counter::Lead, record.leader.as_ref().unwrap().create_revision);
    let revision = record.keys().iter().find(|key| key.name == *"failover").unwrap().mod_revision;
    let clear = |revision: i64| Step::record(RecordRequest::ClearFailover { revision });
    assert_eq!(unsent(fixture.order(clear(revision)).await), FailureKind::Unsupported, "the lock is not held");
    let mut lock = fixture.fixture.cluster.lock(Arc::clone(&fixture.clock));
    lock.acquire(&claim("a")).await.unwrap();
    assert!(!fixture.result_of(clear(revision - 1)).await.0, "another revision");
    assert_eq!(fixture.done(clear(revision)).await, "failover key cleared");
    assert_eq!(fixture.fixture.record(fixture.now()).unwrap().order, None);
    let revision = fixture.fixture.record(fixture.now()).unwrap().config().cloned().unwrap().mod_revision;
    let changes = map(&json!({ "ttl": 33 }));
    let set = || Step::record(RecordRequest::Configure { changes: changes.clone(), revision });
    fixture.generation.leader = Some(pg(1));
    assert!(!fixture.result_of(set()).await.0, "another leader");
    fixture.generation.leader = Some(pg(0));
    assert_eq!(fixture.done(set()).await, "configuration changed");
    assert_eq!(config(&mut fixture)["ttl"], 33);
}

pub(super) fn claim(action: &str) -> LockClaim {
    LockClaim {
        action: crate::action::record::ActionId(action.to_owned()),
        verb: "switchover".into(),
        operator: crate::action::record::Operator { user: "ada".into(), host: "bastion".into(), ..Default::default() },
        reason: None,
        since: epoch(),
    }
}
