//! The connection poolers: each with its line, its databases with where they lead, and its pools.

mod databases;
mod instances;
mod pools;

pub use databases::{COLUMNS as DATABASE_COLUMNS, databases};
pub use instances::{COLUMNS as INSTANCE_COLUMNS, instances};
pub use pools::{COLUMNS as POOL_COLUMNS, pools};

use std::time::Duration;

use super::table::{Column, Table};
use crate::model::snapshot::Snapshot;

/// A client that waits longer than this for a server is worth a look.
const LONG_WAIT: Duration = Duration::from_secs(1);

/// A table of `columns` without rows, which says why there are none.
fn empty(snapshot: &Snapshot, columns: &'static [Column], none: &str) -> Table {
    let Some(first) = snapshot.poolers.first() else {
        return Table::new(columns, "no connection pooler is configured for this cluster", "");
    };
    match (&first.answer, &first.failure) {
        (Some(_), _) => Table::new(columns, none, ""),
        (None, Some(failure)) => {
            Table::new(columns, failure.error.to_string(), failure.error.remedy(first.source.kind))
        }
        (None, None) => Table::new(columns, "waiting for the first response", ""),
    }
}

#[cfg(test)]
mod tests;
