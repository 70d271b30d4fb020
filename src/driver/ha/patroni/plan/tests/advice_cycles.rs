//! Advice that is followed leads out: to a plan that may be carried out, or to something no verb does. Never back to a verb
//! that has refused before.

use rstest::rstest;

use super::*;
use crate::action::intent::{LeadIntent, NodeIntent, RouterIntent};
use crate::action::note::CheckVerdict;
use crate::action::preflight;
use crate::model::role::MemberState;
use crate::model::source::FailureKind;
use crate::model::test_support::{cut, fail, member, seconds, sql};

fn tag(snapshot: &mut Snapshot, set: fn(&mut crate::model::agent::Tags)) {
    for name in ["pg-1", "pg-2"] {
        agent(snapshot, name, |report| set(&mut report.tags));
    }
}

/// Strict synchronous mode, in which no replica may be synchronous.
fn nobody_synchronous() -> Snapshot {
    let mut snapshot = healthy();
    record(&mut snapshot, |content| {
        let config = content.patroni_mut().config.as_mut().unwrap();
        (config.synchronous_mode, config.synchronous_mode_strict) = (true, true);
        content.patroni_mut().sync.as_mut().unwrap().standbys.clear();
    });
    tag(&mut snapshot, |tags| tags.nosync = true);
    snapshot
}

/// Another one is synchronous.
fn other_synchronous() -> Snapshot {
    let mut snapshot = healthy();
    record(&mut snapshot, |content| content.patroni_mut().sync.as_mut().unwrap().standbys = vec![pg(2)]);
    snapshot
}

/// None is synchronous yet.
fn not_yet_synchronous() -> Snapshot {
    let mut snapshot = healthy();
    record(&mut snapshot, |content| content.patroni_mut().sync.as_mut().unwrap().standbys.clear());
    snapshot
}

fn nobody_may_lead() -> Snapshot {
    let mut snapshot = healthy();
    tag(&mut snapshot, |tags| tags.nofailover = true);
    snapshot
}

fn nobody_may_lead_and_nobody_does() -> Snapshot {
    let mut snapshot = leaderless();
    tag(&mut snapshot, |tags| tags.nofailover = true);
    snapshot
}

fn paused_and_leaderless() -> Snapshot {
    let mut snapshot = leaderless();
    record(&mut snapshot, |content| content.patroni_mut().config.as_mut().unwrap().paused = true);
    snapshot
}

fn silent_holder() -> Snapshot {
    let mut snapshot = healthy();
    cut(&mut snapshot, "pg-0", seconds(20));
    snapshot
}

fn stopped_holder() -> Snapshot {
    let mut snapshot = healthy();
    agent(&mut snapshot, "pg-0", |report| report.state = MemberState::Stopped);
    fail(member(&mut snapshot, "pg-0").sql.as_mut().unwrap(), FailureKind::Closed, seconds(20));
    snapshot
}

fn holder_in_recovery() -> Snapshot {
    let mut snapshot = healthy();
    sql(&mut snapshot, "pg-0", |report| report.in_recovery = true);
    agent(&mut snapshot, "pg-0", |report| report.role = crate::model::role::Role::Replica);
    snapshot
}

fn order_for_later() -> Snapshot {
    let mut snapshot = healthy();
    ordered(&mut snapshot, Some("2026-11-21T23:00:00+00:00"));
    snapshot
}

fn order_for_later_while_paused() -> Snapshot {
    let mut snapshot = paused();
    ordered(&mut snapshot, Some("2026-11-21T23:00:00+00:00"));
    snapshot
}

fn order_under_way() -> Snapshot {
    let mut snapshot = healthy();
    ordered(&mut snapshot, None);
    snapshot
}

fn restart_waits() -> Snapshot {
    let mut snapshot = pending(&["pg-0", "pg-1"]);
    restart_scheduled(&mut snapshot, "pg-1");
    snapshot
}

