//! The one runner: from a confirmed plan to a known outcome.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::course::Course;
use super::judge::Judge;
use super::keep::{Held, keep};
use super::prepare::Ready;
use super::progress::{Event, Progress};
use super::scribe::Scribe;
use super::undo::UndoBook;
use crate::action::before::Before;
use crate::action::order::Order;
use crate::action::outcome::{Ending, Outcome};
use crate::action::permit::{Confirmation, Permit, WriteAccess};
use crate::action::plan::Plan;
use crate::action::record::{ActionId, Entry, Operator};
use crate::action::telling::Attempt;
use crate::audit::Sink;
use crate::driver::port::{Act, Claim, Companion, Lock, Manage};
use crate::model::moment::Moment;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::observe::picture::Handle;

/// What is to be done: the plan as it was shown, and how it was confirmed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Request {
    /// Name of the action wherever it is mentioned.
    pub action: ActionId,
    /// The plan.
    pub plan: Plan,
    /// How it was confirmed.
    pub confirmation: Confirmation,
    /// Who.
    pub operator: Operator,
}

/// Everything the runner works with.
pub struct Parts<'a> {
    /// The cluster's observer.
    pub handle: Handle,
    /// Makes the plan again, to see whether it would still be the same.
    pub manager: &'a dyn Manage,
    /// The rules.
    pub judge: &'a dyn Judge,
    /// Sends.
    pub act: Box<dyn Act>,
    /// Goes alongside a change of leader.
    pub companion: Arc<dyn Companion>,
    /// The operation lock.
    pub lock: Box<dyn Lock>,
    /// The journal.
    pub sink: Box<dyn Sink>,
    /// What is owed.
    pub undo: Box<dyn UndoBook>,
    /// How long things may take.
    pub limits: Limits,
}

/// How long things may take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Until every source has been heard, at first and again after the lock was taken.
    pub picture: Duration,
    /// One call to where the lock is kept.
    pub lock_answer: Duration,
    /// Between two renewals of the lock.
    pub renew_every: Duration,
    /// After this long without a renewal that succeeded the lock counts as lost. Shorter than its lease.
    pub held_without_renewal: Duration,
    /// One attempt to take a temporary step back.
    pub undo: Duration,
    /// How long taking back is tried while the operation lock is held: a router restarts in that time.
    pub undo_under_lock: Duration,
    /// How long it is tried after that, with the lock given back so that nobody is kept out.
    pub undo_for: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            picture: Duration::from_secs(10),
            lock_answer: Duration::from_secs(5),
            renew_every: Duration::from_secs(3),
            held_without_renewal: Duration::from_secs(10),
            undo: Duration::from_secs(10),
            undo_under_lock: Duration::from_secs(30),
            undo_for: Duration::from_secs(600),
        }
    }
}

/// Carries out `request`, if everything that guards it agrees, and returns how it ended when that is known and written
/// down.
///
/// `cancel` ends it before the plan's point of no return; after it, it ends the watching alone, and that only when
/// nothing is left to send. Dropping the future is no way to end an action: what is owed would stay.
pub async fn run(
    request: &Request,
    access: &WriteAccess,
    parts: Parts<'_>,
    progress: mpsc::UnboundedSender<Progress>,
    cancel: CancellationToken,
) -> Outcome {
    let Parts { handle, manager, judge, mut act, companion, mut lock, sink, undo, limits } = parts;
    let (state, held) = watch::channel(Held::Yes);
    let scribe = Scribe {
        action: request.action.clone(),
        cluster: request.plan.cluster.clone(),
        sink,
        handle: handle.clone(),
        progress,
        began: None,
        gap: None,
    };
    let began = handle.clock.now();
    let attempt = Attempt::begun(began);
    let leadership = super::course::Leadership::AsPlanned;
    let mut run = Run {
        request,
        access,
        manager,
        judge,
        handle,
        scribe,
        undo,
        limits,
        held,
        cancel,
        attempt,
        last_ended: began,
        leadership,
        companion,
        owed: Vec::new(),
        troubles: super::take_back::Troubles::default(),
        released: false,
        standstill: super::standstill::Standstill::default(),
        left: Vec::new(),
    };
    let outcome = run.guarded(&mut *act, &mut *lock, state).await;
    run.scribe.tell(Event::Ended { outcome: outcome.clone() });
    outcome
}

/// An action under way.
pub(super) struct Run<'a> {
    pub(super) request: &'a Request,
    pub(super) access: &'a WriteAccess,
    pub(super) manager: &'a dyn Manage,
    pub(super) judge: &'a dyn Judge,
    pub(super) handle: Handle,
    pub(super) scribe: Scribe,
    pub(super) undo: Box<dyn UndoBook>,
    pub(super) limits: Limits,
    pub(super) held: watch::Receiver<Held>,
    pub(super) cancel: CancellationToken,
    pub(super) attempt: Attempt,
    /// When the newest step was over.
    pub(super) last_ended: Moment,
    /// Who may lead by now.
    pub(super) leadership: super::course::Leadership,
    /// Temporary steps that were made, or may have been, with their undo.
    pub(super) owed: Vec<(usize, Order)>,
    /// What kept them from being taken back so far.
    pub(super) troubles: super::take_back::Troubles,
    /// What was seen of writes while the leader changed.
    pub(super) standstill: super::standstill::Standstill,
    /// The operation lock was given back.
    pub(super) released: bool,
    /// Goes alongside a change of leader.
    pub(super) companion: Arc<dyn Companion>,
    /// What escorts could not put right, or leave to the operator.
    pub(super) left: Vec<Text>,
}

