//! One step: written down, made, and written down what became of it.

use std::time::Duration;

use tokio::time::timeout;

use super::super::effect::Unanswered;
use super::super::progress::Event;
use super::super::progress_throttle::ProgressThrottle;
use super::super::runner::Run;
use super::super::undo::UndoResult;
use super::{CUT_SHORT, StepOutcome, StepRun};
use crate::action::drill::DrillRequest;
use crate::action::evaluation::{Reply as StepReply, ReplyStatus, is_principal};
use crate::action::order::Order;
use crate::action::permit::Permit;
use crate::action::plan::Step;
use crate::action::record::Entry;
use crate::action::work::Artefact;
use crate::driver::port::{Act, NotPerformed, OrderControl, Reply, ReplyVerdict};
use crate::model::moment::Moment;
use crate::model::source::SourceError;
use crate::model::text::Text;
use crate::observe::picture::Order as ObserverRequest;

impl Run<'_> {
    /// Writes the step down, makes it, and writes down what became of it. An error: it was not begun.
    pub(super) async fn perform(&mut self, act: &mut dyn Act, step_run: &StepRun<'_>) -> Result<StepOutcome, String> {
        let StepRun { index, step, can_abort, .. } = *step_run;
        if let Some(undo) = &step.undo
            && let Err(error) = self.undo.record_pending_undo(index, undo).await
        {
            // Whatever is temporary needs its undo on disk, also past the point of no return.
            let line = error.line();
            if can_abort {
                return Err(line);
            }
            self.action_log.remark(format!("{}: not done, because its undo cannot be recorded: {line}", step.text));
            return Ok(StepOutcome::Sent(ReplyStatus::NotSent(Text::redacted(line))));
        }
        self.begin(step_run).await?;
        let from = self.now();
        let answer = match &step.order {
            Order::Await { milestone, at_most } => {
                self.action_log.record(Event::Waiting { milestone: milestone.clone(), at_most: *at_most });
                self.await_milestone(milestone, *at_most, step_run).await
            }
            Order::RouterHandover(router_handover) => Ok(self.run_handover(step_run, router_handover).await),
            Order::Ha(_) | Order::Router { .. } | Order::Pooler { .. } | Order::Sql { .. } | Order::Drill { .. } => {
                if self.paused_since.is_none() && step.undo.as_ref().is_some_and(|undo| undo.resumes().is_some()) {
                    self.paused_since = Some(from);
                }
                if let Some(undo) = &step.undo {
                    self.pending_undo.push((index, undo.clone()));
                }
                Ok(StepOutcome::Sent(self.send(act, step_run).await))
            }
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(why) => {
                let took = self.now().since(from);
                self.end_step(index, took, Text::redacted(&why), None).await;
                return Err(why);
            }
        };
        let is_never_made = match &answer {
            StepOutcome::Sent(ReplyStatus::NotSent(_)) => true,
            // A fault may have been made in part, whatever was said of it, and mending what is whole does no harm.
            StepOutcome::Sent(ReplyStatus::Refused(_)) => !step.is_fault(),
            StepOutcome::Sent(_) | StepOutcome::Shown(_) | StepOutcome::NotShown(_) => false,
        };
        if is_never_made {
            self.pending_undo.retain(|(pending_undo, _)| *pending_undo != index);
            self.mark_done(index, step, UndoResult::NeverMade).await;
        }
        if matches!(answer, StepOutcome::Sent(ReplyStatus::Accepted(_))) {
            self.apply_undo(&step.order).await;
        }
        self.conclude(index, step, from, &answer).await;
        Ok(answer)
    }

    /// Writes down that a step begins, looks once more whether it may, and tells it. An error: it was not begun.
    pub(in crate::operate) async fn begin(&mut self, step_run: &StepRun<'_>) -> Result<(), String> {
        let StepRun { index, step, permit, can_abort, .. } = *step_run;
        let began = Entry::StepBegan { step: index };
        if can_abort {
            if let Err(error) = self.action_log.must(began).await {
                self.mark_done(index, step, UndoResult::NeverMade).await;
                return Err(error.line());
            }
        } else {
            self.action_log.may(began).await;
        }
        // Writing took its time.
        if can_abort && let Err(why) = self.may_go_on(permit) {
            self.mark_done(index, step, UndoResult::NeverMade).await;
            self.end_step(index, Duration::ZERO, Text::redacted(format!("not sent: {why}")), Some(false)).await;
            return Err(why);
        }
        let from = self.now();
        if self.action_log.began.is_none() {
            self.action_log.began = Some(from);
            self.attempt.since = from;
        }
        if is_principal(step_run.step) {
            self.attempt.sends(from);
        }
        self.action_log.record(Event::StepBegan { step: index, text: step.text.clone() });
        Ok(())
    }

    /// Keeps, tells and writes down what became of a step.
    pub(in crate::operate) async fn conclude(&mut self, index: usize, step: &Step, from: Moment, answer: &StepOutcome) {
        let ended = self.now();
        if let StepOutcome::Sent(received) = answer {
            self.attempt.replies.push(StepReply { step: index, at: ended, received: received.clone() });
        }
        // What an escort does is no order after which the cluster must be seen anew.
        if !matches!(step.order, Order::RouterHandover(_)) {
            self.last_ended = ended;
        }
        let (reply, accepted) = match answer {
            StepOutcome::Sent(ReplyStatus::Accepted(words)) | StepOutcome::Shown(words) => (words.clone(), Some(true)),
            StepOutcome::Sent(ReplyStatus::Refused(words) | ReplyStatus::NotSent(words)) => {
                (words.clone(), Some(false))
            }
            StepOutcome::Sent(ReplyStatus::InDoubt(words) | ReplyStatus::NoAnswer(words)) => (words.clone(), None),
            StepOutcome::NotShown(instead) if instead.is_empty() => (Text::new("not observed in time"), None),
            StepOutcome::NotShown(instead) => (Text::redacted(format!("not observed in time: {instead}")), None),
        };
        self.end_step(index, ended.since(from), reply, accepted).await;
        self.handle.order(ObserverRequest::PollNow);
    }

    pub(super) async fn mark_done(&mut self, index: usize, step: &Step, how: UndoResult) {
        if step.undo.is_some()
            && let Err(error) = self.undo.mark_done(index, how).await
        {
            self.action_log.remark(error.line());
        }
    }

    /// A step that is the undo of an earlier one pays what was owed for that.
    pub(super) async fn apply_undo(&mut self, order: &Order) {
        let Some(at) = self.pending_undo.iter().position(|(_, undo)| undo == order) else { return };
        let (step, _) = self.pending_undo.remove(at);
        if let Err(error) = self.undo.mark_done(step, UndoResult::Undone).await {
            self.action_log.remark(error.line());
        }
    }

    pub(super) async fn end_step(&mut self, step: usize, took: Duration, reply: Text, accepted: Option<bool>) {
        self.action_log.record(Event::StepEnded { step, took, reply: reply.clone(), accepted });
        let artefact = self.artefacts.remove(&step);
        self.action_log.may(Entry::StepEnded { step, took, reply, accepted, artefact }).await;
    }

    /// Tells what a step has made, and gives what was heard.
    pub(in crate::operate) fn taken_in(&mut self, step: usize, sent: SendOutcome) -> ReplyStatus {
        if let Some(artefact) = sent.artefact {
            self.action_log.record(Event::Made { step, artefact: artefact.clone() });
            self.artefacts.insert(step, artefact);
        }
        sent.received
    }

    /// Sends one order, once, and goes on watching meanwhile: an agent may take ten seconds to say what was seen at once.
    pub(super) async fn send(&mut self, act: &mut dyn Act, step_run: &StepRun<'_>) -> ReplyStatus {
        let StepRun { index, step, permit, before, .. } = *step_run;
        self.handover(step);
        let mut unanswered = Unanswered::begun(step_run.is_shown_before, self.now());
        let is_waiting =
            matches!(step.order, Order::Drill { request: DrillRequest::Hold { .. } | DrillRequest::Recovered { .. } });
        let (progress_throttle, cancel) = (ProgressThrottle::default(), self.cancel_of(step_run));
        let control = OrderControl { progress: &progress_throttle, cancel: &cancel };
        let mut sending = std::pin::pin!(sent(act, step, permit, control));
        let mut pictures = self.handle.pictures.clone();
        loop {
            tokio::select! {
                biased;
                sent = &mut sending => return self.taken_in(index, sent),
                progress = progress_throttle.next() => self.action_log.record(Event::Progressed { step: index, progress }),
                () = self.cancel.cancelled(), if is_waiting => {
                    return ReplyStatus::NoAnswer(Text::new(CUT_SHORT));
                }
                Ok(()) = pictures.changed() => {
                    self.see(before).await;
                    if let Some(why) = self.stops_waiting(&mut unanswered, step_run) {
                        return ReplyStatus::NoAnswer(why);
                    }
                }
            }
        }
    }
}

