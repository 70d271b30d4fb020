//! Watching a job, from any process of its owner.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::Job;
use super::error::JobError;
use super::files::PROGRESS;
use super::leftovers::{JobState, Leftovers};
use super::tail::Tail;
use crate::action::outcome::Outcome;
use crate::audit::Journal;
use crate::operate::progress::Progress;

/// Pause between two looks.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// How watching ended.
#[derive(Clone, PartialEq, Debug)]
pub enum FollowEnd {
    /// The job is over.
    Ended(Outcome),
    /// Its process is gone without having told an end.
    Died(Box<Leftovers>),
    /// No process took it in time: nothing was done.
    NeverStarted,
}

impl Job {
    /// Passes on all news, those from before among them, until the job is over. `patience`: how long its process may take
    /// to begin. Dropping the future ends the watching and nothing else. The files are read apart from whoever waits: a
    /// home directory that hangs holds up the news and nothing more.
    ///
    /// # Errors
    /// When its files cannot be read.
    pub async fn follow(
        &self,
        journal: &Journal,
        news: &mpsc::UnboundedSender<Progress>,
        time_limit: Duration,
    ) -> Result<FollowEnd, JobError> {
        let began = Instant::now();
        let mut watcher =
            Watcher { job: self.clone(), journal: journal.clone(), tail: Tail::of(self.directory().join(PROGRESS)) };
        loop {
            let looks = tokio::task::spawn_blocking(move || {
                let looked = watcher.poll();
                (watcher, looked)
            });
            let looked;
            (watcher, looked) = looks.await.map_err(|error| JobError::Interrupted(error.to_string()))?;
            let (state, all) = looked?;
            for progress in all {
                // Nobody listening any more changes nothing for the job.
                let _ = news.send(progress);
            }
            match state {
                JobState::Ended { outcome, .. } => return Ok(FollowEnd::Ended(outcome)),
                JobState::Died(leftovers) => return Ok(FollowEnd::Died(leftovers)),
                JobState::Waiting if began.elapsed() >= time_limit => return Ok(FollowEnd::NeverStarted),
                JobState::Waiting | JobState::Running(_) | JobState::Elsewhere(_) => sleep(POLL_INTERVAL).await,
            }
        }
    }
}

/// Looks at a job again and again, each time at what is new.
struct Watcher {
    job: Job,
    journal: Journal,
    tail: Tail,
}

impl Watcher {
    fn poll(&mut self) -> Result<(JobState, Vec<Progress>), JobError> {
        // The state first: what was written before it ended is then among the news.
        let state = self.job.state(&self.journal)?;
        Ok((state, self.tail.news()?))
    }
}
