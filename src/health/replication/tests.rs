use std::time::Duration;

use super::*;
use crate::model::agent::{AgentWalsender, Position, Tags};
use crate::model::finding::{Finding, Severity};
use crate::model::lsn::Lsn;
use crate::model::member::RemadeSlot;
use crate::model::patroni_record::{PermanentSlot, StandbySource};
use crate::model::postgres::{Invalidation, Slot, SqlPart, UnreadPart, WalStatus};
use crate::model::role::MemberState;
use crate::model::snapshot::ClusterHealth;
use crate::model::test_support::{agent, healthy, member, now, record, seconds, slot, sql};

fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    super::super::examine(snapshot).into_iter().map(|draft| draft.finding).collect()
}

fn finding(snapshot: &Snapshot, code: &str) -> Finding {
    let all = findings(snapshot);
    all.iter().find(|finding| finding.code == code).cloned().unwrap_or_else(|| panic!("no {code} among {all:#?}"))
}

fn has(snapshot: &Snapshot, code: &str) -> bool {
    findings(snapshot).iter().any(|finding| finding.code == code)
}

fn view<'a>(snapshot: &'a Snapshot, name: &str) -> MemberView<'a> {
    snapshot.view(snapshot.member(&name.into()).expect("a member"))
}

/// A cluster that follows another one. Its leader pg-0 replays, and streams from there.
fn follower() -> Snapshot {
    let mut snapshot = healthy();
    let source = StandbySource { host: Some("source.example".into()), port: Some("5432".into()), restores: false };
    record(&mut snapshot, |content| {
        let config = content.patroni_mut().config.as_mut().expect("a configuration");
        (config.standby_cluster, config.standby_source) = (true, Some(source));
        config.synchronous_mode = false;
    });
    let receiver =
        member(&mut snapshot, "pg-1").sql.as_ref().and_then(|sql| sql.last()).and_then(|r| r.receiver.clone());
    let replay = member(&mut snapshot, "pg-1").sql.as_ref().and_then(|sql| sql.last()).and_then(|r| r.replay);
    let position = member(&mut snapshot, "pg-1").sql.as_ref().and_then(|sql| sql.last()).map(|r| r.position);
    sql(&mut snapshot, "pg-0", |report| {
        report.in_recovery = true;
        (report.receiver, report.replay) = (receiver, replay);
        report.position = position.expect("a standby");
    });
    agent(&mut snapshot, "pg-0", |report| {
        report.role = Role::StandbyLeader;
        report.replication_state = Some(MemberState::Streaming);
        report.position = position;
    });
    member(&mut snapshot, "pg-0").replayed_all = member(&mut snapshot, "pg-1").replayed_all;
    snapshot
}

fn cut_from_its_source(snapshot: &mut Snapshot) {
    sql(snapshot, "pg-0", |report| report.receiver = None);
    agent(snapshot, "pg-0", |report| report.replication_state = None);
}

#[test]
fn a_standby_leader_that_streams_is_healthy_and_has_a_lag() {
    let snapshot = follower();
    assert!(!has(&snapshot, "not-fed") && !has(&snapshot, "feed-unknown"), "{:#?}", findings(&snapshot));
    assert_eq!(snapshot.cluster_health(), ClusterHealth::Ok);
    assert_eq!(view(&snapshot, "pg-0").lag().bytes.map(|bytes| bytes.value), Some(48 << 10), "behind what it heard of");
    assert_eq!(view(&snapshot, "pg-0").in_order(), Some(true));
}

