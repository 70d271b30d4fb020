//! Routers: frontends, backends and servers of each.

mod servers;
#[cfg(test)]
mod tests;

pub use self::servers::{SERVERS, all_servers, servers};
use super::cells;
use super::line::Line;
use super::routing;
use super::symbol::Mark;
use super::table::{Cell, Column, Table, Tone};
use super::topology::reported_at;
use super::units::{self, BYTES_WIDTH, COUNT_WIDTH, DURATION_WIDTH, RATE_WIDTH};
use crate::model::observed::Reading;
use crate::model::router::{Bypass, PoolPurpose, ProxyKind, ProxyRow, ProxyStatus, Router, RouterReport};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// Columns of [`frontends`]. Rows are named `router/proxy/FRONTEND`.
pub const FRONTENDS: &[Column] = &[
    Column::text("frontend", "FRONTEND", 0, 10, 32),
    Column::text("status", "STATUS", 0, 8, 12),
    Column::numbers("sessions", "SESSIONS", 0, COUNT_WIDTH),
    Column::numbers("sessions-max", "MAX", 2, COUNT_WIDTH),
    Column::numbers("sessions-limit", "LIMIT", 1, COUNT_WIDTH),
    Column::numbers("sessions-total", "TOTAL", 3, COUNT_WIDTH),
    Column::numbers("rate-per-second", "RATE", 0, RATE_WIDTH),
    Column::numbers("in-bytes", "IN", 3, BYTES_WIDTH),
    Column::numbers("out-bytes", "OUT", 3, BYTES_WIDTH),
];

/// Columns of [`backends`]. Rows are named `router/proxy/BACKEND`.
pub const BACKENDS: &[Column] = &[
    Column::text("backend", "BACKEND", 0, 10, 32),
    Column::text("purpose", "ROUTES TO", 1, 8, 8),
    Column::text("status", "STATUS", 0, 8, 12),
    Column::text("up", "SERVERS UP", 0, 10, 48),
    Column::numbers("sessions", "SESSIONS", 0, COUNT_WIDTH),
    Column::numbers("sessions-max", "MAX", 2, COUNT_WIDTH),
    Column::numbers("sessions-limit", "LIMIT", 3, COUNT_WIDTH),
    Column::numbers("rate-per-second", "RATE", 1, RATE_WIDTH),
    Column::numbers("queue", "QUEUE", 1, COUNT_WIDTH),
    Column::numbers("errors", "ERRORS", 2, COUNT_WIDTH),
    Column::numbers("last-change-seconds", "SINCE", 1, DURATION_WIDTH),
];

/// Frontends and listeners of one router.
pub fn frontends(snapshot: &Snapshot, router: &Router) -> Table {
    let mut table = empty(snapshot, router, FRONTENDS, "the router reports no frontend");
    for (reading, row) in rows(snapshot, router, &[ProxyKind::Frontend, ProxyKind::Listener]) {
        let name = match row.kind {
            ProxyKind::Listener => format!("{} {}", row.proxy, row.server),
            ProxyKind::Frontend | ProxyKind::Backend | ProxyKind::Server => row.proxy.to_string(),
        };
        let status = match row.status {
            ProxyStatus::Open | ProxyStatus::Up => Tone::Ok,
            ProxyStatus::Unknown(_) => Tone::Stale,
            _ => Tone::Warning,
        };
        let cells = vec![
            Cell::text(name, Tone::Plain),
            Cell::text(row.status.as_str(), status),
            sessions(row),
            cells::count(row.sessions_max, Tone::Dim),
            limit(row),
            cells::count(row.sessions_total, Tone::Dim),
            cells::rate(row.rate, Tone::Plain),
            cells::bytes(row.bytes_in, Tone::Dim),
            cells::bytes(row.bytes_out, Tone::Dim),
        ];
        table.rows.push(cells::row(reading, snapshot.now, row_id(router, row), cells));
    }
    table
}

/// Backends of one router.
pub fn backends(snapshot: &Snapshot, router: &Router) -> Table {
    let mut table = empty(snapshot, router, BACKENDS, "the router reports no backend");
    for (reading, row) in rows(snapshot, router, &[ProxyKind::Backend]) {
        let purpose = router.purpose(&row.proxy);
        let all: Vec<_> =
            routing::servers_of(snapshot, router).filter(|server| server.row.proxy == row.proxy).collect();
        let up: Vec<_> =
            all.iter().filter(|server| server.row.takes_traffic()).map(|server| server.row.server.as_str()).collect();
        let by_design = matches!(purpose, PoolPurpose::Write | PoolPurpose::Read)
            && up.is_empty()
            && routing::empty_by_design(snapshot, router, &row.proxy).is_some();
        let unpublished = all.iter().any(|server| server.row.bypass == Some(Bypass::Unpublished));
        let tone = match (purpose, up.len()) {
            (PoolPurpose::Write, 1) => Tone::Ok,
            (_, 0) if by_design => Tone::Dim,
            // None: writes fail. Several: writes reach nodes that must not have them.
            (PoolPurpose::Write, _) | (PoolPurpose::Read, 0) => Tone::Critical,
            (_, 0) => Tone::Warning,
            (PoolPurpose::Read | PoolPurpose::Any | PoolPurpose::Unknown, _) => Tone::Plain,
        };
        let servers = match (up.as_slice(), unpublished) {
            ([], true) => "none: unpublished".to_owned(),
            ([], false) => "none".to_owned(),
            (up, _) => up.join(", "),
        };
        let status = match (&row.status, purpose) {
            (ProxyStatus::Up | ProxyStatus::Open, _) => Tone::Ok,
            // The one proxy that leads there all the same is its own `listen`.
            (ProxyStatus::UpUnpublished, _) if !unpublished && !up.is_empty() => Tone::Plain,
            _ if by_design => Tone::Dim,
            (ProxyStatus::Unknown(_), _) => Tone::Stale,
            (_, PoolPurpose::Write) => Tone::Critical,
            (_, PoolPurpose::Read | PoolPurpose::Any | PoolPurpose::Unknown) => Tone::Warning,
        };
        let cells = vec![
            Cell::text(row.proxy.clone(), Tone::Plain),
            cells::or_none(!all.is_empty(), || purpose_cell(purpose)),
            Cell::text(row.status.as_str(), status),
            // The statistics page is a backend without a server of its own.
            cells::or_none(!all.is_empty(), || Cell::text(servers, tone)),
            sessions(row),
            cells::count(row.sessions_max, Tone::Dim),
            limit(row),
            cells::rate(row.rate, Tone::Plain),
            queue(row),
            errors(row),
            cells::span(row.last_change, Tone::Dim),
        ];
        table.rows.push(cells::row(reading, snapshot.now, row_id(router, row), cells));
    }
    table
}

