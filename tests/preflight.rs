//! Every fault of the simulated cluster that speaks against an action is found by the check that is there for it, through
//! the same merge as a real cluster's; and the same actions are let through where nothing is wrong.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

#[path = "support/fixture.rs"]
mod fixture;

use std::time::Duration;

use fixture::Fixture;
use pgctl::action::Generation;
use pgctl::action::before::StateBefore;
use pgctl::action::evaluation::{Attempt, Reply, ReplyStatus, RunStage as Phase, judge};
use pgctl::action::expectation::Expectation;
use pgctl::action::intent::{CopySource, Intent, LeadIntent, NodeIntent};
use pgctl::action::milestone::Milestone;
use pgctl::action::note::{CheckNote, CheckVerdict};
use pgctl::action::order::{AgentRequest, Order as Ask};
use pgctl::action::outcome::OutcomeKind;
use pgctl::action::plan::{Confirm, Danger, Plan, Step};
use pgctl::action::preflight::patroni::checks;
use pgctl::action::preflight::{candidates, examine};
use pgctl::driver::ha::sim::{Fault, ManagerOrder, Scenario, SimulatedCluster};
use pgctl::model::moment::Moment;
use pgctl::model::name::{ClusterName, NodeName};
use pgctl::model::snapshot::Snapshot;
use rstest::rstest;

fn pg(number: u8) -> NodeName {
    NodeName::new(format!("pg-{number}"))
}

fn at(second: u64) -> Moment {
    Moment::after_start(Duration::from_secs(second))
}

fn plan(intent: Intent, member: NodeName, request: AgentRequest, expectation: Expectation) -> Plan {
    let mut plan = Plan {
        cluster: ClusterName::new("prod-eu"),
        title: intent.verb().into(),
        intent,
        generation: Generation::default(),
        danger: Danger::Disruptive,
        confirm: Confirm::Yes,
        needs_reason: false,
        checks: Vec::new(),
        steps: vec![Step {
            text: "POST".into(),
            order: Ask::agent(member, request),
            undo: None,
            deadline: Duration::from_secs(60),
        }],
        no_return: 0,
        impact: Vec::new(),
        equivalent: Vec::new(),
        expectation,
    };
    plan.checks = checks(&plan);
    plan
}

fn switchover(candidate: NodeName) -> Plan {
    let milestones =
        [Milestone::SteppedDown { member: pg(0) }, Milestone::Promoted { member: Some(candidate.clone()) }];
    let expectation = Expectation::of(milestones, Duration::from_secs(60)).then(Milestone::RouterFollows);
    let request = AgentRequest::Switchover { leader: pg(0), candidate: Some(candidate.clone()), at: None };
    plan(
        Intent::Lead(LeadIntent::Switchover {
            candidate: Some(candidate),
            at: None,
            swift: false,
            through_poolers: None,
        }),
        pg(0),
        request,
        expectation,
    )
}

fn reinit(member: NodeName) -> Plan {
    let intent = Intent::Node(NodeIntent::Reinit { member: member.clone(), source: CopySource::Any, again: false });
    let request = AgentRequest::Reinit { source: CopySource::Any, force: false };
    plan(intent, member, request, Expectation::default())
}

fn failover(candidate: NodeName) -> Plan {
    let request = AgentRequest::Failover { candidate: candidate.clone() };
    plan(
        Intent::Lead(LeadIntent::Failover { candidate: candidate.clone() }),
        candidate,
        request,
        Expectation::default(),
    )
}

/// The calm cluster `seconds` after a fault.
fn after(faults: Vec<Fault>, seconds: u32) -> Snapshot {
    let mut fixture = Fixture::new(Scenario::Calm);
    fixture.pass(5);
    for fault in faults {
        fixture.inject(fault);
    }
    fixture.pass(seconds)
}

fn worst(notes: &[CheckNote], check: &str) -> CheckVerdict {
    let found = notes.iter().filter(|note| note.check == *check).map(|note| note.verdict).max();
    found.unwrap_or_else(|| panic!("no {check} among {:?}", notes.iter().map(|note| &note.check).collect::<Vec<_>>()))
}

