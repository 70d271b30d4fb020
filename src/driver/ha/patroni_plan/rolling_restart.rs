//! Restarting every member with a setting that waits for it, one after the other: replicas, a switchover, the old leader.

use super::ground::{Ground, Sketch, no, wait};
use super::restart::{self, names, waits};
use super::switchover;
use crate::action::expectation::Expectation;
use crate::action::intent::Target;
use crate::action::milestone::Milestone;
use crate::action::order::AgentRequest;
use crate::action::plan::{Danger, Impossible, Plan, Step};
use crate::model::role::Role;
use crate::model::view::MemberView;

pub(super) fn plan(ground: &Ground<'_>) -> Result<Plan, Impossible> {
    let waiting: Vec<_> = ground.present().filter(|view| waits(*view)).collect();
    if waiting.is_empty() {
        return Err(no(restart::nothing_waits(ground, &Target::All)));
    }
    let leader = ground.leader("wait for a leader, or fail over first; then restart member by member")?;
    ground.nothing_ordered()?;
    let (last, replicas): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|view| ground.leads(view.name()));

    let mut course = Course { ground, steps: Vec::new(), impact: Vec::new(), equivalent: Vec::new() };
    for view in &replicas {
        course.restart(*view, true)?;
    }
    let mut no_return = course.steps.len().saturating_sub(3);
    let mut deciding: Vec<_> =
        replicas.iter().map(|view| Milestone::Restarted { member: view.name().clone() }).collect();
    if !last.is_empty() {
        ground.no_standby_cluster("the switchover in a rolling restart")?;
        let candidate = successor(ground, leader)?;
        no_return = course.steps.len();
        course.hand_over(leader, candidate)?;
        // Stepping down has stopped and started it already, and the pending flag is gone with that; this restart is
        // therefore without that condition.
        course.restart(leader, false)?;
        deciding.push(Milestone::SteppedDown { member: leader.name().clone() });
        deciding.push(Milestone::Promoted { member: Some(candidate.name().clone()) });
        deciding.push(Milestone::Restarted { member: leader.name().clone() });
    }
    let all: Vec<_> = replicas.iter().chain(&last).copied().collect();
    let mut expectation = Expectation::of(deciding, ground.timing.takeover());
    if !last.is_empty() && !ground.snapshot.routers.is_empty() {
        expectation = expectation.then(Milestone::RouterFollows);
    }
    let Course { steps, mut impact, equivalent, .. } = course;
    impact.push("one member at a time; it stops at the first that does not come back".to_owned());
    Ok(ground.plan(Sketch {
        title: format!("restart {} of {} one by one", names(&all), ground.cluster()),
        danger: Danger::Disruptive,
        confirm: ground.type_cluster(),
        steps,
        no_return,
        impact,
        equivalent,
        expectation: expectation.then(Milestone::AllStreaming),
    }))
}

/// The steps as they are put together.
struct Course<'g, 'a> {
    ground: &'g Ground<'a>,
    steps: Vec<Step>,
    impact: Vec<String>,
    equivalent: Vec<String>,
}

impl Course<'_, '_> {
    fn restart(&mut self, view: MemberView<'_>, only_pending: bool) -> Result<(), Impossible> {
        let ground = self.ground;
        let member = view.name().clone();
        let request = if ground.leads(&member) {
            // It is a replica by then.
            AgentRequest::Restart { role: Some(Role::Replica), only_pending, at: None }
        } else {
            self.impact.extend(restart::cut(ground, view));
            restart::request(ground, view, only_pending, None)
        };
        self.equivalent.extend(restart::patronictl(ground, view, &request));
        self.steps.push(ground.ask(&member, request)?);
        // A standby that streamed before still looks like it until the restart is seen.
        self.steps.push(wait(Milestone::Restarted { member: member.clone() }, ground.timing.two_loops()));
        self.steps.push(wait(Milestone::Streaming { member }, ground.timing.rejoin()));
        Ok(())
    }

    fn hand_over(&mut self, leader: MemberView<'_>, candidate: MemberView<'_>) -> Result<(), Impossible> {
        let ground = self.ground;
        let agent = ground.any_agent(Some(candidate.name()))?;
        let request = switchover::request(leader, Some(candidate), None);
        self.equivalent.extend(switchover::patronictl(ground, &request));
        self.impact.extend(switchover::noticed(leader, Some(candidate)));
        self.steps.push(ground.ask(&agent, request)?);
        let promoted = Milestone::Promoted { member: Some(candidate.name().clone()) };
        self.steps.push(wait(promoted, ground.timing.takeover()));
        // A leader that is still stepping down refuses to restart.
        let streaming = Milestone::Streaming { member: leader.name().clone() };
        self.steps.push(wait(streaming, ground.timing.rejoin()));
        Ok(())
    }
}

/// The replica that takes over: it streams, may lead, is synchronous where that is asked for, and is least behind.
fn successor<'a>(ground: &Ground<'a>, leader: MemberView<'a>) -> Result<MemberView<'a>, Impossible> {
    let synchronous = ground.record.config.as_ref().is_some_and(|config| config.synchronous_mode);
    let listed =
        |view: &MemberView<'_>| ground.record.sync.as_ref().is_some_and(|sync| sync.standbys.contains(view.name()));
    let fit = |view: &MemberView<'_>| {
        !ground.leads(view.name())
            && !Ground::tags(*view).forbids_failover()
            // Where nobody tells, the checks say so, and an operator may know.
            && view.streams().is_none_or(|streams| !streams.fresh || streams.value)
            && (!synchronous || listed(view))
    };
    let behind =
        |view: &MemberView<'_>| view.lag().bytes.filter(|bytes| bytes.fresh).map_or(u64::MAX, |bytes| bytes.value);
    ground.present().filter(fit).min_by_key(behind).ok_or_else(|| {
        no(format!(
            "no replica can take over from {} (one that streams{}): restart the others one by one, and {} by itself",
            leader.name(),
            if synchronous { " and is synchronous" } else { "" },
            leader.name()
        ))
    })
}
