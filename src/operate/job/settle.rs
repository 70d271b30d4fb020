//! Settling the book of a job that died, while another action takes back what it left.

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{Job, JobLedger, JobState};
use crate::action::Intent;
use crate::action::intent::Owed;
use crate::action::order::Order;
use crate::action::permit::Permit;
use crate::action::plan::{Plan, Step};
use crate::driver::port::{Act, NotPerformed, Reply};
use crate::model::source::{SourceError, Trouble};
use crate::operate::undo::{Settled, UndoBook as _};

/// What sends for `plan`: where that takes back what another job left, each order is sent only while that job's book
/// has it as owed and the job is dead, and is struck out there once it was accepted.
///
/// # Errors
/// When there is no such job, in one line.
pub fn settling(plan: &Plan, ledger: &JobLedger, act: Box<dyn Act>) -> Result<Box<dyn Act>, super::JobError> {
    let Intent::Undo { action, owed } = &plan.intent else { return Ok(act) };
    let job = ledger.jobs().job(action)?;
    Ok(Box::new(Settling { inner: act, job, ledger: ledger.clone(), owed: owed.clone() }))
}

struct Settling {
    inner: Box<dyn Act>,
    job: Job,
    ledger: JobLedger,
    owed: Vec<Owed>,
}

impl Settling {
    /// The step of the dead job that `order` takes back, where its book still has it.
    fn still_owed(&self, order: &Order) -> Result<usize, NotPerformed> {
        let refuse = |words: String| {
            NotPerformed::NotSent(SourceError::new(Trouble::Unsupported, self.job.action.0.as_str(), words))
        };
        match self.job.state(&self.ledger.journal()) {
            Ok(JobState::Died(remains)) => {
                let known = self.owed.iter().find(|owed| {
                    owed.order == *order
                        && remains.owed.iter().any(|(step, order)| *step == owed.step && *order == owed.order)
                });
                known
                    .map(|owed| owed.step)
                    .ok_or_else(|| refuse("its book does not have this as owed any more".to_owned()))
            }
            Ok(JobState::Waiting | JobState::Running(_)) => {
                Err(refuse("it has not died: it takes back itself".to_owned()))
            }
            Ok(JobState::Ended(_)) => Err(refuse("it has ended, and took back itself".to_owned())),
            Err(error) => Err(refuse(super::line(&error))),
        }
    }
}

impl Act for Settling {
    fn perform<'a>(&'a mut self, step: &'a Step, permit: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            let owed = self.still_owed(&step.order)?;
            let reply = self.inner.perform(step, permit).await?;
            if reply.accepted
                && let Err(error) = self.job.undo_file().settle(owed, Settled::Undone).await
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
