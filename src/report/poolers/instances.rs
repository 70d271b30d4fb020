//! The processes.

use super::super::cells;
use super::super::table::{Cell, Column, Table, Tone};
use super::super::units::{AGE_WIDTH, COUNT_WIDTH, DURATION_WIDTH};
use super::{LONG_WAIT, empty};
use crate::model::observed::Reading;
use crate::model::pooler::{PoolerReport, PoolerState};
use crate::model::snapshot::Snapshot;

/// Columns of [`instances`]. Rows are named by their pooler.
pub const COLUMNS: &[Column] = &[
    Column::text("pooler", "POOLER", 0, 8, 24),
    Column::text("state", "STATE", 0, 9, 40),
    Column::numbers("clients", "CLIENTS", 0, COUNT_WIDTH),
    Column::numbers("clients-max", "MAX", 1, COUNT_WIDTH),
    Column::numbers("clients-waiting", "WAITING", 0, COUNT_WIDTH),
    Column::numbers("longest-wait-seconds", "MAXWAIT", 0, DURATION_WIDTH),
    Column::numbers("waiting-for-login", "LOGIN WAIT", 0, 10),
    Column::numbers("servers", "SERVERS", 1, COUNT_WIDTH),
    Column::text("mode", "MODE", 2, 7, 12),
    Column::text("version", "VERSION", 2, 6, 16),
    Column::numbers("age-seconds", "AGE", 3, AGE_WIDTH),
];

/// Every pooler.
pub fn instances(snapshot: &Snapshot) -> Table {
    let mut table = empty(snapshot, COLUMNS, "");
    for reading in &snapshot.poolers {
        let id = reading.source.target.clone();
        let mut cells = vec![cells::text_cell(&reading.source.target, Tone::Strong)];
        match (reading.last(), &reading.failure) {
            (Some(report), failure) => {
                let silent = failure.as_ref().map(|failure| failure.error.brief());
                cells.extend(told(report, silent, reading, snapshot));
                let mut row = cells::row(reading, snapshot.now, id, cells);
                // What is wrong with it is no old word.
                if reading.failure.is_some()
                    && let Some(state) = row.cells.get_mut(1)
                {
                    state.tone = Tone::Critical;
                }
                table.rows.push(row);
            }
            (None, failure) => {
                cells.push(match failure {
                    Some(failure) => Cell::text(failure.error.brief(), Tone::Critical),
                    None => Cell::text("waiting for the first response", Tone::Stale),
                });
                cells.extend((2..COLUMNS.len()).map(|_| Cell::unknown()));
                table.rows.push(cells::row(reading, snapshot.now, id, cells));
            }
        }
    }
    table
}

fn told(
    report: &PoolerReport,
    silent: Option<String>,
    reading: &Reading<PoolerReport>,
    snapshot: &Snapshot,
) -> Vec<Cell> {
    let settings = &report.settings;
    let clients = report.clients();
    let is_full = clients.zip(settings.max_client_connections).is_some_and(|(clients, most)| clients >= most);
    let waiting = report.clients_waiting();
    let longest = report.longest_wait();
    let logins = report.waiting_for_login();
    let warn = |is: bool| if is { Tone::Warning } else { Tone::Plain };
    let state = match (silent, report.state) {
        (Some(words), _) => Cell::text(words, Tone::Critical),
        (None, PoolerState::Unknown) => Cell::unknown(),
        (None, PoolerState::Active) => Cell::text("active", Tone::Ok),
        (None, state) => Cell::text(state.as_str(), Tone::Warning),
    };
    vec![
        state,
        cells::count(clients.map(u64::from), warn(is_full)),
        cells::count(settings.max_client_connections.map(u64::from), Tone::Dim),
        cells::count(waiting.map(u64::from), warn(waiting.is_some_and(|waiting| waiting > 0))),
        cells::span(longest, warn(longest.is_some_and(|longest| longest >= LONG_WAIT))),
        cells::count(logins.map(u64::from), warn(logins.is_some_and(|logins| logins > 0))),
        cells::count(report.server_connections().map(u64::from), Tone::Plain),
        settings.mode.as_ref().map_or_else(Cell::unknown, |mode| Cell::text(mode.as_str(), Tone::Plain)),
        cells::text_or_unknown(report.version.as_ref(), Tone::Dim),
        cells::seen(reading, snapshot.now),
    ]
}
