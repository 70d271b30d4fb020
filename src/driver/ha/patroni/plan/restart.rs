//! Restarting PostgreSQL on one member, on those of a role, or on all; now or later.

use jiff::Timestamp;

use super::context::{PlanContext, PlanDraft, quoted, refuse, schedulable, wait};
use crate::action::expectation::Expectation;
use crate::action::intent::Target;
use crate::action::milestone::Milestone;
use crate::action::order::AgentRequest;
use crate::action::parameters::{Direction, guarded};
use crate::action::plan::{Confirm, Danger, Infeasible, Plan};
use crate::driver::plan::impact;
use crate::model::role::Role;
use crate::model::view::MemberView;

pub(super) fn plan(
    context: &PlanContext<'_>,
    target: &Target,
    only_pending: bool,
    at: Option<Timestamp>,
) -> Result<Plan, Infeasible> {
    let mut views = targets(context, target)?;
    if only_pending {
        views.retain(|view| waits(*view));
        if views.is_empty() {
            return Err(refuse(nothing_waits(context, target)));
        }
    }
    // The leader last: its sessions are cut once, and by then the others have shown that a restart works. But where a setting
    // falls of which no standby may have less than its primary, the leader first: else it stays pending on the others.
    let falls = |view: &&MemberView<'_>| {
        context.leads(view.name())
            && guarded(context.snapshot, **view).iter().any(|setting| setting.direction() == Direction::Falls)
    };
    let leader_first = views.iter().any(|view| falls(&view));
    views.sort_by_key(|view| context.leads(view.name()) != leader_first);
    match at {
        Some(at) => scheduled(context, &views, only_pending, at),
        None => now(context, &views, only_pending),
    }
}

/// The members that `target` means, in order of name.
pub(super) fn targets<'a>(context: &PlanContext<'a>, target: &Target) -> Result<Vec<MemberView<'a>>, Infeasible> {
    let of_role = |leading: bool| context.present().filter(move |view| context.leads(view.name()) == leading).collect();
    let (views, what): (Vec<_>, String) = match target {
        Target::Member(name) => (vec![context.member(name)?], name.to_string()),
        Target::All => (context.present().collect(), "any role".to_owned()),
        Target::Role(role @ (Role::Leader | Role::Primary | Role::StandbyLeader)) => (of_role(true), role.to_string()),
        Target::Role(role @ Role::Replica) => (of_role(false), role.to_string()),
        Target::Role(role @ (Role::Demoted | Role::Uninitialized | Role::Unknown(_))) => {
            return Err(refuse(format!(
                "members cannot be selected by role {role}: use leader or replica, or give one"
            )));
        }
    };
    if views.is_empty() {
        return Err(refuse(format!("{} currently has no member with role {what}", context.cluster())));
    }
    Ok(views)
}

/// Whether a setting waits for a restart of the member.
pub(super) fn waits(view: MemberView<'_>) -> bool {
    view.pending_restart().is_some_and(|pending| pending.value)
}

pub(super) fn nothing_waits(context: &PlanContext<'_>, target: &Target) -> String {
    match target {
        Target::Member(name) => {
            format!("{name} is not pending restart: restart it unconditionally if necessary")
        }
        Target::Role(_) | Target::All => {
            format!("no member of {} has a pending restart: nothing to do", context.cluster())
        }
    }
}

/// The condition that keeps a restart meant for a replica from hitting a leader. Only this role is called the same in
/// every version of Patroni.
fn role_condition(context: &PlanContext<'_>, view: MemberView<'_>) -> Option<Role> {
    let replica = view.agent_role().or_else(|| view.claimed_role()).is_some_and(|role| role.value == Role::Replica);
    (replica && !context.leads(view.name())).then_some(Role::Replica)
}

/// What is sent to restart one member.
pub(super) fn request(
    context: &PlanContext<'_>,
    view: MemberView<'_>,
    only_pending: bool,
    at: Option<Timestamp>,
) -> AgentRequest {
    // Patroni goes by its own flag alone, and would refuse where only `pg_settings` tells of the setting.
    let only_pending = only_pending && view.pending_by_agent().is_some_and(|pending| pending.fresh && pending.value);
    AgentRequest::Restart { role: role_condition(context, view), only_pending, at }
}

/// The same with Patroni's own tool.
pub(super) fn patronictl(context: &PlanContext<'_>, view: MemberView<'_>, request: &AgentRequest) -> Option<String> {
    let AgentRequest::Restart { role, only_pending, at } = request else { return None };
    let role = role.as_ref().map(|_| " --role replica").unwrap_or_default();
    let pending = if *only_pending { " --pending" } else { "" };
    let at = at.map(|at| format!(" --scheduled {at}")).unwrap_or_default();
    let name = quoted(view.name().as_str());
    Some(format!("patronictl restart {} {name}{role}{pending}{at} --force", context.scope()))
}

