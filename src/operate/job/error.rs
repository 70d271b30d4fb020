//! What can be wrong with a job's files.

use std::io;
use std::path::PathBuf;

use crate::action::record::ActionId;
use crate::audit::{JournalError, owner};

/// Why a job cannot be made, run or read.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// A file or directory of it cannot be written.
    #[error("{} cannot be written", .path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The state directory is another user's.
    #[error("{}", owner::remedy(.path, *.owner))]
    Owner {
        /// The directory.
        path: PathBuf,
        /// Number of the user who owns it.
        owner: u32,
    },
    /// A file or directory of it cannot be read.
    #[error("{} cannot be read", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is a job of this name.
    #[error("job {action} already exists")]
    Exists {
        /// Its action.
        action: ActionId,
    },
    /// This cannot be the name of an action.
    #[error("\"{action}\" is not a valid action ID")]
    Name {
        /// What was given.
        action: ActionId,
    },
    /// It runs, or ran: a job is run once.
    #[error("job {action} has already been run; it is never run twice")]
    AlreadyRun {
        /// Its action.
        action: ActionId,
    },
    /// Written by another version of this program.
    #[error("job {action} was written by another version of this program")]
    Schema {
        /// Its action.
        action: ActionId,
    },
    /// The journal cannot tell what was done.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The reading was cut short inside this program.
    #[error("the job was not read: {0}")]
    Interrupted(String),
    /// The form of a file is not the expected one.
    #[error("a file of the job is not readable")]
    Form(#[from] serde_json::Error),
}
