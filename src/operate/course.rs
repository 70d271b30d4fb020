//! The steps, one by one: each written down before it is made, none made twice.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::effect::Unanswered;
use super::keep::Held;
use super::progress::Event;
use super::runner::Run;
use super::undo::Settled;
use crate::action::before::Before;
use crate::action::drill::DrillRequest;
use crate::action::generation::Generation;
use crate::action::milestone::Milestone;
use crate::action::on_failure::OnFailure;
use crate::action::order::{AgentRequest, Order};
use crate::action::outcome::Ending;
use crate::action::permit::Permit;
use crate::action::plan::Step;
use crate::action::record::Entry;
use crate::action::telling::{Attempt, Heard, Judgement, Reply as Told, Stage, Telling, is_principal};
use crate::driver::port::{Act, NotPerformed, Reply, ReplyVerdict};
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::snapshot::Snapshot;
use crate::model::source::SourceError;
use crate::model::text::Text;
use crate::observe::picture::Order as Ask;

/// How far the steps went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Course {
    /// To the end.
    Through,
    /// Not to the point of no return: the action has not happened.
    Aborted(String),
    /// Past the point of no return, but not to the end.
    Stopped(String),
}

/// What became of a step that was begun.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// It was sent, or may have been, or is proven not to have been.
    Sent(Heard),
    /// The awaited state was seen.
    Shown(Text),
    /// The awaited state was not seen in time.
    NotShown,
}

/// Who may lead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Leadership {
    /// The leader of the plan, by the same holding of the lock.
    AsPlanned,
    /// A step has asked for another: this one, or any.
    HandedOver(Option<NodeName>),
}

/// One step in its turn.
pub(super) struct Turn<'s> {
    pub(super) index: usize,
    pub(super) step: &'s Step,
    pub(super) permit: &'s Permit,
    pub(super) before: &'s Before,
    /// It lies before the point of no return, or is that.
    can_abort: bool,
    /// The decisive step was not accepted.
    in_doubt: bool,
    /// What it is to bring about is seen already, so that its effect tells nothing of it.
    pub(super) is_shown_before: bool,
    /// The step before was refused in words that prove nothing: its effect is awaited, but no longer than this.
    at_most: Option<Duration>,
}

/// How long the effect of a step is awaited that was refused in words that prove nothing: it has happened by then, or the
/// refusal was one.
const DOUBTED: Duration = Duration::from_secs(30);

/// Why a drill that the operator ended was not gone through.
const CUT_SHORT: &str = "cut short by the operator";

