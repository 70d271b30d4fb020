//! After the steps: the outcome is told from pictures.

use tokio::time::{Instant, sleep_until};

use super::runner::Run;
use crate::action::before::StateBefore;
use crate::action::evaluation::{ReplyStatus, RunStage, is_principal};
use crate::action::outcome::{Outcome, OutcomeKind};
use crate::model::text::Text;

impl Run<'_> {
    /// The outcome of an action that ended before its point of no return. What may have been sent is said.
    pub(super) fn aborted(&self, why: &str) -> Outcome {
        let replies = self.attempt.replies.iter().filter(|reply| !matches!(reply.received, ReplyStatus::NotSent(_)));
        let sent: Vec<&Text> =
            replies.filter_map(|reply| self.request.plan.steps.get(reply.step).map(|step| &step.text)).collect();
        if sent.is_empty() {
            return Outcome::new(OutcomeKind::Refused, format!("nothing was sent: {why}"));
        }
        let sent = sent.iter().map(|words| words.as_str()).collect::<Vec<_>>().join("; ");
        let text = format!("ended before the point of no return: {why}; sent until then: {sent}");
        // What was answered otherwise was seen to have happened, or the course would not have gone on.
        let doubtful = self.attempt.replies.last().is_some_and(|reply| {
            let step = self.request.plan.steps.get(reply.step);
            // What a fault may have broken was mended, or is owed.
            step.is_some_and(|step| is_principal(step) && !step.is_fault())
                && matches!(reply.received, ReplyStatus::NoAnswer(_) | ReplyStatus::InDoubt(_))
        });
        if doubtful {
            let last = "unknown whether the last of it has happened or will happen";
            return Outcome::new(OutcomeKind::Unknown, format!("{text}; {last}"))
                .next("check the cluster before trying again: pgctl-tui status");
        }
        Outcome::new(OutcomeKind::Failed, text)
    }

    /// Watches until the rules can tell the outcome, or the time is up, or nobody wants to wait any more.
    /// `stopped`: why not all steps were made.
    pub(super) async fn watch(&mut self, before: &StateBefore, stopped: Option<&str>) -> Outcome {
        let end = Instant::now() + self.request.plan.expectation.within;
        self.attempt.stage = RunStage::Watching;
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
        self.attempt.stage = RunStage::Overdue;
        let outcome = self.see(before).await.outcome.unwrap_or_else(|| {
            Outcome::new(OutcomeKind::Unknown, "the observations do not show whether it happened")
                .next("pgctl-tui status")
        });
        let outcome = if cancelled && outcome.ending != OutcomeKind::Done {
            let text = format!("no longer watched, as requested by the operator; until then: {}", outcome.text);
            Outcome { ending: OutcomeKind::Unknown, text: Text::redacted(text), ..outcome }
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
