//! Two that write are found wherever the second is, and none is found where a server is only said to be a primary.

use rstest::rstest;

use super::examine;
use crate::action::expectation::Expectation;
use crate::action::intent::{Intent, LeadIntent};
use crate::action::note::{CheckNote, CheckVerdict};
use crate::action::order::AgentRequest;
use crate::action::plan::Plan;
use crate::action::test_support::*;
use crate::model::inventory::{ConfiguredNode, Difference, ForeignNode, NodeMatch, Origin};
use crate::model::lsn::SystemId;
use crate::model::member::Presence;
use crate::model::role::{MemberState, Role};
use crate::model::snapshot::Snapshot;
use crate::model::source::FailureKind;

fn action(intent: Intent, request: AgentRequest) -> Plan {
    plan(intent, 1, request, Expectation::default())
}

fn resume() -> Plan {
    action(Intent::Lead(LeadIntent::Resume), AgentRequest::Configure { changes: serde_json::Map::new() })
}

fn fail_over() -> Plan {
    action(Intent::Lead(LeadIntent::Failover { candidate: pg(1) }), AgentRequest::Failover { candidate: pg(1) })
}

#[track_caller]
fn note(snapshot: &Snapshot, plan: &Plan, check: &str) -> CheckNote {
    let notes = examine(snapshot, plan);
    let found = notes.iter().filter(|note| note.check == *check).max_by_key(|note| note.verdict);
    found.unwrap_or_else(|| panic!("no {check}")).clone()
}

#[test]
fn a_second_primary_that_the_dcs_has_forgotten_blocks_every_action() {
    let mut snapshot = healthy();
    promote(&mut snapshot, 2);
    member(&mut snapshot, 2).presence = Presence::Missing { since: snapshot.now };
    record(&mut snapshot, |content| content.members.truncate(2));
    for plan in [switchover(Some(1)), resume(), restart(1)] {
        let note = note(&snapshot, &plan, "split-brain");
        assert_eq!((note.verdict, note.can_override), (CheckVerdict::Block, false), "{}: {}", plan.title, note.text);
    }
    lose(&mut snapshot, 2);
    let note = note(&snapshot, &switchover(Some(1)), "split-brain");
    assert_eq!(note.verdict, CheckVerdict::Unknown, "a configured node that is silent may write: {}", note.text);
}

/// In maintenance mode, the leader stopped: its agent goes on saying "primary".
fn paused_and_stopped() -> Snapshot {
    let mut snapshot = leaderless();
    config(&mut snapshot, |config| config.paused = true);
    let mut back = healthy();
    std::mem::swap(member(&mut snapshot, 0), member(&mut back, 0));
    agent(&mut snapshot, 0, |report| report.state = MemberState::Stopped);
    fail_sql(&mut snapshot, 0, FailureKind::Refused);
    snapshot
}

#[test]
fn a_stopped_leader_in_maintenance_mode_is_no_dead_end() {
    let snapshot = paused_and_stopped();
    for check in ["leader-gone", "split-brain"] {
        let note = note(&snapshot, &fail_over(), check);
        assert_ne!(note.verdict, CheckVerdict::Block, "{check}: {}", note.text);
    }
    // Once another leads, the pause can be ended.
    let mut after = paused_and_stopped();
    lock(&mut after, 1);
    promote(&mut after, 1);
    let note = note(&after, &resume(), "split-brain");
    assert_eq!((note.verdict, note.text.as_str()), (CheckVerdict::Pass, "only pg-1 accepts writes"));
    // The natural remedy: what is started takes nothing from anybody.
    let notes = examine(&snapshot, &restart(0));
    let blocks: Vec<_> =
        notes.iter().filter(|note| note.verdict == CheckVerdict::Block && !note.can_override).collect();
    assert!(blocks.is_empty(), "{blocks:#?}");
}

#[rstest]
#[case::stopped(MemberState::Stopped)]
#[case::crashed(MemberState::Crashed)]
fn a_stopped_holder_of_the_lock_refers_to_nothing_that_refers_back(#[case] state: MemberState) {
    let mut snapshot = healthy();
    agent(&mut snapshot, 0, |report| report.state = state);
    fail_sql(&mut snapshot, 0, FailureKind::Refused);
    let gone = note(&snapshot, &fail_over(), "leader-gone");
    let known = note(&snapshot, &switchover(Some(1)), "leader-known");
    for note in [gone, known] {
        assert_eq!(note.verdict, CheckVerdict::Block);
        let text = note.text.as_str();
        assert!(text.contains("wait until Patroni starts it or releases the key"), "{text}");
    }
}

#[test]
fn another_system_identifier_is_no_second_primary() {
    let mut snapshot = healthy();
    promote(&mut snapshot, 2);
    sql(&mut snapshot, 2, |report| report.system_id = Some(SystemId(7)));
    agent(&mut snapshot, 2, |report| report.system_id = Some(SystemId(7)));
    assert_eq!(note(&snapshot, &switchover(Some(1)), "split-brain").verdict, CheckVerdict::Pass);
}

#[test]
fn nothing_is_done_while_the_urls_speak_of_another_cluster_than_the_dcs() {
    let mut snapshot = healthy();
    let mut place = ConfiguredNode::new("vega".into(), Origin::PatroniUrls, Some("http://10.0.0.9:8008".into()), None);
    place.node_match = NodeMatch::Foreign(ForeignNode {
        name: Some("vega".into()),
        scope: Some("pg-ha".into()),
        system_id: Some(SystemId(7)),
        differs: Difference::SystemId,
    });
    snapshot.configured_nodes = vec![place];
    for plan in [switchover(Some(1)), resume(), restart(1), fail_over()] {
        let note = note(&snapshot, &plan, "right-cluster");
        assert_eq!((note.verdict, note.can_override), (CheckVerdict::Block, false), "{}", plan.title);
    }
    // Where another URL speaks for this cluster, the one is only left out.
    let mut known = ConfiguredNode::new("pg-0".into(), Origin::PatroniUrls, Some("http://10.0.0.0:8008".into()), None);
    known.node_match = NodeMatch::Member(pg(0));
    snapshot.configured_nodes.push(known);
    assert_eq!(note(&snapshot, &switchover(Some(1)), "right-cluster").verdict, CheckVerdict::Pass);
    assert_eq!(agent_role(&snapshot), Role::Primary, "what the members say counts as before");
}

fn agent_role(snapshot: &Snapshot) -> Role {
    let member = snapshot.member(&pg(0)).expect("pg-0");
    snapshot.view(member).agent_role().expect("a role").value
}
