//! Whether a job's process lives.
//!
//! A number alone may belong to somebody else by now, and says nothing where the state directory is shared by hosts. The
//! kernel gives a lock back when its holder ends, however that ends, so the lock is the proof; process, start time and
//! host are kept beside it for people.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Job;
use super::error::JobError;
use super::files::PROGRESS;

/// Name of the file that the process holds locked.
const ALIVE: &str = "alive";

/// The process of a job.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Process {
    /// Number.
    pub pid: u32,
    /// When it started, in the kernel's clock ticks since boot; `None` where the system does not tell.
    pub started: Option<u64>,
    /// Host.
    pub host: String,
}

impl Process {
    /// This process, on `host`.
    pub fn this(host: &str) -> Self {
        let pid = std::process::id();
        Self { pid, started: start_of(pid), host: host.to_owned() }
    }
}

/// Field 22 of `/proc/PID/stat`; the name in field 2 may hold blanks and brackets, so counting begins after its end.
fn start_of(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Held by the process that runs a job, for as long as it lives.
#[derive(Debug)]
pub struct LivenessLock {
    lock: File,
    text: Vec<u8>,
}

impl LivenessLock {
    /// Shows to other hosts that it lives, by the time at which its file was written last.
    pub(super) fn beat(&self) {
        use std::os::unix::fs::FileExt as _;
        // Nothing hangs on one of them.
        let _ = self.lock.write_all_at(&self.text, 0);
    }
}

/// What the lock tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Liveness {
    /// No process has taken the job yet.
    NeverStarted,
    /// One has, and lives.
    Running(Option<Process>),
    /// One had, and is gone.
    Exited(Option<Process>),
    /// One of another host had, and was heard of not long ago. A lock may not reach from host to host (NFS with local locks,
    /// some CIFS), so that a free one proves nothing.
    Elsewhere(Process),
}

/// How often a job shows that it lives.
pub(super) const BEAT_INTERVAL: Duration = Duration::from_secs(30);
/// After this long without a sign of life a process of another host counts as gone.
const STALE_AFTER: Duration = Duration::from_secs(300);

/// Name of this host, as `uname -n` has it; `None` where the system does not tell.
fn here() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Whether `process` belongs to another host and wrote to its file at `path` not long ago.
fn may_live_elsewhere(process: &Process, path: &Path) -> bool {
    let is_ours = here().is_none_or(|here| here == process.host);
    let written = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    // One from the future was written just now, by another clock.
    !is_ours && written.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < STALE_AFTER) || at.elapsed().is_err())
}

impl Job {
    /// Takes the job for `process`, which is about to run it.
    ///
    /// # Errors
    /// When another process has taken it, now or ever, or nothing can be written.
    pub fn take(&self, process: &Process) -> Result<LivenessLock, JobError> {
        let path = self.directory().join(ALIVE);
        let reported = |source| JobError::Write { path: path.clone(), source };
        let taken = || JobError::AlreadyRun { action: self.action.clone() };
        // Never made anew: who finds it there comes second.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let mut file =
            file.map_err(|error| if error.kind() == ErrorKind::AlreadyExists { taken() } else { reported(error) })?;
        if self.directory().join(PROGRESS).exists() {
            return Err(taken());
        }
        // Somebody may be looking at it for a moment.
        file.lock().map_err(reported)?;
        let text = serde_json::to_vec(process)?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(reported)?;
        Ok(LivenessLock { lock: file, text })
    }

    pub(super) fn liveness(&self) -> Result<Liveness, JobError> {
        let path = self.directory().join(ALIVE);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Liveness::NeverStarted),
            Err(source) => return Err(JobError::Read { path, source }),
        };
        let process = std::fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        match file.try_lock_shared() {
            // Made and not yet locked: it is about to be.
            Ok(()) if process.is_none() => Ok(Liveness::NeverStarted),
            Ok(()) => Ok(match process {
                Some(process) if may_live_elsewhere(&process, &path) => Liveness::Elsewhere(process),
                process => Liveness::Exited(process),
            }),
            Err(TryLockError::WouldBlock) => Ok(Liveness::Running(process)),
            Err(TryLockError::Error(source)) => Err(JobError::Read { path, source }),
        }
    }
}
