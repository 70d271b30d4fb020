//! What a drill left standing because its process died: found in the books of the jobs, and paid by whoever finds it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::repair::repair;
use crate::action::drill::{DrillRequest, Fault};
use crate::action::order::Order;
use crate::action::record::{ActionId, Entry, Record, SCHEMA};
use crate::audit::{Journal, Sink};
use crate::driver::port::drill::{InjectFaults, Probe};
use crate::driver::port::{NotPerformed, Reply, ReplyVerdict};
use crate::model::name::ClusterName;
use crate::model::text::Text;
use crate::observe::picture::Handle;
use crate::operate::job::{Job, JobError, JobState, Jobs};
use crate::operate::undo::{UndoBook as _, UndoResult};

/// How often the guard looks after its job.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// How long the process of a job may take to begin: looking at a large cluster comes before.
const TIMEOUT: Duration = Duration::from_secs(120);
/// How often paying is tried: for some minutes, since an engine or a router may be on its way back.
const MAX_ATTEMPTS: u32 = 60;
/// How often it is tried where the far end says that nothing will come of it.
const MAX_REFUSALS: u32 = 3;
/// Pause between two attempts.
const RETRY_INTERVAL: Duration = Duration::from_secs(3);

/// What one drill left.
#[derive(Clone, PartialEq, Debug)]
pub struct PendingRepair {
    /// The drill.
    pub action: ActionId,
    /// Its cluster.
    pub cluster: ClusterName,
    /// Its title.
    pub title: Text,
    /// What is owed, as it is to be paid: the last first.
    pub orders: Vec<(usize, Order)>,
}

impl PendingRepair {
    /// What is to be done, in words.
    pub fn describe(&self) -> Vec<String> {
        let each = self.orders.iter().filter_map(|(_, order)| match order {
            Order::Drill { request } => Some(request.describe()),
            _ => None,
        });
        each.collect()
    }
}

/// Drills whose process is gone and which still owe something.
///
/// # Errors
/// When the jobs or the journal cannot be read.
pub fn pending_repairs(jobs: &Jobs, journal: &Journal) -> Result<Vec<PendingRepair>, JobError> {
    let mut all = Vec::new();
    for job in jobs.list()? {
        all.extend(pending_undo_of(&job, journal)?);
    }
    Ok(all)
}

fn pending_undo_of(job: &Job, journal: &Journal) -> Result<Option<PendingRepair>, JobError> {
    // Cheap first: most jobs owe nothing.
    let mut orders = job.pending_undo()?;
    orders.retain(|(_, order)| matches!(order, Order::Drill { .. }));
    if orders.is_empty() || !matches!(job.state(journal)?, JobState::Died(_) | JobState::Ended { .. }) {
        return Ok(None);
    }
    orders.reverse();
    let plan = job.spec()?.request.plan;
    Ok(Some(PendingRepair { action: job.action.clone(), cluster: plan.cluster, title: plan.title, orders }))
}

/// Waits until `job` is over; what it owes when it has died.
///
/// # Errors
/// When its files cannot be read.
pub async fn guard(job: &Job, journal: &Journal) -> Result<Option<PendingRepair>, JobError> {
    let began = Instant::now();
    loop {
        match job.state(journal)? {
            // No process has taken it, and none will any more: nothing was done.
            JobState::Waiting if began.elapsed() >= TIMEOUT => return Ok(None),
            JobState::Waiting | JobState::Running(_) | JobState::Elsewhere(_) => sleep(POLL_INTERVAL).await,
            JobState::Ended { .. } | JobState::Died(_) => return pending_undo_of(job, journal),
        }
    }
}

/// Pays what `owed` says, and writes that down. Returns what could not be paid, in words for the operator. It needs no
/// lock and no permit; whatever is whole already stays as it is.
pub async fn repair_all(
    pending_undo: &PendingRepair,
    job: &Job,
    handle: &Handle,
    fault_injector: &mut dyn InjectFaults,
    probe: Option<&dyn Probe>,
    journal: &mut Journal,
) -> Vec<Text> {
    let mut left = Vec::new();
    for (step, order) in &pending_undo.orders {
        let Order::Drill { request } = order else { continue };
        let mut attempt = 1;
        let (reply, accepted) = loop {
            let paid = match request {
                DrillRequest::Mend { fault } => apply_repair(fault_injector, handle, fault).await,
                DrillRequest::End => clear(probe).await,
                DrillRequest::Begin
                | DrillRequest::Break { .. }
                | DrillRequest::Hold { .. }
                | DrillRequest::Recovered { .. } => Ok(Reply::accepted("nothing to do")),
            };
            match paid {
                Ok(reply) if reply.is_accepted() => break (reply.text, Some(true)),
                Ok(Reply { verdict: ReplyVerdict::RefusedNothingBegun, text: words, .. })
                    if attempt >= MAX_REFUSALS =>
                {
                    break (words, Some(false));
                }
                _ if attempt < MAX_ATTEMPTS => attempt += 1,
                Ok(reply) => break (reply.text, Some(false)),
                Err(error @ NotPerformed::NotSent(_)) => break (Text::redacted(error.to_string()), Some(false)),
                Err(error @ NotPerformed::NoAnswer(_)) => break (Text::redacted(error.to_string()), None),
            }
            sleep(RETRY_INTERVAL).await;
        };
        if accepted == Some(true) {
            if let Err(error) = job.undo_file().mark_done(*step, UndoResult::Undone).await {
                left.push(Text::redacted(error.line()));
            }
        } else {
            left.push(reply.clone());
        }
        let entry = Entry::Undone { step: *step, reply, accepted, artefact: None };
        let at = handle.pictures.borrow().snapshot.wall;
        let record = Record {
            schema: SCHEMA,
            action: pending_undo.action.clone(),
            at,
            cluster: pending_undo.cluster.clone(),
            entry,
        };
        if let Err(error) = Sink::append(journal, &record).await {
            left.push(Text::redacted(error.line()));
        }
    }
    left
}

async fn apply_repair(
    fault_injector: &mut dyn InjectFaults,
    handle: &Handle,
    fault: &Fault,
) -> Result<Reply, NotPerformed> {
    repair(fault_injector, handle, fault).await
}

async fn clear(probe: Option<&dyn Probe>) -> Result<Reply, NotPerformed> {
    let Some(probe) = probe else {
        return Ok(Reply::refused("no login for the probe is configured"));
    };
    match probe.clear().await {
        Ok(()) => Ok(Reply::accepted("the schema of the probe was dropped")),
        Err(error) => Err(NotPerformed::NoAnswer(error)),
    }
}