#[test]
fn a_calm_cluster_can_be_switched_over() {
    let mut fixture = Fixture::new(Scenario::Calm);
    let snapshot = fixture.pass(10);
    assert_eq!(fixture.drafts(), Vec::new());
    let best = candidates(&snapshot).into_iter().next().expect("a candidate");
    assert!(best.is_eligible(), "{:#?}", best.notes);
    let notes = examine(&snapshot, &switchover(best.member));
    let blocking: Vec<_> = notes.iter().filter(|note| note.verdict == CheckVerdict::Block).collect();
    assert!(blocking.is_empty(), "{blocking:#?}");
}

#[test]
fn an_asynchronous_replica_of_a_calm_cluster_can_be_reinitialized() {
    let snapshot = after(Vec::new(), 5);
    let notes = examine(&snapshot, &reinit(pg(2)));
    let blocking: Vec<_> = notes.iter().filter(|note| note.verdict == CheckVerdict::Block).collect();
    assert!(blocking.is_empty(), "{blocking:#?}");
    let notes = examine(&snapshot, &reinit(pg(1)));
    assert_eq!(worst(&notes, "target-not-synchronous"), CheckVerdict::Block);
    let notes = examine(&snapshot, &reinit(pg(0)));
    assert_eq!(worst(&notes, "target-not-leader"), CheckVerdict::Block);
}

#[rstest]
#[case::killed(Fault::KillNode(pg(1)), 10, "candidate-rest", CheckVerdict::Block)]
#[case::frozen(Fault::FreezeNode(pg(1)), 10, "candidate-sql", CheckVerdict::Block)]
#[case::cut(Fault::CutNode(pg(1)), 10, "candidate-lag", CheckVerdict::Block)]
#[case::agent_gone(Fault::AgentDown(pg(1)), 10, "candidate-rest", CheckVerdict::Block)]
#[case::silent(Fault::SqlSilent(pg(1)), 10, "candidate-sql", CheckVerdict::Block)]
#[case::stopped_receiver(Fault::StopReceiver(pg(1)), 30, "candidate-receives", CheckVerdict::Block)]
#[case::not_served(Fault::StopReceiver(pg(1)), 30, "candidate-served", CheckVerdict::Block)]
#[case::lag(Fault::ReplicaLag { node: pg(1), bytes_per_second: 1 << 10 }, 60, "candidate-lag", CheckVerdict::Block)]
#[case::consumer_that_hangs(
    Fault::FreezeConsumer(Duration::from_secs(16)),
    5,
    "leader-walsenders",
    CheckVerdict::Block
)]
#[case::paused_replay(Fault::PauseReplay(pg(1)), 10, "candidate-replay", CheckVerdict::Block)]
#[case::delayed(Fault::DelayReplay { node: pg(1), delay: Duration::from_secs(600) }, 10, "candidate-replay", CheckVerdict::Block)]
#[case::foreign(Fault::ForeignNode(pg(1)), 10, "candidate-system-id", CheckVerdict::Block)]
#[case::wrong_address(Fault::WrongAddress(pg(1)), 10, "candidate-rest", CheckVerdict::Block)]
#[case::removed(Fault::RemoveMember(pg(1)), 10, "candidate-known", CheckVerdict::Block)]
#[case::twice(Fault::DuplicateMember(pg(1)), 10, "candidate-known", CheckVerdict::Block)]
#[case::starting(Fault::CrashPostgres(pg(1)), 3, "candidate-sql", CheckVerdict::Block)]
#[case::pending(Fault::PendingRestart(pg(1)), 10, "candidate-pending-restart", CheckVerdict::Warn)]
#[case::watchdog(Fault::WatchdogFailed(pg(1)), 10, "candidate-watchdog", CheckVerdict::Block)]
#[case::split(Fault::SplitBrain(pg(2)), 10, "split-brain", CheckVerdict::Block)]
#[case::lie(Fault::MetadataLie(pg(1)), 10, "leader-known", CheckVerdict::Block)]
#[case::archive(Fault::ArchiveFailing(pg(0)), 60, "leader-archiver", CheckVerdict::Block)]
#[case::long(Fault::LongTransaction(Duration::from_secs(3600)), 10, "leader-transactions", CheckVerdict::Warn)]
#[case::prepared(Fault::PreparedTransaction(Duration::from_secs(86_400)), 10, "leader-prepared", CheckVerdict::Warn)]
#[case::connections(Fault::FillConnections(97), 10, "leader-connections", CheckVerdict::Warn)]
#[case::dcs_member(Fault::DropDcsMember("etcd-3".into()), 10, "dcs-quorum", CheckVerdict::Warn)]
#[case::dcs_term(Fault::IsolateDcsMember("etcd-3".into()), 10, "dcs-agreement", CheckVerdict::Warn)]
#[case::dcs_full(Fault::FillDcs(100), 10, "dcs-alarms", CheckVerdict::Block)]
#[case::no_quorum(Fault::LoseDcsMajority, 10, "dcs-quorum", CheckVerdict::Block)]
#[case::no_record(Fault::LoseDcsMajority, 10, "record-fresh", CheckVerdict::Block)]
#[case::defect(Fault::DefectiveRecord, 10, "record-fresh", CheckVerdict::Warn)]
#[case::router(Fault::RouterDown, 10, "router-answers", CheckVerdict::Warn)]
#[case::router_checks(Fault::RouterUnchecked, 10, "router-candidate", CheckVerdict::Warn)]
#[case::lost_standby(Fault::KillNode(pg(2)), 10, "standbys-healthy", CheckVerdict::Warn)]
#[case::dead_leader(Fault::KillNode(pg(0)), 5, "leader-answers", CheckVerdict::Block)]
fn a_fault_is_noted(#[case] fault: Fault, #[case] seconds: u32, #[case] check: &str, #[case] expected: CheckVerdict) {
    let notes = examine(&after(vec![fault], seconds), &switchover(pg(1)));
    assert_eq!(worst(&notes, check), expected, "{notes:#?}");
}

