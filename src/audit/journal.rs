//! The file: appended to by any number of processes, rotated by size, never shortened and never deleted.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::JournalError;
use super::owner;
use crate::action::record::Record;

/// Size at which the file is put aside and a new one begun.
const MAX_SIZE: u64 = 8 << 20;
/// How long to wait for another process to finish its line.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Pause between two looks at a lock that is taken.
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(2);

/// Name of the file that is written.
pub(super) const CURRENT: &str = "audit.jsonl";
/// Beginning and end of the names of files put aside; a number that counts up stands between.
pub(super) const ROTATED_NAME: (&str, &str) = ("audit-", ".jsonl");
/// Held while a line is written. A file of its own, since the journal itself is renamed.
const LOCK: &str = "audit.lock";

/// The journal in one directory.
#[derive(Clone, Debug)]
pub struct Journal {
    directory: PathBuf,
    largest: u64,
    time_limit: Duration,
}

impl Journal {
    /// The journal kept in `directory`, which is made when the first record is written.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), largest: MAX_SIZE, time_limit: TIMEOUT }
    }

    /// The same, put aside at `largest` bytes.
    #[must_use]
    pub fn rotated_at(self, largest: u64) -> Self {
        Self { largest, ..self }
    }

    /// The file that is written.
    pub fn path(&self) -> PathBuf {
        self.directory.join(CURRENT)
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes `record` as one line and returns when it is on disk.
    ///
    /// # Errors
    /// When it is not on disk. What had been written of it is taken back where the disk allows.
    pub fn append(&self, record: &Record) -> Result<(), JournalError> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        self.prepare()?;
        let _held = self.lock()?;
        self.rotate(line.len() as u64)?;
        let path = self.path();
        let (mut file, is_new) = open(&path)?;
        // A process that died while it wrote left half a line: the next record must not become part of it.
        if is_torn(&mut file).map_err(|source| JournalError::Open { path: path.clone(), source })? {
            line.insert(0, b'\n');
        }
        let before = file.metadata().map(|metadata| metadata.len());
        if let Err(source) = file.write_all(&line) {
            if let Ok(before) = before {
                // Where this fails too, readers pass over the half line.
                let _ = file.set_len(before);
            }
            return Err(match source.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => JournalError::Full { path, source },
                _ => JournalError::Write { path, source },
            });
        }
        if let Err(source) = file.sync_all() {
            // What is told not to be on disk must not be read there later: the step that it announces is not made.
            if let Ok(before) = before {
                let _ = file.set_len(before);
            }
            return Err(JournalError::Write { path, source });
        }
        if is_new { self.sync_directory() } else { Ok(()) }
    }

    /// Makes the directory, readable by its owner alone.
    pub(super) fn prepare(&self) -> Result<(), JournalError> {
        let reported = |source| JournalError::Directory { path: self.directory.clone(), source };
        if let Some(owner) = owner::foreign(&self.directory) {
            return Err(JournalError::Owner { path: self.directory.clone(), owner });
        }
        let mode = match std::fs::metadata(&self.directory) {
            Ok(metadata) => metadata.permissions().mode(),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(0o700).create(&self.directory).map_err(reported)?;
                if let Some(parent) = self.directory.parent() {
                    // The new entry must survive as well; a parent that cannot be opened is no reason to refuse.
                    let _ = File::open(parent).and_then(|parent| parent.sync_all());
                }
                return Ok(());
            }
            Err(error) => return Err(reported(error)),
        };
        // Saved screens may have made it before, as wide as the umask let them.
        if is_private(mode) {
            return Ok(());
        }
        std::fs::set_permissions(&self.directory, Permissions::from_mode(0o700)).map_err(reported)
    }

    /// Waits for the journal's lock, which ends with its holder however that ends.
    pub(super) fn lock(&self) -> Result<File, JournalError> {
        let path = self.directory.join(LOCK);
        let reported = |source| JournalError::Open { path: path.clone(), source };
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(reported)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if began.elapsed() >= self.time_limit => {
                    return Err(JournalError::Busy { path, waited: self.time_limit });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_RETRY_INTERVAL),
                Err(TryLockError::Error(source)) => return Err(reported(source)),
            }
        }
    }

    /// Puts the file aside under the next free number where `coming` more bytes would make it too large.
    fn rotate(&self, coming: u64) -> Result<(), JournalError> {
        let path = self.path();
        let size = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if size == 0 || size + coming <= self.largest {
            return Ok(());
        }
        let next = numbers(&self.directory)?.last().map_or(1, |newest| newest + 1);
        let aside = self.directory.join(format!("{}{next:06}{}", ROTATED_NAME.0, ROTATED_NAME.1));
        std::fs::rename(&path, &aside).map_err(|source| JournalError::Write { path, source })?;
        self.sync_directory()
    }

    pub(super) fn sync_directory(&self) -> Result<(), JournalError> {
        let sync = || File::open(&self.directory)?.sync_all();
        sync().map_err(|source| JournalError::Directory { path: self.directory.clone(), source })
    }
}

/// Opens for appending, private to its owner; true where the file was not there.
fn open(path: &Path) -> Result<(File, bool), JournalError> {
    let reported = |source| JournalError::Open { path: path.to_owned(), source };
    let is_new = !path.exists();
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).map_err(reported)?;
    let metadata = file.metadata().map_err(reported)?;
    if metadata.is_file() && !is_private(metadata.permissions().mode()) {
        file.set_permissions(Permissions::from_mode(0o600)).map_err(reported)?;
    }
    Ok((file, is_new))
}

/// Whether nobody but the owner may do anything.
fn is_private(mode: u32) -> bool {
    mode.trailing_zeros() >= 6
}

/// Whether the file ends in the middle of a line.
fn is_torn(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != [b'\n'])
}

/// Numbers of the files put aside, oldest first.
pub(super) fn numbers(directory: &Path) -> Result<Vec<u64>, JournalError> {
    let reported = |source| JournalError::Read { path: directory.to_owned(), source };
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(reported)? {
        let name = entry.map_err(reported)?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(ROTATED_NAME.0)?.strip_suffix(ROTATED_NAME.1));
        let number = number.and_then(|number| number.parse::<u64>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}