fn no_successor() -> Snapshot {
    let mut snapshot = pending(&["pg-0"]);
    record(&mut snapshot, |content| content.patroni_mut().sync.as_mut().unwrap().standbys.clear());
    snapshot
}

fn copying() -> Snapshot {
    let mut snapshot = healthy();
    agent(&mut snapshot, "pg-2", |report| {
        (report.state, report.replication_state) = (MemberState::CreatingReplica, None);
    });
    snapshot
}

/// Everything that may be wanted of a change of lead and what goes with it.
fn preferences() -> Vec<Intent> {
    let at = |candidate| {
        Intent::Lead(LeadIntent::Switchover { candidate, at: Some(later()), swift: false, through_poolers: None })
    };
    let one = |number| restart(Target::Member(pg(number)));
    let restart_at =
        Intent::Node(NodeIntent::Restart { target: Target::Member(pg(1)), only_pending: false, at: Some(later()) });
    let only_pending = Intent::Node(NodeIntent::Restart { target: Target::All, only_pending: true, at: None });
    let mut all = vec![
        switchover(None),
        at(None),
        at(Some(pg(1))),
        restart_at,
        only_pending,
        Intent::Node(NodeIntent::RollingRestart),
    ];
    all.extend([
        Intent::Lead(LeadIntent::Pause),
        Intent::Lead(LeadIntent::Resume),
        Intent::Lead(LeadIntent::CancelSwitchover),
        Intent::Node(NodeIntent::CancelRestart { member: pg(1) }),
    ]);
    for number in 0..3 {
        all.extend([switchover(Some(number)), failover(number), reinit(number), one(number)]);
        all.extend([drain(number, AfterDrain::Restart), drain(number, AfterDrain::Reinit)]);
        all.push(Intent::Router(RouterIntent::Undrain { member: pg(number) }));
    }
    all
}

/// What keeps `intent` from being carried out, nothing that may be overridden; none: it may be.
fn obstacles(snapshot: &Snapshot, intent: &Intent) -> Vec<String> {
    match plan(snapshot, intent) {
        Err(why) => vec![why.to_string()],
        Ok(plan) => {
            let notes = preflight::examine(snapshot, &plan).into_iter();
            let blocks = notes.filter(|note| note.verdict == CheckVerdict::Block && !note.can_override);
            blocks.map(|note| note.text.to_string()).collect()
        }
    }
}

/// The verbs that a refusal refers to, as one who reads it would try them next.
fn advised(words: &str, refused: &Intent) -> Vec<Intent> {
    // Says why, not what to do.
    let words = words.replace("no leader to switch over from", "");
    let member = match refused {
        Intent::Router(RouterIntent::Drain { member, .. })
        | Intent::Node(
            NodeIntent::Reinit { member, .. } | NodeIntent::Restart { target: Target::Member(member), .. },
        ) => Some(member.clone()),
        Intent::Lead(LeadIntent::Switchover { candidate, .. }) => candidate.clone(),
        Intent::Lead(LeadIntent::Failover { candidate }) => Some(candidate.clone()),
        _ => None,
    };
    let named = (0..3).map(pg).find(|name| words.contains(&format!("choose {name}")));
    let other = named.clone().or_else(|| member.clone().filter(|name| *name != pg(0))).unwrap_or_else(|| pg(1));
    let mut next = Vec::new();
    match (refused, &named) {
        (Intent::Lead(LeadIntent::Failover { .. }), Some(name)) => {
            next.push(Intent::Lead(LeadIntent::Failover { candidate: name.clone() }));
        }
        (Intent::Lead(LeadIntent::Switchover { at, swift, .. }), Some(name)) => {
            next.push(Intent::Lead(LeadIntent::Switchover {
                candidate: Some(name.clone()),
                at: *at,
                swift: *swift,
                through_poolers: None,
            }));
        }
        _ => {}
    }
    if words.contains("switch over") {
        next.push(Intent::Lead(LeadIntent::Switchover {
            candidate: Some(other.clone()),
            at: None,
            swift: false,
            through_poolers: None,
        }));
    }
    if words.contains("fail over") {
        next.push(Intent::Lead(LeadIntent::Failover { candidate: other }));
    }
    if words.contains("choose the candidate") {
        next.extend([1, 2].map(|number| switchover(Some(number))));
    }
    if words.contains("cancel it") {
        next.push(match (refused, member.clone()) {
            (Intent::Node(NodeIntent::Restart { .. }), Some(member)) => {
                Intent::Node(NodeIntent::CancelRestart { member })
            }
            _ => Intent::Lead(LeadIntent::CancelSwitchover),
        });
    }
    if words.contains("resume it") {
        next.push(Intent::Lead(LeadIntent::Resume));
    }
    if words.contains("act now") {
        next.push(match refused {
            Intent::Node(NodeIntent::Restart { target, .. }) => restart(target.clone()),
            _ => Intent::Lead(LeadIntent::Switchover {
                candidate: member.clone(),
                at: None,
                swift: false,
                through_poolers: None,
            }),
        });
    }
    if words.contains("restart it") || words.contains("by itself") {
        next.push(restart(Target::Member(member.clone().unwrap_or_else(|| pg(0)))));
    }
    if words.contains("reinit it") {
        next.extend(
            member.map(|member| Intent::Node(NodeIntent::Reinit { member, source: CopySource::Any, again: false })),
        );
    }
    next
}

