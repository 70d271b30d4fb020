//! Settling the book of a job that died or could not take everything back, while another action does.

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{FileJobStore, Job, JobError, JobState, Process};
use crate::action::Intent;
use crate::action::intent::PendingUndo;
use crate::action::order::Order;
use crate::action::permit::Permit;
use crate::action::plan::{Plan, Step};
use crate::action::record::ActionId;
use crate::driver::port::{Act, NotPerformed, OrderControl, Reply};
use crate::model::source::{FailureKind, SourceError};
use crate::operate::undo::{UndoBook as _, UndoResult};

/// What sends for `plan`: where that takes back what another job left, each order is sent only while that job's book
/// has it as owed and its process is gone, and is struck out there once it was accepted.
///
/// # Errors
/// When there is no such job, in one line.
pub fn recording_undo(plan: &Plan, job_store: &FileJobStore, act: Box<dyn Act>) -> Result<Box<dyn Act>, JobError> {
    let Intent::Undo { action, pending_undo } = &plan.intent else { return Ok(act) };
    let job = job_store.jobs().job(action)?;
    Ok(Box::new(UndoJobAct { inner: act, job, job_store: job_store.clone(), pending_undo: pending_undo.clone() }))
}

/// Strikes out what `plan` was to take back, once that is seen to have happened, whatever was answered.
///
/// # Errors
/// When the book cannot be written.
pub async fn mark_all_undone(plan: &Plan, job_store: &FileJobStore) -> Result<(), JobError> {
    let Intent::Undo { action, pending_undo } = &plan.intent else { return Ok(()) };
    let job = job_store.jobs().job(action)?;
    let still: Vec<usize> = job.pending_undo()?.into_iter().map(|(step, _)| step).collect();
    for pending_undo in pending_undo.iter().filter(|pending_undo| still.contains(&pending_undo.step)) {
        strike_out(&job, pending_undo.step).await?;
    }
    Ok(())
}

/// Strikes `steps` of `action` out of its book, since their effect is seen to be gone: another hand has taken it back. Nothing
/// is struck out while the action may run, and takes back itself.
///
/// # Errors
/// When there is no such job, or its book cannot be read or written.
pub async fn mark_reverted(job_store: &FileJobStore, action: &ActionId, steps: &[usize]) -> Result<(), JobError> {
    let job = job_store.jobs().job(action)?;
    let pending_undo: Vec<usize> = match job.state(&job_store.journal())? {
        state @ (JobState::Died(_) | JobState::Ended { .. }) => {
            state.pending_undo().iter().map(|(step, _)| *step).collect()
        }
        JobState::Waiting | JobState::Running(_) | JobState::Elsewhere(_) => Vec::new(),
    };
    for step in pending_undo.into_iter().filter(|step| steps.contains(step)) {
        strike_out(&job, step).await?;
    }
    Ok(())
}

struct UndoJobAct {
    inner: Box<dyn Act>,
    job: Job,
    job_store: FileJobStore,
    pending_undo: Vec<PendingUndo>,
}

impl UndoJobAct {
    /// The step of the other job that `order` takes back; `None`: its book does not have it as owed any more, since another
    /// console was quicker.
    fn still_pending(&self, order: &Order) -> Result<Option<usize>, NotPerformed> {
        let refuse = |words: String| {
            NotPerformed::NotSent(SourceError::new(FailureKind::Unsupported, self.job.action.0.as_str(), words))
        };
        match self.job.state(&self.job_store.journal()) {
            Ok(state @ (JobState::Died(_) | JobState::Ended { .. })) => Ok(self
                .pending_undo
                .iter()
                .find(|pending_undo| {
                    pending_undo.order == *order
                        && state
                            .pending_undo()
                            .iter()
                            .any(|(step, order)| *step == pending_undo.step && *order == pending_undo.order)
                })
                .map(|pending_undo| pending_undo.step)),
            Ok(JobState::Waiting | JobState::Running(_)) => {
                Err(refuse("its process is still running and reverts it itself".to_owned()))
            }
            Ok(JobState::Elsewhere(process)) => Err(refuse(elsewhere(&process))),
            Err(error) => Err(refuse(super::line(&error))),
        }
    }
}

/// Why nothing of a job of another host is taken back here, and what to do.
pub fn elsewhere(process: &Process) -> String {
    format!(
        "its process {} on {} was active a moment ago, and cannot be checked from here: check there, or wait some \
            minutes",
        process.pid, process.host
    )
}

/// Strikes `step` out of the book of `job`. When nothing is left there, nobody is told of the action's death any more.
async fn strike_out(job: &Job, step: usize) -> Result<(), JobError> {
    job.undo_file().mark_done(step, UndoResult::Undone).await?;
    if job.pending_undo()?.is_empty() { job.acknowledge() } else { Ok(()) }
}

impl Act for UndoJobAct {
    fn perform<'a>(
        &'a mut self,
        step: &'a Step,
        permit: &'a Permit,
        control: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            let Some(pending_undo) = self.still_pending(&step.order)? else {
                return Ok(Reply::accepted("already reverted by someone else"));
            };
            let reply = self.inner.perform(step, permit, control).await?;
            if reply.is_accepted()
                && let Err(error) = strike_out(&self.job, pending_undo).await
            {
                // It is done; the book only looks as if it were still owed.
                tracing::warn!(%error, "a completed undo was not removed from the list");
            }
            Ok(reply)
        }
        .boxed()
    }

    fn undo<'a>(
        &'a mut self,
        order: &'a Order,
        permit: &'a Permit,
        control: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        self.inner.undo(order, permit, control)
    }
}