#[test]
fn a_standby_leader_without_its_source_is_a_warning_and_then_critical() {
    let mut snapshot = follower();
    cut_from_its_source(&mut snapshot);
    let reported = |snapshot: &Snapshot| finding(snapshot, "not-fed");
    member(&mut snapshot, "pg-0").fed_at = Some(now() - seconds(8));
    let first = reported(&snapshot);
    assert_eq!(first.severity, Severity::Warning);
    assert_eq!(
        first.title.as_str(),
        "the standby leader pg-0 is not streaming: this cluster is not replicating, no WAL received for 8.0 s"
    );
    assert!(first.evidence.iter().any(|fact| fact.text.as_str() == "standby_cluster: host source.example, port 5432"));
    member(&mut snapshot, "pg-0").fed_at = Some(now() - seconds(400));
    assert_eq!(reported(&snapshot).severity, Severity::Critical);
    assert_eq!(view(&snapshot, "pg-0").lag().bytes, None, "what it does not hear of is not zero");
    assert_eq!(view(&snapshot, "pg-0").lag().time.map(|time| time.value), Some(seconds(400)));
    for name in ["pg-1", "pg-2"] {
        let lag = view(&snapshot, name).lag();
        assert_eq!((lag.bytes, lag.time.map(|time| time.value)), (None, Some(seconds(400))), "{name} is no nearer");
    }
    assert_eq!(view(&snapshot, "pg-0").in_order(), Some(false));
    // One look does not tell for how long: the last commit that was replayed does.
    member(&mut snapshot, "pg-0").fed_at = None;
    let reported = reported(&snapshot);
    assert!(reported.title.as_str().ends_with("last replayed commit is 0.2 s old"), "{}", reported.title);
}

#[test]
fn a_standby_leader_that_replays_nothing_is_reported_as_paused() {
    let mut snapshot = follower();
    agent(&mut snapshot, "pg-0", |report| {
        let (received, replayed) = (Some(Lsn(9 << 20)), Some(Lsn(1 << 20)));
        report.position = Some(Position::Replaying { received, replayed, replayed_at: None, paused: Some(true) });
    });
    member(&mut snapshot, "pg-0").sql = None;
    assert_eq!(finding(&snapshot, "replay-paused").subject, Subject::Node("pg-0".into()));
    assert_eq!(view(&snapshot, "pg-0").lag().bytes.map(|bytes| bytes.value), Some(8 << 20), "received, not replayed");
}

#[test]
fn a_cluster_that_is_fed_by_its_archive_alone_is_not_expected_to_stream() {
    let mut snapshot = follower();
    cut_from_its_source(&mut snapshot);
    let archive = StandbySource { restores: true, ..StandbySource::default() };
    record(&mut snapshot, |content| content.patroni_mut().config.as_mut().expect("one").standby_source = Some(archive));
    assert!(!has(&snapshot, "not-fed"));
    assert_eq!(view(&snapshot, "pg-0").in_order(), Some(true));
}

/// An old agent tells nothing of streams; its role may not see the receiver.
fn unreported(snapshot: &mut Snapshot, name: &str) {
    agent(snapshot, name, |report| {
        report.replication_state = None;
        report.agent_version = Some("3.0.2".into());
    });
    sql(snapshot, name, |report| {
        report.receiver = None;
        report.monitor = false;
        report.unread = vec![UnreadPart { part: SqlPart::Receiver, why: "hidden".into() }];
    });
}

#[test]
fn whoever_serves_a_standby_tells_that_it_streams() {
    let mut snapshot = healthy();
    unreported(&mut snapshot, "pg-2");
    assert_eq!(view(&snapshot, "pg-2").streams().map(|streams| streams.value), Some(true), "by pg_stat_replication");
    member(&mut snapshot, "pg-0").sql = None;
    assert_eq!(view(&snapshot, "pg-2").streams().map(|streams| streams.value), Some(true), "by the leader's agent");
    // Nobody tells: that is neither yes nor no.
    agent(&mut snapshot, "pg-0", |report| report.downstream.retain(|row: &AgentWalsender| row.application != "pg-2"));
    let pg_2 = view(&snapshot, "pg-2");
    assert_eq!((pg_2.streams(), pg_2.in_order()), (None, None));
    assert_eq!(finding(&snapshot, "streaming-unknown").severity, Severity::Note);
    assert!(!has(&snapshot, "not-streaming") && !has(&snapshot, "no-successor"));
}

