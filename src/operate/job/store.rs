//! The jobs of one state directory as a [`JobStore`].

use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::mpsc;

use super::attach::FollowEnd;
use super::error::JobError;
use super::leftovers::Leftovers;
use super::{Job, JobState, Jobs};
use crate::action::order::Order;
use crate::action::outcome::{Outcome, OutcomeKind};
use crate::action::record::ActionId;
use crate::action::router_handover::RouterUpdate;
use crate::audit::Journal;
use crate::operate::ports::{JobStore, JobSummary, JobUpdates};
use crate::operate::progress::{Event, Progress};

/// How long the process of a job may take to begin.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Most jobs listed: nobody reads further back here, the journal has them all.
const MAX_ENTRIES: usize = 100;

/// The jobs below one state directory.
#[derive(Clone, Debug)]
pub struct FileJobStore {
    state: PathBuf,
    /// Jobs of which nothing can come any more, so that they are read once and not each time a list is shown.
    over: Arc<Mutex<HashMap<ActionId, JobSummary>>>,
}

impl FileJobStore {
    /// The jobs below `state`, the program's state directory.
    pub fn below(state: impl Into<PathBuf>) -> Self {
        Self { state: state.into(), over: Arc::default() }
    }

    /// The jobs.
    pub fn jobs(&self) -> Jobs {
        Jobs::below(&self.state)
    }

    /// The journal that tells what a job that died had done.
    pub fn journal(&self) -> Journal {
        Journal::at(&self.state)
    }

    fn read(&self) -> Result<Vec<JobSummary>, JobError> {
        let (mut jobs, journal) = (self.jobs().list()?, self.journal());
        jobs.reverse();
        // However old: what is to be taken back stays in sight until it is.
        let mut place = 0;
        jobs.retain(|job| {
            place += 1;
            place <= MAX_ENTRIES || job.pending_undo().is_ok_and(|pending_undo| !pending_undo.is_empty())
        });
        // One that cannot be read hides none of the others.
        let mut known = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|action, _| jobs.iter().any(|job| job.action == *action));
        let mut all = Vec::with_capacity(jobs.len());
        for job in &jobs {
            if let Some(over) = known.get(&job.action) {
                all.push(JobSummary { acknowledged: job.is_acknowledged(), ..over.clone() });
                continue;
            }
            let Ok(listed) = listed(job, &journal) else { continue };
            if matches!(listed.state, JobState::Ended { .. })
                && job.pending_undo().is_ok_and(|pending_undo| pending_undo.is_empty())
            {
                known.insert(job.action.clone(), listed.clone());
            }
            all.push(listed);
        }
        Ok(all)
    }
}

fn listed(job: &Job, journal: &Journal) -> Result<JobSummary, JobError> {
    let spec = job.spec()?;
    let (state, acknowledged) = (job.state(journal)?, job.is_acknowledged());
    Ok(JobSummary { request: spec.request, at: spec.at, state, acknowledged })
}

/// A job whose process did not take it.
pub(super) fn never_started(job: Option<&Job>, action: &ActionId) -> Outcome {
    let diagnostics = job.and_then(|job| job.diagnostics().ok()).unwrap_or_default();
    let text = "its process did not start: nothing was sent";
    match diagnostics.last() {
        Some(last) => {
            let last = last.as_str().trim_start_matches("pgctl-tui: ");
            Outcome::new(OutcomeKind::Failed, format!("{text}: {last}")).next(format!("pgctl-tui audit {action}"))
        }
        None => Outcome::new(OutcomeKind::Failed, text).next("it printed no error; write a log with --log"),
    }
}

impl JobStore for FileJobStore {
    fn list(&self) -> BoxFuture<'static, Result<Vec<JobSummary>, String>> {
        let job_store = self.clone();
        async move {
            let read = tokio::task::spawn_blocking(move || job_store.read()).await;
            match read {
                Ok(read) => read.map_err(|error| line(&error)),
                Err(error) => Err(error.to_string()),
            }
        }
        .boxed()
    }

    fn follow(&self, action: &ActionId) -> JobUpdates {
        let (news, receiver) = mpsc::unbounded_channel();
        let (job_store, action) = (self.clone(), action.clone());
        let watch = async move {
            let journal = job_store.journal();
            let job = job_store.jobs().job(&action);
            let followed = match &job {
                Ok(job) => job.follow(&journal, &news, TIMEOUT).await.map_err(|error| line(&error)),
                Err(error) => Err(line(error)),
            };
            let outcome = match followed {
                // The news end with the outcome.
                Ok(FollowEnd::Ended(_)) => return,
                Ok(FollowEnd::Died(leftovers)) => died(&leftovers, &action),
                Ok(FollowEnd::NeverStarted) => never_started(job.as_ref().ok(), &action),
                Err(error) => Outcome::new(OutcomeKind::Unknown, format!("it can no longer be watched: {error}"))
                    .next(format!("pgctl-tui audit {action}")),
            };
            let at = job.ok().and_then(|job| job.spec().ok()).map(|spec| spec.at).unwrap_or_default();
            // Nobody listening any more is no trouble.
            let _ = news.send(Progress { at, after: None, event: Event::Ended { outcome } });
        };
        #[expect(clippy::disallowed_methods, reason = "this process only watches; the job continues without it")]
        tokio::spawn(watch);
        receiver
    }
}

/// A process that is gone without an end on record. Whether it died, nobody has seen: a full disk takes no end either.
const GONE: &str = "its process is gone without recording an outcome (it died, or the disk is full)";

pub(super) fn died(leftovers: &Leftovers, action: &ActionId) -> Outcome {
    let place = if leftovers.past_no_return { "after" } else { "before" };
    let (ending, text) = if leftovers.acted {
        (OutcomeKind::Unknown, format!("{GONE} {place} the point of no return"))
    } else if leftovers.open.is_some() || !leftovers.answered.is_empty() {
        (OutcomeKind::Failed, format!("{GONE} {place} the point of no return: at most what prepares it was sent"))
    } else {
        // Whatever is sent is on record before.
        (OutcomeKind::Failed, format!("{GONE} before anything was sent"))
    };
    let outcome = Outcome::new(ending, text)
        .next(format!("pgctl-tui audit {action} shows what was done; pgctl-tui status shows the current state"));
    let is_drill = leftovers.pending_undo.iter().any(|(_, order)| matches!(order, Order::Drill { .. }));
    let outcome = match (leftovers.pending_undo.is_empty(), is_drill) {
        (true, _) => outcome,
        (false, false) => outcome.next(format!("undo what it left: pgctl-tui undo {action}")),
        (false, true) => outcome
            .next("its guard process reverts what it left; if pgctl-tui drill still lists it after some minutes: pgctl-tui drill revert"),
    };
    if !leftovers.router_handover {
        return outcome;
    }
    let reported: Vec<String> = leftovers.reported.iter().map(RouterUpdate::describe).collect();
    let reported = if reported.is_empty() { "possibly something".to_owned() } else { reported.join("; ") };
    outcome.next(format!(
        "the routers were updated: {reported}; their own health checks are on and will follow; pgctl-tui fix-routing verifies the leader and \
            updates them at once"
    ))
}

/// An error with its causes in one line.
pub fn line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
