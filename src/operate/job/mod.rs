//! Jobs: an action in a process of its own, so that a console that goes away takes nothing with it.
//!
//! A job is a directory that only its owner can read. Its specification is on disk before the process starts; progress and
//! debts are appended while it runs; a lock that lives and dies with the process tells whether it is alive. A job is run
//! once: one that died is looked at, never begun again.

mod attach;
mod diagnostics;
mod error;
mod files;
mod guarded;
mod leftovers;
mod liveness;
mod prune;
mod run;
mod store;
mod tail;
#[cfg(test)]
pub(in crate::operate) mod tests;
mod undo;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use attach::FollowEnd;
pub use error::JobError;
pub use files::{ProgressFile, UndoFile};
pub use leftovers::{JobState, Leftovers};
pub use liveness::{LivenessLock, Process};
pub use store::{FileJobStore, line};
pub use undo::{elsewhere, mark_all_undone, mark_reverted, recording_undo};

use super::runner::Request;
use crate::action::record::ActionId;
use crate::audit::owner;

/// What a job is to do, and how its process finds the same cluster.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct JobSpec {
    /// Version of this form.
    pub schema: u32,
    /// The action.
    pub request: Request,
    /// When it was asked for.
    pub at: Timestamp,
    /// Arguments by which the console found its configuration, for the job to find the same. Never a secret.
    pub arguments: Vec<String>,
}

/// The version written.
pub const SCHEMA: u32 = 1;

/// All jobs of one user on one host.
#[derive(Clone, Debug)]
pub struct Jobs {
    directory: PathBuf,
}

/// One job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    /// Its action.
    pub action: ActionId,
    directory: PathBuf,
}

impl Jobs {
    /// The jobs below `state`, the program's state directory.
    pub fn below(state: &Path) -> Self {
        Self { directory: state.join("jobs") }
    }

    /// Writes down what is to be done. Nothing runs yet.
    ///
    /// # Errors
    /// When it is not on disk, or an action of this name has a job already.
    pub fn create(&self, spec: &JobSpec) -> Result<Job, JobError> {
        let text = serde_json::to_vec(spec)?;
        let reported = |path: &Path| {
            let path = path.to_owned();
            move |source| JobError::Write { path, source }
        };
        let private = |recursive| {
            let mut builder = DirBuilder::new();
            builder.recursive(recursive).mode(0o700);
            builder
        };
        let state = self.directory.parent().unwrap_or(&self.directory);
        for directory in [state, &self.directory] {
            if let Some(owner) = owner::foreign(directory) {
                return Err(JobError::Owner { path: directory.to_owned(), owner });
            }
        }
        private(true).create(&self.directory).map_err(reported(&self.directory))?;
        let job = self.job(&spec.request.action)?;
        private(false).create(&job.directory).map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => JobError::Exists { action: job.action.clone() },
            _ => reported(&job.directory)(source),
        })?;
        let path = job.directory.join(SPEC);
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(&text)?;
            file.sync_all()?;
            File::open(&job.directory)?.sync_all()?;
            File::open(&self.directory)?.sync_all()
        };
        if let Err(source) = write() {
            // Half a specification would be listed, and looked at in vain, for ever.
            let _ = std::fs::remove_file(&path);
            let _ = std::fs::remove_dir(&job.directory);
            return Err(reported(&path)(source));
        }
        Ok(job)
    }

    /// The job of `action`, which may not exist.
    ///
    /// # Errors
    /// When `action` is no name of an action: it would lead out of the directory.
    pub fn job(&self, action: &ActionId) -> Result<Job, JobError> {
        let is_name = !action.0.is_empty() && action.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_name {
            return Err(JobError::Name { action: action.clone() });
        }
        Ok(Job { action: action.clone(), directory: self.directory.join(&action.0) })
    }

    /// Every job, oldest name first.
    ///
    /// # Errors
    /// When the directory is there and cannot be read.
    pub fn list(&self) -> Result<Vec<Job>, JobError> {
        let reported = |source| JobError::Read { path: self.directory.clone(), source };
        let entries = match std::fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(reported(source)),
        };
        let mut jobs = Vec::new();
        for entry in entries {
            let name = entry.map_err(reported)?.file_name();
            // What is no job is somebody else's.
            jobs.extend(name.into_string().ok().and_then(|name| self.job(&ActionId(name)).ok()));
        }
        jobs.sort_by(|a, b| a.action.cmp(&b.action));
        Ok(jobs)
    }
}

/// Name of the file with the specification.
const SPEC: &str = "job.json";

impl Job {
    /// What it is to do.
    ///
    /// # Errors
    /// When that cannot be read, or was written by another version.
    pub fn spec(&self) -> Result<JobSpec, JobError> {
        let path = self.directory.join(SPEC);
        let text = std::fs::read(&path).map_err(|source| JobError::Read { path, source })?;
        // The version first: another form may differ in everything else.
        let value: serde_json::Value = serde_json::from_slice(&text)?;
        if value.get("schema").and_then(serde_json::Value::as_u64) != Some(u64::from(SCHEMA)) {
            return Err(JobError::Schema { action: self.action.clone() });
        }
        Ok(serde_json::from_value(value)?)
    }

    /// Whether it was ever written down, and is still kept.
    pub fn exists(&self) -> bool {
        self.directory.join(SPEC).exists()
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes down that its operator knows that it died.
    ///
    /// # Errors
    /// When that cannot be written down.
    pub fn acknowledge(&self) -> Result<(), JobError> {
        self.touch(ACKNOWLEDGED)
    }

    /// Whether somebody said that they know.
    pub fn is_acknowledged(&self) -> bool {
        self.directory.join(ACKNOWLEDGED).exists()
    }

    /// Asks the running job to end, as far as it still can: any console of the user may.
    ///
    /// # Errors
    /// When that cannot be written down.
    pub fn ask_to_end(&self) -> Result<(), JobError> {
        self.touch(CANCEL)
    }

    fn touch(&self, name: &str) -> Result<(), JobError> {
        let path = self.directory.join(name);
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
        file.map(|_| ()).map_err(|source| JobError::Write { path, source })
    }

    /// Whether somebody asked it to end.
    pub fn is_asked_to_end(&self) -> bool {
        self.directory.join(CANCEL).exists()
    }
}

/// A file that asks the job to end by being there.
const CANCEL: &str = "cancel";
/// A file that tells by being there that the death of the job is known.
const ACKNOWLEDGED: &str = "acknowledged";
