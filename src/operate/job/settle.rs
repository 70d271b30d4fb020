//! Settling the book of a job that died or could not take everything back, while another action does.

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{Job, JobError, JobLedger, JobState, Process};
use crate::action::Intent;
use crate::action::intent::Owed;
use crate::action::order::Order;
use crate::action::permit::Permit;
use crate::action::plan::{Plan, Step};
use crate::action::record::ActionId;
use crate::driver::port::{Act, NotPerformed, Reply};
use crate::model::source::{SourceError, Trouble};
use crate::operate::undo::{Settled, UndoBook as _};

/// What sends for `plan`: where that takes back what another job left, each order is sent only while that job's book
/// has it as owed and its process is gone, and is struck out there once it was accepted.
///
/// # Errors
/// When there is no such job, in one line.
pub fn settling(plan: &Plan, ledger: &JobLedger, act: Box<dyn Act>) -> Result<Box<dyn Act>, JobError> {
    let Intent::Undo { action, owed } = &plan.intent else { return Ok(act) };
    let job = ledger.jobs().job(action)?;
    Ok(Box::new(Settling { inner: act, job, ledger: ledger.clone(), owed: owed.clone() }))
}

/// Strikes out what `plan` was to take back, once that is seen to have happened, whatever was answered.
///
/// # Errors
/// When the book cannot be written.
pub async fn settled(plan: &Plan, ledger: &JobLedger) -> Result<(), JobError> {
    let Intent::Undo { action, owed } = &plan.intent else { return Ok(()) };
    let job = ledger.jobs().job(action)?;
    let still: Vec<usize> = job.owed()?.into_iter().map(|(step, _)| step).collect();
    for owed in owed.iter().filter(|owed| still.contains(&owed.step)) {
        strike_out(&job, owed.step).await?;
    }
    Ok(())
}

/// Strikes `steps` of `action` out of its book, since their effect is seen to be gone: another hand has taken it back. Nothing
/// is struck out while the action may run, and takes back itself.
///
/// # Errors
/// When there is no such job, or its book cannot be read or written.
pub async fn strike(ledger: &JobLedger, action: &ActionId, steps: &[usize]) -> Result<(), JobError> {
    let job = ledger.jobs().job(action)?;
    let owed: Vec<usize> = match job.state(&ledger.journal())? {
        state @ (JobState::Died(_) | JobState::Ended { .. }) => state.owed().iter().map(|(step, _)| *step).collect(),
        JobState::Waiting | JobState::Running(_) | JobState::Elsewhere(_) => Vec::new(),
    };
    for step in owed.into_iter().filter(|step| steps.contains(step)) {
        strike_out(&job, step).await?;
    }
    Ok(())
}

struct Settling {
    inner: Box<dyn Act>,
    job: Job,
    ledger: JobLedger,
    owed: Vec<Owed>,
}

impl Settling {
    /// The step of the other job that `order` takes back; `None`: its book does not have it as owed any more, since another
    /// console was quicker.
    fn still_owed(&self, order: &Order) -> Result<Option<usize>, NotPerformed> {
        let refuse = |words: String| {
            NotPerformed::NotSent(SourceError::new(Trouble::Unsupported, self.job.action.0.as_str(), words))
        };
        match self.job.state(&self.ledger.journal()) {
            Ok(state @ (JobState::Died(_) | JobState::Ended { .. })) => Ok(self
                .owed
                .iter()
                .find(|owed| {
                    owed.order == *order
                        && state.owed().iter().any(|(step, order)| *step == owed.step && *order == owed.order)
                })
                .map(|owed| owed.step)),
            Ok(JobState::Waiting | JobState::Running(_)) => {
                Err(refuse("its process still runs, and takes it back itself".to_owned()))
            }
            Ok(JobState::Elsewhere(process)) => Err(refuse(elsewhere(&process))),
            Err(error) => Err(refuse(super::line(&error))),
        }
    }
}

/// Why nothing of a job of another host is taken back here, and what to do.
pub fn elsewhere(process: &Process) -> String {
    format!(
        "its process {} on {} was heard of a moment ago, and whether it runs cannot be told from here: look there, or wait some \
         minutes",
        process.pid, process.host
    )
}

/// Strikes `step` out of the book of `job`. When nothing is left there, nobody is told of the action's death any more.
async fn strike_out(job: &Job, step: usize) -> Result<(), JobError> {
    job.undo_file().settle(step, Settled::Undone).await?;
    if job.owed()?.is_empty() { job.acknowledge() } else { Ok(()) }
}

impl Act for Settling {
    fn perform<'a>(&'a mut self, step: &'a Step, permit: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            let Some(owed) = self.still_owed(&step.order)? else {
                return Ok(Reply::accepted("taken back already, by another hand"));
            };
            let reply = self.inner.perform(step, permit).await?;
            if reply.is_accepted()
                && let Err(error) = strike_out(&self.job, owed).await
            {
                // It is done; the book only looks as if it were still owed.
                tracing::warn!(%error, "a debt that was paid is not struck out");
            }
            Ok(reply)
        }
        .boxed()
    }

    fn undo<'a>(&'a mut self, order: &'a Order, permit: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        self.inner.undo(order, permit)
    }
}