fn now(context: &PlanContext<'_>, views: &[MemberView<'_>], only_pending: bool) -> Result<Plan, Infeasible> {
    let mut steps = Vec::new();
    let mut impact = Vec::new();
    let mut equivalent = Vec::new();
    let mut no_return = 0;
    for (index, view) in views.iter().enumerate() {
        let name = view.name();
        let request = request(context, *view, only_pending, None);
        no_return = steps.len();
        equivalent.extend(patronictl(context, *view, &request));
        equivalent.push(context.curl(name, &request)?);
        steps.push(context.ask(name, request)?);
        if index + 1 < views.len() {
            steps.push(wait(Milestone::Restarted { member: name.clone() }, context.timing.rejoin()));
        }
        impact.extend(cut(context, *view));
    }
    let restarted = views.iter().map(|view| Milestone::Restarted { member: view.name().clone() });
    let pending = only_pending
        .then(|| Milestone::NothingPending { members: views.iter().map(|view| view.name().clone()).collect() });
    let mut expectation = Expectation::of(restarted.chain(pending), context.timing.two_loops());
    for view in views.iter().filter(|view| !context.leads(view.name())) {
        expectation = expectation.then(Milestone::Streaming { member: view.name().clone() });
    }
    let leader = views.iter().any(|view| context.leads(view.name()));
    if leader {
        expectation = expectation.then(Milestone::AllStreaming);
    }
    Ok(context.plan(PlanDraft {
        title: format!("restart PostgreSQL on {} of {}", names(views), context.cluster()),
        danger: Danger::Disruptive,
        confirm: if leader { context.type_cluster() } else { Confirm::Yes },
        steps,
        no_return,
        impact,
        equivalent,
        expectation,
    }))
}

/// What users notice of the restart of one member.
pub(super) fn cut(context: &PlanContext<'_>, view: MemberView<'_>) -> Vec<String> {
    let name = view.name();
    if context.leads(name) {
        let most = context.timing.start.as_secs();
        let after = if context.record.is_paused() {
            "no automatic failover if it does not come back, since maintenance mode is on".to_owned()
        } else {
            format!("after {most} s Patroni fails over")
        };
        let mut lines = vec![
            impact::writers_cut(view),
            format!("writes fail while {name} restarts, usually some seconds; {after}"),
        ];
        lines.extend(impact::shutdown_waits(view));
        lines.extend(impact::long_transaction(view));
        return lines;
    }
    let mut lines = vec![impact::readers_cut(view)];
    let alone = context.record.sync().is_some_and(|sync| sync.standbys.as_slice() == std::slice::from_ref(name));
    if alone {
        lines.push(format!("{name} is the only synchronous standby: commits wait until another is"));
    }
    lines
}

fn scheduled(
    context: &PlanContext<'_>,
    views: &[MemberView<'_>],
    only_pending: bool,
    at: Timestamp,
) -> Result<Plan, Infeasible> {
    schedulable(context, at, "a restart")?;
    let mut steps = Vec::new();
    let mut impact = vec!["nothing happens now".to_owned()];
    let mut equivalent = Vec::new();
    for view in views {
        let name = view.name();
        if let Some(known) = scheduled_at(*view) {
            return Err(refuse(format!("a restart of {name} is scheduled for {known}: cancel it first")));
        }
        let request = request(context, *view, only_pending, Some(at));
        equivalent.extend(patronictl(context, *view, &request));
        equivalent.push(context.curl(name, &request)?);
        steps.push(context.ask(name, request)?);
        impact.extend(cut(context, *view).into_iter().map(|line| format!("at {at}: {line}")));
    }
    if views.len() > 1 {
        impact.push("all of them restart at the same time".to_owned());
    }
    let milestone =
        |view: &MemberView<'_>| Milestone::RestartScheduled { member: view.name().clone(), scheduled: true };
    Ok(context.plan(PlanDraft {
        title: format!("schedule a restart of PostgreSQL on {} of {} at {at}", names(views), context.cluster()),
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        no_return: steps.len().saturating_sub(1),
        steps,
        impact,
        equivalent,
        expectation: Expectation::of(views.iter().map(milestone), context.timing.two_loops()),
    }))
}

/// When the member is to be restarted, where that is on record.
pub(super) fn scheduled_at(view: MemberView<'_>) -> Option<String> {
    let now = view.snapshot.now;
    let by_agent = view.member.agent.as_ref().and_then(|agent| agent.fresh(now));
    let restart = match by_agent {
        Some(report) => report.scheduled_restart.clone(),
        None => {
            let written = view.snapshot.from_record(|content| content.member(view.name())?.scheduled_restart.clone());
            written.map(|fact| fact.value)
        }
    };
    restart.map(
        |restart| if restart.at.is_empty() { "a time that cannot be read".to_owned() } else { restart.at.to_string() },
    )
}

/// `pg-1`, `pg-1 and pg-2`, `pg-0, pg-1 and pg-2`.
pub(super) fn names(views: &[MemberView<'_>]) -> String {
    let names = views.iter().map(|view| view.name().to_string()).collect::<Vec<_>>();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}
