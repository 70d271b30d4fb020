//! Databases of the poolers: whether traffic passes, and where it goes.

use super::super::cells;
use super::super::table::{Cell, Column, Table, Tone};
use super::super::units::{COUNT_WIDTH, RATE_WIDTH};
use super::empty;
use crate::model::pooler::{PoolerDatabase, PoolerReport, PoolerRoute};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// Columns of [`databases`]. Rows are named `pooler/database`.
pub const COLUMNS: &[Column] = &[
    Column::text("pooler", "POOLER", 1, 8, 24),
    Column::text("database", "DATABASE", 0, 8, 24),
    Column::text("traffic", "TRAFFIC", 0, 8, 20),
    Column::text("address", "ROUTES TO", 0, 10, 40),
    Column::text("member", "MEMBER", 0, 6, 24),
    Column::text("primary", "PRIMARY", 0, 7, 7),
    Column::numbers("servers", "SERVERS", 1, COUNT_WIDTH),
    Column::numbers("pool-size", "SIZE", 2, COUNT_WIDTH),
    Column::text("elsewhere", "OLD ADDRESS", 1, 11, 40),
    Column::numbers("transactions-per-second", "TX/S", 2, RATE_WIDTH),
    Column::numbers("queries-per-second", "QUERIES/S", 3, RATE_WIDTH),
    Column::text("mode", "MODE", 3, 7, 12),
];

/// Databases of every pooler.
pub fn databases(snapshot: &Snapshot) -> Table {
    let mut table = empty(snapshot, COLUMNS, "no databases in the pooler");
    for reading in &snapshot.poolers {
        let Some(report) = reading.last() else { continue };
        for database in &report.databases {
            let cells = row(snapshot, &reading.source.target, report, database);
            let id = format!("{}/{}", reading.source.target, database.name);
            table.rows.push(cells::row(reading, snapshot.now, id, cells));
        }
    }
    table
}

fn row(snapshot: &Snapshot, pooler: &Text, report: &PoolerReport, database: &PoolerDatabase) -> Vec<Cell> {
    let traffic = report.traffic.iter().find(|traffic| traffic.database == database.name);
    let rate = |rate: Option<f64>| rate.map(|rate| rate.round().max(0.0) as u64);
    vec![
        cells::text_cell(pooler, Tone::Plain),
        Cell::text(database.name.clone(), Tone::Plain),
        passes(report, database),
        database
            .address()
            .map_or_else(|| Cell::text("Unix socket", Tone::Dim), |address| Cell::text(address, Tone::Dim)),
        member(snapshot, database),
        match snapshot.leads_to_primary(database) {
            Some(true) => Cell::text("yes", Tone::Ok),
            Some(false) => Cell::text("no", if database.is_configured { Tone::Critical } else { Tone::Plain }),
            None => Cell::unknown(),
        },
        cells::count(database.connections.map(u64::from), Tone::Plain),
        cells::count(database.pool_size.map(u64::from), Tone::Dim),
        elsewhere(snapshot, report, database),
        cells::rate(rate(traffic.and_then(|traffic| traffic.transaction_rate)), Tone::Plain),
        cells::rate(rate(traffic.and_then(|traffic| traffic.query_rate)), Tone::Plain),
        report.mode_of(database).map_or_else(Cell::unknown, |mode| Cell::text(mode.as_str(), Tone::Plain)),
    ]
}

/// Whether clients get through.
fn passes(report: &PoolerReport, database: &PoolerDatabase) -> Cell {
    match (database.disabled, report.is_paused(database)) {
        (Some(true), Some(true)) => Cell::text("paused, disabled", Tone::Warning),
        (_, Some(true)) => Cell::text("paused", Tone::Warning),
        (Some(true), _) => Cell::text("disabled", Tone::Warning),
        (Some(false), Some(false)) => Cell::text("passes", Tone::Ok),
        (_, None) | (None, _) => Cell::unknown(),
    }
}

fn member(snapshot: &Snapshot, database: &PoolerDatabase) -> Cell {
    let routes = snapshot.pooler_routes(database);
    if routes.is_empty() {
        return Cell::none();
    }
    let names: Vec<&str> = routes.iter().map(|route| route.name().map_or("?", Text::as_str)).collect();
    let tone = match routes.as_slice() {
        [PoolerRoute::Router { .. }] => Tone::Dim,
        routes if routes.iter().all(|route| route.name().is_some()) => Tone::Plain,
        _ => Tone::Stale,
    };
    Cell::text(names.join(", "), tone)
}

/// Connections to an address that the database has left, as long as their clients hold them.
fn elsewhere(snapshot: &Snapshot, report: &PoolerReport, database: &PoolerDatabase) -> Cell {
    let Some(leaving) = report.leaving(&database.name) else { return Cell::unknown() };
    let parts: Vec<String> = leaving
        .map(|server| {
            let owner = snapshot.server_address_owner(server);
            let name = owner.name().map_or_else(|| server.address.to_string(), ToString::to_string);
            format!("{} to {name}", server.closing)
        })
        .collect();
    if parts.is_empty() { Cell::none() } else { Cell::text(parts.join(", "), Tone::Warning) }
}
