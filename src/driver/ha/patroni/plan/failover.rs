//! Failover to a chosen member of a cluster without a leader.

use super::context::{PlanContext, PlanDraft, quoted, refuse};
use super::switchover;
use crate::action::expectation::Expectation;
use crate::action::milestone::Milestone;
use crate::action::order::AgentRequest;
use crate::action::plan::{Confirm, Danger, Infeasible, Plan};
use crate::action::preflight::kept_from_handover;
use crate::driver::plan::impact;
use crate::model::name::NodeName;
use crate::model::units;
use crate::model::view::MemberView;

pub(super) fn plan(context: &PlanContext<'_>, candidate: &NodeName) -> Result<Plan, Infeasible> {
    context.no_standby_cluster("a failover")?;
    let view = switchover::may_lead(context, candidate)?;
    // An agent answers for a server that is down, too, and there is nothing to switch over from then.
    let answers = |leader: &&NodeName| {
        let view = context.snapshot.member(leader).map(|member| context.snapshot.view(member));
        view.is_some_and(|view| view.answers() && view.state().is_none_or(|state| !state.fresh || state.value.is_up()))
    };
    let silent = context.generation.leader.as_ref();
    if let Some(leader) = silent.filter(answers) {
        return Err(refuse(match kept_from_handover(context.snapshot, candidate) {
            None => {
                format!("{leader} is the leader and reachable: switch over to {candidate} instead, without data loss")
            }
            Some(why) => format!("{leader} is the leader and reachable, so a switchover would be needed; {why}"),
        }));
    }
    context.nothing_ordered()?;

    let agent = context.any_agent(Some(candidate))?;
    let request = AgentRequest::Failover { candidate: candidate.clone() };
    let mut impact = vec![lost(context, view)];
    if let Some(leader) = silent {
        impact.push(lock_left(context, leader));
    }
    if let Some(warning) = not_synchronous(context, candidate) {
        impact.push(warning);
    }
    impact.push(format!(
        "writes work again once {candidate} is promoted, usually within {} s",
        context.timing.loop_wait.as_secs() + 5
    ));
    impact.extend(impact::routers_follow(context.snapshot));

    // Who led last: its word that it takes no writes, or its silence without the lock, belongs to the proof.
    let last = context.record.history.last().and_then(|entry| entry.new_leader.as_ref());
    let old = silent.or(last).filter(|old| *old != candidate && context.snapshot.member(old).is_some());
    let stepped_down = old.map(|old| Milestone::SteppedDown { member: old.clone() });
    let promoted = Milestone::Promoted { member: Some(candidate.clone()) };
    let mut expectation = Expectation::of(stepped_down.into_iter().chain([promoted]), context.timing.takeover());
    if !context.snapshot.routers.is_empty() {
        expectation = expectation.then(Milestone::RouterFollows);
    }
    Ok(context.plan(PlanDraft {
        title: format!("fail over {} to {candidate}", context.cluster()),
        danger: Danger::Destructive,
        confirm: Confirm::Type(candidate.text().clone()),
        equivalent: vec![
            format!("patronictl failover {} --candidate {} --force", context.scope(), quoted(candidate.as_str())),
            context.curl(&agent, &request)?,
        ],
        steps: vec![context.ask(&agent, request)?],
        no_return: 0,
        impact,
        expectation: expectation.then(Milestone::AllStreaming),
    }))
}

/// What is lost, as far as positions on record tell.
fn lost(context: &PlanContext<'_>, candidate: MemberView<'_>) -> String {
    let name = candidate.name();
    let Some(own) = candidate.position() else {
        return format!("the WAL position of {name} is unknown: data loss unknown");
    };
    // The last position the leader published is a loop old at best, so it is a lower bound.
    let published = context.record.status().and_then(|status| status.optime);
    let others = context.snapshot.views().filter(|view| view.name() != name);
    let furthest = others.filter_map(|view| Some((view.position()?.value, view.name().to_string())));
    let furthest =
        furthest.chain(published.map(|at| (at, "the last WAL position of the leader in the DCS".to_owned()))).max();
    match furthest {
        Some((at, who)) if at > own.value => {
            let bytes = units::bytes(own.value.bytes_to(at));
            format!("{name} is {bytes} behind {who}: at least these changes are lost")
        }
        Some(_) => format!("{name} has all WAL known so far; WAL that the old leader had not sent is lost"),
        None => format!("no WAL position to compare {name} with: data loss unknown"),
    }
}

fn lock_left(context: &PlanContext<'_>, leader: &NodeName) -> String {
    let left = context.record.leader.as_ref().and_then(|key| key.lease_left).unwrap_or(context.timing.ttl);
    format!("{leader} is unreachable but holds the leader key, for at most {} s more", left.as_secs())
}

fn not_synchronous(context: &PlanContext<'_>, candidate: &NodeName) -> Option<String> {
    let config = context.record.config()?;
    let listed = context.record.sync().is_some_and(|sync| sync.standbys.contains(candidate));
    (config.synchronous_mode && !listed)
        .then(|| format!("{candidate} is not a synchronous standby: acknowledged commits may be lost"))
}
