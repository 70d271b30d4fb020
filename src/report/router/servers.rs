//! Servers of routers, each judged by what its pool is for.

use super::super::cells;
use super::super::routing::{self, Oddity, Server};
use super::super::table::{Cell, Column, Row, Table, Tone};
use super::super::units::{AGE_WIDTH, BYTES_WIDTH, COUNT_WIDTH, DURATION_WIDTH, RATE_WIDTH};
use super::{empty, errors, limit, queue, row_id, sessions};
use crate::model::router::{PoolPurpose, ProxyStatus, Router};
use crate::model::snapshot::Snapshot;

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
    Column::numbers("age-seconds", "SEEN", 5, AGE_WIDTH),
    Column::words("notes", "NOTES", 0, 8, 0),
];

/// Servers of one router.
pub fn servers(snapshot: &Snapshot, router: &Router) -> Table {
    let mut table = empty(snapshot, router, SERVERS, "the router tells of no server");
    table.rows = routing::servers_of(snapshot, router).map(|server| server_row(snapshot, &server, false)).collect();
    table
}

/// Servers of every router in one table, for the command line. The server column begins with the router's name where
/// there are several.
pub fn all_servers(snapshot: &Snapshot) -> Table {
    let Some(first) = snapshot.routers.first() else {
        return Table::new(
            SERVERS,
            "no router is configured for this cluster",
            "name its statistics page or runtime API in the configuration",
        );
    };
    let several = snapshot.routers.len() > 1;
    let mut table = empty(snapshot, first, SERVERS, "no router tells of a server");
    table.rows = routing::servers(snapshot).map(|server| server_row(snapshot, &server, several)).collect();
    table
}

fn server_row(snapshot: &Snapshot, server: &Server<'_>, with_router: bool) -> Row {
    let row = server.row;
    let oddity = routing::oddity(snapshot, server);
    let tone = status_tone(snapshot, server, oddity.as_ref());
    let name = if with_router { format!("{} {}", server.router.name, row.server) } else { row.server.to_string() };
    let check = match &row.check {
        None => Cell::none(),
        Some(check) => {
            let code = check.code.map(|code| format!(" {code}")).unwrap_or_default();
            let running = if check.in_progress { " …" } else { "" };
            Cell::text(
                format!("{}{code}{running}", check.result),
                if tone == Tone::Act { Tone::Act } else { Tone::Dim },
            )
        }
    };
    let took = row.check.as_ref().map_or_else(Cell::none, |check| cells::latency(check.took, Tone::Dim));
    let cells = vec![
        Cell::text(row.proxy.clone(), Tone::Plain),
        Cell::text(name, Tone::Plain),
        Cell::text(row.status.word(), tone),
        check,
        took,
        cells::span(row.last_change, Tone::Dim),
        sessions(row),
        cells::count(row.sessions_max, Tone::Dim),
        limit(row),
        cells::rate(row.rate, Tone::Plain),
        queue(row),
        errors(row),
        cells::bytes(row.bytes_in, Tone::Dim),
        cells::bytes(row.bytes_out, Tone::Dim),
        row.address.as_ref().map_or_else(Cell::none, |address| cells::words(address, Tone::Dim)),
        cells::seen(server.reading, snapshot.now),
        notes(snapshot, server, oddity),
    ];
    cells::row(server.reading, snapshot.now, row_id(server.router, row), cells)
}

/// A server is judged by what its pool is for: a replica is down in the write pool, and that is how the pool finds the
/// leader.
fn status_tone(snapshot: &Snapshot, server: &Server<'_>, oddity: Option<&Oddity>) -> Tone {
    match oddity {
        Some(Oddity::WritesElsewhere { .. } | Oddity::LeaderIsDown) => return Tone::Act,
        Some(Oddity::ReplicaIsDown) => return Tone::Look,
        None => {}
    }
    let excused = excuse(snapshot, server).is_some();
    match (&server.row.status, server.purpose) {
        (ProxyStatus::Up | ProxyStatus::Open, _) => Tone::Well,
        (ProxyStatus::Unknown(_), _) => Tone::Stale,
        (ProxyStatus::Down | ProxyStatus::GoingUp(_), _) if excused => Tone::Dim,
        (
            ProxyStatus::Down
            | ProxyStatus::GoingUp(_)
            | ProxyStatus::GoingDown(_)
            | ProxyStatus::NoCheck
            | ProxyStatus::Drain
            | ProxyStatus::Maintenance(_)
            | ProxyStatus::NoLoadBalancing
            | ProxyStatus::Stopped,
            _,
        ) => Tone::Look,
    }
}

/// Why a server that is down is as it should be.
fn excuse(snapshot: &Snapshot, server: &Server<'_>) -> Option<&'static str> {
    let member = snapshot.member_of(server.row);
    let leads = member.zip(snapshot.leader()).is_some_and(|(member, leader)| member.name == leader.value);
    let left_out = || {
        let tags = member.and_then(|member| snapshot.view(member).tags());
        tags.is_some_and(|tags| tags.value.noloadbalance)
    };
    match server.purpose {
        PoolPurpose::Write if !leads => Some("normal for a replica"),
        PoolPurpose::Read if leads => Some("normal for the leader"),
        PoolPurpose::Read if left_out() => Some("tagged noloadbalance"),
        PoolPurpose::Write | PoolPurpose::Read | PoolPurpose::Any | PoolPurpose::Unknown => None,
    }
}

fn notes(snapshot: &Snapshot, server: &Server<'_>, oddity: Option<Oddity>) -> Cell {
    let row = server.row;
    let (words, tone) = match oddity {
        Some(Oddity::WritesElsewhere { leader: Some(leader) }) => {
            (format!("gets writes, but {leader} leads"), Tone::Act)
        }
        Some(Oddity::WritesElsewhere { leader: None }) => ("gets writes, but nobody leads".to_owned(), Tone::Act),
        Some(Oddity::LeaderIsDown) => ("the leader gets no writes".to_owned(), Tone::Act),
        Some(Oddity::ReplicaIsDown) => ("streams, but gets no reads".to_owned(), Tone::Look),
        None => match &row.status {
            ProxyStatus::NoCheck => ("nothing checks it: cannot follow a failover".to_owned(), Tone::Look),
            ProxyStatus::Down | ProxyStatus::GoingUp(_) if excuse(snapshot, server).is_some() => {
                (excuse(snapshot, server).unwrap_or_default().to_owned(), Tone::Dim)
            }
            _ if snapshot.member_of(row).is_none() && !snapshot.members.is_empty() => {
                ("no member of the cluster goes by this name or address".to_owned(), Tone::Dim)
            }
            // "Check passed" is what the status says already.
            ProxyStatus::Up => (String::new(), Tone::Dim),
            _ => {
                let said = row.check.as_ref().map(|check| check.description.to_string()).unwrap_or_default();
                (said, Tone::Dim)
            }
        },
    };
    Cell::text(words, tone)
}
