//! Switchover, now or scheduled.

use std::time::Duration;

use jiff::Timestamp;

use super::ground::{Ground, Sketch, no, quoted, schedulable};
use super::impact;
use super::swift;
use crate::action::expectation::Expectation;
use crate::action::milestone::Milestone;
use crate::action::order::{AgentRequest, SqlRequest};
use crate::action::plan::{Confirm, Danger, Impossible, Plan, Step};
use crate::model::name::NodeName;
use crate::model::view::MemberView;

/// Longest wait for a checkpoint: one that takes longer is not worth it, and tells that the leader is busy.
const CHECKPOINT: Duration = Duration::from_secs(300);

pub(super) fn plan(
    ground: &Ground<'_>,
    candidate: Option<&NodeName>,
    at: Option<Timestamp>,
    swift: bool,
) -> Result<Plan, Impossible> {
    ground.no_standby_cluster("a switchover")?;
    let leader = ground.leader("there is nothing to switch over from; fail over to a chosen member instead")?;
    let candidate = match candidate {
        Some(name) => Some(may_lead(ground, name)?),
        None => None,
    };
    if candidate.is_none() {
        somebody_may_lead(ground)?;
    }
    if let Some(at) = at {
        schedulable(ground, at, "a switchover")?;
    }
    if ground.record.is_paused() && candidate.is_none() {
        return Err(no(format!("{} is paused: name the candidate, Patroni chooses none then", ground.cluster())));
    }
    ground.nothing_ordered()?;
    match at {
        Some(at) => scheduled(ground, leader, candidate, at, swift),
        None => now(ground, leader, candidate, swift),
    }
}

/// The member called `name`, if it may take the lead over.
pub(super) fn may_lead<'a>(ground: &Ground<'a>, name: &NodeName) -> Result<MemberView<'a>, Impossible> {
    let view = ground.member(name)?;
    if ground.leads(name) {
        return Err(no(format!("{name} is the leader already: nothing to do")));
    }
    if Ground::tags(view).forbids_failover() {
        let may = |other: &MemberView<'_>| other.name() != name && !Ground::tags(*other).forbids_failover();
        let others = ground.present().filter(|view| !ground.leads(view.name()) && view.answers()).filter(may);
        let others: Vec<String> = others.map(|view| view.name().to_string()).collect();
        let instead = if others.is_empty() {
            "no other that answers may lead either, so take the tag off one, or add a replica without it".to_owned()
        } else {
            format!("choose {}", others.join(" or "))
        };
        return Err(no(format!("{name} is tagged never to lead (nofailover or failover_priority 0): {instead}")));
    }
    Ok(view)
}

fn somebody_may_lead(ground: &Ground<'_>) -> Result<(), Impossible> {
    let mut others = ground.present().filter(|view| !ground.leads(view.name()));
    if others.any(|view| !Ground::tags(view).forbids_failover()) {
        return Ok(());
    }
    Err(no(format!("no other member of {} may lead: add a replica without the tag nofailover", ground.cluster())))
}

/// What is sent to hand the lead over.
pub(super) fn request(
    leader: MemberView<'_>,
    candidate: Option<MemberView<'_>>,
    at: Option<Timestamp>,
) -> AgentRequest {
    AgentRequest::Switchover { leader: leader.name().clone(), candidate: candidate.map(|view| view.name().clone()), at }
}

/// The same with Patroni's own tool.
pub(super) fn patronictl(ground: &Ground<'_>, request: &AgentRequest) -> Option<String> {
    let AgentRequest::Switchover { leader, candidate, at } = request else { return None };
    let candidate = candidate.as_ref().map(|name| format!(" --candidate {}", quoted(name.as_str())));
    let at = at.map(|at| format!(" --scheduled {at}"));
    Some(format!(
        "patronictl switchover {} --leader {}{}{} --force",
        ground.scope(),
        quoted(leader.as_str()),
        candidate.unwrap_or_default(),
        at.unwrap_or_default()
    ))
}

