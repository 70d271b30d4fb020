//! Running a job in its own process.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Job;
use super::error::JobError;
use super::liveness::{BEAT_INTERVAL, Process};
use crate::action::outcome::Outcome;
use crate::action::permit::WriteAccess;
use crate::operate::runner::{RunnerParts, run};

/// How often the job looks whether it is asked to end.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

impl Job {
    /// Runs the job in this process to its end, and writes down its news. The book of debts in `parts` should be this
    /// job's ([`Job::undo_file`]). `cancel` ends it as far as it still can be, as [`Job::ask_to_end`] does.
    ///
    /// # Errors
    /// When the job has been run already or its files cannot be used; then nothing was done.
    pub async fn conduct(
        &self,
        process: &Process,
        access: &WriteAccess,
        parts: RunnerParts<'_>,
        cancel: CancellationToken,
    ) -> Result<Outcome, JobError> {
        let spec = self.spec()?;
        let alive = self.take(process)?;
        let mut file = self.progress_file()?;
        let (progress, mut news) = mpsc::unbounded_channel();
        let writes = async {
            while let Some(progress) = news.recv().await {
                if let Err(error) = file.append(&progress) {
                    // Watchers lose sight of it; the journal is what counts.
                    tracing::warn!(%error, "the progress of a job was not written");
                }
            }
        };
        let listens = async {
            let mut beaten = Instant::now();
            loop {
                if self.is_asked_to_end() {
                    cancel.cancel();
                }
                if beaten.elapsed() >= BEAT_INTERVAL {
                    alive.beat();
                    beaten = Instant::now();
                }
                sleep(POLL_INTERVAL).await;
            }
        };
        let runs = Box::pin(run(&spec.request, access, parts, progress, cancel.clone()));
        let acts = async {
            tokio::select! {
                outcome = runs => outcome,
                never = listens => never,
            }
        };
        // The news end with the runner, which holds their only sender.
        let (outcome, ()) = tokio::join!(acts, writes);
        Ok(outcome)
    }
}
