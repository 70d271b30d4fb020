//! The DCS: its own members, the cluster's keys, and the dynamic configuration.

use super::line::Line;
use super::table::{Column, Table};
use super::units::{AGE_WIDTH, BYTES_WIDTH, COUNT_WIDTH, DURATION_WIDTH, PERCENT_WIDTH};
use crate::model::snapshot::Snapshot;

/// Columns of [`members`]. Rows are named by the endpoint (the source's target).
pub const MEMBERS: &[Column] = &[
    Column::words("endpoint", "ENDPOINT", 0, 12, 40),
    Column::words("name", "NAME", 1, 8, 24),
    Column::words("role", "ROLE", 0, 8, 9),
    Column::numbers("term", "TERM", 1, COUNT_WIDTH),
    Column::numbers("revision", "REVISION", 3, COUNT_WIDTH),
    Column::numbers("raft-behind", "BEHIND", 3, COUNT_WIDTH),
    Column::numbers("size-bytes", "SIZE", 1, BYTES_WIDTH),
    Column::numbers("in-use-bytes", "IN USE", 3, BYTES_WIDTH),
    Column::numbers("quota-percent", "QUOTA", 2, PERCENT_WIDTH),
    Column::words("quorum", "QUORUM", 0, 7, 8),
    Column::numbers("latency-seconds", "LATENCY", 1, DURATION_WIDTH),
    Column::words("version", "VERSION", 4, 7, 12),
    Column::numbers("age-seconds", "SEEN", 2, AGE_WIDTH),
    Column::words("notes", "NOTES", 0, 8, 0),
];

/// Columns of [`keys`]. Rows are named by the key.
pub const KEYS: &[Column] = &[
    Column::words("key", "KEY", 0, 16, 48),
    Column::words("leased", "LEASE", 2, 5, 5),
    Column::numbers("create-revision", "CREATED", 3, 12),
    Column::numbers("mod-revision", "WRITTEN", 1, 12),
    Column::words("value", "VALUE", 0, 16, 0),
];

/// The DCS's own members.
pub fn members(snapshot: &Snapshot) -> Table {
    let _ = snapshot;
    Table::new(MEMBERS, "", "")
}

/// Every key under the cluster's prefix.
pub fn keys(snapshot: &Snapshot) -> Table {
    let _ = snapshot;
    Table::new(KEYS, "", "")
}

/// Source, age, revision, leader key and lease, pause, sync, failover and defects of the record: what stands above
/// the keys.
pub fn record_lines(snapshot: &Snapshot) -> Vec<Line> {
    let _ = snapshot;
    Vec::new()
}

/// The dynamic configuration as text, or why it is not to be had.
pub fn config_lines(snapshot: &Snapshot) -> Vec<Line> {
    let _ = snapshot;
    Vec::new()
}
