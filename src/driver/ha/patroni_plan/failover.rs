//! Failover to a chosen member of a cluster without a leader.

use super::ground::{Ground, Sketch, no, quoted};
use super::{impact, switchover};
use crate::action::expectation::Expectation;
use crate::action::milestone::Milestone;
use crate::action::order::AgentRequest;
use crate::action::plan::{Confirm, Danger, Impossible, Plan};
use crate::action::preflight::kept_from_handover;
use crate::model::name::NodeName;
use crate::model::units;
use crate::model::view::MemberView;

pub(super) fn plan(ground: &Ground<'_>, candidate: &NodeName) -> Result<Plan, Impossible> {
    ground.no_standby_cluster("a failover")?;
    let view = switchover::may_lead(ground, candidate)?;
    // An agent answers for a server that is down, too, and there is nothing to switch over from then.
    let answers = |leader: &&NodeName| {
        let view = ground.snapshot.member(leader).map(|member| ground.snapshot.view(member));
        view.is_some_and(|view| view.answers() && view.state().is_none_or(|state| !state.fresh || state.value.is_up()))
    };
    let silent = ground.generation.leader.as_ref();
    if let Some(leader) = silent.filter(answers) {
        return Err(no(match kept_from_handover(ground.snapshot, candidate) {
            None => format!("{leader} leads and answers: switch over to {candidate} instead, which loses nothing"),
            Some(why) => format!("{leader} leads and answers, so that it would have to hand over; {why}"),
        }));
    }
    ground.nothing_ordered()?;

    let agent = ground.any_agent(Some(candidate))?;
    let request = AgentRequest::Failover { candidate: candidate.clone() };
    let mut impact = vec![lost(ground, view)];
    if let Some(leader) = silent {
        impact.push(lock_left(ground, leader));
    }
    if let Some(warning) = not_synchronous(ground, candidate) {
        impact.push(warning);
    }
    impact.push(format!(
        "writes are possible again once {candidate} is promoted, usually within {} s",
        ground.timing.loop_wait.as_secs() + 5
    ));
    impact.extend(impact::routers_follow(ground.snapshot));

    // Who led last: its word that it takes no writes, or its silence without the lock, belongs to the proof.
    let last = ground.record.history.last().and_then(|entry| entry.new_leader.as_ref());
    let old = silent.or(last).filter(|old| *old != candidate && ground.snapshot.member(old).is_some());
    let stepped_down = old.map(|old| Milestone::SteppedDown { member: old.clone() });
    let promoted = Milestone::Promoted { member: Some(candidate.clone()) };
    let mut expectation = Expectation::of(stepped_down.into_iter().chain([promoted]), ground.timing.takeover());
    if !ground.snapshot.routers.is_empty() {
        expectation = expectation.then(Milestone::RouterFollows);
    }
    Ok(ground.plan(Sketch {
        title: format!("fail over {} to {candidate}", ground.cluster()),
        danger: Danger::Destructive,
        confirm: Confirm::Type(candidate.text().clone()),
        equivalent: vec![
            format!("patronictl failover {} --candidate {} --force", ground.scope(), quoted(candidate.as_str())),
            ground.curl(&agent, &request)?,
        ],
        steps: vec![ground.ask(&agent, request)?],
        no_return: 0,
        impact,
        expectation: expectation.then(Milestone::AllStreaming),
    }))
}

/// What is lost, as far as positions on record tell.
fn lost(ground: &Ground<'_>, candidate: MemberView<'_>) -> String {
    let name = candidate.name();
    let Some(own) = candidate.position() else {
        return format!("where {name} stands in the log is unknown: what is lost cannot be told");
    };
    // The last position the leader published is a loop old at best, so it is a lower bound.
    let published = ground.record.status().and_then(|status| status.optime);
    let others = ground.snapshot.views().filter(|view| view.name() != name);
    let furthest = others.filter_map(|view| Some((view.position()?.value, view.name().to_string())));
    let furthest = furthest.chain(published.map(|at| (at, "the leader's last word in the DCS".to_owned()))).max();
    match furthest {
        Some((at, who)) if at > own.value => {
            let bytes = units::bytes(own.value.bytes_to(at));
            format!("{name} is {bytes} behind {who}: at least these changes are lost")
        }
        Some(_) => format!("{name} has everything that is known of; what the old leader had not sent is lost"),
        None => format!("nothing is known to compare {name} with: what is lost cannot be told"),
    }
}

fn lock_left(ground: &Ground<'_>, leader: &NodeName) -> String {
    let left = ground.record.leader.as_ref().and_then(|key| key.lease_left).unwrap_or(ground.timing.ttl);
    format!("{leader} does not answer but holds the leader lock, for {} s more at most", left.as_secs())
}

fn not_synchronous(ground: &Ground<'_>, candidate: &NodeName) -> Option<String> {
    let config = ground.record.config()?;
    let listed = ground.record.sync().is_some_and(|sync| sync.standbys.contains(candidate));
    (config.synchronous_mode && !listed)
        .then(|| format!("{candidate} is not a synchronous standby: commits that were acknowledged may be lost"))
}
