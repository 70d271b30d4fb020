//! A step that blocks, and what goes along with it: both begin together, each is answered when it is.

use std::pin::Pin;
use std::sync::Arc;

use futures::future::Either;
use tokio::sync::{mpsc, watch};

use super::effect::Unanswered;
use super::progress::Event;
use super::progress_throttle::ProgressThrottle;
use super::router_handover::{HandoverContext, HandoverNews, HandoverReport};
use super::runner::Run;
use super::steps::{StepOutcome, StepRun};
use crate::action::evaluation::ReplyStatus;
use crate::action::order::Order;
use crate::action::plan::Step;
use crate::action::record::Entry;
use crate::action::router_handover::RouterHandover;
use crate::driver::port::{Act, OrderControl};
use crate::model::text::Text;

/// An escort that may still be on its way.
struct InFlight<'a> {
    going: Pin<Box<dyn Future<Output = HandoverReport> + Send + 'a>>,
    ended: Option<HandoverReport>,
}

impl InFlight<'_> {
    /// Does `work`, and lets the escort go on meanwhile: a journal that is slow to write must not delay a proof.
    async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        if self.ended.is_none() {
            match futures::future::select(&mut work, &mut self.going).await {
                Either::Left((done, _)) => return done,
                Either::Right((ended, _)) => self.ended = Some(ended),
            }
        }
        work.await
    }

    /// Its end; never, where that is known already.
    async fn end(&mut self) {
        if self.ended.is_some() {
            return std::future::pending().await;
        }
        self.ended = Some((&mut self.going).await);
    }
}

