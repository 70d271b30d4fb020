//! The jobs of one state directory as a [`Ledger`].

use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::mpsc;

use super::attach::Followed;
use super::error::JobError;
use super::remains::Remains;
use super::{Job, JobState, Jobs};
use crate::action::escort::Told;
use crate::action::order::Order;
use crate::action::outcome::{Ending, Outcome};
use crate::action::record::ActionId;
use crate::audit::Journal;
use crate::operate::hand::{Ledger, Listed, News};
use crate::operate::progress::{Event, Progress};

/// How long the process of a job may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most jobs listed: nobody reads further back here, the journal has them all.
const MOST: usize = 100;

/// The jobs below one state directory.
#[derive(Clone, Debug)]
pub struct JobLedger {
    state: PathBuf,
    /// Jobs of which nothing can come any more, so that they are read once and not each time a list is shown.
    over: Arc<Mutex<HashMap<ActionId, Listed>>>,
}

impl JobLedger {
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

    fn read(&self) -> Result<Vec<Listed>, JobError> {
        let (mut jobs, journal) = (self.jobs().list()?, self.journal());
        jobs.reverse();
        // However old: what is to be taken back stays in sight until it is.
        let mut place = 0;
        jobs.retain(|job| {
            place += 1;
            place <= MOST || job.owed().is_ok_and(|owed| !owed.is_empty())
        });
        // One that cannot be read hides none of the others.
        let mut known = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|action, _| jobs.iter().any(|job| job.action == *action));
        let mut all = Vec::with_capacity(jobs.len());
        for job in &jobs {
            if let Some(over) = known.get(&job.action) {
                all.push(Listed { acknowledged: job.is_acknowledged(), ..over.clone() });
                continue;
            }
            let Ok(listed) = listed(job, &journal) else { continue };
            if matches!(listed.state, JobState::Ended { .. }) && job.owed().is_ok_and(|owed| owed.is_empty()) {
                known.insert(job.action.clone(), listed.clone());
            }
            all.push(listed);
        }
        Ok(all)
    }
}

fn listed(job: &Job, journal: &Journal) -> Result<Listed, JobError> {
    let spec = job.spec()?;
    let (state, acknowledged) = (job.state(journal)?, job.is_acknowledged());
    Ok(Listed { request: spec.request, at: spec.at, state, acknowledged })
}

/// A job whose process did not take it.
pub(super) fn never_began(job: Option<&Job>, action: &ActionId) -> Outcome {
    let complaints = job.and_then(|job| job.complaints().ok()).unwrap_or_default();
    let text = "its process did not begin: nothing was sent";
    match complaints.last() {
        Some(last) => {
            let last = last.as_str().trim_start_matches("pgctl-tui: ");
            Outcome::new(Ending::Failed, format!("{text}: {last}")).next(format!("pgctl-tui audit {action}"))
        }
        None => Outcome::new(Ending::Failed, text).next("it complained of nothing; write a log with --log"),
    }
}

impl Ledger for JobLedger {
    fn list(&self) -> BoxFuture<'static, Result<Vec<Listed>, String>> {
        let ledger = self.clone();
        async move {
            let read = tokio::task::spawn_blocking(move || ledger.read()).await;
            match read {
                Ok(read) => read.map_err(|error| line(&error)),
                Err(error) => Err(error.to_string()),
            }
        }
        .boxed()
    }

    fn follow(&self, action: &ActionId) -> News {
        let (news, receiver) = mpsc::unbounded_channel();
        let (ledger, action) = (self.clone(), action.clone());
        let watch = async move {
            let journal = ledger.journal();
            let job = ledger.jobs().job(&action);
            let followed = match &job {
                Ok(job) => job.follow(&journal, &news, PATIENCE).await.map_err(|error| line(&error)),
                Err(error) => Err(line(error)),
            };
            let outcome = match followed {
                // The news end with the outcome.
                Ok(Followed::Ended(_)) => return,
                Ok(Followed::Died(remains)) => died(&remains, &action),
                Ok(Followed::NeverBegan) => never_began(job.as_ref().ok(), &action),
                Err(error) => Outcome::new(Ending::Unknown, format!("it can no longer be watched: {error}"))
                    .next(format!("pgctl-tui audit {action}")),
            };
            let at = job.ok().and_then(|job| job.spec().ok()).map(|spec| spec.at).unwrap_or_default();
            // Nobody listening any more is no trouble.
            let _ = news.send(Progress { at, after: None, event: Event::Ended { outcome } });
        };
        #[expect(clippy::disallowed_methods, reason = "it watches and owes nothing; the job goes on without it")]
        tokio::spawn(watch);
        receiver
    }
}

/// A process that is gone without an end on record. Whether it died, nobody has seen: a full disk takes no end either.
const GONE: &str = "its process is gone and has left no end on record (it died, or the disk took nothing more)";

pub(super) fn died(remains: &Remains, action: &ActionId) -> Outcome {
    let place = if remains.past_no_return { "after" } else { "before" };
    let (ending, text) = if remains.acted {
        (Ending::Unknown, format!("{GONE} {place} the point of no return"))
    } else {
        // Whatever is sent is on record before.
        (Ending::Failed, format!("{GONE} before what it was to do was sent"))
    };
    let outcome = Outcome::new(ending, text)
        .next(format!("pgctl-tui audit {action} tells what was done; pgctl-tui status what is"));
    let is_drill = remains.owed.iter().any(|(_, order)| matches!(order, Order::Drill { .. }));
    let outcome = match (remains.owed.is_empty(), is_drill) {
        (true, _) => outcome,
        (false, false) => outcome.next(format!("take back what it left: pgctl-tui undo {action}")),
        (false, true) => outcome
            .next("a process that stood guard takes back what it left; if pgctl-tui drill still names it after some minutes: pgctl-tui drill mend"),
    };
    if !remains.escorting {
        return outcome;
    }
    let told: Vec<String> = remains.told.iter().map(Told::words).collect();
    let told = if told.is_empty() { "perhaps something".to_owned() } else { told.join("; ") };
    outcome.next(format!(
        "the routers were told: {told}; their own checks are on and follow in time; pgctl-tui settle proves who leads and \
         tells them at once"
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
