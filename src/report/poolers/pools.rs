//! Pools of the poolers.

use super::super::cells;
use super::super::table::{Cell, Column, Table, Tone};
use super::super::units::{COUNT_WIDTH, DURATION_WIDTH};
use super::{LONG_WAIT, empty};
use crate::model::snapshot::Snapshot;

/// Columns of [`pools`]. Rows are named `pooler/database/user`.
pub const COLUMNS: &[Column] = &[
    Column::text("pooler", "POOLER", 1, 8, 24),
    Column::text("database", "DATABASE", 0, 8, 24),
    Column::text("user", "USER", 0, 8, 24),
    Column::numbers("clients-active", "CLIENTS", 0, COUNT_WIDTH),
    Column::numbers("clients-waiting", "WAITING", 0, COUNT_WIDTH),
    Column::numbers("longest-wait-seconds", "MAXWAIT", 0, DURATION_WIDTH),
    Column::numbers("servers-active", "SERVERS", 0, COUNT_WIDTH),
    Column::numbers("servers-idle", "IDLE", 1, COUNT_WIDTH),
    Column::numbers("servers-used", "USED", 2, COUNT_WIDTH),
    Column::numbers("servers-tested", "TESTED", 3, COUNT_WIDTH),
    Column::numbers("servers-login", "LOGIN", 2, COUNT_WIDTH),
    Column::numbers("clients-canceling", "CANCEL", 3, COUNT_WIDTH),
    Column::text("mode", "MODE", 2, 7, 12),
];

/// Pools of every pooler.
pub fn pools(snapshot: &Snapshot) -> Table {
    let mut table = empty(snapshot, COLUMNS, "no pools in the pooler");
    for reading in &snapshot.poolers {
        for pool in reading.last().into_iter().flat_map(|report| &report.pools) {
            let waits = pool.clients_waiting.is_some_and(|waiting| waiting > 0);
            let is_long = pool.longest_wait.is_some_and(|longest| longest >= LONG_WAIT);
            let stands = pool.has_no_server() == Some(true);
            let warn = |is: bool| if is { Tone::Warning } else { Tone::Plain };
            let count = |value: Option<u32>, tone| cells::count(value.map(u64::from), tone);
            let cells = vec![
                cells::text_cell(&reading.source.target, Tone::Plain),
                Cell::text(pool.database.clone(), Tone::Plain),
                Cell::text(pool.user.clone(), Tone::Plain),
                count(pool.clients_active, Tone::Plain),
                count(pool.clients_waiting, warn(waits)),
                cells::span(pool.longest_wait, warn(is_long)),
                count(pool.servers_active, warn(stands)),
                count(pool.servers_idle, Tone::Dim),
                count(pool.servers_used, Tone::Dim),
                count(pool.servers_tested, Tone::Dim),
                count(pool.servers_login, Tone::Dim),
                count(pool.clients_canceling, Tone::Dim),
                pool.mode.as_ref().map_or_else(Cell::unknown, |mode| Cell::text(mode.as_str(), Tone::Dim)),
            ];
            let id = format!("{}/{}/{}", reading.source.target, pool.database, pool.user);
            table.rows.push(cells::row(reading, snapshot.now, id, cells));
        }
    }
    table
}
