//! Forgetting what is old: only where the operator asks for it, and never in the middle of what is still open.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;

use super::error::JournalError;
use super::journal::Journal;
use crate::action::record::ActionId;

/// What was forgotten.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pruned {
    /// Records.
    pub records: usize,
    /// Bytes.
    pub bytes: u64,
}

/// Enough of a record to know whether it is old.
#[derive(Deserialize)]
struct Head {
    action: ActionId,
    at: Timestamp,
}

impl Journal {
    /// Forgets every record from before `before`, but those of the actions in `open`. What is no record stays. With `dry`
    /// it only tells what it would forget. Others that write wait meanwhile.
    ///
    /// # Errors
    /// When a file cannot be read or written anew; files that were written anew before are whole.
    pub fn prune(&self, before: Timestamp, open: &BTreeSet<ActionId>, dry: bool) -> Result<Pruned, JournalError> {
        let mut pruned = Pruned::default();
        if !self.directory().exists() {
            return Ok(pruned);
        }
        let _held = self.lock()?;
        for (path, file) in self.open_all()? {
            let reported = |source| JournalError::Write { path: path.clone(), source };
            let found = one(&path, file, before, open, dry).map_err(reported)?;
            pruned.records += found.records;
            pruned.bytes += found.bytes;
        }
        self.sync_directory()?;
        Ok(pruned)
    }
}

/// Writes the file at `path` anew without what is old, or removes it where nothing is left.
fn one(path: &Path, file: File, before: Timestamp, open: &BTreeSet<ActionId>, dry: bool) -> io::Result<Pruned> {
    let is_old = |line: &[u8]| {
        serde_json::from_slice::<Head>(line).is_ok_and(|head| head.at < before && !open.contains(&head.action))
    };
    let mut pruned = Pruned::default();
    let mut kept = false;
    let mut lines = BufReader::new(file);
    let mut line = Vec::new();
    while next(&mut lines, &mut line)? {
        if is_old(&line) {
            pruned.records += 1;
            pruned.bytes += line.len() as u64;
        } else {
            kept = true;
        }
    }
    if dry || pruned.records == 0 {
        return Ok(pruned);
    }
    if !kept {
        fs::remove_file(path)?;
        return Ok(pruned);
    }
    let again = path.with_extension("jsonl.new");
    let mut file = BufWriter::new(OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&again)?);
    let mut lines = BufReader::new(File::open(path)?);
    while next(&mut lines, &mut line)? {
        if !is_old(&line) {
            file.write_all(&line)?;
        }
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(&again, path)?;
    Ok(pruned)
}

fn next(lines: &mut impl io::BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    Ok(lines.read_until(b'\n', line)? > 0)
}
