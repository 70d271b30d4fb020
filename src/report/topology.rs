//! Topology: the members as a tree, leader first, each below the node it follows.

use super::line::Line;
use super::table::{Column, Table};
use super::units::{BYTES_WIDTH, DURATION_WIDTH};
use crate::model::snapshot::Snapshot;

/// Columns of [`table`]. Rows are named by their member.
pub const COLUMNS: &[Column] = &[
    Column::words("member", "MEMBER", 0, 12, 40),
    Column::words("role", "ROLE", 0, 7, 14),
    Column::words("state", "STATE", 0, 9, 16),
    Column::numbers("timeline", "TL", 0, 4),
    Column::numbers("lag-bytes", "LAG", 0, BYTES_WIDTH),
    Column::numbers("lag-seconds", "IN TIME", 1, DURATION_WIDTH),
    Column::words("sync", "SYNC", 1, 5, 9),
    Column::numbers("uptime-seconds", "UP", 3, DURATION_WIDTH),
    Column::words("router", "ROUTER", 2, 10, 24),
    Column::words("notes", "NOTES", 0, 8, 0),
];

/// The members in tree order.
pub fn table(snapshot: &Snapshot) -> Table {
    let _ = snapshot;
    Table::new(COLUMNS, "", "")
}

/// DCS, routers and backups, one line each.
pub fn footer_lines(snapshot: &Snapshot) -> Vec<Line> {
    let _ = snapshot;
    Vec::new()
}
