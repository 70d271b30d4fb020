//! Switchover, now or scheduled.

use std::time::Duration;

use jiff::Timestamp;

use super::context::{PlanContext, PlanDraft, quoted, refuse, schedulable, tags};
use crate::action::expectation::Expectation;
use crate::action::milestone::Milestone;
use crate::action::order::{AgentRequest, SqlRequest};
use crate::action::plan::{Confirm, Danger, Infeasible, Plan, Step};
use crate::action::router_handover::RouterHandover;
use crate::driver::plan::{impact, pooler_pause, swift};
use crate::model::name::NodeName;
use crate::model::view::MemberView;

/// Longest wait for a checkpoint: one that takes longer is not worth it, and tells that the leader is busy.
const CHECKPOINT: Duration = Duration::from_secs(300);

pub(super) fn plan(
    context: &PlanContext<'_>,
    candidate: Option<&NodeName>,
    at: Option<Timestamp>,
    swift: bool,
    through_poolers: Option<bool>,
) -> Result<Plan, Infeasible> {
    context.no_standby_cluster("a switchover")?;
    let leader = context.leader("there is no leader to switch over from; fail over to a chosen member instead")?;
    let candidate = match candidate {
        Some(name) => Some(may_lead(context, name)?),
        None => None,
    };
    if candidate.is_none() {
        somebody_may_lead(context)?;
    }
    if let Some(at) = at {
        schedulable(context, at, "a switchover")?;
    }
    if context.record.is_paused() && candidate.is_none() {
        return Err(refuse(format!(
            "{} is paused: choose the candidate, Patroni does not choose one then",
            context.cluster()
        )));
    }
    context.nothing_ordered()?;
    match at {
        Some(at) => scheduled(context, leader, candidate, at, swift),
        None => now(context, leader, candidate, swift, through_poolers),
    }
}

/// The member called `name`, if it may take the lead over.
pub(super) fn may_lead<'a>(context: &PlanContext<'a>, name: &NodeName) -> Result<MemberView<'a>, Infeasible> {
    let view = context.member(name)?;
    if context.leads(name) {
        return Err(refuse(format!("{name} is already the leader: nothing to do")));
    }
    if tags(view).forbids_failover() {
        let may = |other: &MemberView<'_>| other.name() != name && !tags(*other).forbids_failover();
        let others = context.present().filter(|view| !context.leads(view.name()) && view.answers()).filter(may);
        let others: Vec<String> = others.map(|view| view.name().to_string()).collect();
        let instead = if others.is_empty() {
            "no other reachable member can become the leader either: remove the tag from one, or add a replica without it".to_owned()
        } else {
            format!("choose {}", others.join(" or "))
        };
        return Err(refuse(format!("{name} has the tag nofailover or failover_priority 0: {instead}")));
    }
    Ok(view)
}

fn somebody_may_lead(context: &PlanContext<'_>) -> Result<(), Infeasible> {
    let mut others = context.present().filter(|view| !context.leads(view.name()));
    if others.any(|view| !tags(view).forbids_failover()) {
        return Ok(());
    }
    Err(refuse(format!(
        "no other member of {} can become the leader: add a replica without the tag nofailover",
        context.cluster()
    )))
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
pub(super) fn patronictl(context: &PlanContext<'_>, request: &AgentRequest) -> Option<String> {
    let AgentRequest::Switchover { leader, candidate, at } = request else { return None };
    let candidate = candidate.as_ref().map(|name| format!(" --candidate {}", quoted(name.as_str())));
    let at = at.map(|at| format!(" --scheduled {at}"));
    Some(format!(
        "patronictl switchover {} --leader {}{}{} --force",
        context.scope(),
        quoted(leader.as_str()),
        candidate.unwrap_or_default(),
        at.unwrap_or_default()
    ))
}

fn now(
    context: &PlanContext<'_>,
    leader: MemberView<'_>,
    candidate: Option<MemberView<'_>>,
    swift: bool,
    through_poolers: Option<bool>,
) -> Result<Plan, Infeasible> {
    let request = request(leader, candidate, None);
    let agent = context.any_agent(candidate.map(|view| view.name()))?;
    let mut steps = Vec::new();
    let mut impact = noticed(leader, candidate);
    if swift {
        steps.extend(checkpoints(context, leader, candidate, &mut impact));
    }
    let handover = Handover { leader, candidate, swift, through_poolers };
    let equivalents = handover.steps(context, &request, &agent, &mut steps, &mut impact)?;
    let no_return = decisive(&steps);

    let name = leader.name();
    let to = candidate.map_or_else(|| "the best candidate".to_owned(), |view| view.name().to_string());
    let stepped_down = Milestone::SteppedDown { member: name.clone() };
    let promoted = Milestone::Promoted { member: candidate.map(|view| view.name().clone()) };
    let mut expectation = Expectation::of([stepped_down, promoted], context.timing.takeover());
    if !context.snapshot.routers.is_empty() {
        expectation = expectation.then(Milestone::RouterFollows);
    }
    let expectation = expectation.then(Milestone::Streaming { member: name.clone() }).then(Milestone::AllStreaming);
    let request = patronictl(context, &request).into_iter().chain([context.curl(&agent, &request)?]);
    let equivalent = equivalents.into_iter().chain(request);
    Ok(context.plan(PlanDraft {
        title: format!("switch over {} from {name} to {to}", context.cluster()),
        danger: Danger::Disruptive,
        confirm: context.type_cluster(),
        steps,
        no_return,
        impact,
        equivalent: equivalent.collect(),
        expectation,
    }))
}

/// A handover that is asked for now.
pub(super) struct Handover<'a> {
    pub(super) leader: MemberView<'a>,
    pub(super) candidate: Option<MemberView<'a>>,
    /// The routers are told alongside, where they can be.
    pub(super) swift: bool,
    /// Poolers are paused meanwhile; `None`: where every writer is known to come through them.
    pub(super) through_poolers: Option<bool>,
}

