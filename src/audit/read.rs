//! Reading the journal back: everything that can be read, and where something could not.

use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::backwards::ReverseLines;
use super::error::JournalError;
use super::journal::{Journal, ROTATED_NAME, numbers};
use crate::action::record::{ActionId, Entry, Record, SCHEMA};

/// How far the clocks of two hosts that share a journal may be apart, with room to spare.
const SKEW: SignedDuration = SignedDuration::from_hours(24);

/// A line that is no record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Defect {
    /// File.
    pub path: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub text: String,
}

/// What the journal holds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Reading {
    /// Records, oldest first.
    pub records: Vec<Record>,
    /// Lines that are no records: each is told, none ends the reading.
    pub defects: Vec<Defect>,
}

impl Journal {
    /// Reads every file, the ones put aside first. A journal that was never written is an empty one. Half a line at the
    /// very end is passed over: somebody is writing it, or died while writing it.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub fn read(&self) -> Result<Reading, JournalError> {
        let mut reading = Reading::default();
        if !self.directory().exists() {
            return Ok(reading);
        }
        for (path, file) in self.open_all()? {
            lines(&path, file, &mut reading)?;
        }
        Ok(reading)
    }

    /// Hands every record to `take`, the newest first, until it says that it has seen enough. Lines that are no records are
    /// passed over.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub fn newest_first(&self, mut take: impl FnMut(Record) -> ControlFlow<()>) -> Result<(), JournalError> {
        if !self.directory().exists() {
            return Ok(());
        }
        for (path, file) in self.open_all()?.into_iter().rev() {
            let reported = |source| JournalError::Read { path: path.clone(), source };
            for line in ReverseLines::of(file).map_err(reported)? {
                let Ok(Some(record)) = record(&line.map_err(reported)?) else { continue };
                if take(record).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The records of `action`, oldest first. It was asked for at `asked`; what is far older is not read.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub fn records_of(&self, action: &ActionId, asked: Timestamp) -> Result<Vec<Record>, JournalError> {
        let mut found = Vec::new();
        self.newest_first(|record| {
            if asked.duration_since(record.at) > SKEW {
                return ControlFlow::Break(());
            }
            if record.action == *action {
                let first = matches!(record.entry, Entry::Started { .. } | Entry::Refused { .. });
                found.push(record);
                if first {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        found.reverse();
        Ok(found)
    }

    /// Opens every file, oldest first; begins again where one was put aside meanwhile, so that none is missed and none
    /// read twice. Takes no lock: reading must not keep anybody from acting.
    pub(super) fn open_all(&self) -> Result<Vec<(PathBuf, File)>, JournalError> {
        loop {
            let known = numbers(self.directory())?;
            let aside = known
                .iter()
                .map(|number| self.directory().join(format!("{}{number:06}{}", ROTATED_NAME.0, ROTATED_NAME.1)));
            let mut opened = Vec::new();
            for path in aside.chain([self.path()]) {
                match File::open(&path) {
                    Ok(file) => opened.push((path, file)),
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(source) => return Err(JournalError::Read { path, source }),
                }
            }
            if numbers(self.directory())? == known {
                return Ok(opened);
            }
        }
    }
}

fn lines(path: &Path, file: File, reading: &mut Reading) -> Result<(), JournalError> {
    let mut file = BufReader::new(file);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let reported = |source| JournalError::Read { path: path.to_owned(), source };
        if file.read_until(b'\n', &mut line).map_err(reported)? == 0 {
            break;
        }
        let is_whole = line.ends_with(b"\n");
        match record(&line) {
            Ok(record) => reading.records.extend(record),
            Err(_) if !is_whole => {}
            Err(text) => reading.defects.push(Defect { path: path.to_owned(), line: number, text }),
        }
    }
    Ok(())
}

/// The record on one line; `None`: the line is empty.
fn record(line: &[u8]) -> Result<Option<Record>, String> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    // The version first: a newer form may differ in everything else.
    let value: serde_json::Value = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    match value.get("schema").and_then(serde_json::Value::as_u64) {
        Some(schema) if schema == u64::from(SCHEMA) => {}
        Some(schema) => return Err(format!("written in format {schema}, this program reads format {SCHEMA}")),
        None => return Err("not a record of an action".to_owned()),
    }
    serde_json::from_value(value).map(Some).map_err(|error| error.to_string())
}
