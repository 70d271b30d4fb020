//! Every source asked, and how it answers.

use super::cells;
use super::table::{Cell, Column, Row, Table, Tone};
use super::tones;
use super::units::{AGE_WIDTH, DURATION_WIDTH};
use crate::model::observed::Freshness;
use crate::model::snapshot::{Snapshot, SourceStatus};
use crate::model::text::Text;

/// Columns of [`table`]. Rows are named by their source.
pub const COLUMNS: &[Column] = &[
    Column::text("source", "SOURCE", 0, 16, 40),
    Column::text("freshness", "STATE", 0, 7, 7),
    Column::numbers("age-seconds", "LAST RESPONSE", 0, AGE_WIDTH),
    Column::numbers("took-seconds", "LATENCY", 1, DURATION_WIDTH),
    Column::text("trouble", "ERROR", 0, 12, 0),
    Column::text("remedy", "REMEDY", 2, 12, 0),
];

/// Every source of a cluster.
pub fn table(snapshot: &Snapshot) -> Table {
    let hint = "run `pgctl-tui init` to write a configuration";
    let mut table = Table::new(COLUMNS, "no source is configured for this cluster", hint);
    table.rows = snapshot.sources().iter().map(row).collect();
    table
}

fn row(status: &SourceStatus) -> Row {
    let (rank, word) = match status.freshness {
        Freshness::Fresh => (0, "up"),
        Freshness::Waiting => (1, "waiting"),
        Freshness::Stale => (2, "stale"),
        Freshness::Lost => (3, "no data"),
    };
    let name = Text::new(status.source.to_string());
    let silent = matches!(status.freshness, Freshness::Stale | Freshness::Lost);
    let cells = vec![
        Cell::text(name.clone(), Tone::Plain),
        Cell::ranked(rank, word, tones::freshness(status.freshness)),
        cells::ago(status.age, if silent { Tone::Stale } else { Tone::Dim }),
        cells::latency(status.took, Tone::Dim),
        Cell::text(status.failure_kind.clone().unwrap_or_default(), Tone::Warning),
        Cell::text(status.remedy.as_deref().unwrap_or_default(), Tone::Dim),
    ];
    Row { id: name, cells }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{cut, healthy, rendered, seconds};
    use super::*;

    #[test]
    fn a_silent_source_says_what_is_wrong_and_what_repairs_it() {
        let mut snapshot = healthy();
        cut(&mut snapshot, "pg-2", seconds(38));
        let mut table = table(&snapshot);
        table.sort(1, super::super::table::Direction::Descending);
        table.rows.truncate(3);
        insta::assert_snapshot!(rendered(&table), @r"
        SOURCE            STATE    LAST RESPONSE   LATENCY  ERROR         REMEDY
        REST pg-2         stale         39 s ago    4.0 ms  timed out     check the network path and firewall; the host may be down, hung, or isolated
        SQL pg-2          stale         39 s ago    4.0 ms  timed out     check the network path and firewall; the host may be down, hung, or isolated
        etcd              up             1 s ago    4.0 ms
        ");
    }
}