impl Handover<'_> {
    /// The pauses, the request, and what goes alongside it. The pauses come as late as possible: from them on, clients wait.
    /// Returns the pauses for psql.
    pub(super) fn steps(
        &self,
        context: &PlanContext<'_>,
        request: &AgentRequest,
        agent: &NodeName,
        steps: &mut Vec<Step>,
        impact: &mut Vec<String>,
    ) -> Result<Vec<String>, Infeasible> {
        let (from, to) = (self.leader.name(), self.candidate.map(|view| view.name()));
        let pauses = pooler_pause::pauses(context, from, to, self.through_poolers)?;
        impact.extend(pauses.impact);
        steps.extend(pauses.steps);
        steps.push(context.ask(agent, request.clone())?);
        let mut router_handover = match self.swift.then(|| swift::router_handover(context, Some(from), to)) {
            Some(Ok(router_handover)) => {
                impact.extend(swift::impact(context.snapshot, &router_handover));
                Some(router_handover)
            }
            Some(Err(why)) => {
                impact.push(format!("not swift, so the routers are not updated: {why}"));
                impact.extend(impact::routers_follow(context.snapshot));
                None
            }
            None => {
                impact.extend(impact::routers_follow(context.snapshot));
                None
            }
        };
        if !pauses.releases.is_empty() {
            let alone = || RouterHandover {
                from: Some(from.clone()),
                to: to.cloned(),
                routes: Vec::new(),
                poolers: Vec::new(),
                at_most: swift::at_most(context, Some(from)),
            };
            router_handover.get_or_insert_with(alone).poolers = pauses.releases;
        }
        steps.extend(router_handover.map(swift::step));
        Ok(pauses.equivalent)
    }
}

/// The step that asks for the handover.
pub(super) fn decisive(steps: &[Step]) -> usize {
    steps.iter().rposition(|step| step.order.effect().hands_over_now()).unwrap_or_default()
}

/// What users notice of a switchover at once.
pub(super) fn noticed(leader: MemberView<'_>, candidate: Option<MemberView<'_>>) -> Vec<String> {
    let mut lines = vec![impact::writers_cut(leader), writes_fail(leader, candidate)];
    lines.extend(impact::long_transaction(leader));
    lines.extend(
        candidate.map(|view| format!("{}; it receives the remaining WAL before it is promoted", impact::behind(view))),
    );
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
    context: &PlanContext<'_>,
    leader: MemberView<'_>,
    candidate: Option<MemberView<'_>>,
    impact: &mut Vec<String>,
) -> Vec<Step> {
    if context.acting_access.sql.is_none() {
        impact.push(
            "no checkpoint beforehand, so the shutdown may take longer: SQL login for acting (postgres.acting) is not configured".to_owned(),
        );
        return Vec::new();
    }
    let mut steps = Vec::new();
    for view in std::iter::once(leader).chain(candidate) {
        let answers = view.member.sql.as_ref().is_some_and(|sql| sql.is_fresh(context.snapshot.now));
        if answers {
            steps.push(context.sql(view, SqlRequest::Checkpoint, "CHECKPOINT", CHECKPOINT));
        } else {
            impact.push(format!("no checkpoint on {} beforehand: it is unreachable over SQL", view.name()));
        }
    }
    steps
}

fn scheduled(
    context: &PlanContext<'_>,
    leader: MemberView<'_>,
    candidate: Option<MemberView<'_>>,
    at: Timestamp,
    swift: bool,
) -> Result<Plan, Infeasible> {
    let request = request(leader, candidate, Some(at));
    let agent = context.any_agent(candidate.map(|view| view.name()))?;
    let to = candidate.map_or_else(|| "the best candidate".to_owned(), |view| view.name().to_string());
    let late = context.timing.loop_wait * 3 / 2;
    let mut impact = vec![
        "nothing happens now".to_owned(),
        format!("at {at}: {}", impact::writers_cut(leader)),
        format!("at {at}: {}", writes_fail(leader, candidate)),
        format!("Patroni discards it if it is more than {} s late; this console does not check again", late.as_secs()),
    ];
    if swift {
        impact.push("it will not be swift: this console does not assist at that time".to_owned());
    }
    let equivalent = patronictl(context, &request).into_iter().chain([context.curl(&agent, &request)?]).collect();
    let scheduled = Milestone::SwitchoverScheduled { scheduled: true };
    Ok(context.plan(PlanDraft {
        title: format!("schedule a switchover of {} from {} to {to} at {at}", context.cluster(), leader.name()),
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        steps: vec![context.ask(&agent, request)?],
        no_return: 0,
        impact,
        equivalent,
        expectation: Expectation::of([scheduled], context.timing.two_loops()),
    }))
}