/// The router itself in one line: version, uptime, connections, which interfaces answer.
pub fn headline(snapshot: &Snapshot, router: &Router) -> Line {
    let now = snapshot.now;
    let mut line = Line::new().with(router.name.as_str(), Tone::Strong);
    for reading in [router.runtime.as_ref(), router.http.as_ref()].into_iter().flatten() {
        let (mark, words) = reported_at(reading, now);
        let tone = if mark == Mark::Ok { Tone::Dim } else { Tone::Stale };
        line = line.plain("   ").plain(reading.source.kind.as_str()).plain(" ").mark(mark).plain(" ").with(words, tone);
    }
    let readings = [router.runtime.as_ref(), router.http.as_ref()];
    let info = readings.into_iter().flatten().find_map(|reading| reading.fact(now, |report| report.info.as_ref()));
    if let Some(info) = info {
        let tone = if info.fresh { Tone::Plain } else { Tone::Stale };
        let process = info.value;
        let text = format!(
            "HAProxy {}, up {}, {} of {} connections",
            process.version,
            units::duration(process.uptime),
            units::count(process.connections),
            units::count(process.max_connections)
        );
        line = line.plain("   ").with(text, tone);
        if let Some(idle) = process.idle_percent {
            line = line.with(format!(", {idle} % idle"), tone);
        }
    }
    line
}

/// The name of a row in every table of this module.
pub fn row_id(router: &Router, row: &ProxyRow) -> Text {
    Text::new(format!("{}/{}/{}", router.name, row.proxy, row.server))
}

fn rows<'a>(
    snapshot: &'a Snapshot,
    router: &'a Router,
    kinds: &'static [ProxyKind],
) -> impl Iterator<Item = (&'a Reading<RouterReport>, &'a ProxyRow)> {
    router.reading(snapshot.now).into_iter().flat_map(move |reading| {
        let all = reading.last().map(|report| report.rows.as_slice()).unwrap_or_default();
        all.iter().filter(|row| kinds.contains(&row.kind)).map(move |row| (reading, row))
    })
}

fn empty(snapshot: &Snapshot, router: &Router, columns: &'static [Column], nothing: &str) -> Table {
    let Some(reading) = router.reading(snapshot.now) else {
        let hint = "configure its stats URL or runtime API address";
        return Table::new(columns, format!("no interface of {} is configured", router.name), hint);
    };
    match (&reading.answer, &reading.failure) {
        (Some(_), _) => Table::new(columns, nothing, ""),
        (None, Some(failure)) => Table::new(
            columns,
            format!("{}: {}", router.name, failure.error),
            failure.error.remedy(reading.source.kind),
        ),
        (None, None) => Table::new(columns, format!("waiting for the first response of {}", router.name), ""),
    }
}

fn purpose_cell(purpose: PoolPurpose) -> Cell {
    match purpose {
        PoolPurpose::Write => Cell::text("leader", Tone::Plain),
        PoolPurpose::Read => Cell::text("replicas", Tone::Plain),
        PoolPurpose::Any => Cell::text("any", Tone::Plain),
        PoolPurpose::Unknown => Cell::unknown(),
    }
}

fn sessions(row: &ProxyRow) -> Cell {
    let full = row.sessions.zip(row.sessions_limit).is_some_and(|(now, limit)| limit > 0 && now >= limit);
    cells::count(row.sessions, if full { Tone::Critical } else { Tone::Plain })
}

/// No limit is none, not an unknown one.
fn limit(row: &ProxyRow) -> Cell {
    row.sessions_limit.map_or_else(Cell::none, |limit| cells::count(Some(limit), Tone::Dim))
}

fn queue(row: &ProxyRow) -> Cell {
    let tone = if row.queue.is_some_and(|waiting| waiting > 0) { Tone::Warning } else { Tone::Plain };
    cells::count(row.queue, tone)
}

/// Failed connections and failed responses together.
fn errors(row: &ProxyRow) -> Cell {
    let sum = match (row.errors_connection, row.errors_response) {
        (None, None) => None,
        (connection, response) => Some(connection.unwrap_or_default() + response.unwrap_or_default()),
    };
    cells::count(sum, Tone::Plain)
}
