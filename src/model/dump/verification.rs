//! How far a dump has been proven, and what speaks against it.

use serde::Serialize;

use super::DumpDescription;
use crate::model::text::Text;

/// How much of a dump was read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DumpDepth {
    /// Header and table of contents.
    Header,
    /// Every block of data, decompressed to its end.
    Blocks,
}

impl DumpDepth {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Blocks => "blocks",
        }
    }
}

/// Whether the content itself is proven: that it is what was dumped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContentProof {
    /// It was not read.
    NotRead,
    /// The checksums of gzip agree: nothing has changed since, as far as it is there. That nothing is missing, they do not say.
    Checksums,
    /// Nothing could tell a changed value.
    None,
}

/// The rows of a table, as read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TableRows {
    /// Table; with its schema where that is written.
    pub table: Text,
    /// Rows; `None`: they are written as statements.
    pub rows: Option<u64>,
    /// Bytes, decompressed.
    pub bytes: Option<u64>,
}

/// What verifying a dump came to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DumpVerification {
    /// What it is.
    pub dump: DumpDescription,
    /// How much was read.
    pub depth: DumpDepth,
    /// What is wrong, one sentence each; empty: nothing, as far as was read.
    pub defects: Vec<Text>,
    /// Whether the content is proven.
    pub content: ContentProof,
    /// Rows by table, where they were read.
    pub tables: Vec<TableRows>,
    /// Large objects, where they were read.
    pub large_objects: Option<u64>,
    /// Bytes, decompressed, where they were read.
    pub bytes: Option<u64>,
}

impl DumpVerification {
    /// Whether it is what it announces, to the depth that was read.
    pub fn is_proven(&self) -> bool {
        self.defects.is_empty()
    }
}
