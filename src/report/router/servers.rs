//! Servers of routers, each judged by what its pool is for.

use super::super::cells;
use super::super::routing::{self, RoutingAnomaly, Server};
use super::super::table::{Cell, Column, Row, Table, Tone};
use super::super::units::{AGE_WIDTH, BYTES_WIDTH, COUNT_WIDTH, DURATION_WIDTH, RATE_WIDTH};
use super::{empty, errors, limit, queue, row_id, sessions};
use crate::model::router::{Bypass, PoolPurpose, ProxyRow, ProxyStatus, Router, ServerOwner, contradiction};
use crate::model::snapshot::Snapshot;

/// Columns of [`servers`]. Rows are named `router/proxy/server`.
pub const SERVERS: &[Column] = &[
    Column::text("backend", "BACKEND", 0, 8, 24),
    Column::text("server", "SERVER", 0, 10, 32),
    Column::text("status", "STATUS", 0, 8, 16),
    Column::text("check", "CHECK", 0, 9, 16),
    Column::numbers("check-seconds", "CHECK ms", 3, DURATION_WIDTH),
    Column::numbers("last-change-seconds", "SINCE", 1, DURATION_WIDTH),
    Column::numbers("sessions", "SESSIONS", 0, COUNT_WIDTH),
    Column::numbers("sessions-max", "MAX", 3, COUNT_WIDTH),
    Column::numbers("sessions-limit", "LIMIT", 4, COUNT_WIDTH),
    Column::numbers("rate-per-second", "RATE", 1, RATE_WIDTH),
    Column::numbers("queue", "QUEUE", 2, COUNT_WIDTH),
    Column::numbers("errors", "ERRORS", 2, COUNT_WIDTH),
    Column::numbers("in-bytes", "IN", 4, BYTES_WIDTH),
    Column::numbers("out-bytes", "OUT", 4, BYTES_WIDTH),
    Column::text("address", "ADDRESS", 5, 9, 40),
    Column::numbers("age-seconds", "AGE", 5, AGE_WIDTH),
    Column::text("notes", "NOTES", 0, 8, 0),
];

/// Servers of one router.
pub fn servers(snapshot: &Snapshot, router: &Router) -> Table {
    let mut table = empty(snapshot, router, SERVERS, "the router reports no server");
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
            "configure its statistics page or runtime API",
        );
    };
    let several = snapshot.routers.len() > 1;
    let mut table = empty(snapshot, first, SERVERS, "no router reports a server");
    table.rows = routing::servers(snapshot).map(|server| server_row(snapshot, &server, several)).collect();
    table
}

fn server_row(snapshot: &Snapshot, server: &Server<'_>, with_router: bool) -> Row {
    let row = server.row;
    let routing_anomaly = routing::routing_anomaly(snapshot, server);
    let tone = status_tone(snapshot, server, routing_anomaly.as_ref());
    let name = if with_router { format!("{} {}", server.router.name, row.server) } else { row.server.to_string() };
    let check = row.check_text().map_or_else(Cell::none, |words| {
        Cell::text(words, if tone == Tone::Critical { Tone::Critical } else { Tone::Dim })
    });
    let took = row.check.as_ref().map_or_else(Cell::none, |check| cells::latency(check.took, Tone::Dim));
    let cells = vec![
        Cell::text(row.proxy.clone(), Tone::Plain),
        Cell::text(name, Tone::Plain),
        Cell::text(row.status.as_str(), tone),
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
        row.address.as_ref().map_or_else(Cell::none, |address| cells::text_cell(address, Tone::Dim)),
        cells::seen(server.reading, snapshot.now),
        notes(snapshot, server, routing_anomaly),
    ];
    cells::row(server.reading, snapshot.now, row_id(server.router, row), cells)
}

