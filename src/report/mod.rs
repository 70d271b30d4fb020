//! What the screen and the command line share: rows, units, sorting, documents. Knows the model; knows no terminal and
//! writes nothing anywhere.
//!
//! A view is a table ([`table::Table`]) or lines ([`line::Line`]) made from a snapshot; faces only draw them.

pub mod alerts;
pub mod backups;
mod cells;
pub mod clusters;
pub mod csv;
pub mod dcs;
pub mod detail;
pub mod difference;
pub mod document;
pub mod drill;
pub mod dump;
pub mod dump_list;
pub mod events;
pub mod evidence;
pub mod findings;
pub mod fit;
pub mod journal;
pub mod line;
pub mod plan;
pub mod poolers;
pub mod prometheus;
pub mod replication;
pub mod router;
pub mod routing;
pub mod sessions;
pub mod sources;
pub mod summary;
pub mod symbol;
pub mod table;
pub mod text;
pub mod tones;
pub mod topology;

pub use crate::model::units;

#[cfg(test)]
pub(crate) mod test_support {
    //! Pictures for the tests of this room, and their tables as plain text.

    pub(crate) use crate::model::test_support::*;

    /// A table as plain text without a limit on its width, a line break at the end of each line.
    pub(crate) fn rendered(table: &super::table::Table) -> String {
        super::text::lines(table, None).iter().map(|line| line.text() + "\n").collect()
    }
}