fn now(
    ground: &Ground<'_>,
    leader: MemberView<'_>,
    candidate: Option<MemberView<'_>>,
    swift: bool,
) -> Result<Plan, Impossible> {
    let request = request(leader, candidate, None);
    let agent = ground.any_agent(candidate.map(|view| view.name()))?;
    let mut steps = Vec::new();
    let mut impact = noticed(leader, candidate);
    if swift {
        steps.extend(checkpoints(ground, leader, candidate, &mut impact));
    }
    let no_return = steps.len();
    steps.push(ground.ask(&agent, request.clone())?);
    let escort = swift.then(|| swift::escort(ground, Some(leader.name()), candidate.map(|view| view.name())));
    match escort {
        Some(Ok(escort)) => {
            impact.extend(swift::impact(ground.snapshot, &escort));
            steps.push(swift::step(escort));
        }
        Some(Err(why)) => {
            impact.push(format!("not a swift one, so the routers are not told: {why}"));
            impact.extend(impact::routers_follow(ground.snapshot));
        }
        None => impact.extend(impact::routers_follow(ground.snapshot)),
    }

    let name = leader.name();
    let to = candidate.map_or_else(|| "the best candidate".to_owned(), |view| view.name().to_string());
    let stepped_down = Milestone::SteppedDown { member: name.clone() };
    let promoted = Milestone::Promoted { member: candidate.map(|view| view.name().clone()) };
    let mut expectation = Expectation::of([stepped_down, promoted], ground.timing.takeover());
    if !ground.snapshot.routers.is_empty() {
        expectation = expectation.then(Milestone::RouterFollows);
    }
    let expectation = expectation.then(Milestone::Streaming { member: name.clone() }).then(Milestone::AllStreaming);
    let equivalent = patronictl(ground, &request).into_iter().chain([ground.curl(&agent, &request)?]);
    Ok(ground.plan(Sketch {
        title: format!("switch over {} from {name} to {to}", ground.cluster()),
        danger: Danger::Disruptive,
        confirm: ground.type_cluster(),
        steps,
        no_return,
        impact,
        equivalent: equivalent.collect(),
        expectation,
    }))
}

/// What users notice of a switchover at once.
pub(super) fn noticed(leader: MemberView<'_>, candidate: Option<MemberView<'_>>) -> Vec<String> {
    let mut lines = vec![impact::writers_cut(leader), writes_fail(leader, candidate)];
    lines.extend(impact::long_transaction(leader));
    lines.extend(candidate.map(|view| format!("{}; it receives the rest before it is promoted", impact::behind(view))));
    lines
}

fn writes_fail(leader: MemberView<'_>, candidate: Option<MemberView<'_>>) -> String {
    let new = candidate.map_or("the new leader", |view| view.name().as_str());
    let name = leader.name();
    let usual = "usually 1 to 3 s, and until the routers follow";
    match impact::shutdown_waits(leader) {
        Some(waits) => format!("writes fail while {name} shuts down and {new} is promoted: {waits}; else {usual}"),
        None => format!("writes fail while {name} shuts down and {new} is promoted, {usual}"),
    }
}

/// A checkpoint on both sides, so that the shutdown has little left to write and the promotion little to replay.
pub(super) fn checkpoints(
    ground: &Ground<'_>,
    leader: MemberView<'_>,
    candidate: Option<MemberView<'_>>,
    impact: &mut Vec<String>,
) -> Vec<Step> {
    if ground.manager.sql.is_none() {
        impact.push(
            "no checkpoint beforehand, so the shutdown may take longer: acting over SQL (postgres.acting) is not configured".to_owned(),
        );
        return Vec::new();
    }
    let mut steps = Vec::new();
    for view in std::iter::once(leader).chain(candidate) {
        let answers = view.member.sql.as_ref().is_some_and(|sql| sql.is_fresh(ground.snapshot.now));
        if answers {
            steps.push(ground.sql(view, SqlRequest::Checkpoint, "CHECKPOINT", CHECKPOINT));
        } else {
            impact.push(format!("no checkpoint on {} beforehand: it does not answer over SQL", view.name()));
        }
    }
    steps
}

fn scheduled(
    ground: &Ground<'_>,
    leader: MemberView<'_>,
    candidate: Option<MemberView<'_>>,
    at: Timestamp,
    swift: bool,
) -> Result<Plan, Impossible> {
    let request = request(leader, candidate, Some(at));
    let agent = ground.any_agent(candidate.map(|view| view.name()))?;
    let to = candidate.map_or_else(|| "the best candidate".to_owned(), |view| view.name().to_string());
    let late = ground.timing.loop_wait * 3 / 2;
    let mut impact = vec![
        "nothing happens now".to_owned(),
        format!("at {at}: {}", impact::writers_cut(leader)),
        format!("at {at}: {}", writes_fail(leader, candidate)),
        format!(
            "Patroni drops it if it is more than {} s late; nothing is checked again by this console",
            late.as_secs()
        ),
    ];
    if swift {
        impact.push("it will not be a swift one: at that time nobody is there to help it along".to_owned());
    }
    let equivalent = patronictl(ground, &request).into_iter().chain([ground.curl(&agent, &request)?]).collect();
    let scheduled = Milestone::SwitchoverScheduled { scheduled: true };
    Ok(ground.plan(Sketch {
        title: format!("schedule a switchover of {} from {} to {to} at {at}", ground.cluster(), leader.name()),
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        steps: vec![ground.ask(&agent, request)?],
        no_return: 0,
        impact,
        equivalent,
        expectation: Expectation::of([scheduled], ground.timing.two_loops()),
    }))
}