/// What came of sending an order.
pub(in crate::operate) struct SendOutcome {
    received: ReplyStatus,
    artefact: Option<Artefact>,
}

/// Sends one order, once, and waits for the answer as long as it may take.
pub(in crate::operate) async fn sent(
    act: &mut dyn Act,
    step: &Step,
    permit: &Permit,
    control: OrderControl<'_>,
) -> SendOutcome {
    let mut made = None;
    let received = match timeout(step.deadline, act.perform(step, permit, control)).await {
        Ok(Ok(Reply { verdict, text: words, artefact })) => {
            made = artefact;
            match verdict {
                ReplyVerdict::Accepted => ReplyStatus::Accepted(words),
                ReplyVerdict::RefusedNothingBegun => ReplyStatus::Refused(words),
                ReplyVerdict::RefusedMayHappen => ReplyStatus::InDoubt(words),
            }
        }
        Ok(Err(error @ NotPerformed::NotSent(_))) => ReplyStatus::NotSent(Text::redacted(error.to_string())),
        Ok(Err(error @ NotPerformed::NoAnswer(_))) => ReplyStatus::NoAnswer(Text::redacted(error.to_string())),
        Err(_) => {
            let error = NotPerformed::NoAnswer(SourceError::timed_out("the service", step.deadline));
            ReplyStatus::NoAnswer(Text::redacted(error.to_string()))
        }
    };
    SendOutcome { received, artefact: made }
}
