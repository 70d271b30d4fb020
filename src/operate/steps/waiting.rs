//! Waiting for what is to be seen.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::super::progress::Event;
use super::super::runner::Run;
use super::{StepOutcome, StepRun};
use crate::action::before::StateBefore;
use crate::action::evaluation::{Attempt, Judgement, MilestoneStatus, RunStage};
use crate::action::milestone::Milestone;
use crate::action::outcome::OutcomeKind;
use crate::action::record::Entry;
use crate::model::moment::Moment;
use crate::model::text::Text;

impl Run<'_> {
    /// Waits for a state. Before the point of no return whatever speaks against going on ends the wait; an error then.
    pub(super) async fn await_milestone(
        &mut self,
        milestone: &Milestone,
        at_most: Duration,
        step_run: &StepRun<'_>,
    ) -> Result<StepOutcome, String> {
        let StepRun { before, can_abort, in_doubt, .. } = *step_run;
        let end = Instant::now() + step_run.at_most.map_or(at_most, |doubted| doubted.min(at_most));
        let since = self.evidence_since(milestone);
        let (mut pictures, mut held) = (self.handle.pictures.clone(), self.held.clone());
        let cuts_short = !can_abort && self.request.plan.intent.can_be_cut_short();
        loop {
            pictures.mark_unchanged();
            self.see(before).await;
            let snapshot = self.snapshot();
            let status = self.judge.evaluate(milestone, &snapshot, before, since);
            if let MilestoneStatus::Reached { evidence } = status {
                return Ok(StepOutcome::Shown(evidence));
            }
            let not_shown = || Ok(StepOutcome::NotShown(status.describe().clone()));
            if can_abort {
                self.unchallenged()?;
            }
            // A decisive step that was proven not to have happened need not be waited for.
            if in_doubt {
                let attempt = Attempt { stage: RunStage::Watching, ..self.attempt.clone() };
                let outcome = self.judge.judge(&self.request.plan, before, &attempt, &snapshot).outcome;
                if outcome.is_some_and(|outcome| outcome.ending == OutcomeKind::Failed) {
                    return not_shown();
                }
            }
            tokio::select! {
                changed = pictures.changed() => if changed.is_err() { return not_shown() },
                Ok(()) = held.changed(), if can_abort => {}
                () = self.cancel.cancelled(), if can_abort => {}
                () = self.cancel.cancelled(), if cuts_short => return not_shown(),
                () = sleep_until(end) => return not_shown(),
            }
        }
    }

    /// From when on evidence for an awaited state counts. Some states look the same before and after what was sent last,
    /// so only what was asked since tells them; a promotion is told by its timeline, however early it was seen.
    pub(super) fn evidence_since(&self, milestone: &Milestone) -> Moment {
        match milestone {
            Milestone::RouterFollows
            | Milestone::Streaming { .. }
            | Milestone::AllStreaming
            | Milestone::CaughtUp { .. }
            | Milestone::SessionsGone { .. }
            | Milestone::Serving { .. }
            | Milestone::PoolerFlow { .. }
            | Milestone::PoolerMoved { .. }
            | Milestone::RouterServer { .. } => self.last_ended.max(self.attempt.since),
            Milestone::SteppedDown { .. }
            | Milestone::Promoted { .. }
            | Milestone::Restarted { .. }
            | Milestone::Reloaded { .. }
            | Milestone::Copying { .. }
            | Milestone::Maintenance { .. }
            | Milestone::SwitchoverScheduled { .. }
            | Milestone::RestartScheduled { .. }
            | Milestone::Configured { .. }
            | Milestone::ParametersInForce { .. }
            | Milestone::Slots { .. }
            | Milestone::NothingPending { .. }
            | Milestone::SessionEnded { .. } => self.attempt.since,
        }
    }

    /// Judges the newest picture, and tells the states that it shows for the first time.
    pub(in crate::operate) async fn see(&mut self, before: &StateBefore) -> Judgement {
        let snapshot = self.snapshot();
        let plan = &self.request.plan;
        if let Some(old) = &plan.generation.leader {
            self.stall.observe(&snapshot, old);
        }
        let judgement = self.judge.judge(plan, before, &self.attempt, &snapshot);
        for place in self.attempt.learn(&judgement, snapshot.now) {
            let (Some(expected), Some((at, evidence))) =
                (plan.expectation.sequence.get(place), self.attempt.reached.get(&place).cloned())
            else {
                continue;
            };
            self.action_log
                .record(Event::Reached { milestone: expected.milestone.clone(), evidence: evidence.clone() });
            let milestone = Text::new(expected.milestone.describe());
            let after = at.since(self.attempt.since);
            self.action_log.may(Entry::Reached { milestone, after, evidence }).await;
        }
        judgement
    }
}
