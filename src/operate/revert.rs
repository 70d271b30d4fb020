//! Taking back what was temporary: each order for itself, again and again until it is made or the time is over. What could
//! not be taken back stays in the book, where every console finds it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::progress::Event;
use super::progress_throttle::ProgressThrottle;
use super::runner::Run;
use super::undo::UndoResult;
use crate::action::evaluation::ReplyStatus;
use crate::action::order::Order;
use crate::action::outcome::{Outcome, OutcomeKind};
use crate::action::permit::Permit;
use crate::action::record::Entry;
use crate::action::work::Artefact;
use crate::driver::port::{Act, NotPerformed, OrderControl, Reply, ReplyVerdict};
use crate::model::name::PoolerName;
use crate::model::text::Text;
use crate::model::units;

/// Pauses between two rounds: the first, and the longest that they grow to.
const RETRY_INTERVALS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// How often an order is sent that is refused in words that prove that nothing will come of it.
const MAX_REFUSALS: u32 = 3;

/// What came of trying to take one step back.
#[derive(Clone, PartialEq, Eq, Debug)]
struct RevertAttempt {
    reply: Text,
    /// Accepted; `None`: nobody knows.
    accepted: Option<bool>,
    /// The far end itself said that nothing will come of it.
    refused: bool,
    /// What it has made that stays.
    artefact: Option<Artefact>,
}

/// Steps that could not be taken back so far, with what came of the newest attempt and how often it was refused.
#[derive(Debug, Default)]
pub(super) struct RevertFailures(BTreeMap<usize, (Text, Option<bool>, u32)>);

