//! A dump: what it is, what is inside, and how far it has been proven.

mod contents;
mod inventory;
mod verification;

use jiff::civil::DateTime;
use serde::Serialize;

use super::text::Text;

pub use contents::{ContentsScope, DumpContents, DumpTable};
pub use inventory::{DirectoryDefect, DumpInventory, ListedDump};
pub use verification::{ContentProof, DumpDepth, DumpVerification, TableRows};

/// The form of a dump.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DumpFormat {
    /// `pg_dump --format=custom`.
    Custom,
    /// `pg_dump --format=directory`.
    Directory,
    /// `pg_dump --format=tar`.
    Tar,
    /// SQL text.
    Plain,
    /// A file without content.
    Empty,
    /// None of them.
    Unknown,
}

impl DumpFormat {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Custom => "custom",
            Self::Directory => "directory",
            Self::Tar => "tar",
            Self::Plain => "plain",
            Self::Empty => "empty",
            Self::Unknown => "unknown",
        }
    }
}

/// How data are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DumpCompression {
    /// Not at all.
    None,
    /// gzip, which has a checksum.
    Gzip,
    /// LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
}

impl DumpCompression {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// What a dump is, by its own bytes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DumpDescription {
    /// Form.
    pub format: DumpFormat,
    /// How its data are compressed.
    pub compression: DumpCompression,
    /// How the file is compressed as a whole, by another program than `pg_dump`.
    pub wrapped_in: DumpCompression,
    /// Bytes on disk; `None`: not read.
    pub size: Option<u64>,
    /// The database; `None`: it does not tell.
    pub database: Option<Text>,
    /// When it was begun, by the wall clock of the machine that dumped, whose zone is not written down.
    pub begun: Option<DateTime>,
    /// Version of the server.
    pub server_version: Option<Text>,
    /// Version of `pg_dump`.
    pub dump_version: Option<Text>,
    /// Version of the archive's form.
    pub archive_version: Option<Text>,
    /// What is inside; `None`: it has no table of contents.
    pub contents: Option<DumpContents>,
}
