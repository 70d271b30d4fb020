//! Every rule is provoked on the simulated cluster, and a calm cluster provokes none.
#![allow(missing_docs)]

#[path = "support/stage.rs"]
mod stage;

use std::time::Duration;

use pgctl::driver::ha::sim::{Cure, Fault, Scenario};
use pgctl::model::finding::{Finding, Severity, Subject};
use pgctl::model::snapshot::{Snapshot, Wellbeing};
use rstest::rstest;
use stage::Stage;

const GIB: u64 = 1 << 30;

fn codes(snapshot: &Snapshot) -> Vec<&'static str> {
    snapshot.findings.iter().map(|finding| finding.code).collect()
}

fn finding<'a>(snapshot: &'a Snapshot, code: &str) -> &'a Finding {
    snapshot
        .findings
        .iter()
        .find(|finding| finding.code == code)
        .unwrap_or_else(|| panic!("no {code} among {:?}", codes(snapshot)))
}

#[test]
fn a_calm_cluster_has_nothing_wrong() {
    let mut stage = Stage::new(Scenario::Calm);
    for _ in 0..20 {
        let snapshot = stage.pass(15);
        let worth: Vec<_> = snapshot.findings.iter().filter(|finding| finding.severity > Severity::Note).collect();
        assert!(worth.is_empty(), "{worth:#?}");
    }
}

#[rstest]
#[case::dead_replica(Fault::KillNode("pg-2".into()), "node-silent", 10)]
#[case::frozen_replica(Fault::FreezeNode("pg-2".into()), "node-silent", 10)]
#[case::cut_replica(Fault::CutNode("pg-2".into()), "node-silent", 10)]
#[case::vanished(Fault::RemoveMember("pg-2".into()), "member-missing", 60)]
#[case::named_twice(Fault::DuplicateMember("pg-2".into()), "name-repeated", 30)]
#[case::one_dcs_member(Fault::DropDcsMember("etcd-3".into()), "dcs-member-silent", 10)]
#[case::frozen_dcs_member(Fault::FreezeDcsMember("etcd-3".into()), "dcs-member-silent", 10)]
#[case::dcs_majority(Fault::LoseDcsMajority, "dcs-no-quorum", 15)]
#[case::dcs_full(Fault::FillDcs(100), "dcs-alarm", 15)]
#[case::dcs_filling(Fault::FillDcs(80), "dcs-quota", 15)]
#[case::router_gone(Fault::RouterDown, "router-silent", 10)]
#[case::slow_replay(Fault::ReplicaLag { node: "pg-2".into(), bytes_per_second: 1024 }, "lag", 120)]
#[case::slow_stream(Fault::SlowStream { node: "pg-2".into(), bytes_per_second: 1024 }, "lag", 120)]
#[case::replay_paused(Fault::PauseReplay("pg-1".into()), "replay-paused", 15)]
#[case::no_receiver(Fault::StopReceiver("pg-2".into()), "not-streaming", 30)]
#[case::split_brain(Fault::SplitBrain("pg-1".into()), "several-primaries", 30)]
#[case::lying_record(Fault::MetadataLie("pg-1".into()), "leader-in-recovery", 30)]
#[case::foreign(Fault::ForeignNode("pg-2".into()), "foreign-system-identifier", 30)]
#[case::archive(Fault::ArchiveFailing("pg-0".into()), "archive-failing", 120)]
#[case::restart_needed(Fault::PendingRestart("pg-1".into()), "pending-restart", 30)]
#[case::clock(Fault::ClockSkew { node: "pg-1".into(), milliseconds: 5_000 }, "clock-offset", 20)]
#[case::watchdog(Fault::WatchdogFailed("pg-0".into()), "watchdog-failed", 20)]
#[case::long_transaction(Fault::LongTransaction(Duration::from_secs(3600)), "long-transaction", 10)]
#[case::prepared(Fault::PreparedTransaction(Duration::from_secs(3600)), "prepared-transaction", 10)]
#[case::connections(Fault::FillConnections(97), "connections", 20)]
#[case::wraparound(Fault::XidAge(85), "wraparound", 10)]
#[case::abandoned_slot(Fault::AbandonSlot { retained: 30 * GIB }, "slot-retains", 10)]
#[case::start_fails(Fault::StartFails("pg-2".into()), "postgres-not-running", 60)]
fn a_fault_is_found(#[case] fault: Fault, #[case] code: &str, #[case] within: u32) {
    let mut stage = Stage::new(Scenario::Calm);
    stage.pass(5);
    stage.strike(fault);
    let mut seen = Vec::new();
    for _ in 0..within {
        let snapshot = stage.pass(1);
        if codes(&snapshot).contains(&code) {
            let found = finding(&snapshot, code);
            assert!(!found.evidence.is_empty(), "{code} has no evidence");
            assert!(!found.title.is_empty());
            assert!(found.since.is_some());
            return;
        }
        seen = codes(&snapshot);
    }
    panic!("no {code} within {within} s; last seen {seen:?}");
}