/// A server is judged by what its pool is for: a replica is down in the write pool, and that is how the pool finds the
/// leader.
fn status_tone(snapshot: &Snapshot, server: &Server<'_>, routing_anomaly: Option<&RoutingAnomaly>) -> Tone {
    match routing_anomaly {
        Some(RoutingAnomaly::WritesElsewhere { .. } | RoutingAnomaly::LeaderIsDown) => return Tone::Critical,
        Some(RoutingAnomaly::ReplicaIsDown) => return Tone::Warning,
        None => {}
    }
    let excused = explanation(snapshot, server).is_some();
    match &server.row.status {
        ProxyStatus::Up | ProxyStatus::Open if server.row.takes_traffic() => Tone::Ok,
        // A spare is there to be idle.
        _ if server.row.bypass == Some(Bypass::Spare) => Tone::Dim,
        ProxyStatus::Unknown(_) => Tone::Stale,
        ProxyStatus::Down | ProxyStatus::GoingUp(_) if excused => Tone::Dim,
        _ => Tone::Warning,
    }
}

/// Why a server that is down is as it should be.
fn explanation(snapshot: &Snapshot, server: &Server<'_>) -> Option<&'static str> {
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

fn notes(snapshot: &Snapshot, server: &Server<'_>, routing_anomaly: Option<RoutingAnomaly>) -> Cell {
    let row = server.row;
    let (words, tone) = match routing_anomaly {
        Some(RoutingAnomaly::WritesElsewhere { leader: Some(leader) }) => {
            (format!("receives writes, but {leader} is the leader"), Tone::Critical)
        }
        Some(RoutingAnomaly::WritesElsewhere { leader: None }) => {
            ("receives writes, but there is no leader".to_owned(), Tone::Critical)
        }
        Some(RoutingAnomaly::LeaderIsDown) => (with_reason("the leader receives no writes", row), Tone::Critical),
        Some(RoutingAnomaly::ReplicaIsDown) => (with_reason("streaming, but receives no reads", row), Tone::Warning),
        None => match &row.status {
            _ if row.bypass.is_some() || row.holder().is_some() => (reason(row).unwrap_or_default(), tone_of(row)),
            ProxyStatus::NoCheck => ("no health check: cannot follow a failover".to_owned(), Tone::Warning),
            ProxyStatus::Down | ProxyStatus::GoingUp(_) if explanation(snapshot, server).is_some() => {
                (explanation(snapshot, server).unwrap_or_default().to_owned(), Tone::Dim)
            }
            _ if snapshot.member_of(row).is_none() && !snapshot.members.is_empty() => {
                match snapshot.server_owner(row) {
                    ServerOwner::Contradicted(claims) => (contradiction(&claims), Tone::Warning),
                    ServerOwner::Member { .. } | ServerOwner::Nobody => {
                        ("no cluster member has this name or address".to_owned(), Tone::Dim)
                    }
                }
            }
            ProxyStatus::Up if named_otherwise(snapshot, row).is_some() => {
                (named_otherwise(snapshot, row).unwrap_or_default(), Tone::Warning)
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

/// A server whose name is one member's and that leads to another.
fn named_otherwise(snapshot: &Snapshot, row: &ProxyRow) -> Option<String> {
    let ServerOwner::Member { member, by } = snapshot.server_owner(row) else { return None };
    let names_another = snapshot.members.iter().any(|other| *other.name.text() == row.server);
    (names_another && *member.name.text() != row.server)
        .then(|| format!("routes to {}, by {}", member.name, by.describe()))
}

/// Why a server gets no new connection, whatever its check says; `None`: nothing but its check keeps it from them.
fn reason(row: &ProxyRow) -> Option<String> {
    let bypassed = row.bypass.map(|bypass| match bypass {
        Bypass::Unpublished => "its backend is unpublished: no frontend routes here",
        Bypass::Weightless => "weight 0: no new connections",
        Bypass::Spare => "backup server: used when no other server is UP",
    });
    bypassed.map(ToOwned::to_owned).or_else(|| row.holder().map(|by| by.describe()))
}

fn with_reason(words: &str, row: &ProxyRow) -> String {
    reason(row).map_or_else(|| words.to_owned(), |reason| format!("{words}: {reason}"))
}

fn tone_of(row: &ProxyRow) -> Tone {
    match row.bypass {
        Some(Bypass::Unpublished) => Tone::Critical,
        Some(Bypass::Spare) => Tone::Dim,
        Some(Bypass::Weightless) | None => Tone::Warning,
    }
}
