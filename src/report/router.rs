//! Routers: frontends, backends and servers of each.

use super::line::Line;
use super::table::{Column, Table};
use super::units::{BYTES_WIDTH, COUNT_WIDTH, DURATION_WIDTH, RATE_WIDTH};
use crate::model::router::Router;
use crate::model::snapshot::Snapshot;

/// Columns of [`frontends`]. Rows are named `router/proxy/FRONTEND`.
pub const FRONTENDS: &[Column] = &[
    Column::words("frontend", "FRONTEND", 0, 10, 32),
    Column::words("status", "STATUS", 0, 8, 12),
    Column::numbers("sessions", "SESSIONS", 0, COUNT_WIDTH),
    Column::numbers("sessions-max", "MOST", 2, COUNT_WIDTH),
    Column::numbers("sessions-limit", "LIMIT", 1, COUNT_WIDTH),
    Column::numbers("sessions-total", "TOTAL", 3, COUNT_WIDTH),
    Column::numbers("rate-per-second", "RATE", 0, RATE_WIDTH),
    Column::numbers("in-bytes", "IN", 3, BYTES_WIDTH),
    Column::numbers("out-bytes", "OUT", 3, BYTES_WIDTH),
];

/// Columns of [`backends`]. Rows are named `router/proxy/BACKEND`.
pub const BACKENDS: &[Column] = &[
    Column::words("backend", "BACKEND", 0, 10, 32),
    Column::words("purpose", "LEADS TO", 1, 8, 8),
    Column::words("status", "STATUS", 0, 8, 12),
    Column::words("up", "SERVERS UP", 0, 10, 48),
    Column::numbers("sessions", "SESSIONS", 0, COUNT_WIDTH),
    Column::numbers("sessions-max", "MOST", 2, COUNT_WIDTH),
    Column::numbers("sessions-limit", "LIMIT", 3, COUNT_WIDTH),
    Column::numbers("rate-per-second", "RATE", 1, RATE_WIDTH),
    Column::numbers("queue", "QUEUE", 1, COUNT_WIDTH),
    Column::numbers("errors", "ERRORS", 2, COUNT_WIDTH),
    Column::numbers("last-change-seconds", "SINCE", 1, DURATION_WIDTH),
];

/// Columns of [`servers`]. Rows are named `router/proxy/server`.
pub const SERVERS: &[Column] = &[
    Column::words("backend", "BACKEND", 0, 8, 24),
    Column::words("server", "SERVER", 0, 10, 32),
    Column::words("status", "STATUS", 0, 8, 16),
    Column::words("check", "CHECK", 0, 9, 16),
    Column::numbers("check-seconds", "TOOK", 3, DURATION_WIDTH),
    Column::numbers("last-change-seconds", "SINCE", 1, DURATION_WIDTH),
    Column::numbers("sessions", "SESSIONS", 0, COUNT_WIDTH),
    Column::numbers("sessions-max", "MOST", 3, COUNT_WIDTH),
    Column::numbers("sessions-limit", "LIMIT", 4, COUNT_WIDTH),
    Column::numbers("rate-per-second", "RATE", 1, RATE_WIDTH),
    Column::numbers("queue", "QUEUE", 2, COUNT_WIDTH),
    Column::numbers("errors", "ERRORS", 2, COUNT_WIDTH),
    Column::numbers("in-bytes", "IN", 4, BYTES_WIDTH),
    Column::numbers("out-bytes", "OUT", 4, BYTES_WIDTH),
    Column::words("address", "ADDRESS", 5, 9, 40),
    Column::words("notes", "NOTES", 0, 8, 0),
];

/// Frontends and listeners of one router.
pub fn frontends(snapshot: &Snapshot, router: &Router) -> Table {
    let _ = (snapshot, router);
    Table::new(FRONTENDS, "", "")
}

/// Backends of one router.
pub fn backends(snapshot: &Snapshot, router: &Router) -> Table {
    let _ = (snapshot, router);
    Table::new(BACKENDS, "", "")
}

/// Servers of one router.
pub fn servers(snapshot: &Snapshot, router: &Router) -> Table {
    let _ = (snapshot, router);
    Table::new(SERVERS, "", "")
}

/// The router itself in one line: version, uptime, connections, which interfaces answer.
pub fn headline(snapshot: &Snapshot, router: &Router) -> Line {
    let _ = (snapshot, router);
    Line::new()
}

/// Servers of every router in one table, for the command line. The server column begins with the router's name where
/// there are several.
pub fn all_servers(snapshot: &Snapshot) -> Table {
    let _ = snapshot;
    Table::new(SERVERS, "", "")
}