impl Run<'_> {
    /// Takes back every temporary step that was made or may have been, the last one first, until `end`. What is left stays
    /// owed. Neither a lost lock nor a cancellation keeps it from being done.
    pub(super) async fn revert(&mut self, act: &mut dyn Act, permit: &Permit, end: Instant) {
        let was_cancelled = self.cancel.is_cancelled();
        let mut pause = RETRY_INTERVALS.0;
        loop {
            let mut left = Vec::new();
            while let Some((step, order)) = self.pending_undo.pop() {
                let is_undone = !self.is_given_up(step, &order) && {
                    // Whoever ends the action while it waits for this alone has read what is left.
                    let may_end = self.released && !was_cancelled;
                    let cancel = if may_end { self.cancel.child_token() } else { CancellationToken::new() };
                    let attempt = self.undo_once(act, permit, (step, &order), &cancel).await;
                    self.reverted_steps(step, attempt).await
                };
                if !is_undone {
                    left.push((step, order));
                }
            }
            left.reverse();
            self.pending_undo = left;
            let again = self.pending_undo.iter().any(|(step, order)| !self.is_given_up(*step, order));
            if !again || Instant::now() + pause > end {
                return;
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = self.cancel.cancelled(), if !was_cancelled && self.released => return,
            }
            pause = (pause * 2).min(RETRY_INTERVALS.1);
        }
    }

    /// Sends the undo of one step, once, and tells how far it has come.
    async fn undo_once(
        &mut self,
        act: &mut dyn Act,
        permit: &Permit,
        (step, order): (usize, &Order),
        cancel: &CancellationToken,
    ) -> RevertAttempt {
        let progress_throttle = ProgressThrottle::default();
        let control = OrderControl { progress: &progress_throttle, cancel };
        let mut sending = std::pin::pin!(timeout(self.limits.undo, act.undo(order, permit, control)));
        loop {
            tokio::select! {
                biased;
                received = &mut sending => return attempted(received),
                progress = progress_throttle.next() => self.action_log.record(Event::Progressed { step, progress }),
            }
        }
    }

    fn is_given_up(&self, step: usize, order: &Order) -> bool {
        self.failures.0.get(&step).is_some_and(|(_, accepted, refused)| {
            *refused >= MAX_REFUSALS || (accepted.is_none() && !order.is_repeatable())
        })
    }

    /// Tells and writes down what came of one attempt, where that is not known already. Whether it is taken back.
    async fn reverted_steps(&mut self, step: usize, attempt: RevertAttempt) -> bool {
        let RevertAttempt { reply, accepted, refused: is_refusal, artefact } = attempt;
        let known = self.failures.0.get(&step);
        let is_news = known.is_none_or(|(_, before, _)| *before != accepted);
        let refused = known.map_or(0, |(_, _, refused)| *refused);
        if let Some(artefact) = &artefact {
            self.action_log.record(Event::Made { step, artefact: artefact.clone() });
        }
        if is_news || artefact.is_some() {
            self.action_log.record(Event::Undone { step, reply: reply.clone(), accepted });
            self.action_log.may(Entry::Undone { step, reply: reply.clone(), accepted, artefact }).await;
        }
        if accepted == Some(true) {
            self.failures.0.remove(&step);
            if let Err(error) = self.undo.mark_done(step, UndoResult::Undone).await {
                self.action_log.remark(error.line());
            }
            return true;
        }
        self.failures.0.insert(step, (reply, accepted, refused + u32::from(is_refusal)));
        false
    }

    /// Takes in what came of letting the clients of `databases` of `pooler` on, which takes back the steps that have paused
    /// them.
    pub(super) async fn released(
        &mut self,
        pooler: &PoolerName,
        databases: &[Text],
        reply: &Text,
        accepted: Option<bool>,
    ) {
        let is_theirs = |order: &Order| {
            order.resumes().is_some_and(|(known, database)| known == pooler && databases.contains(database))
        };
        let steps = self.pending_undo.iter().filter(|(_, order)| is_theirs(order)).map(|(step, _)| *step);
        for step in steps.collect::<Vec<_>>() {
            if accepted == Some(true) {
                self.pending_undo.retain(|(known, _)| *known != step);
            }
            let (reply, is_refusal) = (reply.clone(), false);
            self.reverted_steps(step, RevertAttempt { reply, accepted, refused: is_refusal, artefact: None }).await;
        }
    }

    /// Whether what this action made is to stay, and stays owed: everything was accepted, and nobody wants it to end.
    pub(super) fn leaves_pending_undo(&self) -> bool {
        self.request.plan.intent.leaves_pending_undo()
            && !self.cancel.is_cancelled()
            && self.attempt.replies.iter().all(|reply| matches!(reply.received, ReplyStatus::Accepted(_)))
    }

    /// Says what is still to be taken back, and how; an action with something left is not simply done.
    pub(super) fn with_pending_undo(&self, mut outcome: Outcome) -> Outcome {
        if self.pending_undo.is_empty() {
            return outcome;
        }
        if self.leaves_pending_undo() {
            let (intent, action) = (&self.request.plan.intent, &self.request.action);
            let by_verb = intent.ended_by().map(|verb| format!("pgctl-tui {verb}, or ")).unwrap_or_default();
            return outcome.next(format!("it stays so until it is reverted: {by_verb}pgctl-tui undo {action}"));
        }
        let action = &self.request.action;
        let is_drill = self.pending_undo.iter().any(|(_, order)| matches!(order, Order::Drill { .. }));
        let each = self.pending_undo.iter().rev().map(|(step, order)| {
            let why = self.failures.0.get(step).map(|(reply, ..)| format!(" ({reply})")).unwrap_or_default();
            format!("{}{why}", order.describe())
        });
        let each = each.collect::<Vec<_>>().join("; ");
        if outcome.ending == OutcomeKind::Done {
            let text = format!("{}; but not reverted: {each}", outcome.text);
            outcome = Outcome { ending: OutcomeKind::Unverified, text: Text::redacted(text), ..outcome };
        }
        let how = if is_drill { "pgctl-tui drill revert".to_owned() } else { format!("pgctl-tui undo {action}") };
        outcome.next(format!("still to be reverted: {each}; run: {how}"))
    }

    /// How long it goes on, in words, with what is left.
    pub(super) fn keeps_reverting(&self) -> String {
        let each = self.pending_undo.iter().rev().map(|(_, order)| order.describe()).collect::<Vec<_>>().join("; ");
        let long = units::duration(self.limits.undo_for);
        format!("not reverted yet, retrying for up to {long}, operation lock released: {each}")
    }
}

/// What came of sending the undo of one step.
fn attempted(received: Result<Result<Reply, NotPerformed>, Elapsed>) -> RevertAttempt {
    let attempt = |reply: Text, accepted, refused| RevertAttempt { reply, accepted, refused, artefact: None };
    match received {
        Ok(Ok(Reply { verdict, text, artefact })) => {
            let attempt = match verdict {
                ReplyVerdict::Accepted => attempt(text, Some(true), false),
                ReplyVerdict::RefusedNothingBegun => attempt(text, Some(false), true),
                ReplyVerdict::RefusedMayHappen => attempt(text, None, false),
            };
            RevertAttempt { artefact, ..attempt }
        }
        Ok(Err(error @ NotPerformed::NotSent(_))) => attempt(Text::redacted(error.to_string()), Some(false), false),
        Ok(Err(error @ NotPerformed::NoAnswer(_))) => attempt(Text::redacted(error.to_string()), None, false),
        Err(_) => attempt(Text::new("timed out"), None, false),
    }
}