fn walk(snapshot: &Snapshot, intent: &Intent, path: &mut Vec<(Intent, String)>) {
    for words in obstacles(snapshot, intent) {
        path.push((intent.clone(), words.clone()));
        for next in advised(&words, intent) {
            assert!(path.iter().all(|(been, _)| *been != next), "back to {}: {path:#?}", next.verb());
            walk(snapshot, &next, path);
        }
        path.pop();
    }
}

#[rstest]
#[case::healthy(healthy())]
#[case::paused(paused())]
#[case::leaderless(leaderless())]
#[case::paused_and_leaderless(paused_and_leaderless())]
#[case::nobody_synchronous(nobody_synchronous())]
#[case::other_synchronous(other_synchronous())]
#[case::not_yet_synchronous(not_yet_synchronous())]
#[case::nobody_may_lead(nobody_may_lead())]
#[case::nobody_may_lead_and_nobody_does(nobody_may_lead_and_nobody_does())]
#[case::silent_holder(silent_holder())]
#[case::stopped_holder(stopped_holder())]
#[case::holder_in_recovery(holder_in_recovery())]
#[case::order_for_later(order_for_later())]
#[case::order_for_later_while_paused(order_for_later_while_paused())]
#[case::order_under_way(order_under_way())]
#[case::restart_waits(restart_waits())]
#[case::no_successor(no_successor())]
#[case::copying(copying())]
fn advice_that_is_followed_never_leads_in_a_circle(#[case] snapshot: Snapshot) {
    for resolve_intent in preferences() {
        walk(&snapshot, &resolve_intent, &mut Vec::new());
    }
}

#[rstest]
#[case::failover(failover(1))]
#[case::switchover(switchover(Some(1)))]
#[case::switchover_to_anybody(switchover(None))]
fn where_nobody_may_be_synchronous_each_verb_says_why_and_what_to_do(#[case] intent: Intent) {
    let all = obstacles(&nobody_synchronous(), &intent).join("\n");
    for part in ["pg-1 has the tag nosync", "remove the tag from pg-1", "`configure synchronous_mode=false`"] {
        assert!(all.contains(part), "{part}: {all}");
    }
    assert!(!all.contains("switch over to"), "{all}");
}

#[test]
fn the_synchronous_one_is_named_instead() {
    let words = obstacles(&other_synchronous(), &failover(1)).join("\n");
    assert!(words.ends_with("to synchronous standbys only: choose pg-2"), "{words}");
}
