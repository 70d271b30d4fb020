//! Pools of the connection poolers.

use super::table::{Column, Table};
use super::units::{COUNT_WIDTH, DURATION_WIDTH};
use crate::model::snapshot::Snapshot;

/// Columns of [`table`]. Rows are named `pooler/database/user`.
pub const COLUMNS: &[Column] = &[
    Column::words("pooler", "POOLER", 1, 8, 24),
    Column::words("database", "DATABASE", 0, 8, 24),
    Column::words("user", "USER", 0, 8, 24),
    Column::numbers("clients-active", "CLIENTS", 0, COUNT_WIDTH),
    Column::numbers("clients-waiting", "WAITING", 0, COUNT_WIDTH),
    Column::numbers("servers-active", "SERVERS", 0, COUNT_WIDTH),
    Column::numbers("servers-idle", "IDLE", 1, COUNT_WIDTH),
    Column::numbers("longest-wait-seconds", "LONGEST", 0, DURATION_WIDTH),
    Column::words("host", "LEADS TO", 1, 8, 32),
];

/// Pools of every pooler.
pub fn table(snapshot: &Snapshot) -> Table {
    let _ = snapshot;
    Table::new(COLUMNS, "", "")
}