impl Run<'_> {
    /// The escort that goes along with step `index`.
    pub(super) fn handover_of(&self, index: usize) -> Option<(usize, Step, RouterHandover)> {
        let step = self.request.plan.steps.get(index + 1)?;
        match &step.order {
            Order::RouterHandover(router_handover) if router_handover.from.is_some() => {
                Some((index + 1, step.clone(), router_handover.clone()))
            }
            _ => None,
        }
    }

    /// Makes the step of `turn` and, alongside, the escort after it. Both are written down before either begins. Returns
    /// what became of the step; the escort decides nothing.
    pub(super) async fn perform_with_handover(
        &mut self,
        act: &mut dyn Act,
        step_run: &StepRun<'_>,
        (beside, step, router_handover): (usize, Step, RouterHandover),
    ) -> Result<StepOutcome, String> {
        // First, so that a job that dies is known to have been about to tell the routers.
        self.action_log.must(Entry::StepBegan { step: beside }).await.map_err(|error| error.line())?;
        self.begin(step_run).await.inspect_err(|_| {
            self.action_log.remark(format!("not started: {}", step.text));
        })?;
        let from = self.now();
        self.action_log.record(Event::StepBegan { step: beside, text: step.text.clone() });
        let (said, reply) = watch::channel(None);
        let (news, mut reported) = mpsc::unbounded_channel();
        let lead_watcher = Arc::clone(&self.lead_watcher);
        let clock = self.handle.clock;
        let handover_context = HandoverContext {
            lead_watcher: &*lead_watcher,
            router_handover: &router_handover,
            permit: step_run.permit,
            clock,
            reply,
            news,
            snapshot: self.snapshot(),
            paused_since: self.paused_since,
        };
        let mut router_handover = InFlight { going: Box::pin(handover_context.run()), ended: None };
        let received = {
            self.handover(step_run.step);
            let (progress_throttle, cancel) = (ProgressThrottle::default(), self.cancel_of(step_run));
            let control = OrderControl { progress: &progress_throttle, cancel: &cancel };
            let mut sending = std::pin::pin!(super::steps::sent(act, step_run.step, step_run.permit, control));
            let mut pictures = self.handle.pictures.clone();
            let mut unanswered = Unanswered::begun(step_run.is_shown_before, self.now());
            loop {
                tokio::select! {
                    biased;
                    () = router_handover.end() => {}
                    Some(one) = reported.recv() => router_handover.during(self.reported(beside, one)).await,
                    sent = &mut sending => break self.taken_in(step_run.index, sent),
                    progress = progress_throttle.next() => self.action_log.record(Event::Progressed { step: step_run.index, progress }),
                    Ok(()) = pictures.changed() => {
                        router_handover.during(self.see(step_run.before)).await;
                        if let Some(why) = self.stops_waiting(&mut unanswered, step_run) {
                            break ReplyStatus::NoAnswer(why);
                        }
                    }
                }
            }
        };
        said.send_replace(Some(received.clone()));
        let answer = StepOutcome::Sent(received);
        router_handover.during(self.conclude(step_run.index, step_run.step, from, &answer)).await;
        let mut pictures = self.handle.pictures.clone();
        while router_handover.ended.is_none() {
            tokio::select! {
                biased;
                () = router_handover.end() => {}
                Some(one) = reported.recv() => router_handover.during(self.reported(beside, one)).await,
                Ok(()) = pictures.changed() => {
                    router_handover.during(self.see(step_run.before)).await;
                }
            }
        }
        while let Ok(one) = reported.try_recv() {
            self.reported(beside, one).await;
        }
        if let Some(ended) = router_handover.ended.take() {
            drop(router_handover);
            let ended = self.handover_report(ended);
            self.conclude(beside, &step, from, &ended).await;
        }
        Ok(answer)
    }

    /// An escort with no step to go along with: whoever leads is proven, and the routers are told.
    pub(super) async fn run_handover(
        &mut self,
        step_run: &StepRun<'_>,
        router_handover: &RouterHandover,
    ) -> StepOutcome {
        let (_said, reply) = watch::channel(Some(ReplyStatus::Accepted(Text::default())));
        let (news, mut reported) = mpsc::unbounded_channel();
        let lead_watcher = Arc::clone(&self.lead_watcher);
        let clock = self.handle.clock;
        let handover_context = HandoverContext {
            lead_watcher: &*lead_watcher,
            router_handover,
            permit: step_run.permit,
            clock,
            reply,
            news,
            snapshot: self.snapshot(),
            paused_since: self.paused_since,
        };
        let mut router_handover = InFlight { going: Box::pin(handover_context.run()), ended: None };
        while router_handover.ended.is_none() {
            tokio::select! {
                biased;
                () = router_handover.end() => {}
                Some(one) = reported.recv() => router_handover.during(self.reported(step_run.index, one)).await,
            }
        }
        while let Ok(one) = reported.try_recv() {
            self.reported(step_run.index, one).await;
        }
        let ended = router_handover.ended.take();
        drop(router_handover);
        ended.map_or_else(|| StepOutcome::NotShown(Text::default()), |ended| self.handover_report(ended))
    }

    fn handover_report(&mut self, ended: HandoverReport) -> StepOutcome {
        self.left.extend(ended.left);
        StepOutcome::Sent(if ended.settled {
            ReplyStatus::Accepted(ended.text)
        } else {
            ReplyStatus::InDoubt(ended.text)
        })
    }

    async fn reported(&mut self, step: usize, reported: HandoverNews) {
        match reported {
            HandoverNews::Router(reported) => {
                self.action_log.record(Event::Reported { step, reported: reported.clone() });
                self.action_log.may(Entry::Reported { step, reported }).await;
            }
            HandoverNews::Repointed { pooler, member, reply, accepted } => {
                let word = match accepted {
                    Some(true) => "re-pointed",
                    Some(false) => "not re-pointed",
                    None => "perhaps re-pointed",
                };
                self.action_log.remark(format!("{pooler} {word} to {member}: {reply}"));
            }
            HandoverNews::Resumed { pooler, databases, reply, accepted } => {
                self.released(&pooler, &databases, &reply, accepted).await;
            }
        }
    }
}
