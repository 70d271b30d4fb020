//! The data of a tar archive: a member for each table and large object, uncompressed, behind the table of contents.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};

use super::super::copy_data::{DataForm, read_data};
use super::super::custom::UNKNOWN_WIDTHS;
use super::super::error::ArchiveError;
use super::super::header::read_header;
use super::super::primitives::Primitives;
use super::super::toc::{EntryData, TocEntry, read_toc};
use super::directory::{TOC, is_list, listed};
use super::{BUFFER, DataPart, DataSummary, announces_data, form, missing};

/// What `pg_dump` names a large object's member by.
const LARGE_OBJECT: &str = "blob_";

/// Reads a tar archive from its first byte to its last.
///
/// # Errors
/// Where its header or table of contents cannot be read; what is wrong with its data is in the summary.
pub fn tar(source: &mut (dyn Read + Send)) -> Result<DataSummary, ArchiveError> {
    let mut archive = tar::Archive::new(BufReader::with_capacity(BUFFER, source));
    let mut members = archive.entries()?;
    // It is written first.
    let toc = members.next().ok_or(ArchiveError::NotAnArchive)?.map_err(|_| ArchiveError::NotAnArchive)?;
    if toc.path_bytes().as_ref() != TOC.as_bytes() {
        return Err(ArchiveError::NotAnArchive);
    }
    let mut contents = Primitives::new(BufReader::new(toc), 0, UNKNOWN_WIDTHS);
    let header = read_header(&mut contents)?;
    let entries = read_toc(&mut contents, &header)?;
    let mut reader = Reader { buffer: vec![0; BUFFER], found: BTreeMap::new(), objects: BTreeMap::new() };
    let mut defect = None;
    let by_file = files(&entries);
    for member in members {
        let read = member.and_then(|member| reader.take(member, &by_file));
        if let Err(error) = read {
            defect = Some(error.to_string());
            break;
        }
    }
    let parts = reader.parts(&entries);
    Ok(DataSummary { missing: missing(&entries, &parts), parts, defect })
}

/// Entries by the member that holds their data. A list of large objects is not called what its entry says, but by `pg_dump`'s own
/// rule; before 16 there was one for all.
fn files(entries: &[TocEntry]) -> BTreeMap<String, &TocEntry> {
    let file = |entry: &TocEntry| match &entry.data {
        EntryData::File(Some(_)) if is_list(entry) => Some(format!("blobs_{}.toc", entry.dump_id)),
        EntryData::File(Some(name)) => Some(name.clone()),
        EntryData::File(None) | EntryData::Block(_) => None,
    };
    let announced = || entries.iter().filter(|entry| announces_data(entry));
    let mut files: BTreeMap<_, _> = announced().filter_map(|entry| Some((file(entry)?, entry))).collect();
    if let Some(only) = announced().find(|entry| is_list(entry)) {
        files.insert("blobs.toc".to_owned(), only);
    }
    files
}

struct Reader {
    buffer: Vec<u8>,
    /// Parts by entry; of a list, the large objects that it names.
    found: BTreeMap<i32, (DataPart, Vec<String>)>,
    /// Bytes of each large object.
    objects: BTreeMap<String, u64>,
}

impl Reader {
    fn take(&mut self, mut member: tar::Entry<'_, impl Read>, by_file: &BTreeMap<String, &TocEntry>) -> io::Result<()> {
        let name = String::from_utf8_lossy(&member.path_bytes()).into_owned();
        let announced = member.size();
        let ended = |read: u64| {
            let cut = || io::Error::new(io::ErrorKind::UnexpectedEof, format!("{name} is cut after {read} bytes"));
            if read == announced { Ok(()) } else { Err(cut()) }
        };
        if let Some(entry) = by_file.get(&name) {
            let mut part = DataPart::of(entry);
            let mut names = Vec::new();
            if is_list(entry) {
                names = listed(&mut BufReader::new(&mut member))?;
            } else {
                let read = read_data(&mut member, form(entry), &mut self.buffer)?;
                ended(read.bytes)?;
                part.take_rows(Ok(read));
            }
            self.found.insert(entry.dump_id, (part, names));
        } else if name.starts_with(LARGE_OBJECT) {
            let read = read_data(&mut member, DataForm::Raw, &mut self.buffer)?;
            ended(read.bytes)?;
            self.objects.insert(name, read.bytes);
        }
        Ok(())
    }

    /// In the order of the table of contents. A list may stand before or behind what it names.
    fn parts(mut self, entries: &[TocEntry]) -> Vec<DataPart> {
        let mut parts = Vec::new();
        for entry in entries {
            let Some((mut part, names)) = self.found.remove(&entry.dump_id) else { continue };
            if is_list(entry) {
                let bytes: Option<u64> = names.iter().map(|name| self.objects.get(name)).sum();
                part.large_objects = Some(names.len() as u64);
                part.bytes = bytes.unwrap_or(0);
                if bytes.is_none() {
                    part.defect = Some("large objects of its list are not there".to_owned());
                }
            }
            parts.push(part);
        }
        parts
    }
}