#[test]
fn that_nobody_tells_of_a_successor_is_a_note() {
    let mut snapshot = healthy();
    member(&mut snapshot, "pg-0").sql = None;
    agent(&mut snapshot, "pg-0", |report| report.downstream.clear());
    for name in ["pg-1", "pg-2"] {
        unreported(&mut snapshot, name);
    }
    let unknown = finding(&snapshot, "successor-unknown");
    assert_eq!(unknown.severity, Severity::Note);
    assert!(unknown.title.as_str().starts_with("unknown whether"), "{}", unknown.title);
    let unmet = crate::health::readiness::unmet(&snapshot, &crate::health::readiness::Condition::Ready);
    assert!(unmet.contains(&"unknown whether pg-1 is streaming".to_owned()), "{unmet:?}");
}

#[test]
fn of_a_cluster_that_nobody_has_looked_at_yet_nothing_holds() {
    use crate::health::readiness::{Condition, unmet};
    let unseen = crate::model::test_support::bare();
    for condition in [Condition::Ready, Condition::Leader(None), Condition::Streaming(None)] {
        assert!(!unmet(&unseen, &condition).is_empty(), "{condition:?}");
    }
}

#[test]
fn a_receiver_that_hears_nothing_counts_while_somebody_still_serves_it() {
    let mut snapshot = healthy();
    let deaf = |snapshot: &mut Snapshot| {
        sql(snapshot, "pg-2", |report| {
            report.receiver.as_mut().expect("a WAL receiver").message_age = Some(seconds(90));
        });
    };
    deaf(&mut snapshot);
    assert_eq!(view(&snapshot, "pg-2").streams().map(|streams| streams.value), Some(true), "an idle cluster");
    sql(&mut snapshot, "pg-0", |report| {
        report.downstream.iter_mut().for_each(|row| row.reply_age = Some(seconds(90)));
    });
    assert_eq!(view(&snapshot, "pg-2").streams(), None, "neither end hears of the other");
    sql(&mut snapshot, "pg-0", |report| report.downstream.retain(|row| row.application != "pg-2"));
    assert_eq!(view(&snapshot, "pg-2").streams().map(|streams| streams.value), Some(false), "its sender is gone");
}

#[test]
fn a_standby_that_stands_still_is_not_behind_by_what_was_measured_before() {
    let mut snapshot = healthy();
    // Its receiver is frozen: it has replayed all it got, and its last reply is old.
    sql(&mut snapshot, "pg-0", |report| {
        for row in report.downstream.iter_mut().filter(|row| row.application == "pg-2") {
            (row.replay_lag_bytes, row.replay_lag) = (Some(20 << 20), Some(Duration::from_millis(1)));
            row.reply_age = Some(seconds(14));
        }
    });
    sql(&mut snapshot, "pg-2", |report| report.replay.as_mut().expect("it replays").lag = Some(Duration::ZERO));
    member(&mut snapshot, "pg-2").replayed_all = None;
    let time = |snapshot: &Snapshot| view(snapshot, "pg-2").lag().time.map(|time| time.value);
    assert_eq!(time(&snapshot), Some(Duration::from_millis(14_001)), "the time since the last reply counts");
    member(&mut snapshot, "pg-2").replayed_all = Some(now() - seconds(9));
    assert!(time(&snapshot).is_some_and(|time| time >= seconds(8)), "{:?}", time(&snapshot));
    // Nobody leads, and nobody saw when it had all: then it is not known.
    sql(&mut snapshot, "pg-2", |report| report.receiver = None);
    agent(&mut snapshot, "pg-2", |report| report.replication_state = None);
    sql(&mut snapshot, "pg-0", |report| report.downstream.clear());
    member(&mut snapshot, "pg-2").replayed_all = None;
    record(&mut snapshot, |content| content.leader = None);
    assert_eq!(time(&snapshot), None, "not 0");
}