impl Run<'_> {
    /// Makes every step, as long as nothing speaks against it.
    pub(super) async fn go(&mut self, act: &mut dyn Act, permit: &Permit, before: &Before) -> Course {
        // The decisive step was not accepted: what follows is sent only when its effect was seen.
        let mut in_doubt = false;
        let mut at_most = None;
        let plan = &self.request.plan;
        let mut escorted = None;
        for (index, step) in plan.steps.iter().enumerate() {
            if escorted == Some(index) {
                // It went along with the step before.
                continue;
            }
            let can_abort = index <= plan.no_return;
            if can_abort && let Err(why) = self.may_go_on(permit) {
                return Course::Aborted(why);
            }
            if !can_abort && self.is_cut_short() {
                return Course::Stopped(CUT_SHORT.to_owned());
            }
            if in_doubt && !matches!(step.order, Order::Await { .. }) {
                return Course::Stopped(format!("not sent, since the step before it was not accepted: {}", step.words));
            }
            let is_shown_before = self.is_brought_about(index, before);
            let turn =
                Turn { index, step, permit, before, can_abort, in_doubt, is_shown_before, at_most: at_most.take() };
            let on_failure = plan.on_failure(index);
            // Then its effect tells what its answer does not.
            let is_awaited = !is_shown_before && on_failure == OnFailure::AwaitEffect;
            let made = match self.escort_of(index) {
                Some(escort) => {
                    escorted = Some(escort.0);
                    self.make_escorted(act, &turn, escort).await
                }
                None => self.make(act, &turn).await,
            };
            let answer = match made {
                Ok(answer) => answer,
                Err(why) => return Course::Aborted(why),
            };
            let is_decisive = index == plan.no_return;
            match answer {
                Answer::Sent(Heard::Accepted(_)) => {}
                Answer::Shown(_) => in_doubt = false,
                // What became of each is told by its reply and by what is seen.
                Answer::Sent(_) if on_failure == OnFailure::Continue => {}
                Answer::Sent(Heard::NotSent(why)) if can_abort => return Course::Aborted(why.to_string()),
                Answer::Sent(Heard::NoAnswer(_)) if is_awaited => in_doubt = in_doubt || is_decisive,
                Answer::Sent(Heard::InDoubt(_)) if is_awaited && !is_decisive => at_most = Some(DOUBTED),
                // Nothing is broken, or what is will be mended: nothing has to be awaited.
                Answer::Sent(Heard::Refused(why) | Heard::InDoubt(why))
                    if can_abort && (!is_decisive || step.is_fault()) =>
                {
                    return Course::Aborted(format!("{}: {why}", step.words));
                }
                Answer::Sent(Heard::NoAnswer(why)) if can_abort && !is_decisive => {
                    return Course::Aborted(format!("{}: {why}; it may have happened", step.words));
                }
                Answer::NotShown if !can_abort && self.is_cut_short() => {
                    return Course::Stopped(CUT_SHORT.to_owned());
                }
                Answer::NotShown if can_abort => return Course::Aborted(format!("not seen in time: {}", step.words)),
                Answer::NotShown => return Course::Stopped(format!("not seen in time: {}", step.words)),
                Answer::Sent(Heard::Refused(_) | Heard::InDoubt(_) | Heard::NoAnswer(_)) => {
                    in_doubt = in_doubt || is_decisive;
                }
                Answer::Sent(Heard::NotSent(why)) => self.scribe.remark(format!("{}: {why}", step.words)),
            }
        }
        Course::Through
    }

    /// Whether the next step may begin although everything could still be left as it is.
    fn may_go_on(&self, permit: &Permit) -> Result<(), String> {
        self.unchallenged()?;
        if self.scribe.began.is_none() && !permit.is_valid(self.now()) {
            return Err("the confirmation is too long ago".to_owned());
        }
        // Unlike while waiting: a step is not sent by an old picture.
        if Generation::of(&self.snapshot()).is_none() {
            return Err("no record of the cluster is fresh any more".to_owned());
        }
        Ok(())
    }

    /// Nobody cancelled, the lock is held, and who leads may lead.
    fn unchallenged(&self) -> Result<(), String> {
        if self.cancel.is_cancelled() {
            return Err("cancelled by the operator".to_owned());
        }
        if let Held::Lost(why) = &*self.held.borrow() {
            return Err(why.to_string());
        }
        self.led_as_expected(&self.snapshot())
    }

    fn led_as_expected(&self, snapshot: &Snapshot) -> Result<(), String> {
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
    fn is_cut_short(&self) -> bool {
        self.cancel.is_cancelled() && self.request.plan.intent.can_be_cut_short()
    }

    /// Writes the step down, makes it, and writes down what became of it. An error: it was not begun.
    async fn make(&mut self, act: &mut dyn Act, turn: &Turn<'_>) -> Result<Answer, String> {
        let Turn { index, step, can_abort, .. } = *turn;
        if let Some(undo) = &step.undo
            && let Err(error) = self.undo.owe(index, undo).await
        {
            // Whatever is temporary needs its undo on disk, also past the point of no return.
            let line = error.line();
            if can_abort {
                return Err(line);
            }
            self.scribe.remark(format!("{}: not made, since its undo cannot be written down: {line}", step.words));
            return Ok(Answer::Sent(Heard::NotSent(Text::redacted(line))));
        }
        self.begin(turn).await?;
        let from = self.now();
        let answer = match &step.order {
            Order::Await { milestone, at_most } => {
                self.scribe.tell(Event::Waiting { milestone: milestone.clone(), at_most: *at_most });
                self.await_milestone(milestone, *at_most, turn).await
            }
            Order::Escort(escort) => Ok(self.escort_alone(turn, escort).await),
            Order::Agent { .. }
            | Order::Router { .. }
            | Order::Sql { .. }
            | Order::Record { .. }
            | Order::Drill { .. } => {
                if let Some(undo) = &step.undo {
                    self.owed.push((index, undo.clone()));
                }
                Ok(Answer::Sent(self.send(act, turn).await))
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
            Answer::Sent(Heard::NotSent(_)) => true,
            // A fault may have been made in part, whatever was said of it, and mending what is whole does no harm.
            Answer::Sent(Heard::Refused(_)) => !step.is_fault(),
            Answer::Sent(_) | Answer::Shown(_) | Answer::NotShown => false,
        };
        if is_never_made {
            self.owed.retain(|(owed, _)| *owed != index);
            self.settle(index, step, Settled::NeverMade).await;
        }
        if matches!(answer, Answer::Sent(Heard::Accepted(_))) {
            self.pay(&step.order).await;
        }
        self.conclude(index, step, from, &answer).await;
        Ok(answer)
    }

    /// Writes down that a step begins, looks once more whether it may, and tells it. An error: it was not begun.
    pub(super) async fn begin(&mut self, turn: &Turn<'_>) -> Result<(), String> {
        let Turn { index, step, permit, can_abort, .. } = *turn;
        let began = Entry::StepBegan { step: index };
        if can_abort {
            if let Err(error) = self.scribe.must(began).await {
                self.settle(index, step, Settled::NeverMade).await;
                return Err(error.line());
            }
        } else {
            self.scribe.may(began).await;
        }
        // Writing took its time.
        if can_abort && let Err(why) = self.may_go_on(permit) {
            self.settle(index, step, Settled::NeverMade).await;
            self.end_step(index, Duration::ZERO, Text::redacted(format!("not sent: {why}")), Some(false)).await;
            return Err(why);
        }
        let from = self.now();
        if self.scribe.began.is_none() {
            self.scribe.began = Some(from);
            self.attempt.since = from;
        }
        if is_principal(turn.step) {
            self.attempt.sends(from);
        }
        self.scribe.tell(Event::StepBegan { step: index, words: step.words.clone() });
        Ok(())
    }

    /// Keeps, tells and writes down what became of a step.
    pub(super) async fn conclude(&mut self, index: usize, step: &Step, from: Moment, answer: &Answer) {
        let ended = self.now();
        if let Answer::Sent(heard) = answer {
            self.attempt.replies.push(Told { step: index, at: ended, heard: heard.clone() });
        }
        // What an escort does is no order after which the cluster must be seen anew.
        if !matches!(step.order, Order::Escort(_)) {
            self.last_ended = ended;
        }
        let (reply, accepted) = match answer {
            Answer::Sent(Heard::Accepted(words)) | Answer::Shown(words) => (words.clone(), Some(true)),
            Answer::Sent(Heard::Refused(words) | Heard::NotSent(words)) => (words.clone(), Some(false)),
            Answer::Sent(Heard::InDoubt(words) | Heard::NoAnswer(words)) => (words.clone(), None),
            Answer::NotShown => (Text::new("not seen in time"), None),
        };
        self.end_step(index, ended.since(from), reply, accepted).await;
        self.handle.order(Ask::PollNow);
    }

    async fn settle(&mut self, index: usize, step: &Step, how: Settled) {
        if step.undo.is_some()
            && let Err(error) = self.undo.settle(index, how).await
        {
            self.scribe.remark(error.line());
        }
    }

    /// A step that is the undo of an earlier one pays what was owed for that.
    async fn pay(&mut self, order: &Order) {
        let Some(at) = self.owed.iter().position(|(_, undo)| undo == order) else { return };
        let (step, _) = self.owed.remove(at);
        if let Err(error) = self.undo.settle(step, Settled::Undone).await {
            self.scribe.remark(error.line());
        }
    }

    async fn end_step(&mut self, step: usize, took: Duration, reply: Text, accepted: Option<bool>) {
        self.scribe.tell(Event::StepEnded { step, took, reply: reply.clone(), accepted });
        self.scribe.may(Entry::StepEnded { step, took, reply, accepted }).await;
    }

    /// From here on another leader is expected, where `step` asks for one.
    pub(super) fn hand_over(&mut self, step: &Step) {
        if let Order::Agent { request, .. } = &step.order {
            match request {
                AgentRequest::Switchover { candidate, at: None, .. } => {
                    self.leadership = Leadership::HandedOver(candidate.clone());
                }
                AgentRequest::Failover { candidate } => {
                    self.leadership = Leadership::HandedOver(Some(candidate.clone()));
                }
                AgentRequest::Switchover { at: Some(_), .. }
                | AgentRequest::CancelSwitchover
                | AgentRequest::Restart { .. }
                | AgentRequest::CancelRestart
                | AgentRequest::Reload
                | AgentRequest::Reinitialise { .. }
                | AgentRequest::Configure { .. } => {}
            }
        }
    }

    /// Sends one order, once, and goes on watching meanwhile: an agent may take ten seconds to say what was seen at once.
    async fn send(&mut self, act: &mut dyn Act, turn: &Turn<'_>) -> Heard {
        let Turn { step, permit, before, .. } = *turn;
        self.hand_over(step);
        let mut unanswered = Unanswered::begun(turn.is_shown_before, self.now());
        let is_waiting =
            matches!(step.order, Order::Drill { request: DrillRequest::Hold { .. } | DrillRequest::Recovered { .. } });
        let mut sending = std::pin::pin!(sent(act, step, permit));
        let mut pictures = self.handle.pictures.clone();
        loop {
            tokio::select! {
                biased;
                heard = &mut sending => return heard,
                () = self.cancel.cancelled(), if is_waiting => {
                    return Heard::NoAnswer(Text::new(CUT_SHORT));
                }
                Ok(()) = pictures.changed() => {
                    self.see(before).await;
                    if let Some(why) = self.waits_no_more(&mut unanswered, turn) {
                        return Heard::NoAnswer(why);
                    }
                }
            }
        }
    }

    /// Waits for a state. Before the point of no return whatever speaks against going on ends the wait; an error then.
    async fn await_milestone(
        &mut self,
        milestone: &Milestone,
        at_most: Duration,
        turn: &Turn<'_>,
    ) -> Result<Answer, String> {
        let Turn { before, can_abort, in_doubt, .. } = *turn;
        let end = Instant::now() + turn.at_most.map_or(at_most, |doubted| doubted.min(at_most));
        let since = self.evidence_since(milestone);
        let (mut pictures, mut held) = (self.handle.pictures.clone(), self.held.clone());
        let cuts_short = !can_abort && self.request.plan.intent.can_be_cut_short();
        loop {
            pictures.mark_unchanged();
            self.see(before).await;
            let snapshot = self.snapshot();
            if let Telling::Reached { evidence } = self.judge.tell(milestone, &snapshot, before, since) {
                return Ok(Answer::Shown(evidence));
            }
            if can_abort {
                self.unchallenged()?;
            }
            // A decisive step that was proven not to have happened need not be waited for.
            if in_doubt {
                let attempt = Attempt { stage: Stage::Watching, ..self.attempt.clone() };
                let outcome = self.judge.judge(&self.request.plan, before, &attempt, &snapshot).outcome;
                if outcome.is_some_and(|outcome| outcome.ending == Ending::Failed) {
                    return Ok(Answer::NotShown);
                }
            }
            tokio::select! {
                changed = pictures.changed() => if changed.is_err() { return Ok(Answer::NotShown) },
                Ok(()) = held.changed(), if can_abort => {}
                () = self.cancel.cancelled(), if can_abort => {}
                () = self.cancel.cancelled(), if cuts_short => return Ok(Answer::NotShown),
                () = sleep_until(end) => return Ok(Answer::NotShown),
            }
        }
    }

    /// From when on evidence for an awaited state counts. Some states look the same before and after what was sent last,
    /// so only what was asked since tells them; a promotion is told by its timeline, however early it was seen.
    fn evidence_since(&self, milestone: &Milestone) -> Moment {
        match milestone {
            Milestone::RouterFollows
            | Milestone::Streaming { .. }
            | Milestone::AllStreaming
            | Milestone::CaughtUp { .. }
            | Milestone::SessionsGone { .. }
            | Milestone::Serving { .. }
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
    pub(super) async fn see(&mut self, before: &Before) -> Judgement {
        let snapshot = self.snapshot();
        let plan = &self.request.plan;
        if let Some(old) = &plan.generation.leader {
            self.standstill.look(&snapshot, old);
        }
        let judgement = self.judge.judge(plan, before, &self.attempt, &snapshot);
        for place in self.attempt.learn(&judgement, snapshot.now) {
            let (Some(expected), Some((at, evidence))) =
                (plan.expectation.sequence.get(place), self.attempt.reached.get(&place).cloned())
            else {
                continue;
            };
            self.scribe.tell(Event::Reached { milestone: expected.milestone.clone(), evidence: evidence.clone() });
            let milestone = Text::new(expected.milestone.words());
            let after = at.since(self.attempt.since);
            self.scribe.may(Entry::Reached { milestone, after, evidence }).await;
        }
        judgement
    }
}

/// Sends one order, once, and waits for the answer as long as it may take.
pub(super) async fn sent(act: &mut dyn Act, step: &Step, permit: &Permit) -> Heard {
    match timeout(step.deadline, act.perform(step, permit)).await {
        Ok(Ok(Reply { verdict, words })) => match verdict {
            ReplyVerdict::Accepted => Heard::Accepted(words),
            ReplyVerdict::RefusedNothingBegun => Heard::Refused(words),
            ReplyVerdict::RefusedMayHappen => Heard::InDoubt(words),
        },
        Ok(Err(error @ NotPerformed::NotSent(_))) => Heard::NotSent(Text::redacted(error.to_string())),
        Ok(Err(error @ NotPerformed::NoAnswer(_))) => Heard::NoAnswer(Text::redacted(error.to_string())),
        Err(_) => {
            let error = NotPerformed::NoAnswer(SourceError::timed_out("the far end", step.deadline));
            Heard::NoAnswer(Text::redacted(error.to_string()))
        }
    }
}
