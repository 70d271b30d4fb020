//! Whether it may go on: nobody cancelled, the lock is held, and who leads may lead.

use tokio_util::sync::CancellationToken;

use super::super::lease_keeper::LockState;
use super::super::runner::Run;
use super::{Leadership, StepRun};
use crate::action::effect::Effect;
use crate::action::generation::Generation;
use crate::action::permit::Permit;
use crate::action::plan::Step;
use crate::action::pooler_release::PAUSE_LIMIT;
use crate::model::snapshot::Snapshot;

impl Run<'_> {
    /// Whether the next step may begin although everything could still be left as it is.
    pub(super) fn may_go_on(&self, permit: &Permit) -> Result<(), String> {
        self.unchallenged()?;
        // Whoever guards them resumes them about now: a leader that stepped down after that would cost their clients errors.
        if let Some(since) = self.paused_since
            && self.now().since(since) >= PAUSE_LIMIT / 2
        {
            return Err("the poolers have been paused for too long before the switchover started".to_owned());
        }
        if self.action_log.began.is_none() && !permit.is_valid(self.now()) {
            return Err("the confirmation is too old".to_owned());
        }
        // Unlike while waiting: a step is not sent by an old picture.
        if Generation::of(&self.snapshot()).is_none() {
            return Err("the DCS state is no longer fresh".to_owned());
        }
        Ok(())
    }

    /// Nobody cancelled, the lock is held, and who leads may lead.
    pub(super) fn unchallenged(&self) -> Result<(), String> {
        if self.cancel.is_cancelled() {
            return Err("cancelled by the operator".to_owned());
        }
        if let LockState::Lost(why) = &*self.held.borrow() {
            return Err(why.to_string());
        }
        self.led_as_expected(&self.snapshot())
    }

    pub(super) fn led_as_expected(&self, snapshot: &Snapshot) -> Result<(), String> {
        let Some(present) = Generation::of(snapshot) else { return Ok(()) };
        let planned = &self.request.plan.generation;
        if let Leadership::HandedOver(to) = &self.leadership {
            let is_expected =
                present.leader.is_none() || present.leader == planned.leader || to.is_none() || present.leader == *to;
            if is_expected && present.system_id == planned.system_id {
                return Ok(());
            }
        }
        let moved = planned.lead_alone().moved(&present.lead_alone());
        if moved.is_empty() { Ok(()) } else { Err(moved.join("; ")) }
    }

    /// Whether the operator wants a drill to end although its fault stands: it is taken back then.
    pub(super) fn is_cut_short(&self) -> bool {
        self.cancel.is_cancelled() && self.request.plan.intent.can_be_cut_short()
    }

    /// From here on another leader is expected, where `step` asks for one.
    pub(in crate::operate) fn handover(&mut self, step: &Step) {
        match step.order.effect() {
            Effect::Handover { to, at: None } => self.leadership = Leadership::HandedOver(to.cloned()),
            Effect::Promotes { member } => self.leadership = Leadership::HandedOver(Some(member.clone())),
            _ => {}
        }
    }

    /// By what the far end learns that the action is to end: as long as it still can.
    pub(in crate::operate) fn cancel_of(&self, step_run: &StepRun<'_>) -> CancellationToken {
        let may_end = step_run.can_abort || self.request.plan.intent.can_be_cut_short();
        if may_end { self.cancel.child_token() } else { CancellationToken::new() }
    }
}
