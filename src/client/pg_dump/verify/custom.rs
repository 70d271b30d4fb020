//! The data of a custom archive: block after block, or a table each by several threads.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt as _;

use super::super::super::parallel;
use super::super::compression::{Wrapping, decompressed};
use super::super::copy_data::{DataForm, ReadData, read_data};
use super::super::custom::{BlockHead, BlockKind, Chunks, UNKNOWN_WIDTHS, next_block, next_large_object};
use super::super::error::ArchiveError;
use super::super::header::{Compression, Header, read_header};
use super::super::primitives::{Offset, Primitives};
use super::super::toc::{EntryData, TocEntry, read_toc};
use super::{BUFFER, DataPart, DataSummary, KnownEntries, announces_data, by_id, form, missing};

/// Reads a custom archive from its first byte to its last, whatever it comes from.
///
/// # Errors
/// Where its header or table of contents cannot be read; what is wrong with its data is in the summary.
pub fn custom(source: &mut (dyn Read + Send)) -> Result<DataSummary, ArchiveError> {
    let mut source = Primitives::new(BufReader::with_capacity(BUFFER, source), 0, UNKNOWN_WIDTHS);
    let header = read_header(&mut source)?;
    let entries = read_toc(&mut source, &header)?;
    let mut summary = DataSummary::default();
    let known = by_id(&entries);
    let mut buffer = vec![0; BUFFER];
    loop {
        let head = match next_block(&mut source) {
            Ok(Some(head)) => head,
            Ok(None) => break,
            Err(error) => {
                summary.defect = Some(error.to_string());
                break;
            }
        };
        let part = read_block(&mut source, &header, &known, head, &mut buffer);
        let is_broken = part.defect.is_some();
        summary.parts.push(part);
        if is_broken {
            // Where a block ends is known by reading it alone.
            break;
        }
    }
    summary.missing = missing(&entries, &summary.parts);
    Ok(summary)
}

/// Reads a custom archive in a file by several threads, a table each, where the archive says where its tables begin; otherwise as
/// [`custom`].
///
/// # Errors
/// As [`custom`].
pub fn custom_file(file: &File, threads: NonZeroUsize) -> Result<DataSummary, ArchiveError> {
    let mut source = Primitives::new(BufReader::new(Range { file, at: 0 }), 0, UNKNOWN_WIDTHS);
    let header = read_header(&mut source)?;
    let entries = read_toc(&mut source, &header)?;
    let begin = source.at();
    let Some(mut places) = places(&entries) else { return custom(&mut Range { file, at: 0 }) };
    places.sort_unstable();
    let length = file.metadata()?.len();
    let read = read_places(file, &header, &entries, &places, threads);
    let mut summary = DataSummary::default();
    let mut expected = begin;
    for ((at, _), (part, end)) in places.iter().zip(read) {
        if *at != expected && summary.defect.is_none() {
            summary.defect = Some(format!("bytes {expected} to {at} belong to no entry"));
        }
        // Behind a broken one, what follows is known by its own place.
        let next = || places.iter().map(|(at, _)| *at).find(|next| next > at).unwrap_or(length);
        expected = if part.defect.is_none() { end } else { next() };
        summary.parts.push(part);
    }
    if expected != length && summary.defect.is_none() {
        summary.defect = Some(format!("bytes {expected} to {length} belong to no entry"));
    }
    summary.missing = missing(&entries, &summary.parts);
    Ok(summary)
}

/// Where the data of every entry begin that has some; `None`: the archive does not say.
fn places(entries: &[TocEntry]) -> Option<Vec<(u64, i32)>> {
    let with_data = entries.iter().filter(|entry| announces_data(entry));
    let place = |entry: &TocEntry| match entry.data {
        EntryData::Block(Offset::At(at)) => Some((at, entry.dump_id)),
        EntryData::Block(Offset::Unrecorded | Offset::NoData) | EntryData::File(_) => None,
    };
    with_data.map(place).collect()
}

/// Each block with the byte behind it, in the order of `places`.
fn read_places(
    file: &File,
    header: &Header,
    entries: &[TocEntry],
    places: &[(u64, i32)],
    threads: NonZeroUsize,
) -> Vec<(DataPart, u64)> {
    let known = by_id(entries);
    // The largest first, so that no thread begins with it when the others are done.
    let size = |index: usize| places.get(index + 1).map_or(u64::MAX, |(next, _)| *next).saturating_sub(places[index].0);
    let read = |(at, dump_id): (u64, i32), buffer: &mut Vec<u8>| {
        let range = BufReader::with_capacity(BUFFER, Range { file, at });
        let mut source = Primitives::new(range, at, header.widths);
        let part = match next_block(&mut source) {
            Ok(Some(head)) if head.dump_id == dump_id => read_block(&mut source, header, &known, head, buffer),
            Ok(Some(head)) => broken(&known, dump_id, format!("the data of entry {} are in its place", head.dump_id)),
            Ok(None) => broken(&known, dump_id, "the archive ends before it".to_owned()),
            Err(error) => broken(&known, dump_id, error.to_string()),
        };
        (part, source.at())
    };
    parallel::map(places.to_vec(), size, threads, || vec![0; BUFFER], read)
}

/// The part of an entry of which nothing could be read.
fn broken(known: &KnownEntries<'_>, dump_id: i32, defect: String) -> DataPart {
    let name = known.get(&dump_id).map_or_else(|| format!("entry {dump_id}"), |entry| entry.tag.clone());
    DataPart { dump_id, name, bytes: 0, rows: None, large_objects: None, defect: Some(defect) }
}

fn read_block<R: Read + Send>(
    source: &mut Primitives<R>,
    header: &Header,
    known: &KnownEntries<'_>,
    head: BlockHead,
    buffer: &mut [u8],
) -> DataPart {
    let Some(entry) = known.get(&head.dump_id) else {
        return broken(known, head.dump_id, "the table of contents does not have it".to_owned());
    };
    let mut part = DataPart::of(entry);
    match head.kind {
        BlockKind::Data => part.take_rows(read_stream(source, header.compression, form(entry), buffer)),
        BlockKind::LargeObjects => {
            let mut count = 0;
            part.defect = loop {
                match next_large_object(source) {
                    Ok(None) => break None,
                    Ok(Some(oid)) => match read_stream(source, header.compression, DataForm::Raw, buffer) {
                        Ok(read) => {
                            part.bytes += read.bytes;
                            count += 1;
                        }
                        Err(error) => break Some(format!("large object {oid}: {error}")),
                    },
                    Err(error) => break Some(error.to_string()),
                }
            };
            part.large_objects = Some(count);
        }
    }
    part
}

/// One stream of chunks to its end.
fn read_stream<R: Read + Send>(
    source: &mut Primitives<R>,
    compression: Compression,
    form: DataForm,
    buffer: &mut [u8],
) -> io::Result<ReadData> {
    let mut chunks = Chunks::new(source);
    let counted = {
        let mut data = decompressed(&mut chunks, compression, Wrapping::Archive)?;
        read_data(&mut *data, form, buffer)?
    };
    match chunks.finish()? {
        0 => Ok(counted),
        surplus => {
            Err(io::Error::new(io::ErrorKind::InvalidData, format!("{surplus} bytes behind the end of its data")))
        }
    }
}

/// A file from a place on, read without moving anything that others share.
struct Range<'a> {
    file: &'a File,
    at: u64,
}

impl Read for Range<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