#[test]
fn a_member_that_is_meant_to_live_on_the_archive_is_not_reported_to_stream() {
    let mut snapshot = healthy();
    sql(&mut snapshot, "pg-2", |report| report.receiver = None);
    agent(&mut snapshot, "pg-2", |report| {
        report.replication_state = None;
        report.tags = Tags { nostream: true, ..Tags::default() };
    });
    assert!(!has(&snapshot, "not-streaming") && !has(&snapshot, "streaming-unknown"), "{:#?}", findings(&snapshot));
    assert_eq!(view(&snapshot, "pg-2").in_order(), Some(true));
}

#[test]
fn tags_that_do_not_mean_what_they_say_are_noted() {
    let mut snapshot = healthy();
    agent(&mut snapshot, "pg-2", |report| {
        let as_written = [("nofailover".into(), "\"false\"".into())].into_iter().collect();
        report.tags = Tags { nofailover: true, failover_priority: Some(2), as_written, ..Tags::default() };
    });
    let note = finding(&snapshot, "tags-conflict");
    assert_eq!(note.severity, Severity::Note);
    let title = note.title.as_str();
    assert!(
        title.contains("nofailover: \"false\" is read as true") && title.contains("it cannot become leader"),
        "{title}"
    );
}

fn with_slots(slots: Vec<Slot>) -> Snapshot {
    let mut snapshot = healthy();
    sql(&mut snapshot, "pg-0", |report| report.slots = slots);
    snapshot
}

#[test]
fn why_a_slot_is_invalid_is_reported_whatever_its_status_says() {
    let idle =
        Slot { invalidation: Some(Invalidation::Idle), wal_status: Some(WalStatus::Lost), ..slot("feed", false) };
    let reported = finding(&with_slots(vec![idle]), "slot-lost");
    assert!(reported.title.as_str().contains("idle_replication_slot_timeout"), "{}", reported.title);
    assert!(!reported.title.as_str().contains("lost its WAL"));
    // PostgreSQL 17 goes on streaming to it, and says `unreserved`.
    let used = Slot {
        invalidation: Some(Invalidation::WalRemoved),
        wal_status: Some(WalStatus::Unreserved),
        ..slot("pg_1", true)
    };
    assert_eq!(finding(&with_slots(vec![used]), "slot-lost").severity, Severity::Critical);
}

#[test]
fn a_slot_that_was_made_again_stays_a_finding_with_what_its_consumer_misses() {
    let mut snapshot = with_slots(vec![slot("feed", false)]);
    member(&mut snapshot, "pg-0").remade_slots = vec![RemadeSlot {
        name: "feed".into(),
        at: now() - seconds(90),
        reason: Some(Invalidation::Idle),
        old: Some(Lsn(1 << 20)),
        new: Some(Lsn(13 << 20)),
    }];
    let reported = finding(&snapshot, "slot-remade");
    assert_eq!(
        reported.title.as_str(),
        "slot feed on pg-0 was recreated at 2026-11-21 14:00:37 UTC: its consumer lost 12.0 MB of WAL"
    );
}

#[test]
fn an_idle_timeout_is_warned_of_where_a_logical_slot_is_kept() {
    let mut snapshot = healthy();
    sql(&mut snapshot, "pg-0", |report| report.idle_slot_timeout = Some(seconds(60)));
    assert!(!has(&snapshot, "slot-idle-timeout"), "no consumer of changes");
    record(&mut snapshot, |content| {
        let slots = &mut content.patroni_mut().config.as_mut().expect("a configuration").permanent_slots;
        slots.insert("nova_dr".into(), PermanentSlot::Physical);
        slots.insert("feed".into(), PermanentSlot::Logical);
    });
    let reported = finding(&snapshot, "slot-idle-timeout");
    assert_eq!(reported.severity, Severity::Warning);
    assert!(reported.title.as_str().contains("slot feed is invalidated"), "{}", reported.title);
    sql(&mut snapshot, "pg-0", |report| report.idle_slot_timeout = Some(Duration::ZERO));
    assert!(!has(&snapshot, "slot-idle-timeout"), "off");
}
