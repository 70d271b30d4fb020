//! The states on the way, told from pictures while a drill runs, and which member each server is.

use tokio_util::sync::CancellationToken;

use super::probing::SharedProbeLog;
use crate::action::before::StateBefore;
use crate::action::drill::Scenario;
use crate::action::drill_report::Phase;
use crate::action::evaluation::{MilestoneStatus, evaluate};
use crate::action::milestone::Milestone;
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::snapshot::Snapshot;
use crate::model::source::FailureKind;
use crate::observe::picture::Handle;

/// Notes what pictures show until `stop`.
pub(super) async fn watch(
    mut handle: Handle,
    scenario: Scenario,
    before: StateBefore,
    notes: SharedProbeLog,
    stop: CancellationToken,
) {
    loop {
        let snapshot = handle.pictures.borrow_and_update().snapshot.clone();
        learn_members(&snapshot, &notes);
        if let Some(broken) = notes.with(|log| log.broken) {
            PhaseSample { snapshot: &snapshot, before: &before, broken, notes: &notes }.at(scenario);
        }
        let changed = stop.run_until_cancelled(handle.pictures.changed()).await;
        if !matches!(changed, Some(Ok(()))) {
            return;
        }
    }
}

fn learn_members(snapshot: &Snapshot, notes: &SharedProbeLog) {
    for view in snapshot.views() {
        if let Some(started) = view.member.sql.as_ref().and_then(|sql| sql.fresh(snapshot.now)) {
            let started = started.postmaster_started;
            notes.with(|log| log.members.insert(started, view.name().clone()));
        }
    }
}

/// One look at a picture after the fault.
struct PhaseSample<'a> {
    snapshot: &'a Snapshot,
    before: &'a StateBefore,
    broken: Moment,
    notes: &'a SharedProbeLog,
}

impl PhaseSample<'_> {
    fn at(&self, scenario: Scenario) {
        match scenario {
            Scenario::Switchover | Scenario::Stop | Scenario::Kill | Scenario::Freeze | Scenario::Cut => {
                self.change_of_lead(|look| look.reached(&Milestone::Promoted { member: None }, look.broken));
            }
            Scenario::Dcs => {
                if self.known(Phase::SteppedDown).is_none() && self.has_stepped_down() {
                    self.note(Phase::SteppedDown, self.snapshot.now);
                }
                self.change_of_lead(Self::leads_again);
            }
            Scenario::Router => {
                if let Some(repaired) = self.notes.with(|log| log.repaired) {
                    self.once(Phase::RouterUp, &Milestone::RouterFollows, repaired);
                }
            }
        }
    }

    fn change_of_lead(&self, is_promoted: impl Fn(&Self) -> bool) {
        let Some(old) = &self.before.generation.leader else { return };
        if self.known(Phase::KeyReleased).is_none()
            && let Some(at) = released(self.snapshot, old, self.broken)
        {
            self.note(Phase::KeyReleased, at);
        }
        let Some(promoted) = self.known(Phase::Promoted) else {
            if is_promoted(self) {
                self.note(Phase::Promoted, self.snapshot.now);
            }
            return;
        };
        self.once(Phase::RouterUp, &Milestone::RouterFollows, promoted);
        // Before a fault is taken back, its node is not back, whatever an old answer says.
        let repaired = self.notes.with(|log| log.repaired);
        let back_since = repaired.unwrap_or(promoted).max(promoted);
        self.once(Phase::OldLeaderBack, &Milestone::Streaming { member: old.clone() }, back_since);
    }

    fn known(&self, phase: Phase) -> Option<Moment> {
        self.notes.with(|log| log.phases.get(&phase).copied())
    }

    fn note(&self, phase: Phase, at: Moment) {
        self.notes.with(|log| {
            log.phases.entry(phase).or_insert(at);
        });
    }

    fn once(&self, phase: Phase, milestone: &Milestone, since: Moment) {
        if self.known(phase).is_none() && self.reached(milestone, since) {
            self.note(phase, self.snapshot.now);
        }
    }

    fn reached(&self, milestone: &Milestone, since: Moment) -> bool {
        matches!(evaluate(milestone, self.snapshot, self.before, since), MilestoneStatus::Reached { .. })
    }

    /// Whether PostgreSQL of the old leader says that it is a standby, or that it is going down. The record cannot tell:
    /// the DCS is away.
    fn has_stepped_down(&self) -> bool {
        let leader = self.before.generation.leader.as_ref().and_then(|old| self.snapshot.member(old));
        let agent = leader.and_then(|leader| leader.agent.as_ref()).and_then(|agent| agent.answer.as_ref());
        let agent = agent.filter(|answer| answer.at > self.broken + answer.took);
        if agent.is_some_and(|answer| answer.value.state.has_ended()) {
            return true;
        }
        let Some(reading) = leader.and_then(|leader| leader.sql.as_ref()) else { return false };
        let answer = reading.answer.as_ref().filter(|answer| answer.at > self.broken + answer.took);
        let failure = reading.failure.as_ref().filter(|failure| failure.at > self.broken);
        answer.is_some_and(|answer| answer.value.in_recovery)
            || failure.is_some_and(|failure| {
                matches!(failure.error.failure_kind, FailureKind::Refused | FailureKind::NotReady)
            })
    }

    /// Whether somebody leads on a new timeline since the leader stepped down, be it the same.
    fn leads_again(&self) -> bool {
        let (Some(since), Some(was)) = (self.known(Phase::SteppedDown), self.before.generation.timeline) else {
            return false;
        };
        let holder = self.snapshot.leader().filter(|leader| leader.fresh).map(|leader| leader.value);
        let member = holder.and_then(|holder| self.snapshot.member(&holder));
        let sql = member.and_then(|member| member.sql.as_ref()).and_then(|reading| reading.answer.as_ref());
        sql.is_some_and(|sql| {
            sql.at > since + sql.took && !sql.value.in_recovery && sql.value.timeline.is_some_and(|now| now > was)
        })
    }
}

/// When the record first showed that `old` no longer holds the leader key.
fn released(snapshot: &Snapshot, old: &NodeName, broken: Moment) -> Option<Moment> {
    let answers = snapshot.records.iter().filter_map(|reading| reading.answer.as_ref());
    let gone = answers
        .filter(|answer| answer.at > broken)
        .filter(|answer| answer.value.leader.as_ref().is_none_or(|leader| leader.holder != *old));
    gone.map(|answer| answer.at).min()
}
