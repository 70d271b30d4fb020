//! Taking back what was temporary: each order for itself, again and again until it is made or the time is over. What could
//! not be taken back stays in the book, where every console finds it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::progress::Event;
use super::runner::Run;
use super::undo::Settled;
use crate::action::order::Order;
use crate::action::outcome::{Ending, Outcome};
use crate::action::permit::Permit;
use crate::action::record::Entry;
use crate::driver::port::{Act, NotPerformed, ReplyVerdict};
use crate::model::text::Text;
use crate::model::units;

/// Pauses between two rounds: the first, and the longest that they grow to.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// How often an order is sent that is refused in words that prove that nothing will come of it.
const REFUSED_AT_MOST: u32 = 3;

/// What came of trying to take one step back.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Tried {
    reply: Text,
    /// Accepted; `None`: nobody knows.
    accepted: Option<bool>,
    /// The far end itself said that nothing will come of it.
    refused: bool,
}

/// Steps that could not be taken back so far, with what came of the newest attempt and how often it was refused.
#[derive(Debug, Default)]
pub(super) struct Troubles(BTreeMap<usize, (Text, Option<bool>, u32)>);

impl Run<'_> {
    /// Takes back every temporary step that was made or may have been, the last one first, until `end`. What is left stays
    /// owed. Neither a lost lock nor a cancellation keeps it from being done.
    pub(super) async fn take_back(&mut self, act: &mut dyn Act, permit: &Permit, end: Instant) {
        let was_cancelled = self.cancel.is_cancelled();
        let mut pause = PAUSE.0;
        loop {
            let mut left = Vec::new();
            while let Some((step, order)) = self.owed.pop() {
                let is_undone = !self.is_given_up(step, &order) && {
                    let tried = undo_once(act, permit, &order, self.limits.undo).await;
                    self.undone(step, tried).await
                };
                if !is_undone {
                    left.push((step, order));
                }
            }
            left.reverse();
            self.owed = left;
            let again = self.owed.iter().any(|(step, order)| !self.is_given_up(*step, order));
            if !again || Instant::now() + pause > end {
                return;
            }
            tokio::select! {
                () = sleep(pause) => {}
                // Whoever ends the action while it waits for this alone has read what is left.
                () = self.cancel.cancelled(), if !was_cancelled && self.released => return,
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    fn is_given_up(&self, step: usize, order: &Order) -> bool {
        self.troubles.0.get(&step).is_some_and(|(_, accepted, refused)| {
            *refused >= REFUSED_AT_MOST || (accepted.is_none() && !order.is_repeatable())
        })
    }

    /// Tells and writes down what came of one attempt, where that is not known already. Whether it is taken back.
    async fn undone(&mut self, step: usize, tried: Tried) -> bool {
        let Tried { reply, accepted, refused: is_refusal } = tried;
        let known = self.troubles.0.get(&step);
        let is_news = known.is_none_or(|(_, before, _)| *before != accepted);
        let refused = known.map_or(0, |(_, _, refused)| *refused);
        if is_news {
            self.scribe.tell(Event::Undone { step, reply: reply.clone(), accepted });
            self.scribe.may(Entry::Undone { step, reply: reply.clone(), accepted }).await;
        }
        if accepted == Some(true) {
            self.troubles.0.remove(&step);
            if let Err(error) = self.undo.settle(step, Settled::Undone).await {
                self.scribe.remark(error.line());
            }
            return true;
        }
        self.troubles.0.insert(step, (reply, accepted, refused + u32::from(is_refusal)));
        false
    }

    /// Says what is still to be taken back, and how; an action with something left is not simply done.
    pub(super) fn with_what_is_owed(&self, mut outcome: Outcome) -> Outcome {
        if self.owed.is_empty() {
            return outcome;
        }
        let action = &self.request.action;
        let is_drill = self.owed.iter().any(|(_, order)| matches!(order, Order::Drill { .. }));
        let each = self.owed.iter().rev().map(|(step, order)| {
            let why = self.troubles.0.get(step).map(|(reply, ..)| format!(" ({reply})")).unwrap_or_default();
            format!("{}{why}", order.words())
        });
        let each = each.collect::<Vec<_>>().join("; ");
        if outcome.ending == Ending::Done {
            let text = format!("{}; but not taken back: {each}", outcome.text);
            outcome = Outcome { ending: Ending::Unverified, text: Text::redacted(text), ..outcome };
        }
        let how = if is_drill { "pgctl-tui drill mend".to_owned() } else { format!("pgctl-tui undo {action}") };
        outcome.next(format!("still to be taken back: {each}; do so with: {how}"))
    }

    /// How long it goes on, in words, with what is left.
    pub(super) fn goes_on_taking_back(&self) -> String {
        let each = self.owed.iter().rev().map(|(_, order)| order.words()).collect::<Vec<_>>().join("; ");
        let long = units::duration(self.limits.undo_for);
        format!("not taken back yet, tried again for up to {long}, the operation lock given back: {each}")
    }
}

/// Sends the undo of one step, once.
async fn undo_once(act: &mut dyn Act, permit: &Permit, order: &Order, at_most: Duration) -> Tried {
    let tried = |reply: Text, accepted, refused| Tried { reply, accepted, refused };
    match timeout(at_most, act.undo(order, permit)).await {
        Ok(Ok(reply)) => match reply.verdict {
            ReplyVerdict::Accepted => tried(reply.words, Some(true), false),
            ReplyVerdict::RefusedNothingBegun => tried(reply.words, Some(false), true),
            ReplyVerdict::RefusedMayHappen => tried(reply.words, None, false),
        },
        Ok(Err(error @ NotPerformed::NotSent(_))) => tried(Text::redacted(error.to_string()), Some(false), false),
        Ok(Err(error @ NotPerformed::NoAnswer(_))) => tried(Text::redacted(error.to_string()), None, false),
        Err(_) => tried(Text::new("no answer in time"), None, false),
    }
}
