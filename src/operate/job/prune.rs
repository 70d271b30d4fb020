//! Jobs that are long over go away; the journal still has what they did.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::error::JobError;
use super::{Job, JobState, Jobs};
use crate::action::record::ActionId;
use crate::audit::Journal;

impl Jobs {
    /// Removes the files of every job from before `before` that is settled: it is over, or died and its operator knows it,
    /// and owes nothing. At most `most` of them, the oldest first, so that nobody waits for long. Returns how many.
    ///
    /// # Errors
    /// When the directory cannot be read. What cannot be read or removed stays.
    pub fn prune(&self, journal: &Journal, before: Timestamp, most: usize) -> Result<usize, JobError> {
        let mut removed = 0;
        for job in self.list()? {
            if removed == most {
                break;
            }
            match job.spec() {
                Ok(spec) if spec.at < before => {}
                // Named by their time: from here on all are younger.
                Ok(_) => break,
                // Of another version, or of somebody else.
                Err(_) => continue,
            }
            if job.is_settled(journal) && std::fs::remove_dir_all(job.directory()).is_ok() {
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// The actions of jobs that are not settled: what the journal knows of them is still needed.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn unsettled(&self, journal: &Journal) -> Result<BTreeSet<ActionId>, JobError> {
        let jobs = self.list()?.into_iter();
        Ok(jobs.filter(|job| !job.is_settled(journal)).map(|job| job.action).collect())
    }
}

impl Job {
    /// Whether nothing can come of it any more. What cannot be told is not settled.
    fn is_settled(&self, journal: &Journal) -> bool {
        let owes_nothing = self.pending_undo().is_ok_and(|pending_undo| pending_undo.is_empty());
        owes_nothing
            && match self.state(journal) {
                Ok(JobState::Ended { .. } | JobState::Waiting) => true,
                Ok(JobState::Died(_)) => self.is_acknowledged(),
                // Another host's is its own to settle.
                Ok(JobState::Running(_) | JobState::Elsewhere(_)) | Err(_) => false,
            }
    }
}