impl Run<'_> {
    /// The newest picture.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.handle.pictures.borrow().snapshot.clone()
    }

    pub(super) fn now(&self) -> Moment {
        self.handle.clock.now()
    }

    /// Looks and checks, takes the lock, and acts under it.
    async fn guarded(&mut self, act: &mut dyn Act, lock: &mut dyn Lock, state: watch::Sender<Held>) -> Outcome {
        self.scribe.tell(Event::Looking { again: false });
        if let Err(why) = self.first_look().await {
            return self.refuse(why).await;
        }
        let claim = Claim {
            action: self.request.action.clone(),
            verb: Text::new(self.request.plan.intent.verb()),
            operator: self.request.operator.clone(),
            reason: self.request.confirmation.reason.clone(),
            since: self.scribe.wall(),
        };
        let known = match timeout(self.limits.lock_answer, lock.acquire(&claim)).await {
            Ok(Ok(known)) => known,
            Ok(Err(error)) => return self.refuse(error.to_string()).await,
            Err(_) => {
                // It may have been taken all the same; otherwise it expires by itself.
                let _ = timeout(self.limits.lock_answer, lock.release()).await;
                return self.refuse("the operation lock was not had in time".to_owned()).await;
            }
        };
        self.scribe.tell(Event::Locked);
        let done = CancellationToken::new();
        let limits = self.limits.clone();
        let under_lock = async {
            let outcome = self.under_lock(act).await;
            done.cancel();
            outcome
        };
        let (under_lock, released) = tokio::join!(under_lock, keep(lock, &limits, known, state, &done));
        if let Err(error) = released {
            self.scribe.remark(format!("the operation lock was not given back and will expire: {error}"));
        }
        match under_lock {
            UnderLock::Over(outcome) => outcome,
            UnderLock::Owing { outcome, permit } => {
                self.released = true;
                self.scribe.remark(self.goes_on_taking_back());
                let end = Instant::now() + self.limits.undo_for;
                self.take_back(act, &permit, end).await;
                self.close(outcome).await
            }
        }
    }

    /// Looks again, writes down, acts, takes back, watches, and writes down the end.
    async fn under_lock(&mut self, act: &mut dyn Act) -> UnderLock {
        self.scribe.tell(Event::Looking { again: true });
        let ready = match self.second_look().await {
            Ok(ready) => ready,
            Err(why) => return UnderLock::Over(self.refuse(why).await),
        };
        let Ready { permit, notes, before } = ready;
        let started = Entry::Started {
            operator: self.request.operator.clone(),
            plan: Box::new(self.request.plan.clone()),
            hash: self.request.plan.hash(),
            notes,
            confirmation: self.request.confirmation.clone(),
            before: Box::new(before.clone()),
        };
        if let Err(error) = self.scribe.must(started).await {
            return UnderLock::Over(self.refuse(error.line()).await);
        }
        self.scribe.tell(Event::Started);
        let course = self.go(act, &permit, &before).await;
        let end = Instant::now() + self.limits.undo_under_lock;
        self.take_back(act, &permit, end).await;
        let outcome = match course {
            Course::Aborted(why) => self.aborted(&why),
            Course::Through => self.watch(&before, None).await,
            Course::Stopped(why) => self.watch(&before, Some(&why)).await,
        };
        let outcome = self.with_figures(outcome);
        if self.owed.is_empty() {
            return UnderLock::Over(self.close(outcome).await);
        }
        UnderLock::Owing { outcome, permit }
    }

    /// Writes the end down, with what is left to do.
    async fn close(&mut self, outcome: Outcome) -> Outcome {
        let mut outcome = self.with_what_is_owed(outcome);
        outcome.next.append(&mut self.left);
        let after = self.scribe.after().unwrap_or_default();
        let left = Before::of(&self.snapshot()).map(Box::new);
        self.scribe.may(Entry::Ended { outcome: outcome.clone(), after, left }).await;
        match &self.scribe.gap {
            Some(gap) => outcome.next(format!("the journal has a gap: {gap}")),
            None => outcome,
        }
    }

    /// Nothing was sent and nothing will be. That is written down too; a journal that cannot take it changes nothing.
    async fn refuse(&mut self, why: String) -> Outcome {
        let outcome = Outcome::new(Ending::Refused, why);
        let entry = Entry::Refused {
            operator: self.request.operator.clone(),
            plan: Box::new(self.request.plan.clone()),
            why: outcome.text.clone(),
        };
        self.scribe.may(entry).await;
        outcome
    }
}

/// How it stands when the lock is given back.
enum UnderLock {
    /// The end is known and written down.
    Over(Outcome),
    /// Something temporary could not be taken back yet.
    Owing {
        /// How the action itself ended.
        outcome: Outcome,
        /// By which it was begun.
        permit: Permit,
    },
}
