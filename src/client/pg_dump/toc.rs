//! The table of contents: what a dump has in it, entry by entry.

use std::io::Read;

use super::error::ArchiveError;
use super::header::{ArchiveFormat, ArchiveVersion, Header};
use super::primitives::{Offset, Primitives};

/// More objects than any database that was seen has; the count is believed no further than entries follow.
const MAX_ENTRIES: u64 = 20_000_000;

/// When an entry is restored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Section {
    /// None: what applies to the whole.
    None,
    /// Before the data: tables, types, functions.
    PreData,
    /// The data.
    Data,
    /// After the data: indexes, constraints, triggers.
    PostData,
}

/// Where the data of an entry are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EntryData {
    /// In the same file.
    Block(Offset),
    /// In a file or member of this name; `None`: there are none.
    File(Option<String>),
}

/// One entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TocEntry {
    /// Number within the archive.
    pub dump_id: i32,
    /// It has data.
    pub has_data: bool,
    /// Name: of a table, its own; of a function, with its arguments.
    pub tag: String,
    /// Kind, in `pg_dump`'s words: `TABLE`, `TABLE DATA`, `SEQUENCE SET`, `EXTENSION`.
    pub description: String,
    /// When it is restored.
    pub section: Section,
    /// Its definition, of the kinds for which that tells what a restore needs beside the archive (rights, extensions, publications,
    /// subscriptions, the database's own); the beginning of one that is very long.
    pub definition: Option<String>,
    /// Its data are read by COPY; otherwise they are INSERT statements, or none.
    pub is_copied: bool,
    /// Schema.
    pub namespace: Option<String>,
    /// Tablespace.
    pub tablespace: Option<String>,
    /// Owner.
    pub owner: Option<String>,
    /// Where its data are.
    pub data: EntryData,
}

/// Reads the table of contents; `source` is behind the header. In a custom archive the data follow.
///
/// # Errors
/// Where it is damaged or ends early.
pub fn read_toc<R: Read>(source: &mut Primitives<R>, header: &Header) -> Result<Vec<TocEntry>, ArchiveError> {
    let at = source.at();
    let count = source.count("the table of contents")?;
    if count > MAX_ENTRIES {
        return Err(ArchiveError::Damaged { at, what: format!("{count} entries") });
    }
    // No room is made for entries that may not be there.
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push(read_entry(source, header)?);
    }
    Ok(entries)
}

fn read_entry<R: Read>(source: &mut Primitives<R>, header: &Header) -> Result<TocEntry, ArchiveError> {
    const WHAT: &str = "the table of contents";
    let at = source.at();
    let dump_id = source.int(WHAT)?;
    if dump_id <= 0 {
        return Err(ArchiveError::Damaged { at, what: format!("{dump_id} as the number of an entry") });
    }
    let has_data = source.int(WHAT)? != 0;
    // The object's own table and oid.
    source.skip_text(WHAT)?;
    source.skip_text(WHAT)?;
    let tag = source.text(WHAT)?.unwrap_or_default();
    let description = source.text(WHAT)?.unwrap_or_default();
    let at = source.at();
    let section = match source.int(WHAT)? {
        1 => Section::None,
        2 => Section::PreData,
        3 => Section::Data,
        4 => Section::PostData,
        other => return Err(ArchiveError::Damaged { at, what: format!("{other} as a section") }),
    };
    let definition = if tells_what_is_needed(&description) {
        source.text(WHAT)?
    } else {
        source.skip_text(WHAT)?;
        None
    };
    // How it is dropped.
    source.skip_text(WHAT)?;
    let is_copied = source.skip_text(WHAT)?;
    let namespace = source.text(WHAT)?;
    let tablespace = source.text(WHAT)?;
    if header.version >= ArchiveVersion::TABLE_ACCESS_METHOD {
        source.skip_text(WHAT)?;
    }
    if header.version >= ArchiveVersion::RELATION_KIND {
        source.int(WHAT)?;
    }
    let owner = source.text(WHAT)?;
    // WITH OIDS, which no supported server has.
    source.skip_text(WHAT)?;
    // What it depends on, by number, to the first that is absent.
    while source.text(WHAT)?.is_some() {}
    let data = match header.format {
        ArchiveFormat::Custom => EntryData::Block(source.offset()?),
        ArchiveFormat::Tar | ArchiveFormat::Directory => {
            EntryData::File(source.text(WHAT)?.filter(|name| !name.is_empty()))
        }
    };
    Ok(TocEntry {
        dump_id,
        has_data,
        tag,
        description,
        section,
        definition,
        is_copied,
        namespace: namespace.filter(|name| !name.is_empty()),
        tablespace: tablespace.filter(|name| !name.is_empty()),
        owner: owner.filter(|name| !name.is_empty()),
        data,
    })
}

/// Whether the definition of such an entry tells what a restore needs beside the archive.
fn tells_what_is_needed(description: &str) -> bool {
    matches!(
        description,
        "ACL"
            | "DEFAULT ACL"
            | "EXTENSION"
            | "PUBLICATION"
            | "SUBSCRIPTION"
            | "DATABASE"
            | "DATABASE PROPERTIES"
            | "ENCODING"
            | "STDSTRINGS"
            | "SEARCHPATH"
    )
}
