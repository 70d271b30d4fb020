//! Reading a dump, and saying no more of it than was read.

use std::num::NonZeroUsize;
use std::path::Path;

use jiff::civil::DateTime;

use super::contents::contents;
use crate::client::cause::chain;
use crate::client::pg_dump::error::ArchiveError;
use crate::client::pg_dump::header::{ArchiveFormat, Compression, Header};
use crate::client::pg_dump::kind::{DumpForm, DumpKind};
use crate::client::pg_dump::plain::PlainSummary;
use crate::client::pg_dump::read::{Archive, Contents, Depth, read};
use crate::client::pg_dump::verify::DataSummary;
use crate::model::dump::{
    ContentProof, DumpCompression, DumpDepth, DumpDescription, DumpFormat, DumpVerification, TableRows,
};
use crate::model::text::Text;

/// Reads the dump at `path` to `depth`, its data by as many threads. Waits for the disk.
///
/// # Errors
/// When it cannot be opened at all; what is wrong with what is in it is in the answer.
pub fn verify(path: &Path, depth: DumpDepth, threads: NonZeroUsize) -> Result<DumpVerification, Text> {
    let wanted = match depth {
        DumpDepth::Header => Depth::Header,
        DumpDepth::Blocks => Depth::Blocks,
    };
    let mut found = match read(path, wanted, threads) {
        Ok((kind, read)) => described(kind, &read, depth),
        Err(ArchiveError::Io(error)) => return Err(Text::redacted(format!("{}: {}", path.display(), chain(&error)))),
        Err(error) => damaged(depth, &error),
    };
    found.dump.size = size(path);
    Ok(found)
}

/// Bytes of a file, or of all files of a directory.
fn size(path: &Path) -> Option<u64> {
    if !path.is_dir() {
        return Some(std::fs::metadata(path).ok()?.len());
    }
    let files = std::fs::read_dir(path).ok()?.map(|file| file.ok()?.metadata().ok().map(|data| data.len()));
    files.sum()
}

fn unknown(format: DumpFormat, wrapped_in: Compression) -> DumpDescription {
    DumpDescription {
        format,
        compression: DumpCompression::None,
        wrapped_in: compression(wrapped_in),
        size: None,
        database: None,
        begun: None,
        server_version: None,
        dump_version: None,
        archive_version: None,
        contents: None,
    }
}

/// The description of what could not be opened.
pub(super) fn unread() -> DumpDescription {
    unknown(DumpFormat::Unknown, Compression::None)
}

fn nothing_read(dump: DumpDescription, depth: DumpDepth) -> DumpVerification {
    DumpVerification {
        dump,
        depth,
        defects: Vec::new(),
        content: ContentProof::NotRead,
        tables: Vec::new(),
        large_objects: None,
        bytes: None,
    }
}

/// Of an archive whose header or table of contents cannot be read, nothing more is known.
fn damaged(depth: DumpDepth, error: &ArchiveError) -> DumpVerification {
    let mut found = nothing_read(unknown(DumpFormat::Unknown, Compression::None), depth);
    found.defects.push(Text::redacted(error.to_string()));
    found
}

fn described(kind: DumpKind, read: &Contents, depth: DumpDepth) -> DumpVerification {
    let (form, wrapped_in) = match kind {
        DumpKind::Directory => (DumpFormat::Directory, Compression::None),
        DumpKind::File(DumpForm::Custom, wrapped) => (DumpFormat::Custom, wrapped),
        DumpKind::File(DumpForm::Tar, wrapped) => (DumpFormat::Tar, wrapped),
        DumpKind::File(DumpForm::Plain, wrapped) => (DumpFormat::Plain, wrapped),
        DumpKind::File(DumpForm::Empty, wrapped) => (DumpFormat::Empty, wrapped),
        DumpKind::File(DumpForm::Unknown, wrapped) => (DumpFormat::Unknown, wrapped),
    };
    let mut found = nothing_read(unknown(form, wrapped_in), depth);
    match read {
        Contents::Archive(archive) => take_archive(&mut found, archive),
        Contents::Plain(plain) => take_plain(&mut found, plain),
        Contents::PlainHead(plain) => take_plain_versions(&mut found, plain),
        Contents::Empty => found.defects.push(Text::new("there is nothing in it")),
        Contents::Unknown => found.defects.push(Text::new("it is no dump of pg_dump")),
    }
    found
}

