use std::time::Duration;

use jiff::Timestamp;

use super::etcd::EtcdLock;
use crate::action::expectation::Expectation;
use crate::action::generation::Generation;
use crate::action::intent::{Intent, LeadIntent};
use crate::action::order::{Order, RecordRequest};
use crate::action::permit::{Confirmation, Permit, WriteAccess};
use crate::action::plan::{Confirm, Danger, Plan, Step};
use crate::action::record::{ActionId, Operator};
use crate::client::etcd::double::{Member, ServerMode, endpoints};
use crate::driver::dcs::etcd::{EtcdRecord, EtcdRecordWriter};
use crate::driver::port::{Facts, Lock, LockClaim, LockError, NotPerformed, Observe};
use crate::model::moment::Moment;
use crate::model::record::{ClusterRecord, Counter};
use crate::model::source::FailureKind;

const LOCK: &str = "/pgctl-tui/lock/service/pg-ha";
const LEADER: &str = "/service/pg-ha/leader";
const CONFIG: &str = "/service/pg-ha/config";

async fn store() -> Member {
    let keys = [(LEADER, "pg-0"), (CONFIG, r#"{"ttl":30,"loop_wait":10}"#), ("/service/pg-ha/failover", "{}")];
    Member::start(&keys).await.take_writes()
}

fn lock(etcd: &Member) -> EtcdLock {
    EtcdLock::new(endpoints(&[&etcd.url]), "/service/", "pg-ha")
}

fn claim(user: &str) -> LockClaim {
    let operator = Operator { user: user.into(), host: "bastion".into(), pid: 7, ..Operator::default() };
    LockClaim {
        action: ActionId("a-1".to_owned()),
        verb: "switchover".into(),
        operator,
        reason: Some("maintenance".into()),
        since: Timestamp::UNIX_EPOCH,
    }
}

#[tokio::test]
async fn a_second_console_is_refused_with_who_holds_the_lock_until_it_is_released() {
    let etcd = store().await;
    let (mut alice, mut bob) = (lock(&etcd), lock(&etcd));
    assert_eq!(bob.holder().await.expect("an answer"), None);
    alice.acquire(&claim("alice")).await.expect("free");
    let error = bob.acquire(&claim("bob")).await.expect_err("taken");
    assert!(error.to_string().contains("if its process has died, the lock expires within 25 s"), "{error}");
    let LockError::Taken { claim: seen, .. } = error else { panic!("not told") };
    assert_eq!(*seen, claim("alice"));
    assert_eq!(bob.holder().await.expect("an answer"), Some(claim("alice")));
    alice.renew().await.expect("still held");
    assert_eq!(bob.renew().await, Err(LockError::Lost), "never held");
    alice.release().await.expect("given back");
    assert_eq!(etcd.value(LOCK), None);
    bob.acquire(&claim("bob")).await.expect("free again");
}

#[tokio::test]
async fn a_lock_that_expired_is_lost_and_stays_lost() {
    let etcd = store().await;
    let mut lock = lock(&etcd);
    lock.acquire(&claim("alice")).await.expect("free");
    etcd.expire();
    assert_eq!(lock.renew().await, Err(LockError::Lost));
    assert_eq!(lock.renew().await, Err(LockError::Lost));
    lock.release().await.expect("nothing to give back");
    lock.acquire(&claim("alice")).await.expect("free");
}

#[tokio::test]
async fn a_store_that_cannot_tell_gives_no_lock() {
    let etcd = store().await;
    etcd.set_mode(ServerMode::Leaderless);
    let Err(LockError::Unavailable(error)) = lock(&etcd).acquire(&claim("alice")).await else { panic!("given") };
    assert_eq!(error.failure_kind, FailureKind::NoQuorum);
    let other = store().await;
    other.hide_locks();
    let Err(LockError::Unavailable(error)) = lock(&other).acquire(&claim("alice")).await else { panic!("given") };
    assert_eq!(error.failure_kind, FailureKind::Permission);
    assert!(error.to_string().contains("/pgctl-tui/lock/"), "{error}");
    let odd = store().await;
    odd.put(LOCK, "somebody");
    let Err(LockError::Unavailable(error)) = lock(&odd).acquire(&claim("alice")).await else { panic!("given") };
    assert!(error.to_string().contains(LOCK), "{error}");
}

fn permit(etcd: &Member, leader: &str) -> Permit {
    let generation = Generation { leader: Some(leader.into()), ..Generation::default() }
        .counting(Counter::Lead, etcd.created(LEADER));
    let request = RecordRequest::ClearFailover { revision: 0 };
    let order = Order::record(request);
    let step = Step { text: "x".into(), order, undo: None, deadline: Duration::from_secs(1) };
    let plan = Plan {
        cluster: "prod".into(),
        intent: Intent::Lead(LeadIntent::Pause),
        title: "test".into(),
        generation,
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        needs_reason: false,
        checks: Vec::new(),
        steps: vec![step],
        no_return: 0,
        impact: Vec::new(),
        equivalent: Vec::new(),
        expectation: Expectation::default(),
    };
    let confirmation = Confirmation { plan: Some(plan.hash()), ..Confirmation::default() };
    plan.permit(&[], &confirmation, &WriteAccess::granted(), Moment::START).expect("a permit")
}

fn configure(changes: &serde_json::Value, revision: i64) -> RecordRequest {
    RecordRequest::Configure { changes: changes.as_object().cloned().unwrap_or_default(), revision }
}

#[tokio::test]
async fn the_configuration_is_written_only_under_the_lock_the_same_leader_and_over_the_revision_that_was_seen() {
    let etcd = store().await;
    let mut lock = lock(&etcd);
    let mut writer = EtcdRecordWriter::new(endpoints(&[&etcd.url]), "/service/", "pg-ha", lock.held());
    let (permit, revision) = (permit(&etcd, "pg-0"), etcd.written(CONFIG));
    let change = configure(&serde_json::json!({"ttl": 20, "loop_wait": null}), revision);
    let unlocked = writer.perform(&change, &permit).await.expect_err("no lock");
    assert!(matches!(&unlocked, NotPerformed::NotSent(error) if error.to_string().contains("not held")), "{unlocked}");

    lock.acquire(&claim("alice")).await.expect("free");
    let done = writer.perform(&change, &permit).await.expect("a reply");
    assert!(done.is_accepted(), "{}", done.text);
    assert_eq!(etcd.value(CONFIG).as_deref(), Some(r#"{"ttl":20}"#));

    let again = writer.perform(&change, &permit).await.expect("a reply");
    assert!(!again.is_accepted(), "the revision has moved");
    etcd.put(LEADER, "pg-1");
    let fresh = configure(&serde_json::json!({"ttl": 25}), etcd.written(CONFIG));
    assert!(!writer.perform(&fresh, &permit).await.expect("a reply").is_accepted(), "the leader is another");
    etcd.put(LEADER, "pg-0");
    etcd.expire();
    assert!(!writer.perform(&fresh, &permit).await.expect("a reply").is_accepted(), "the lock is gone");
    assert_eq!(etcd.value(CONFIG).as_deref(), Some(r#"{"ttl":20}"#));
}

async fn record(source: &mut EtcdRecord) -> ClusterRecord {
    match source.observe(Moment::START).await.expect("a record") {
        Facts::Record(content) => *content,
        other => panic!("not a record: {other:?}"),
    }
}

#[tokio::test]
async fn every_console_sees_the_lock_as_it_is_taken_and_released() {
    let etcd = store().await;
    let mut source = EtcdRecord::new(endpoints(&[&etcd.url]), "service", "pg-ha");
    assert_eq!(record(&mut source).await.lock, None);
    let mut lock = lock(&etcd);
    lock.acquire(&claim("alice")).await.expect("free");
    let began = std::time::Instant::now();
    let content = record(&mut source).await;
    assert!(began.elapsed() < Duration::from_secs(1), "seen only after {:?}", began.elapsed());
    let seen = content.lock.clone().expect("a lock");
    assert_eq!((seen.holder.as_str(), seen.verb.as_str()), ("alice@bastion", "switchover"));
    assert_eq!(seen.describe(), "switchover by alice@bastion: maintenance");
    assert_eq!(seen.since, Some(Timestamp::UNIX_EPOCH));
    assert!(!content.keys().iter().any(|key| key.name.as_str().contains("lock")), "not one of the cluster's keys");
    lock.release().await.expect("given back");
    assert_eq!(record(&mut source).await.lock, None);
    let mut later = EtcdRecord::new(endpoints(&[&etcd.url]), "service", "pg-ha");
    lock.acquire(&claim("alice")).await.expect("free");
    assert!(record(&mut later).await.lock.is_some(), "seen by who starts while it is held");
}

#[tokio::test]
async fn a_lock_that_cannot_be_read_is_reported_as_such_and_hides_nothing() {
    let etcd = store().await;
    etcd.put(LOCK, "\u{1b}[2Jodd");
    let mut source = EtcdRecord::new(endpoints(&[&etcd.url]), "service", "pg-ha");
    let content = record(&mut source).await;
    assert!(content.lock.is_some(), "somebody holds it");
    assert!(content.leader.is_some() && content.defects.len() == 1, "{:?}", content.defects);
    etcd.hide_locks();
    let mut source = EtcdRecord::new(endpoints(&[&etcd.url]), "service", "pg-ha");
    let content = record(&mut source).await;
    assert!(content.lock.is_none() && content.leader.is_some());
    assert!(content.defects[0].as_str().starts_with("operation lock: not readable"), "{:?}", content.defects);
    // A silent watch is no reason to ask for it again and again: the record is confirmed all the same.
    assert!(record(&mut source).await.leader.is_some());
}
