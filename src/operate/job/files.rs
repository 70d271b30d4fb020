//! What a running job writes: news and debts, a line each.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Job;
use super::error::JobError;
use crate::action::order::Order;
use crate::audit::{JournalError, ReverseLines};
use crate::operate::progress::Progress;
use crate::operate::undo::{UndoBook, UndoResult};

/// Name of the file with the news.
pub(super) const PROGRESS: &str = "progress.jsonl";
/// Name of the file with the debts.
const UNDO: &str = "undo.jsonl";

/// One line of the book of debts.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "entry")]
enum UndoEntry {
    /// From here on it is owed.
    #[serde(rename = "owed")]
    Pending {
        /// Index in the plan.
        step: usize,
        /// How it is paid.
        order: Box<Order>,
    },
    /// From here on it is not.
    #[serde(rename = "settled")]
    Done {
        /// Index in the plan.
        step: usize,
        /// Why.
        how: UndoResult,
    },
}

/// Where the news of a job are written.
#[derive(Debug)]
pub struct ProgressFile(File);

impl ProgressFile {
    /// Writes one piece of news, for whoever watches. Not synced: what must survive is in the journal.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn append(&mut self, progress: &Progress) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(progress)?;
        line.push(b'\n');
        self.0.write_all(&line)
    }
}

/// The book of debts of a job.
#[derive(Clone, Debug)]
pub struct UndoFile {
    path: PathBuf,
}

impl UndoFile {
    fn append(&self, debt: &UndoEntry) -> Result<(), JournalError> {
        let mut line = serde_json::to_vec(debt)?;
        line.push(b'\n');
        let reported = |source: std::io::Error| match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => JournalError::Full { path: self.path.clone(), source },
            _ => JournalError::Write { path: self.path.clone(), source },
        };
        let mut file = append_to(&self.path).map_err(reported)?;
        let before = file.metadata().map_err(reported)?.len();
        // A process that died while it wrote left half a line: this one must not become part of it.
        if is_torn(&self.path, before).map_err(reported)? {
            line.insert(0, b'\n');
        }
        if let Err(source) = file.write_all(&line).and_then(|()| file.sync_all()) {
            // What is not on disk is not owed: the step is not made.
            let _ = file.set_len(before);
            return Err(reported(source));
        }
        // The file's entry in its directory, too. Cheap, and right also for the first line.
        let directory = self.path.parent().unwrap_or(Path::new("."));
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(reported)
    }

    fn append_apart(&self, debt: UndoEntry) -> BoxFuture<'static, Result<(), JournalError>> {
        let book = self.clone();
        async move {
            let written = tokio::task::spawn_blocking(move || book.append(&debt)).await;
            written.unwrap_or_else(|error| Err(JournalError::Interrupted(error.to_string())))
        }
        .boxed()
    }
}

impl UndoBook for UndoFile {
    fn record_pending_undo<'a>(&'a mut self, step: usize, order: &'a Order) -> BoxFuture<'a, Result<(), JournalError>> {
        self.append_apart(UndoEntry::Pending { step, order: Box::new(order.clone()) })
    }

    fn mark_done(&mut self, step: usize, how: UndoResult) -> BoxFuture<'_, Result<(), JournalError>> {
        self.append_apart(UndoEntry::Done { step, how })
    }
}

/// Whether the file at `path`, of `length` bytes, ends in the middle of a line.
fn is_torn(path: &Path, length: u64) -> std::io::Result<bool> {
    use std::os::unix::fs::FileExt as _;
    let Some(last) = length.checked_sub(1) else { return Ok(false) };
    let mut byte = [0];
    File::open(path)?.read_exact_at(&mut byte, last)?;
    Ok(byte != [b'\n'])
}

fn append_to(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

impl Job {
    /// Opens the file for its news.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn progress_file(&self) -> Result<ProgressFile, JobError> {
        let path = self.directory().join(PROGRESS);
        append_to(&path).map(ProgressFile).map_err(|source| JobError::Write { path, source })
    }

    /// Its book of debts.
    pub fn undo_file(&self) -> UndoFile {
        UndoFile { path: self.directory().join(UNDO) }
    }

    /// All news so far.
    ///
    /// # Errors
    /// When they are there and cannot be read.
    pub fn progress(&self) -> Result<Vec<Progress>, JobError> {
        lines(&self.directory().join(PROGRESS))
    }

    /// The last pieces of news, the newest first, `most` of them.
    ///
    /// # Errors
    /// When they are there and cannot be read.
    pub fn last_progress(&self, most: usize) -> Result<Vec<Progress>, JobError> {
        let path = self.directory().join(PROGRESS);
        let reported = |source| JobError::Read { path: path.clone(), source };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(reported(source)),
        };
        let lines = ReverseLines::of(file).map_err(reported)?.take(most);
        lines.map(|line| serde_json::from_slice(&line.map_err(reported)?).map_err(JobError::from)).collect()
    }

    /// What is owed, in the order in which it came to be.
    ///
    /// # Errors
    /// When that is there and cannot be read.
    pub fn pending_undo(&self) -> Result<Vec<(usize, Order)>, JobError> {
        let mut pending_undo: Vec<(usize, Order)> = Vec::new();
        for debt in lines(&self.directory().join(UNDO))? {
            match debt {
                UndoEntry::Pending { step, order } => pending_undo.push((step, *order)),
                UndoEntry::Done { step, .. } => pending_undo.retain(|(known, _)| *known != step),
            }
        }
        Ok(pending_undo)
    }
}

/// Every whole line. Half a line at the end is of a process that writes it, or died while it wrote it.
fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, JobError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(JobError::Read { path: path.to_owned(), source }),
    };
    let whole = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    // Half a line in the middle is of a process that died, before another wrote on: what it was to say was not said.
    let whole = whole.map(serde_json::from_slice).filter(|line: &Result<T, serde_json::Error>| {
        line.as_ref().err().is_none_or(|error| !(error.is_syntax() || error.is_eof()))
    });
    whole.map(|line| line.map_err(JobError::from)).collect()
}
