//! What an operator is told in the course of a trouble. That each rule fires at all is tried in `simulated_findings`.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends, and starts what it tests")]

#[path = "support/stage.rs"]
mod stage;

use std::time::Duration;

use pgctl::driver::ha::sim::{Cure, Fault, Scenario};
use pgctl::model::finding::{Finding, Severity, Subject};
use pgctl::model::snapshot::{Snapshot, Wellbeing};
use stage::Stage;

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
