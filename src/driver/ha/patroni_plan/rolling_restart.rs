//! Restarting every member with a setting that waits for it, one after the other: replicas first, then a switchover, by which
//! the old leader restarts too. Where a setting falls that no standby may have less of than its primary, the leader comes
//! first, and stays the leader.

use super::ground::{Ground, Sketch, no, wait};
use super::impact;
use super::restart::{self, names, waits};
use super::swift;
use super::switchover;
use crate::action::expectation::Expectation;
use crate::action::intent::Target;
use crate::action::milestone::Milestone;
use crate::action::parameters::{Direction, Guarded, guarded};
use crate::action::plan::{Danger, Impossible, Plan, Step};
use crate::model::view::MemberView;

pub(super) fn plan(ground: &Ground<'_>) -> Result<Plan, Impossible> {
    let waiting: Vec<_> = ground.present().filter(|view| waits(*view)).collect();
    if waiting.is_empty() {
        return Err(no(restart::nothing_waits(ground, &Target::All)));
    }
    let leader = ground.leader("wait for a leader, or fail over first; then restart member by member")?;
    ground.nothing_ordered()?;
    let (last, replicas): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|view| ground.leads(view.name()));
    let mut course = Course { ground, steps: Vec::new(), impact: Vec::new(), equivalent: Vec::new(), no_return: 0 };
    let mut deciding: Vec<_> =
        replicas.iter().map(|view| Milestone::Restarted { member: view.name().clone() }).collect();

    let of_leader = if last.is_empty() { Vec::new() } else { guarded(ground.snapshot, leader) };
    let (falling, rising): (Vec<_>, Vec<_>) =
        of_leader.iter().partition(|setting| setting.direction() == Direction::Falls);
    let in_place = !falling.is_empty();
    if in_place {
        // A switchover would carry the old value over: whoever takes over must have as much as the control file says.
        course.impact.push(format!(
            "{}: the leader is restarted first, in place, since no standby may have less than the leader",
            words(&falling)
        ));
        if !rising.is_empty() {
            course
                .impact
                .push(format!("{}: the replicas are restarted before it, and once more after it", words(&rising)));
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
            ground.no_standby_cluster("the switchover in a rolling restart")?;
            let candidate = successor(ground, leader)?;
            course.hand_over(leader, candidate)?;
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
    let mut expectation = Expectation::of(deciding, ground.timing.takeover());
    if !last.is_empty() && !in_place && !ground.snapshot.routers.is_empty() {
        expectation = expectation.then(Milestone::RouterFollows);
    }
    let Course { steps, mut impact, equivalent, no_return, .. } = course;
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

fn words(settings: &[&Guarded]) -> String {
    settings.iter().map(|setting| setting.words()).collect::<Vec<_>>().join(", ")
}

/// Whether nobody but the agent tells which settings wait. Its flag follows a loop after `pg_settings`: a plan that hung on it
/// would be another one a moment after `configure`, and refused as such.
fn told_by_agent_alone(ground: &Ground<'_>, view: MemberView<'_>) -> bool {
    view.member.sql.as_ref().is_none_or(|sql| !sql.is_fresh(ground.snapshot.now))
}

/// The steps as they are put together.
struct Course<'g, 'a> {
    ground: &'g Ground<'a>,
    steps: Vec<Step>,
    impact: Vec<String>,
    equivalent: Vec<String>,
    /// The last step that sends something others cannot do without.
    no_return: usize,
}

impl Course<'_, '_> {
    fn restart(&mut self, view: MemberView<'_>, only_pending: bool) -> Result<(), Impossible> {
        let ground = self.ground;
        let member = view.name().clone();
        let cut = restart::cut(ground, view);
        if !cut.iter().all(|line| self.impact.contains(line)) {
            self.impact.extend(cut);
        }
        let request = restart::request(ground, view, only_pending && told_by_agent_alone(ground, view), None);
        self.equivalent.extend(restart::patronictl(ground, view, &request));
        self.no_return = self.steps.len();
        self.steps.push(ground.ask(&member, request)?);
        // A standby that streamed before still looks like it until the restart is seen.
        self.steps.push(wait(Milestone::Restarted { member: member.clone() }, ground.timing.two_loops()));
        self.steps.push(wait(Milestone::Streaming { member }, ground.timing.rejoin()));
        Ok(())
    }

    /// The leader stays the leader, and comes back with what waited.
    fn restart_leader(&mut self, leader: MemberView<'_>) -> Result<(), Impossible> {
        let ground = self.ground;
        let member = leader.name().clone();
        self.impact.extend(restart::cut(ground, leader));
        let request = restart::request(ground, leader, told_by_agent_alone(ground, leader), None);
        self.equivalent.extend(restart::patronictl(ground, leader, &request));
        self.no_return = self.steps.len();
        self.steps.push(ground.ask(&member, request)?);
        self.steps.push(wait(Milestone::Restarted { member }, ground.timing.rejoin()));
        // Before the leader's new values have come by the WAL, a standby would keep the old ones.
        self.steps.push(wait(Milestone::AllStreaming, ground.timing.rejoin()));
        Ok(())
    }

    fn hand_over(&mut self, leader: MemberView<'_>, candidate: MemberView<'_>) -> Result<(), Impossible> {
        let ground = self.ground;
        let agent = ground.any_agent(Some(candidate.name()))?;
        let request = switchover::request(leader, Some(candidate), None);
        self.equivalent.extend(switchover::patronictl(ground, &request));
        self.impact.extend(switchover::noticed(leader, Some(candidate)));
        self.steps.extend(switchover::checkpoints(ground, leader, Some(candidate), &mut self.impact));
        self.no_return = self.steps.len();
        self.steps.push(ground.ask(&agent, request)?);
        match swift::escort(ground, Some(leader.name()), Some(candidate.name())) {
            Ok(escort) => {
                self.impact.extend(swift::impact(ground.snapshot, &escort));
                self.steps.push(swift::step(escort));
            }
            Err(why) => {
                self.impact.push(format!("not a swift one, so the routers are not told: {why}"));
                self.impact.extend(impact::routers_follow(ground.snapshot));
            }
        }
        let promoted = Milestone::Promoted { member: Some(candidate.name().clone()) };
        self.steps.push(wait(promoted, ground.timing.takeover()));
        let streaming = Milestone::Streaming { member: leader.name().clone() };
        self.steps.push(wait(streaming, ground.timing.rejoin()));
        Ok(())
    }
}

/// The replica that takes over: it streams, may lead, is synchronous where that is asked for, and is least behind.
fn successor<'a>(ground: &Ground<'a>, leader: MemberView<'a>) -> Result<MemberView<'a>, Impossible> {
    let synchronous = ground.record.config().is_some_and(|config| config.synchronous_mode);
    let listed = |view: &MemberView<'_>| ground.record.sync().is_some_and(|sync| sync.standbys.contains(view.name()));
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
