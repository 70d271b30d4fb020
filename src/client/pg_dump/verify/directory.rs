//! The data of a directory: a file for each table, one for each large object, and lists of those.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::super::super::parallel;
use super::super::compression::{Wrapping, decompressed};
use super::super::copy_data::{DataForm, ReadData, read_data};
use super::super::custom::UNKNOWN_WIDTHS;
use super::super::error::ArchiveError;
use super::super::header::{Compression, read_header};
use super::super::primitives::Primitives;
use super::super::toc::{EntryData, TocEntry, read_toc};
use super::{BUFFER, DataPart, DataSummary, announces_data, form, missing};

/// The file with header and table of contents.
pub(super) const TOC: &str = "toc.dat";
/// A list of large objects is read up to here: some million of them.
const MAX_LIST: u64 = 256 << 20;

/// Reads the directory at `path` by several threads, a table each.
///
/// # Errors
/// Where its header or table of contents cannot be read; what is wrong with its data is in the summary.
pub fn directory(path: &Path, threads: NonZeroUsize) -> Result<DataSummary, ArchiveError> {
    let toc = BufReader::new(File::open(path.join(TOC))?);
    let mut source = Primitives::new(toc, 0, UNKNOWN_WIDTHS);
    let header = read_header(&mut source)?;
    let entries = read_toc(&mut source, &header)?;
    let defect = source.byte_or_end()?.map(|_| format!("{TOC} goes on behind its table of contents"));
    let with_data: Vec<&TocEntry> = entries.iter().filter(|entry| announces_data(entry)).collect();
    // In the order of the table of contents: which is the largest, a directory does not say.
    let later = |index: usize| u64::MAX - index as u64;
    let read = |entry, buffer: &mut Vec<u8>| read_entry(path, entry, header.compression, buffer);
    let parts = parallel::map(with_data, later, threads, || vec![0; BUFFER], read);
    Ok(DataSummary { missing: missing(&entries, &parts), parts, defect })
}

fn read_entry(directory: &Path, entry: &TocEntry, compression: Compression, buffer: &mut [u8]) -> DataPart {
    let mut part = DataPart::of(entry);
    let EntryData::File(Some(name)) = &entry.data else { return part };
    if is_list(entry) {
        match read_large_objects(&directory.join(name), directory, compression, buffer) {
            Ok((count, bytes)) => (part.large_objects, part.bytes) = (Some(count), bytes),
            Err(error) => part.defect = Some(error.to_string()),
        }
    } else {
        part.take_rows(read_file(directory, name, compression, form(entry), buffer));
    }
    part
}

/// Whether the file of `entry` is a list of large objects.
pub(super) fn is_list(entry: &TocEntry) -> bool {
    matches!(entry.description.as_str(), "BLOBS" | "BLOB DATA")
}

fn read_large_objects(
    list: &Path,
    directory: &Path,
    compression: Compression,
    buffer: &mut [u8],
) -> io::Result<(u64, u64)> {
    let (mut count, mut bytes) = (0, 0);
    for name in listed(&mut BufReader::new(File::open(list).map_err(|error| named(list, &error))?))? {
        let read = read_file(directory, &name, compression, DataForm::Raw, buffer);
        bytes += read.map_err(|error| io::Error::new(error.kind(), format!("large object {name}: {error}")))?.bytes;
        count += 1;
    }
    Ok((count, bytes))
}

/// The files that a list names: `OID FILE`, a line each.
pub(super) fn listed(list: &mut dyn io::BufRead) -> io::Result<Vec<String>> {
    let damaged = |line: &str| io::Error::new(io::ErrorKind::InvalidData, format!("no large object: {line}"));
    let (mut names, mut seen) = (Vec::new(), BTreeSet::new());
    let mut left = list.take(MAX_LIST);
    let mut line = String::new();
    while left.read_line(&mut line)? > 0 {
        let (oid, name) = line.trim_end().split_once(' ').ok_or_else(|| damaged(&line))?;
        // A name leads nowhere but into the directory.
        let is_plain = !name.is_empty() && !name.contains('/') && name != "..";
        if !line.ends_with('\n') || oid.parse::<u32>().is_err() || !is_plain || !seen.insert(name.to_owned()) {
            return Err(damaged(&line));
        }
        names.push(name.to_owned());
        line.clear();
    }
    Ok(names)
}

fn read_file(
    directory: &Path,
    name: &str,
    compression: Compression,
    form: DataForm,
    buffer: &mut [u8],
) -> io::Result<ReadData> {
    if name.contains('/') || name == ".." {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("the table of contents names the file {name}")));
    }
    let (path, compression) = place(directory, name, compression)?;
    let file = File::open(&path).map_err(|error| named(&path, &error))?;
    // Of an empty large object every method but gzip writes nothing at all, not even a frame.
    if form == DataForm::Raw && compression != Compression::Gzip && file.metadata()?.len() == 0 {
        return Ok(ReadData { bytes: 0, rows: None, is_complete: true });
    }
    let mut data = decompressed(BufReader::with_capacity(BUFFER, file), compression, Wrapping::File)?;
    read_data(&mut *data, form, buffer)
}

/// The file called `name` as it is there: compressed, or as `pg_restore` takes it too, by itself.
fn place(directory: &Path, name: &str, compression: Compression) -> io::Result<(PathBuf, Compression)> {
    let ending = match compression {
        Compression::None => "",
        Compression::Gzip => ".gz",
        Compression::Lz4 => ".lz4",
        Compression::Zstd => ".zst",
    };
    let compressed = directory.join(format!("{name}{ending}"));
    let plain = directory.join(name);
    if compressed.exists() {
        Ok((compressed, compression))
    } else if plain.exists() {
        Ok((plain, Compression::None))
    } else {
        Err(io::Error::new(io::ErrorKind::NotFound, format!("{name}{ending} is not there")))
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    io::Error::new(error.kind(), format!("{name}: {error}"))
}
