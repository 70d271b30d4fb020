use std::time::Duration;

use super::double::{Member, ServerMode, endpoints};
use super::*;
use crate::client::cause::Cause;
use crate::client::double::refused;
use crate::client::sending::Unanswered;

const LOCK: &str = "/pgctl-tui/lock/service/pg-ha";
const LEADER: &str = "/service/pg-ha/leader";
const FAILOVER: &str = "/service/pg-ha/failover";
const TTL: Duration = Duration::from_secs(15);

async fn store() -> Member {
    let keys = [(LEADER, "pg-0"), (FAILOVER, r#"{"leader":"pg-0","member":"pg-1"}"#)];
    Member::start(&keys).await.take_writes()
}

fn writer(member: &Member) -> Writer {
    Writer::new(Connector::new(&endpoints(&[&member.url])).expect("a connector"))
}

async fn taken(writer: &mut Writer) -> AcquiredLock {
    match writer.take(LOCK, "me", TTL).await.expect("an answer") {
        AcquireOutcome::Taken(held) => held,
        AcquireOutcome::Busy(key) => panic!("busy: {key:?}"),
    }
}

#[test]
fn the_lock_is_outside_of_patronis_tree() {
    assert_eq!(lock_key("/service/", "pg-ha"), LOCK);
    assert_eq!(lock_key("a/b", "c"), "/pgctl-tui/lock/a/b/c");
    assert!(!LOCK.starts_with(&prefix("service", "pg-ha")));
}

#[tokio::test]
async fn a_lock_is_held_by_one_and_free_again_when_released() {
    let etcd = store().await;
    let (mut mine, mut theirs) = (writer(&etcd), writer(&etcd));
    let held = taken(&mut mine).await;
    let AcquireOutcome::Busy(seen) = theirs.take(LOCK, "they", TTL).await.expect("an answer") else {
        panic!("taken twice")
    };
    assert_eq!((seen.value.as_slice(), seen.create_revision), (&b"me"[..], held.create_revision));
    assert!(mine.renew_once(LOCK, held).await.expect("an answer").is_some());
    mine.release(held.lease).await.expect("given back");
    assert_eq!(etcd.value(LOCK), None);
    taken(&mut theirs).await;
    assert_eq!(mine.renew_once(LOCK, held).await.expect("an answer"), None, "the lock is somebody else's now");
}

#[tokio::test]
async fn a_lock_whose_lease_ran_out_is_lost_and_so_is_one_that_was_broken_manually() {
    let etcd = store().await;
    let mut writer = writer(&etcd);
    let held = taken(&mut writer).await;
    etcd.expire();
    assert_eq!(writer.renew_once(LOCK, held).await.expect("an answer"), None);
    let held = taken(&mut writer).await;
    etcd.delete(LOCK);
    etcd.put(LOCK, "another");
    assert_eq!(writer.renew_once(LOCK, held).await.expect("an answer"), None);
}

#[tokio::test]
async fn a_lock_whose_answer_got_lost_is_not_claimed() {
    let etcd = store().await;
    let mut writer = writer(&etcd);
    writer.read(LOCK).await.expect("connected");
    etcd.swallow_answers(true);
    let error = writer.take(LOCK, "me", TTL).await.expect_err("nobody can tell");
    assert_eq!(error.cause, Cause::TimedOut);
}

#[tokio::test]
async fn a_dead_endpoint_does_not_cost_the_lock() {
    let etcd = store().await;
    let connector = Connector::new(&endpoints(&[&refused(), &etcd.url])).expect("a connector");
    let mut writer = Writer::new(connector);
    let held = taken(&mut writer).await;
    assert!(writer.renew_once(LOCK, held).await.expect("an answer").is_some());
}

#[tokio::test]
async fn without_majority_nothing_is_taken() {
    let etcd = store().await;
    etcd.set_mode(ServerMode::Leaderless);
    let error = writer(&etcd).take(LOCK, "me", TTL).await.expect_err("no majority");
    assert_eq!(error.cause, Cause::NoQuorum);
    assert_eq!(etcd.value(LOCK), None);
}

/// What holds while the lock is ours and pg-0 leads.
async fn fence(writer: &mut Writer, held: AcquiredLock) -> (Fence, i64) {
    let leader = writer.read(LEADER).await.expect("an answer").expect("a leader");
    let failover = writer.read(FAILOVER).await.expect("an answer").expect("an order");
    let fence = Fence {
        lock: LOCK.to_owned(),
        lock_created: held.create_revision,
        leader: LEADER.to_owned(),
        holder: Some("pg-0".to_owned()),
        leader_created: leader.create_revision,
    };
    (fence, failover.mod_revision)
}

#[tokio::test]
async fn a_key_is_written_under_the_lock_though_the_leader_goes_on_beating() {
    let etcd = store().await;
    let mut writer = writer(&etcd);
    let held = taken(&mut writer).await;
    let (fence, revision) = fence(&mut writer, held).await;
    etcd.put(LEADER, "pg-0");
    assert_eq!(writer.write(FAILOVER, revision, "{}", &fence).await.expect("an answer"), CasOutcome::Yes);
    assert_eq!(etcd.value(FAILOVER).as_deref(), Some("{}"));
}

#[tokio::test]
async fn nothing_is_written_once_the_lock_the_leader_or_the_key_is_another() {
    for moved in ["lock", "lock gone", "leader", "leader again", "key"] {
        let etcd = store().await;
        let mut writer = writer(&etcd);
        let held = taken(&mut writer).await;
        let (fence, revision) = fence(&mut writer, held).await;
        match moved {
            "lock" => {
                etcd.expire();
                etcd.put(LOCK, "another");
            }
            "lock gone" => etcd.expire(),
            "leader" => etcd.put(LEADER, "pg-1"),
            "leader again" => {
                etcd.delete(LEADER);
                etcd.put(LEADER, "pg-0");
            }
            _ => etcd.put(FAILOVER, r#"{"member":"pg-2"}"#),
        }
        let before = etcd.value(FAILOVER);
        assert_eq!(
            writer.write(FAILOVER, revision, "{}", &fence).await.expect("an answer"),
            CasOutcome::Moved,
            "{moved}"
        );
        assert_eq!(etcd.value(FAILOVER), before, "{moved}");
    }
}

#[tokio::test]
async fn a_write_without_an_answer_is_distinguished_from_one_that_was_not_sent() {
    let etcd = store().await;
    let mut writer = writer(&etcd);
    let held = taken(&mut writer).await;
    let (fence, revision) = fence(&mut writer, held).await;
    etcd.set_mode(ServerMode::Leaderless);
    let error = writer.write(FAILOVER, revision, "{}", &fence).await.expect_err("no majority");
    assert!(matches!(error, Unanswered::NotSent(_)), "{error:?}");
    etcd.set_mode(ServerMode::Healthy);
    etcd.swallow_answers(true);
    let error = writer.write(FAILOVER, revision, "{}", &fence).await.expect_err("silence");
    assert!(matches!(error, Unanswered::NoAnswer(_)), "{error:?}");
    assert_eq!(etcd.value(FAILOVER).as_deref(), Some("{}"), "sent once, and done");
}
