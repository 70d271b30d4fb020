//! A step that is not answered, although what it was to bring about can be seen: an agent may hang, or die, after it has
//! passed an order on. What is seen is worth more than what is said, so the answer is not waited for any longer.

use std::time::Duration;

use super::course::Turn;
use super::runner::Run;
use crate::action::before::Before;
use crate::action::order::Order;
use crate::action::outcome::Ending;
use crate::action::telling::{Attempt, Heard, Reply, Stage, is_principal};
use crate::model::moment::Moment;
use crate::model::text::Text;
use crate::model::units;

/// How long the answer may still take once the effect is seen: usually both come at once.
const GRACE: Duration = Duration::from_secs(3);

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
    pub(super) fn waits_no_more(&self, unanswered: &mut Unanswered, turn: &Turn<'_>) -> Option<Text> {
        let now = self.now();
        if self.is_disproven(turn) {
            let waited = units::duration(now.since(unanswered.began));
            return Some(Text::redacted(format!(
                "no answer for {waited}, and none is waited for: nothing of it is on record, and all is as before"
            )));
        }
        if unanswered.is_shown_before || !self.is_brought_about(turn.index, turn.before) {
            unanswered.seen_since = None;
            return None;
        }
        let since = *unanswered.seen_since.get_or_insert(now);
        (now.since(since) >= GRACE).then(|| {
            let waited = units::duration(now.since(unanswered.began));
            Text::redacted(format!(
                "no answer for {waited}, and none is waited for: what it was to bring about is seen"
            ))
        })
    }

    /// Whether it would be proven by now that nothing comes of the step of `turn`, if no answer came: the order was not passed
    /// on.
    fn is_disproven(&self, turn: &Turn<'_>) -> bool {
        if !matches!(turn.step.order, Order::Agent { .. }) || !is_principal(turn.step) {
            return false;
        }
        let mut attempt = Attempt { stage: Stage::Watching, ..self.attempt.clone() };
        attempt.replies.push(Reply { step: turn.index, at: self.now(), heard: Heard::NoAnswer(Text::default()) });
        let judgement = self.judge.judge(&self.request.plan, turn.before, &attempt, &self.snapshot());
        judgement.outcome.is_some_and(|outcome| outcome.ending == Ending::Failed)
    }

    /// Whether everything that step `index` was to bring about is seen: what is awaited next, or the whole action where
    /// nothing is left to be sent.
    pub(super) fn is_brought_about(&self, index: usize, before: &Before) -> bool {
        let steps = &self.request.plan.steps;
        if !steps.get(index).is_some_and(|step| matches!(step.order, Order::Agent { .. } | Order::Record { .. })) {
            return false;
        }
        let next = if self.escort_of(index).is_some() { index + 2 } else { index + 1 };
        let snapshot = self.snapshot();
        match steps.get(next) {
            None => self.judge.judge(&self.request.plan, before, &self.attempt, &snapshot).decided,
            Some(step) => match &step.order {
                Order::Await { milestone, .. } if milestone.tells_a_turn() => {
                    self.judge.tell(milestone, &snapshot, before, self.attempt.since).is_reached()
                }
                Order::Await { .. }
                | Order::Agent { .. }
                | Order::Router { .. }
                | Order::Sql { .. }
                | Order::Record { .. }
                | Order::Escort(_)
                | Order::Drill { .. } => false,
            },
        }
    }
}
