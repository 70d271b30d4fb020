//! Backups.

use jiff::tz::TimeZone;

use super::table::{Column, Table};
use super::units::{AGE_WIDTH, BYTES_WIDTH, DATE_TIME_WIDTH, DURATION_WIDTH};
use crate::model::snapshot::Snapshot;

/// Columns of [`table`]. Rows are named `repository/label`.
pub const COLUMNS: &[Column] = &[
    Column::words("label", "BACKUP", 0, 12, 40),
    Column::words("kind", "KIND", 1, 6, 12),
    Column::words("outcome", "OUTCOME", 0, 7, 40),
    Column::words("started", "STARTED", 1, DATE_TIME_WIDTH, DATE_TIME_WIDTH),
    Column::numbers("age-seconds", "AGE", 0, AGE_WIDTH),
    Column::numbers("took-seconds", "TOOK", 2, DURATION_WIDTH),
    Column::numbers("size-bytes", "SIZE", 0, BYTES_WIDTH),
    Column::words("repository", "REPOSITORY", 3, 10, 32),
];

/// Backups, newest first. Times are written in `zone`.
pub fn table(snapshot: &Snapshot, zone: &TimeZone) -> Table {
    let _ = (snapshot, zone);
    Table::new(COLUMNS, "", "")
}
