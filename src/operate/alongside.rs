//! A step that blocks, and what goes along with it: both begin together, each is answered when it is.

use std::pin::Pin;
use std::sync::Arc;

use futures::future::Either;
use tokio::sync::{mpsc, watch};

use super::course::{Answer, Turn};
use super::effect::Unanswered;
use super::escort::{Escorted, Party};
use super::progress::Event;
use super::runner::Run;
use crate::action::escort::{Escort, Told};
use crate::action::order::Order;
use crate::action::plan::Step;
use crate::action::record::Entry;
use crate::action::telling::Heard;
use crate::driver::port::Act;
use crate::model::text::Text;

/// An escort that may still be on its way.
struct OnItsWay<'a> {
    going: Pin<Box<dyn Future<Output = Escorted> + Send + 'a>>,
    ended: Option<Escorted>,
}

impl OnItsWay<'_> {
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
    pub(super) fn escort_of(&self, index: usize) -> Option<(usize, Step, Escort)> {
        let step = self.request.plan.steps.get(index + 1)?;
        match &step.order {
            Order::Escort(escort) if escort.from.is_some() => Some((index + 1, step.clone(), escort.clone())),
            _ => None,
        }
    }

    /// Makes the step of `turn` and, alongside, the escort after it. Both are written down before either begins. Returns
    /// what became of the step; the escort decides nothing.
    pub(super) async fn make_escorted(
        &mut self,
        act: &mut dyn Act,
        turn: &Turn<'_>,
        (beside, step, escort): (usize, Step, Escort),
    ) -> Result<Answer, String> {
        // First, so that a job that dies is known to have been about to tell the routers.
        self.scribe.must(Entry::StepBegan { step: beside }).await.map_err(|error| error.line())?;
        self.begin(turn).await.inspect_err(|_| {
            self.scribe.remark(format!("not begun: {}", step.words));
        })?;
        let from = self.now();
        self.scribe.tell(Event::StepBegan { step: beside, words: step.words.clone() });
        let (said, reply) = watch::channel(None);
        let (news, mut told) = mpsc::unbounded_channel();
        let companion = Arc::clone(&self.companion);
        let clock = self.handle.clock;
        let party = Party { companion: &*companion, escort: &escort, permit: turn.permit, clock, reply, news };
        let mut escorting = OnItsWay { going: Box::pin(party.go()), ended: None };
        let heard = {
            self.hand_over(turn.step);
            let mut sending = std::pin::pin!(super::course::sent(act, turn.step, turn.permit));
            let mut pictures = self.handle.pictures.clone();
            let mut unanswered = Unanswered::begun(turn.is_shown_before, self.now());
            loop {
                tokio::select! {
                    biased;
                    () = escorting.end() => {}
                    Some(one) = told.recv() => escorting.during(self.told(beside, one)).await,
                    heard = &mut sending => break heard,
                    Ok(()) = pictures.changed() => {
                        escorting.during(self.see(turn.before)).await;
                        if let Some(why) = self.waits_no_more(&mut unanswered, turn) {
                            break Heard::NoAnswer(why);
                        }
                    }
                }
            }
        };
        said.send_replace(Some(heard.clone()));
        let answer = Answer::Sent(heard);
        escorting.during(self.conclude(turn.index, turn.step, from, &answer)).await;
        let mut pictures = self.handle.pictures.clone();
        while escorting.ended.is_none() {
            tokio::select! {
                biased;
                () = escorting.end() => {}
                Some(one) = told.recv() => escorting.during(self.told(beside, one)).await,
                Ok(()) = pictures.changed() => {
                    escorting.during(self.see(turn.before)).await;
                }
            }
        }
        while let Ok(one) = told.try_recv() {
            self.told(beside, one).await;
        }
        if let Some(ended) = escorting.ended.take() {
            drop(escorting);
            let ended = self.escorted(ended);
            self.conclude(beside, &step, from, &ended).await;
        }
        Ok(answer)
    }

    /// An escort with no step to go along with: whoever leads is proven, and the routers are told.
    pub(super) async fn escort_alone(&mut self, turn: &Turn<'_>, escort: &Escort) -> Answer {
        let (_said, reply) = watch::channel(Some(Heard::Accepted(Text::default())));
        let (news, mut told) = mpsc::unbounded_channel();
        let companion = Arc::clone(&self.companion);
        let clock = self.handle.clock;
        let party = Party { companion: &*companion, escort, permit: turn.permit, clock, reply, news };
        let mut escorting = OnItsWay { going: Box::pin(party.go()), ended: None };
        while escorting.ended.is_none() {
            tokio::select! {
                biased;
                () = escorting.end() => {}
                Some(one) = told.recv() => escorting.during(self.told(turn.index, one)).await,
            }
        }
        while let Ok(one) = told.try_recv() {
            self.told(turn.index, one).await;
        }
        let ended = escorting.ended.take();
        drop(escorting);
        ended.map_or(Answer::NotShown, |ended| self.escorted(ended))
    }

    fn escorted(&mut self, ended: Escorted) -> Answer {
        self.left.extend(ended.left);
        Answer::Sent(if ended.settled { Heard::Accepted(ended.words) } else { Heard::InDoubt(ended.words) })
    }

    async fn told(&mut self, step: usize, told: Told) {
        self.scribe.tell(Event::Told { step, told: told.clone() });
        self.scribe.may(Entry::Told { step, told }).await;
    }
}