#[test]
fn a_colleagues_order_blocks() {
    let cluster = SimulatedCluster::new("prod-eu", 7, Scenario::Calm, fixture::epoch());
    let order = ManagerOrder::Switchover { candidate: Some(pg(2)), after: Duration::from_secs(600) };
    cluster.world().lock().expect("a world").order(at(1), order);
    let snapshot = Fixture::around(cluster).pass(8);
    assert_eq!(worst(&examine(&snapshot, &switchover(pg(1))), "no-pending-order"), CheckVerdict::Block);
}

#[test]
fn a_failover_waits_until_the_lock_of_a_dead_leader_has_expired() {
    let mut fixture = Fixture::new(Scenario::Calm);
    fixture.pass(5);
    assert_eq!(worst(&examine(&fixture.pass(1), &failover(pg(1))), "leader-gone"), CheckVerdict::Block);
    fixture.inject(Fault::KillNode(pg(0)));
    let snapshot = fixture.pass(6);
    assert_eq!(worst(&examine(&snapshot, &failover(pg(1))), "leader-gone"), CheckVerdict::Block);
}

/// A switchover in the simulated cluster, watched from order to outcome.
fn switched_over(received: ReplyStatus) -> (OutcomeKind, Vec<String>) {
    let cluster = SimulatedCluster::new("prod-eu", 7, Scenario::Calm, fixture::epoch());
    let world = cluster.world().clone();
    let mut fixture = Fixture::around(cluster);
    let start = fixture.pass(6);
    let before = StateBefore::of(&start).expect("a fresh record");
    let plan = switchover(pg(1));
    let mut attempt = Attempt::begun(start.now);
    let order = ManagerOrder::Switchover { candidate: Some(pg(1)), after: Duration::ZERO };
    world.lock().expect("a world").order(start.now, order);
    attempt.replies.push(Reply { step: 0, at: start.now, received });
    attempt.stage = Phase::Watching;
    let mut seen = Vec::new();
    for _ in 0..90 {
        let snapshot = fixture.pass(1);
        let judgement = judge(&plan, &before, &attempt, &snapshot);
        for place in attempt.learn(&judgement, snapshot.now) {
            seen.push(plan.expectation.sequence[place].milestone.describe());
        }
        if let Some(outcome) = judgement.outcome {
            return (outcome.ending, seen);
        }
    }
    panic!("no outcome, seen {seen:?}");
}

#[rstest]
#[case(ReplyStatus::Accepted("200 Successfully switched over".into()))]
#[case(ReplyStatus::InDoubt("503 Switchover status unknown".into()))]
#[case(ReplyStatus::NoAnswer("timed out".into()))]
fn a_simulated_switchover_is_reported_to_its_end(#[case] received: ReplyStatus) {
    let (ending, seen) = switched_over(received);
    assert_eq!(ending, OutcomeKind::Done);
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert_eq!(seen.last().map(String::as_str), Some("router follows"));
}
