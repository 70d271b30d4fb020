//! Restarting every member with a setting that waits for it, one after the other: replicas first, then a switchover, by which
//! the old leader restarts too. Where a setting falls that no standby may have less of than its primary, the leader comes
//! first, and stays the leader.

use super::context::{PlanContext, PlanDraft, refuse, tags, wait};
use super::restart::{self, names, waits};
use super::switchover;
use crate::action::expectation::Expectation;
use crate::action::intent::Target;
use crate::action::milestone::Milestone;
use crate::action::parameters::{Direction, GuardedParameter, guarded};
use crate::action::plan::{Danger, Infeasible, Plan, Step};
use crate::action::router_handover::RouterHandover;
use crate::driver::plan::{pooler_pause, swift};
use crate::model::view::MemberView;

pub(super) fn plan(context: &PlanContext<'_>) -> Result<Plan, Infeasible> {
    let waiting: Vec<_> = context.present().filter(|view| waits(*view)).collect();
    if waiting.is_empty() {
        return Err(refuse(restart::nothing_waits(context, &Target::All)));
    }
    let leader = context.leader("wait for a leader, or fail over first; then restart member by member")?;
    context.nothing_ordered()?;
    let (last, replicas): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|view| context.leads(view.name()));
    let mut course =
        RestartSteps { context, steps: Vec::new(), impact: Vec::new(), equivalent: Vec::new(), no_return: 0 };
    let mut deciding: Vec<_> =
        replicas.iter().map(|view| Milestone::Restarted { member: view.name().clone() }).collect();

    let of_leader = if last.is_empty() { Vec::new() } else { guarded(context.snapshot, leader) };
    let (falling, rising): (Vec<_>, Vec<_>) =
        of_leader.iter().partition(|setting| setting.direction() == Direction::Falls);
    let in_place = !falling.is_empty();
    if in_place {
        // A switchover would carry the old value over: whoever takes over must have as much as the control file says.
        course.impact.push(format!(
            "{}: the leader is restarted first, in place, since no standby may have a lower value than the leader",
            describe(&falling)
        ));
        if !rising.is_empty() {
            course
                .impact
                .push(format!("{}: the replicas are restarted before it and again after it", describe(&rising)));
            for view in &replicas {
                course.restart(*view, true)?;
            }
        }
        course.restart_leader(leader)?;
        deciding.push(Milestone::Restarted { member: leader.name().clone() });
        for view in &replicas {
            course.restart(*view, true)?;
        }
    } else {
        for view in &replicas {
            course.restart(*view, true)?;
        }
        if !last.is_empty() {
            context.no_standby_cluster("the switchover in a rolling restart")?;
            let candidate = successor(context, leader)?;
            course.handover(leader, candidate)?;
            // Stepping down has stopped it and started it again: it is not restarted once more.
            deciding.push(Milestone::SteppedDown { member: leader.name().clone() });
            deciding.push(Milestone::Promoted { member: Some(candidate.name().clone()) });
            deciding.push(Milestone::Restarted { member: leader.name().clone() });
        }
    }
    let all: Vec<_> = if in_place {
        last.iter().chain(&replicas).copied().collect()
    } else {
        replicas.iter().chain(&last).copied().collect()
    };
    let mut everybody: Vec<_> = all.iter().map(|view| view.name().clone()).collect();
    everybody.sort();
    deciding.push(Milestone::NothingPending { members: everybody });
    let mut expectation = Expectation::of(deciding, context.timing.takeover());
    if !last.is_empty() && !in_place && !context.snapshot.routers.is_empty() {
        expectation = expectation.then(Milestone::RouterFollows);
    }
    let RestartSteps { steps, mut impact, equivalent, no_return, .. } = course;
    impact.push("one member at a time; stops at the first that does not come back".to_owned());
    Ok(context.plan(PlanDraft {
        title: format!("restart {} of {} one by one", names(&all), context.cluster()),
        danger: Danger::Disruptive,
        confirm: context.type_cluster(),
        steps,
        no_return,
        impact,
        equivalent,
        expectation: expectation.then(Milestone::AllStreaming),
    }))
}

fn describe(settings: &[&GuardedParameter]) -> String {
    settings.iter().map(|setting| setting.describe()).collect::<Vec<_>>().join(", ")
}

/// Whether nobody but the agent tells which settings wait. Its flag follows a loop after `pg_settings`: a plan that hung on it
/// would be another one a moment after `configure`, and refused as such.
fn known_from_agent_alone(context: &PlanContext<'_>, view: MemberView<'_>) -> bool {
    view.member.sql.as_ref().is_none_or(|sql| !sql.is_fresh(context.snapshot.now))
}

