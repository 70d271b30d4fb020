//! Why something could not be written down, or read back.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::owner;

/// Why the journal could not be used. Nothing is done to a cluster while one of these stands.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Its directory cannot be made or made private.
    #[error("the journal's directory {} cannot be used", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its directory is another user's, as after a first run under sudo.
    #[error("{}", owner::remedy(.path, *.owner))]
    Owner {
        /// The directory.
        path: PathBuf,
        /// Number of the user who owns it.
        owner: u32,
    },
    /// The place takes no writing: no right, or a file system that is read-only.
    #[error("the journal {} cannot be opened for writing", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No room is left. What was half written has been taken back.
    #[error("no space left for the journal {}", .path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It was not written, or is not known to be on disk.
    #[error("the journal {} cannot be written", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has held the journal for too long.
    #[error("the journal {} has been locked by another process for {:.1} s", .path.display(), .waited.as_secs_f64())]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// How long was waited.
        waited: Duration,
    },
    /// The record has no written form.
    #[error("the journal record cannot be written as JSON")]
    Form(#[from] serde_json::Error),
    /// It is there and cannot be read.
    #[error("the journal {} cannot be read", .path.display())]
    Read {
        /// File or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What somebody knows of cannot be read, so that it is not written anew either.
    #[error("{} is not a valid acknowledgements file: fix or remove it", .path.display())]
    Acknowledgements {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The writing was cut short inside this program.
    #[error("the journal was not written: {0}")]
    Interrupted(String),
}

impl JournalError {
    /// The error with its cause, in one line.
    pub fn line(&self) -> String {
        match std::error::Error::source(self) {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }
}
