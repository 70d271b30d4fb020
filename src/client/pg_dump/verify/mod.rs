//! Reading all data of a dump: every part to its end, decompressed, its rows counted.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::copy_data::{DataForm, ReadData};
use super::primitives::Offset;
use super::toc::{EntryData, TocEntry};

mod custom;
mod directory;
mod tar;

pub use custom::{custom, custom_file};
pub use directory::directory;
pub use tar::tar;

/// Held of decompressed data at once.
const BUFFER: usize = 128 * 1024;

/// The data of one entry, as read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataPart {
    /// Entry.
    pub dump_id: i32,
    /// Its name.
    pub name: String,
    /// Bytes, decompressed.
    pub bytes: u64,
    /// Rows, where they are written as COPY has them.
    pub rows: Option<u64>,
    /// Large objects, where it is a block of those.
    pub large_objects: Option<u64>,
    /// What is wrong with it.
    pub defect: Option<String>,
}

/// All data of an archive, as read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DataSummary {
    /// Part by part, in the order of the archive.
    pub parts: Vec<DataPart>,
    /// Entries whose data are not there.
    pub missing: Vec<String>,
    /// What is wrong with the archive beside that.
    pub defect: Option<String>,
}

impl DataSummary {
    /// Whether all that the table of contents announces was read to its end.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.defect.is_none() && self.parts.iter().all(|part| part.defect.is_none())
    }
}

type KnownEntries<'a> = BTreeMap<i32, &'a TocEntry>;

fn by_id(entries: &[TocEntry]) -> KnownEntries<'_> {
    entries.iter().map(|entry| (entry.dump_id, entry)).collect()
}

/// Whether the archive announces data of it.
fn announces_data(entry: &TocEntry) -> bool {
    entry.has_data && !matches!(entry.data, EntryData::Block(Offset::NoData) | EntryData::File(None))
}

/// The names of the entries whose data are announced and are not among `parts`.
fn missing(entries: &[TocEntry], parts: &[DataPart]) -> Vec<String> {
    let found: BTreeSet<i32> = parts.iter().map(|part| part.dump_id).collect();
    let announced = entries.iter().filter(|entry| announces_data(entry));
    announced.filter(|entry| !found.contains(&entry.dump_id)).map(|entry| entry.tag.clone()).collect()
}

/// How the data of `entry` are written.
fn form(entry: &TocEntry) -> DataForm {
    if entry.is_copied { DataForm::Copy } else { DataForm::Statements }
}

impl DataPart {
    fn of(entry: &TocEntry) -> Self {
        Self {
            dump_id: entry.dump_id,
            name: entry.tag.clone(),
            bytes: 0,
            rows: None,
            large_objects: None,
            defect: None,
        }
    }

    /// What reading the rows of a table came to.
    fn take_rows(&mut self, read: io::Result<ReadData>) {
        match read {
            Ok(read) => {
                (self.bytes, self.rows) = (read.bytes, read.rows);
                if !read.is_complete {
                    let after =
                        read.rows.map_or_else(|| format!("{} bytes", read.bytes), |rows| format!("{rows} rows"));
                    self.defect = Some(format!("it is cut after {after}"));
                }
            }
            Err(error) => self.defect = Some(error.to_string()),
        }
    }
}
