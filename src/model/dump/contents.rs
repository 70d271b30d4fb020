//! What a table of contents announces.

use serde::Serialize;

use crate::model::text::Text;

/// A table of a dump.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct DumpTable {
    /// Schema.
    pub schema: Text,
    /// Name.
    pub name: Text,
    /// Its definition is in the dump.
    pub has_definition: bool,
    /// Its rows are in the dump.
    pub has_rows: bool,
}

/// How much of a database a dump has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContentsScope {
    /// Definitions and rows of every table in it.
    Whole,
    /// No rows at all.
    SchemaOnly,
    /// No definitions.
    DataOnly,
    /// Rows of some tables only: an unlogged one on a standby, or one that was left out.
    SomeRows,
}

/// What is inside an archive, by its table of contents.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DumpContents {
    /// How much of the database it has.
    pub scope: ContentsScope,
    /// Entries.
    pub entries: u64,
    /// Tables.
    pub tables: Vec<DumpTable>,
    /// Extensions.
    pub extensions: Vec<Text>,
    /// Roles that own something, or are granted something: a restore needs them.
    pub roles: Vec<Text>,
    /// Tablespaces that a restore needs.
    pub tablespaces: Vec<Text>,
    /// Sequences whose value it has.
    pub sequence_values: u64,
    /// Indexes and constraints.
    pub indexes_and_constraints: u64,
    /// Materialized views.
    pub materialized_views: u64,
    /// It has large objects.
    pub has_large_objects: bool,
    /// Publications.
    pub publications: Vec<Text>,
    /// Subscriptions: a restored one names the slot of the living one.
    pub subscriptions: Vec<Text>,
}

impl DumpContents {
    /// Tables that it defines and of which it has no rows.
    pub fn tables_without_rows(&self) -> impl Iterator<Item = &DumpTable> {
        self.tables.iter().filter(|table| table.has_definition && !table.has_rows)
    }
}
