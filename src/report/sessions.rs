//! Sessions of every node: what they do, who blocks whom, and how many each application holds.

use super::table::{Column, Table};
use super::units::{COUNT_WIDTH, DURATION_WIDTH};
use crate::model::snapshot::Snapshot;

/// Columns of [`activity`] and [`blockers`]. Rows are named `node/pid`.
pub const ACTIVITY: &[Column] = &[
    Column::words("node", "NODE", 1, 6, 16),
    Column::words("pid", "PID", 0, 8, 24),
    Column::words("database", "DATABASE", 2, 8, 16),
    Column::words("user", "USER", 1, 8, 16),
    Column::words("application", "APPLICATION", 2, 11, 20),
    Column::words("client", "CLIENT", 4, 9, 24),
    Column::words("state", "STATE", 0, 8, 22),
    Column::words("wait", "WAITS FOR", 2, 9, 24),
    Column::numbers("transaction-seconds", "XACT", 0, DURATION_WIDTH),
    Column::numbers("query-seconds", "QUERY", 1, DURATION_WIDTH),
    Column::words("query", "STATEMENT", 0, 12, 0),
];

/// Columns of [`applications`]. Rows are named `node/application`.
pub const APPLICATIONS: &[Column] = &[
    Column::words("node", "NODE", 0, 6, 24),
    Column::words("application", "APPLICATION", 0, 11, 48),
    Column::numbers("sessions", "SESSIONS", 0, COUNT_WIDTH),
    Column::numbers("active", "ACTIVE", 0, COUNT_WIDTH),
    Column::numbers("idle-in-transaction", "IDLE TX", 0, COUNT_WIDTH),
];

/// Sessions worth showing, oldest transaction first.
pub fn activity(snapshot: &Snapshot) -> Table {
    let _ = snapshot;
    Table::new(ACTIVITY, "", "")
}

/// Blocked sessions as trees below whoever blocks them.
pub fn blockers(snapshot: &Snapshot) -> Table {
    let _ = snapshot;
    Table::new(ACTIVITY, "", "")
}

/// Sessions by application.
pub fn applications(snapshot: &Snapshot) -> Table {
    let _ = snapshot;
    Table::new(APPLICATIONS, "", "")
}
