//! The one runner: from a confirmed plan to a known outcome.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::action_log::ActionLog;
use super::judge::Judge;
use super::lease_keeper::{LockState, keep_alive};
use super::prepare::Ready;
use super::progress::{Event, Progress};
use super::steps::StepsOutcome;
use super::undo::UndoBook;
use crate::action::before::StateBefore;
use crate::action::evaluation::Attempt;
use crate::action::inspected::Inspected;
use crate::action::order::Order;
use crate::action::outcome::{Outcome, OutcomeKind};
use crate::action::permit::{Confirmation, Permit, WriteAccess};
use crate::action::plan::{Infeasible, Plan};
use crate::action::record::{ActionId, Entry, Operator};
use crate::action::work::Artefact;
use crate::audit::Sink;
use crate::driver::port::{Act, LeadWatcher, Lock, LockClaim, Planner};
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
pub struct RunnerParts<'a> {
    /// The cluster's observer.
    pub handle: Handle,
    /// Makes the plan again, to see whether it would still be the same.
    pub planner: &'a dyn Planner,
    /// What was asked anew for it, besides pictures.
    pub inspected: &'a Inspected,
    /// The rules.
    pub judge: &'a dyn Judge,
    /// Sends.
    pub act: Box<dyn Act>,
    /// Goes alongside a change of leader.
    pub lead_watcher: Arc<dyn LeadWatcher>,
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
    parts: RunnerParts<'_>,
    progress: mpsc::UnboundedSender<Progress>,
    cancel: CancellationToken,
) -> Outcome {
    let RunnerParts { handle, planner, inspected, judge, mut act, lead_watcher, mut lock, sink, undo, limits } = parts;
    let (state, held) = watch::channel(LockState::Yes);
    let action_log = ActionLog {
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
    let leadership = super::steps::Leadership::AsPlanned;
    let mut run = Run {
        request,
        access,
        again: Replanner { planner, inspected },
        judge,
        handle,
        action_log,
        undo,
        limits,
        held,
        cancel,
        attempt,
        last_ended: began,
        leadership,
        lead_watcher,
        pending_undo: Vec::new(),
        failures: super::revert::RevertFailures::default(),
        paused_since: None,
        released: false,
        stall: super::stall::Stall::default(),
        left: Vec::new(),
        artefacts: BTreeMap::new(),
    };
    let outcome = run.guarded(&mut *act, &mut *lock, state).await;
    run.action_log.record(Event::Ended { outcome: outcome.clone() });
    outcome
}

/// How a plan is made again.
#[derive(Clone, Copy)]
pub(super) struct Replanner<'a> {
    planner: &'a dyn Planner,
    pub(super) inspected: &'a Inspected,
}

impl Replanner<'_> {
    /// What `plan` would be, seen from `snapshot`.
    pub(super) fn plan(self, snapshot: &Snapshot, plan: &Plan) -> Result<Plan, Infeasible> {
        self.planner.plan(snapshot, self.inspected, &plan.intent)
    }
}

