//! Whether somebody stands guard over a job: a lock that lives and dies with the guard's process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;

use super::Job;
use super::error::JobError;

/// Name of the file that the guard holds locked.
const GUARD: &str = "guard";

/// Held by the process that stands guard.
#[derive(Debug)]
pub struct OnGuard {
    _lock: File,
}

impl Job {
    /// Takes the guard's place. Several may stand guard: what one has paid is not owed any more.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn on_guard(&self) -> Result<OnGuard, JobError> {
        let path = self.directory().join(GUARD);
        let reported = |source| JobError::Write { path: path.clone(), source };
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(reported)?;
        file.lock_shared().map_err(reported)?;
        Ok(OnGuard { _lock: file })
    }

    /// Whether somebody stands guard now.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn is_guarded(&self) -> Result<bool, JobError> {
        let path = self.directory().join(GUARD);
        let reported = |source| JobError::Read { path: path.clone(), source };
        let file = match OpenOptions::new().write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(reported(source)),
        };
        match file.try_lock() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(source)) => Err(reported(source)),
        }
    }
}
