//! After the steps: what was temporary is taken back, and the outcome is told from pictures.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::progress::Event;
use super::runner::Run;
use super::undo::Settled;
use crate::action::before::Before;
use crate::action::outcome::{Ending, Outcome};
use crate::action::permit::Permit;
use crate::action::record::Entry;
use crate::action::telling::{Heard, Stage, is_outright, is_principal};
use crate::driver::port::{Act, NotPerformed, Reply};
use crate::model::text::Text;

/// How often an undo that is proven not to have been sent is tried. One that may have been sent is never sent again.
const UNDO_ATTEMPTS: u32 = 3;
/// Pause between two attempts.
const UNDO_PAUSE: Duration = Duration::from_secs(1);

impl Run<'_> {
    /// Takes back every temporary step that was made or may have been, the last one first. Returns what could not be taken
    /// back, in words for the operator. Neither a lost lock nor a cancellation keeps it from being done.
    pub(super) async fn take_back(&mut self, act: &mut dyn Act, permit: &Permit) -> Vec<Text> {
        let mut left = Vec::new();
        let plan = &self.request.plan;
        while let Some((step, order)) = self.owed.pop() {
            let mut attempt = 1;
            let (reply, accepted) = loop {
                match timeout(self.limits.undo, act.undo(&order, permit)).await {
                    Ok(Ok(Reply { accepted, words })) => break (words, Some(accepted)),
                    Ok(Err(NotPerformed::NotSent(_))) if attempt < UNDO_ATTEMPTS => {
                        attempt += 1;
                        sleep(UNDO_PAUSE).await;
                    }
                    Ok(Err(error @ NotPerformed::NotSent(_))) => {
                        break (Text::redacted(error.to_string()), Some(false));
                    }
                    Ok(Err(error @ NotPerformed::NoAnswer(_))) => break (Text::redacted(error.to_string()), None),
                    Err(_) => break (Text::new("no answer in time"), None),
                }
            };
            self.scribe.tell(Event::Undone { step, reply: reply.clone(), accepted });
            self.scribe.may(Entry::Undone { step, reply: reply.clone(), accepted }).await;
            if accepted == Some(true) {
                if let Err(error) = self.undo.settle(step, Settled::Undone).await {
                    self.scribe.remark(error.line());
                }
            } else {
                let words = plan.steps.get(step).map_or_else(Text::default, |step| step.words.clone());
                left.push(Text::redacted(format!("take back by hand, if it still stands: {words} ({reply})")));
            }
        }
        left
    }

    /// The outcome of an action that ended before its point of no return. What may have been sent is said.
    pub(super) fn aborted(&self, why: &str) -> Outcome {
        let replies = self.attempt.replies.iter().filter(|reply| !matches!(reply.heard, Heard::NotSent(_)));
        let sent: Vec<&Text> =
            replies.filter_map(|reply| self.request.plan.steps.get(reply.step).map(|step| &step.words)).collect();
        if sent.is_empty() {
            return Outcome::new(Ending::Refused, format!("nothing was sent: {why}"));
        }
        let sent = sent.iter().map(|words| words.as_str()).collect::<Vec<_>>().join("; ");
        let text = format!("ended before the point of no return: {why}; sent until then: {sent}");
        // What was answered otherwise was seen to have happened, or the course would not have gone on.
        let doubtful = self.attempt.replies.last().is_some_and(|reply| {
            let step = self.request.plan.steps.get(reply.step);
            step.is_some_and(is_principal)
                && match &reply.heard {
                    Heard::NoAnswer(_) => true,
                    Heard::Refused(words) => !is_outright(words),
                    Heard::Accepted(_) | Heard::NotSent(_) => false,
                }
        });
        if doubtful {
            let last = "whether the last of it has happened, or will, is not known";
            return Outcome::new(Ending::Unknown, format!("{text}; {last}"))
                .next("look at the cluster before trying again: pgctl-tui status");
        }
        Outcome::new(Ending::Failed, text)
    }

    /// Watches until the rules can tell the outcome, or the time is up, or nobody wants to wait any more.
    /// `stopped`: why not all steps were made.
    pub(super) async fn watch(&mut self, before: &Before, stopped: Option<&str>) -> Outcome {
        let end = Instant::now() + self.request.plan.expectation.within;
        self.attempt.stage = Stage::Watching;
        let mut pictures = self.handle.pictures.clone();
        let cancelled = loop {
            pictures.mark_unchanged();
            if let Some(outcome) = self.see(before).await.outcome {
                return stopped_short(outcome, stopped);
            }
            tokio::select! {
                changed = pictures.changed() => if changed.is_err() { break false },
                () = self.cancel.cancelled() => break true,
                () = sleep_until(end) => break false,
            }
        };
        self.attempt.stage = Stage::Overdue;
        let outcome = self.see(before).await.outcome.unwrap_or_else(|| {
            Outcome::new(Ending::Unknown, "the observations do not tell whether it happened").next("pgctl-tui status")
        });
        let outcome = if cancelled && outcome.ending != Ending::Done {
            let text = format!("no longer watched, as the operator wished; by then: {}", outcome.text);
            Outcome { ending: Ending::Unknown, text: Text::redacted(text), ..outcome }
        } else {
            outcome
        };
        stopped_short(outcome, stopped)
    }
}

/// Steps that were not made are said, however it ended.
fn stopped_short(outcome: Outcome, stopped: Option<&str>) -> Outcome {
    match stopped {
        Some(why) => outcome.next(why),
        None => outcome,
    }
}