/// The steps as they are put together.
struct RestartSteps<'g, 'a> {
    context: &'g PlanContext<'a>,
    steps: Vec<Step>,
    impact: Vec<String>,
    equivalent: Vec<String>,
    /// The last step that sends something others cannot do without.
    no_return: usize,
}

impl RestartSteps<'_, '_> {
    fn restart(&mut self, view: MemberView<'_>, only_pending: bool) -> Result<(), Infeasible> {
        let context = self.context;
        let member = view.name().clone();
        let cut = restart::cut(context, view);
        if !cut.iter().all(|line| self.impact.contains(line)) {
            self.impact.extend(cut);
        }
        let request = restart::request(context, view, only_pending && known_from_agent_alone(context, view), None);
        self.equivalent.extend(restart::patronictl(context, view, &request));
        self.no_return = self.steps.len();
        self.steps.push(context.ask(&member, request)?);
        // A standby that streamed before still looks like it until the restart is seen.
        self.steps.push(wait(Milestone::Restarted { member: member.clone() }, context.timing.two_loops()));
        self.steps.push(wait(Milestone::Streaming { member }, context.timing.rejoin()));
        Ok(())
    }

    /// The leader stays the leader, and comes back with what waited.
    fn restart_leader(&mut self, leader: MemberView<'_>) -> Result<(), Infeasible> {
        let context = self.context;
        let member = leader.name().clone();
        self.impact.extend(restart::cut(context, leader));
        let request = restart::request(context, leader, known_from_agent_alone(context, leader), None);
        let pauses = pooler_pause::pauses(context, &member, Some(&member), None)?;
        self.impact.extend(pauses.impact);
        self.equivalent.extend(pauses.equivalent);
        self.steps.extend(pauses.steps);
        self.equivalent.extend(restart::patronictl(context, leader, &request));
        self.no_return = self.steps.len();
        self.steps.push(context.ask(&member, request)?);
        if !pauses.releases.is_empty() {
            // Clients go on once it is proven again, when the restart is answered.
            self.steps.push(swift::step(RouterHandover {
                from: Some(member.clone()),
                to: Some(member.clone()),
                routes: Vec::new(),
                poolers: pauses.releases,
                at_most: swift::at_most(context, Some(&member)),
            }));
        }
        self.steps.push(wait(Milestone::Restarted { member }, context.timing.rejoin()));
        // Before the leader's new values have come by the WAL, a standby would keep the old ones.
        self.steps.push(wait(Milestone::AllStreaming, context.timing.rejoin()));
        Ok(())
    }

    fn handover(&mut self, leader: MemberView<'_>, candidate: MemberView<'_>) -> Result<(), Infeasible> {
        let context = self.context;
        let agent = context.any_agent(Some(candidate.name()))?;
        let request = switchover::request(leader, Some(candidate), None);
        self.equivalent.extend(switchover::patronictl(context, &request));
        self.impact.extend(switchover::noticed(leader, Some(candidate)));
        self.steps.extend(switchover::checkpoints(context, leader, Some(candidate), &mut self.impact));
        let handover = switchover::Handover { leader, candidate: Some(candidate), swift: true, through_poolers: None };
        let pauses = handover.steps(context, &request, &agent, &mut self.steps, &mut self.impact)?;
        self.equivalent.extend(pauses);
        self.no_return = switchover::decisive(&self.steps);
        let promoted = Milestone::Promoted { member: Some(candidate.name().clone()) };
        self.steps.push(wait(promoted, context.timing.takeover()));
        let streaming = Milestone::Streaming { member: leader.name().clone() };
        self.steps.push(wait(streaming, context.timing.rejoin()));
        Ok(())
    }
}

/// The replica that takes over: it streams, may lead, is synchronous where that is asked for, and is least behind.
fn successor<'a>(context: &PlanContext<'a>, leader: MemberView<'a>) -> Result<MemberView<'a>, Infeasible> {
    let synchronous = context.record.config().is_some_and(|config| config.synchronous_mode);
    let listed = |view: &MemberView<'_>| context.record.sync().is_some_and(|sync| sync.standbys.contains(view.name()));
    let fit = |view: &MemberView<'_>| {
        !context.leads(view.name())
            && !tags(*view).forbids_failover()
            // Where nobody tells, the checks say so, and an operator may know.
            && view.streams().is_none_or(|streams| !streams.fresh || streams.value)
            && (!synchronous || listed(view))
    };
    let behind =
        |view: &MemberView<'_>| view.lag().bytes.filter(|bytes| bytes.fresh).map_or(u64::MAX, |bytes| bytes.value);
    context.present().filter(fit).min_by_key(behind).ok_or_else(|| {
        refuse(format!(
            "there is no candidate to switch over from {} (a streaming replica{}): restart the others one by one, and {} by itself",
            leader.name(),
            if synchronous { " and is synchronous" } else { "" },
            leader.name()
        ))
    })
}
