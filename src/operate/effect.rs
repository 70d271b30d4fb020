//! A step that is not answered, although what it was to bring about can be seen: an agent may hang, or die, after it has
//! passed an order on. What is seen is worth more than what is said, so the answer is not waited for any longer.

use std::time::Duration;

use super::runner::Run;
use super::steps::StepRun;
use crate::action::before::StateBefore;
use crate::action::evaluation::{Attempt, Reply, ReplyStatus, RunStage, is_principal};
use crate::action::order::Order;
use crate::action::outcome::OutcomeKind;
use crate::model::moment::Moment;
use crate::model::text::Text;
use crate::model::units;

/// How long the answer may still take once the effect is seen: usually both come at once.
const GRACE_PERIOD: Duration = Duration::from_secs(3);

/// A step whose answer is out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unanswered {
    /// Its effect was seen before it began, and tells nothing of it.
    is_shown_before: bool,
    began: Moment,
    /// Since when its effect is seen.
    seen_since: Option<Moment>,
}

impl Unanswered {
    /// A step that begins at `began`.
    pub(super) fn begun(is_shown_before: bool, began: Moment) -> Self {
        Self { is_shown_before, began, seen_since: None }
    }
}

impl Run<'_> {
    /// Takes in whether the effect of the step of `turn` is seen by now. `Some`: its answer is not waited for any longer,
    /// and why.
    pub(super) fn stops_waiting(&self, unanswered: &mut Unanswered, step_run: &StepRun<'_>) -> Option<Text> {
        let now = self.now();
        if self.is_disproven(step_run) {
            let waited = units::duration(now.since(unanswered.began));
            return Some(Text::redacted(format!(
                "no response for {waited}, no longer waiting: nothing of it is in the DCS, and nothing has changed"
            )));
        }
        if unanswered.is_shown_before || !self.is_brought_about(step_run.index, step_run.before) {
            unanswered.seen_since = None;
            return None;
        }
        let since = *unanswered.seen_since.get_or_insert(now);
        (now.since(since) >= GRACE_PERIOD).then(|| {
            let waited = units::duration(now.since(unanswered.began));
            Text::redacted(format!("no response for {waited}, no longer waiting: its effect is observed"))
        })
    }

    /// Whether it would be proven by now that nothing comes of the step of `turn`, if no answer came: the order was not passed
    /// on.
    fn is_disproven(&self, step_run: &StepRun<'_>) -> bool {
        if !matches!(&step_run.step.order, Order::Ha(order) if order.is_passed_on()) || !is_principal(step_run.step) {
            return false;
        }
        let mut attempt = Attempt { stage: RunStage::Watching, ..self.attempt.clone() };
        attempt.replies.push(Reply {
            step: step_run.index,
            at: self.now(),
            received: ReplyStatus::NoAnswer(Text::default()),
        });
        let judgement = self.judge.judge(&self.request.plan, step_run.before, &attempt, &self.snapshot());
        judgement.outcome.is_some_and(|outcome| outcome.ending == OutcomeKind::Failed)
    }

    /// Whether everything that step `index` was to bring about is seen: what is awaited next, or the whole action where
    /// nothing is left to be sent.
    pub(super) fn is_brought_about(&self, index: usize, before: &StateBefore) -> bool {
        let steps = &self.request.plan.steps;
        if !steps.get(index).is_some_and(|step| matches!(step.order, Order::Ha(_))) {
            return false;
        }
        let next = if self.handover_of(index).is_some() { index + 2 } else { index + 1 };
        let snapshot = self.snapshot();
        match steps.get(next) {
            None => self.judge.judge(&self.request.plan, before, &self.attempt, &snapshot).decided,
            Some(step) => match &step.order {
                Order::Await { milestone, .. } if milestone.proves_effect() => {
                    self.judge.evaluate(milestone, &snapshot, before, self.attempt.since).is_reached()
                }
                Order::Await { .. }
                | Order::Ha(_)
                | Order::Router { .. }
                | Order::Pooler { .. }
                | Order::Sql { .. }
                | Order::RouterHandover(_)
                | Order::Drill { .. } => false,
            },
        }
    }
}
