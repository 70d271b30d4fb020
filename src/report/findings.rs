//! What is wrong, worst first.

use super::table::{Column, Table};
use super::units::DURATION_WIDTH;
use crate::model::finding::Finding;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// Columns of [`table`]. Rows are named by [`row_id`].
pub const COLUMNS: &[Column] = &[
    Column::words("severity", "SEVERITY", 0, 8, 10),
    Column::words("subject", "ABOUT", 2, 8, 24),
    Column::words("title", "FINDING", 0, 20, 0),
    Column::numbers("since-seconds", "SINCE", 1, DURATION_WIDTH),
    Column::words("evidence", "EVIDENCE", 2, 12, 60),
];

/// The name of a finding's row: `code@subject`.
pub fn row_id(finding: &Finding) -> Text {
    Text::new(format!("{}@{}", finding.code, finding.subject))
}

/// Findings of one cluster.
pub fn table(snapshot: &Snapshot) -> Table {
    let _ = snapshot;
    Table::new(COLUMNS, "", "")
}