/// An action under way.
pub(super) struct Run<'a> {
    pub(super) request: &'a Request,
    pub(super) access: &'a WriteAccess,
    /// How the plan is made again.
    pub(super) again: Replanner<'a>,
    pub(super) judge: &'a dyn Judge,
    pub(super) handle: Handle,
    pub(super) action_log: ActionLog,
    pub(super) undo: Box<dyn UndoBook>,
    pub(super) limits: Limits,
    pub(super) held: watch::Receiver<LockState>,
    pub(super) cancel: CancellationToken,
    pub(super) attempt: Attempt,
    /// When the newest step was over.
    pub(super) last_ended: Moment,
    /// Who may lead by now.
    pub(super) leadership: super::steps::Leadership,
    /// Temporary steps that were made, or may have been, with their undo.
    pub(super) pending_undo: Vec<(usize, Order)>,
    /// What kept them from being taken back so far.
    pub(super) failures: super::revert::RevertFailures,
    /// What was seen of writes while the leader changed.
    pub(super) stall: super::stall::Stall,
    /// Since when the first pooler that this action has paused is, or was asked to be.
    pub(super) paused_since: Option<Moment>,
    /// The operation lock was given back.
    pub(super) released: bool,
    /// Goes alongside a change of leader.
    pub(super) lead_watcher: Arc<dyn LeadWatcher>,
    /// What escorts could not put right, or leave to the operator.
    pub(super) left: Vec<Text>,
    /// What steps have made that stays, until it is written down with their end.
    pub(super) artefacts: BTreeMap<usize, Artefact>,
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
    async fn guarded(&mut self, act: &mut dyn Act, lock: &mut dyn Lock, state: watch::Sender<LockState>) -> Outcome {
        self.action_log.record(Event::Looking { again: false });
        if let Err(why) = self.first_look().await {
            return self.refuse(why).await;
        }
        let claim = LockClaim {
            action: self.request.action.clone(),
            verb: Text::new(self.request.plan.intent.verb()),
            operator: self.request.operator.clone(),
            reason: self.request.confirmation.reason.clone(),
            since: self.action_log.wall(),
        };
        let known = match timeout(self.limits.lock_answer, lock.acquire(&claim)).await {
            Ok(Ok(known)) => known,
            Ok(Err(error)) => return self.refuse(error.to_string()).await,
            Err(_) => {
                // It may have been taken all the same; otherwise it expires by itself.
                let _ = timeout(self.limits.lock_answer, lock.release()).await;
                return self.refuse("the operation lock was not acquired in time".to_owned()).await;
            }
        };
        lock.expect_loss(&super::expected_loss::stopped_by(&self.request.plan));
        self.action_log.record(Event::Locked);
        let done = CancellationToken::new();
        let limits = self.limits.clone();
        let under_lock = async {
            let outcome = self.under_lock(act).await;
            done.cancel();
            outcome
        };
        let (under_lock, released) = tokio::join!(under_lock, keep_alive(lock, &limits, known, state, &done));
        if let Err(error) = released {
            self.action_log.remark(format!("the operation lock was not released and will expire: {error}"));
        }
        match under_lock {
            UnderLock::Over(outcome) => outcome,
            UnderLock::PendingUndo { outcome, permit } => {
                self.released = true;
                self.action_log.remark(self.keeps_reverting());
                let end = Instant::now() + self.limits.undo_for;
                Box::pin(self.revert(act, &permit, end)).await;
                self.close(outcome).await
            }
        }
    }

    /// Looks again, writes down, acts, takes back, watches, and writes down the end.
    async fn under_lock(&mut self, act: &mut dyn Act) -> UnderLock {
        self.action_log.record(Event::Looking { again: true });
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
        if let Err(error) = self.action_log.must(started).await {
            return UnderLock::Over(self.refuse(error.line()).await);
        }
        self.action_log.record(Event::Started);
        act.prepare(&self.request.plan.steps).await;
        let course = Box::pin(self.go(act, &permit, &before)).await;
        let end = Instant::now() + self.limits.undo_under_lock;
        let stays = matches!(course, StepsOutcome::Through) && self.leaves_pending_undo();
        if !stays {
            Box::pin(self.revert(act, &permit, end)).await;
        }
        let outcome = match course {
            StepsOutcome::Aborted(why) => self.aborted(&why),
            StepsOutcome::Through => self.watch(&before, None).await,
            StepsOutcome::Stopped(why) => self.watch(&before, Some(&why)).await,
        };
        let outcome = self.with_figures(outcome);
        if stays || self.pending_undo.is_empty() {
            return UnderLock::Over(self.close(outcome).await);
        }
        UnderLock::PendingUndo { outcome, permit }
    }

    /// Writes the end down, with what is left to do.
    async fn close(&mut self, outcome: Outcome) -> Outcome {
        let mut outcome = self.with_pending_undo(outcome);
        outcome.next.append(&mut self.left);
        let after = self.action_log.after().unwrap_or_default();
        let left = StateBefore::of(&self.snapshot()).map(Box::new);
        self.action_log.may(Entry::Ended { outcome: outcome.clone(), after, left }).await;
        match &self.action_log.gap {
            Some(gap) => outcome.next(format!("the journal has a gap: {gap}")),
            None => outcome,
        }
    }

    /// Nothing was sent and nothing will be. That is written down too; a journal that cannot take it changes nothing.
    async fn refuse(&mut self, why: String) -> Outcome {
        let outcome = Outcome::new(OutcomeKind::Refused, why);
        let entry = Entry::Refused {
            operator: self.request.operator.clone(),
            plan: Box::new(self.request.plan.clone()),
            why: outcome.text.clone(),
        };
        self.action_log.may(entry).await;
        outcome
    }
}

/// How it stands when the lock is given back.
enum UnderLock {
    /// The end is known and written down.
    Over(Outcome),
    /// Something temporary could not be taken back yet.
    PendingUndo {
        /// How the action itself ended.
        outcome: Outcome,
        /// By which it was begun.
        permit: Permit,
    },
}