#[test]
fn what_is_mended_is_no_longer_found() {
    let mut stage = Stage::new(Scenario::Calm);
    stage.pass(5);
    stage.strike(Fault::PauseReplay("pg-1".into()));
    let broken = stage.pass(20);
    assert!(codes(&broken).contains(&"replay-paused"));
    stage.strike(Fault::Heal(Cure::Everything));
    let mended = stage.pass(60);
    assert!(!codes(&mended).contains(&"replay-paused"), "{:?}", codes(&mended));
}

#[test]
fn a_silent_leader_is_critical_a_silent_replica_is_not() {
    for (node, severity) in [("pg-0", Severity::Critical), ("pg-2", Severity::Warning)] {
        let mut stage = Stage::new(Scenario::Calm);
        stage.pass(5);
        stage.strike(Fault::FreezeNode(node.into()));
        let snapshot = stage.pass(6);
        let silent = finding(&snapshot, "node-silent");
        assert_eq!((silent.severity, &silent.subject), (severity, &Subject::Node(node.into())));
    }
}

#[test]
fn one_lost_dcs_member_of_three_says_that_no_more_may_be_lost() {
    let mut stage = Stage::new(Scenario::Calm);
    stage.pass(5);
    stage.strike(Fault::DropDcsMember("etcd-3".into()));
    let snapshot = stage.pass(10);
    assert!(finding(&snapshot, "dcs-member-silent").title.as_str().contains("one more loss stops failover"));
}

#[test]
fn without_a_majority_the_leader_is_not_shown_as_fresh() {
    let mut stage = Stage::new(Scenario::Calm);
    stage.pass(5);
    stage.strike(Fault::LoseDcsMajority);
    let snapshot = stage.pass(10);
    assert!(!snapshot.record_is_fresh(), "a record without a majority is old");
    assert_eq!(snapshot.wellbeing(), Wellbeing::Act);
}

/// A failover from its first second to its last: what an operator is told, in what order.
#[test]
fn a_failover_is_told_from_silence_to_health() {
    let mut stage = Stage::new(Scenario::Calm);
    stage.pass(5);
    stage.strike(Fault::CrashNode { node: "pg-0".into(), back_after: Duration::from_secs(70), reinit: false });
    let mut told: Vec<&str> = Vec::new();
    let mut leaders = Vec::new();
    let mut last = None;
    for _ in 0..300 {
        let snapshot = stage.pass(1);
        for code in codes(&snapshot) {
            if !told.contains(&code) {
                told.push(code);
            }
        }
        if let Some(leader) = snapshot.leader()
            && leaders.last() != Some(&leader.value)
        {
            leaders.push(leader.value);
        }
        last = Some(snapshot);
    }
    assert_eq!(told.first(), Some(&"node-silent"), "{told:?}");
    assert!(told.contains(&"no-leader"), "{told:?}");
    assert_eq!(leaders.len(), 2, "{leaders:?}");
    let last = last.expect("a picture");
    let worth: Vec<_> = last.findings.iter().filter(|finding| finding.severity > Severity::Note).collect();
    assert!(worth.is_empty(), "five minutes later all is well again: {worth:#?}");
    assert!(!told.contains(&"several-primaries"), "an orderly failover cries no split brain: {told:?}");
}

/// What a member wrote into the record before it was cut off is old, however fresh the record is.
#[test]
fn a_cut_replica_is_silent_and_not_said_to_lag() {
    let mut stage = Stage::new(Scenario::Calm);
    stage.pass(5);
    stage.strike(Fault::CutNode("pg-2".into()));
    let snapshot = stage.pass(15);
    let about: Vec<_> = snapshot
        .findings
        .iter()
        .filter(|finding| finding.subject == Subject::Node("pg-2".into()))
        .map(|finding| finding.code)
        .collect();
    assert_eq!(about, ["node-silent"]);
}