fn take_archive(found: &mut DumpVerification, archive: &Archive) {
    let Header { version, format, compression: by, begun, .. } = &archive.header;
    let text = |value: &Option<String>| value.as_deref().map(Text::new);
    let dump = &mut found.dump;
    dump.compression = compression(*by);
    dump.archive_version = Some(Text::new(format!("{}.{}", version.0, version.1)));
    let number = |value: i32| i8::try_from(value).ok();
    dump.begun = i16::try_from(begun.year).ok().and_then(|year| {
        // A leap second is no time of a calendar here.
        let second = number(begun.second)?.min(59);
        DateTime::new(
            year,
            number(begun.month)?,
            number(begun.day)?,
            number(begun.hour)?,
            number(begun.minute)?,
            second,
            0,
        )
        .ok()
    });
    dump.database = text(&archive.header.database);
    dump.server_version = text(&archive.header.server_version);
    dump.dump_version = text(&archive.header.dump_version);
    dump.contents = Some(contents(&archive.entries));
    if dump.format == DumpFormat::Custom && *format != ArchiveFormat::Custom {
        found.defects.push(Text::new("it is the table of contents of a directory, without the directory"));
    }
    if let Some(data) = &archive.data {
        found.content = proof(*by, found.dump.wrapped_in);
        take_data(found, data);
    }
}

fn take_data(found: &mut DumpVerification, data: &DataSummary) {
    for part in &data.parts {
        let name = Text::new(&part.name);
        match (&part.defect, part.large_objects) {
            (Some(defect), _) => found.defects.push(Text::redacted(format!("{name}: {defect}"))),
            (None, Some(objects)) => found.large_objects = Some(found.large_objects.unwrap_or(0) + objects),
            (None, None) => {
                found.tables.push(TableRows { table: name, rows: part.rows, bytes: Some(part.bytes) });
            }
        }
    }
    found.bytes = Some(data.parts.iter().map(|part| part.bytes).sum());
    found.defects.extend(data.missing.iter().map(|name| Text::redacted(format!("the data of {name} are missing"))));
    found.defects.extend(data.defect.iter().map(Text::redacted));
}

fn take_plain_versions(found: &mut DumpVerification, plain: &PlainSummary) {
    found.dump.server_version = plain.server_version.as_deref().map(Text::new);
    found.dump.dump_version = plain.dump_version.as_deref().map(Text::new);
}

fn take_plain(found: &mut DumpVerification, plain: &PlainSummary) {
    take_plain_versions(found, plain);
    found.content = match found.dump.wrapped_in {
        DumpCompression::Gzip => ContentProof::Checksums,
        DumpCompression::None | DumpCompression::Lz4 | DumpCompression::Zstd => ContentProof::None,
    };
    found.bytes = Some(plain.bytes);
    for table in &plain.tables {
        let name = Text::new(&table.name);
        if !table.is_complete {
            found.defects.push(Text::redacted(format!("{name}: it is cut after {} rows", table.rows)));
        }
        found.tables.push(TableRows { table: name, rows: Some(table.rows), bytes: None });
    }
    if !plain.is_complete {
        found.defects.push(Text::new("the comment with which pg_dump ends a dump is missing: it is incomplete"));
    }
}

/// What can be said of the content of data that were read without an error.
fn proof(by: Compression, wrapped_in: DumpCompression) -> ContentProof {
    if by == Compression::Gzip || wrapped_in == DumpCompression::Gzip {
        ContentProof::Checksums
    } else {
        ContentProof::None
    }
}

fn compression(by: Compression) -> DumpCompression {
    match by {
        Compression::None => DumpCompression::None,
        Compression::Gzip => DumpCompression::Gzip,
        Compression::Lz4 => DumpCompression::Lz4,
        Compression::Zstd => DumpCompression::Zstd,
    }
}
