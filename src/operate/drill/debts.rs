//! What a drill left standing because its process died: found in the books of the jobs, and paid by whoever finds it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::mend::mend;
use crate::action::drill::{DrillRequest, Fault};
use crate::action::order::Order;
use crate::action::record::{ActionId, Entry, Record, SCHEMA};
use crate::audit::{Journal, Sink};
use crate::driver::port::drill::{Break, Probe};
use crate::driver::port::{NotPerformed, Reply, ReplyVerdict};
use crate::model::name::ClusterName;
use crate::model::text::Text;
use crate::observe::picture::Handle;
use crate::operate::job::{Job, JobError, JobState, Jobs};
use crate::operate::undo::{Settled, UndoBook as _};

/// How often the guard looks after its job.
const LOOK: Duration = Duration::from_millis(500);
/// How long the process of a job may take to begin: looking at a large cluster comes before.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often paying is tried: for some minutes, since an engine or a router may be on its way back.
const ATTEMPTS: u32 = 60;
/// How often it is tried where the far end says that nothing will come of it.
const REFUSED_AT_MOST: u32 = 3;
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_secs(3);

/// What one drill left.
#[derive(Clone, PartialEq, Debug)]
pub struct Owed {
    /// The drill.
    pub action: ActionId,
    /// Its cluster.
    pub cluster: ClusterName,
    /// Its title.
    pub title: Text,
    /// What is owed, as it is to be paid: the last first.
    pub orders: Vec<(usize, Order)>,
}

impl Owed {
    /// What is to be done, in words.
    pub fn words(&self) -> Vec<String> {
        let each = self.orders.iter().filter_map(|(_, order)| match order {
            Order::Drill { request } => Some(request.words()),
            _ => None,
        });
        each.collect()
    }
}

/// Drills whose process is gone and which still owe something.
///
/// # Errors
/// When the jobs or the journal cannot be read.
pub fn owed(jobs: &Jobs, journal: &Journal) -> Result<Vec<Owed>, JobError> {
    let mut all = Vec::new();
    for job in jobs.list()? {
        all.extend(owed_by(&job, journal)?);
    }
    Ok(all)
}

fn owed_by(job: &Job, journal: &Journal) -> Result<Option<Owed>, JobError> {
    // Cheap first: most jobs owe nothing.
    let mut orders = job.owed()?;
    orders.retain(|(_, order)| matches!(order, Order::Drill { .. }));
    if orders.is_empty() || !matches!(job.state(journal)?, JobState::Died(_) | JobState::Ended { .. }) {
        return Ok(None);
    }
    orders.reverse();
    let plan = job.spec()?.request.plan;
    Ok(Some(Owed { action: job.action.clone(), cluster: plan.cluster, title: plan.title, orders }))
}

/// Waits until `job` is over; what it owes when it has died.
///
/// # Errors
/// When its files cannot be read.
pub async fn guard(job: &Job, journal: &Journal) -> Result<Option<Owed>, JobError> {
    let began = Instant::now();
    loop {
        match job.state(journal)? {
            // No process has taken it, and none will any more: nothing was done.
            JobState::Waiting if began.elapsed() >= PATIENCE => return Ok(None),
            JobState::Waiting | JobState::Running(_) | JobState::Elsewhere(_) => sleep(LOOK).await,
            JobState::Ended { .. } | JobState::Died(_) => return owed_by(job, journal),
        }
    }
}

/// Pays what `owed` says, and writes that down. Returns what could not be paid, in words for the operator. It needs no
/// lock and no permit; whatever is whole already stays as it is.
pub async fn repay(
    owed: &Owed,
    job: &Job,
    handle: &Handle,
    breaker: &mut dyn Break,
    probe: Option<&dyn Probe>,
    journal: &mut Journal,
) -> Vec<Text> {
    let mut left = Vec::new();
    for (step, order) in &owed.orders {
        let Order::Drill { request } = order else { continue };
        let mut attempt = 1;
        let (reply, accepted) = loop {
            let paid = match request {
                DrillRequest::Mend { fault } => pay(breaker, handle, fault).await,
                DrillRequest::End => clear(probe).await,
                DrillRequest::Begin
                | DrillRequest::Break { .. }
                | DrillRequest::Hold { .. }
                | DrillRequest::Recovered { .. } => Ok(Reply::accepted("nothing to do")),
            };
            match paid {
                Ok(reply) if reply.is_accepted() => break (reply.words, Some(true)),
                Ok(Reply { verdict: ReplyVerdict::RefusedNothingBegun, words }) if attempt >= REFUSED_AT_MOST => {
                    break (words, Some(false));
                }
                _ if attempt < ATTEMPTS => attempt += 1,
                Ok(reply) => break (reply.words, Some(false)),
                Err(error @ NotPerformed::NotSent(_)) => break (Text::redacted(error.to_string()), Some(false)),
                Err(error @ NotPerformed::NoAnswer(_)) => break (Text::redacted(error.to_string()), None),
            }
            sleep(PAUSE).await;
        };
        if accepted == Some(true) {
            if let Err(error) = job.undo_file().settle(*step, Settled::Undone).await {
                left.push(Text::redacted(error.line()));
            }
        } else {
            left.push(reply.clone());
        }
        let entry = Entry::Undone { step: *step, reply, accepted };
        let at = handle.pictures.borrow().snapshot.wall;
        let record = Record { schema: SCHEMA, action: owed.action.clone(), at, cluster: owed.cluster.clone(), entry };
        if let Err(error) = Sink::append(journal, &record).await {
            left.push(Text::redacted(error.line()));
        }
    }
    left
}

async fn pay(breaker: &mut dyn Break, handle: &Handle, fault: &Fault) -> Result<Reply, NotPerformed> {
    mend(breaker, handle, fault).await
}

async fn clear(probe: Option<&dyn Probe>) -> Result<Reply, NotPerformed> {
    let Some(probe) = probe else {
        return Ok(Reply::refused("no login for the probe is configured"));
    };
    match probe.clear().await {
        Ok(()) => Ok(Reply::accepted("the probe's schema is gone")),
        Err(error) => Err(NotPerformed::NoAnswer(error)),
    }
}
