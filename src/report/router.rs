//! Routers: frontends, backends and servers of each.

use super::cells;
use super::line::Line;
use super::routing::{self, Oddity, Server};
use super::symbol::Mark;
use super::table::{Cell, Column, Row, Table, Tone};
use super::topology::told_when;
use super::units::{self, AGE_WIDTH, BYTES_WIDTH, COUNT_WIDTH, DURATION_WIDTH, RATE_WIDTH};
use crate::model::observed::Reading;
use crate::model::router::{PoolPurpose, ProxyKind, ProxyRow, ProxyStatus, Router, RouterReport};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

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
    Column::numbers("age-seconds", "SEEN", 5, AGE_WIDTH),
    Column::words("notes", "NOTES", 0, 8, 0),
];

/// Frontends and listeners of one router.
pub fn frontends(snapshot: &Snapshot, router: &Router) -> Table {
    let mut table = empty(snapshot, router, FRONTENDS, "the router tells of no frontend");
    for (reading, row) in rows(snapshot, router, &[ProxyKind::Frontend, ProxyKind::Listener]) {
        let name = match row.kind {
            ProxyKind::Listener => format!("{} {}", row.proxy, row.server),
            ProxyKind::Frontend | ProxyKind::Backend | ProxyKind::Server => row.proxy.to_string(),
        };
        let status = match row.status {
            ProxyStatus::Open | ProxyStatus::Up => Tone::Well,
            ProxyStatus::Unknown(_) => Tone::Stale,
            _ => Tone::Look,
        };
        let cells = vec![
            Cell::text(name, Tone::Plain),
            Cell::text(row.status.word(), status),
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
    let mut table = empty(snapshot, router, BACKENDS, "the router tells of no backend");
    for (reading, row) in rows(snapshot, router, &[ProxyKind::Backend]) {
        let purpose = router.purpose(&row.proxy);
        let all: Vec<_> =
            routing::servers_of(snapshot, router).filter(|server| server.row.proxy == row.proxy).collect();
        let up: Vec<_> = all
            .iter()
            .filter(|server| server.row.status.takes_traffic())
            .map(|server| server.row.server.as_str())
            .collect();
        let tone = match (purpose, up.len()) {
            (PoolPurpose::Write, 1) => Tone::Well,
            // None: writes fail. Several: writes reach nodes that must not have them.
            (PoolPurpose::Write, _) | (PoolPurpose::Read, 0) => Tone::Act,
            (_, 0) => Tone::Look,
            (PoolPurpose::Read | PoolPurpose::Any | PoolPurpose::Unknown, _) => Tone::Plain,
        };
        let servers = if up.is_empty() { "none".to_owned() } else { up.join(", ") };
        let status = match (&row.status, purpose) {
            (ProxyStatus::Up | ProxyStatus::Open, _) => Tone::Well,
            (ProxyStatus::Unknown(_), _) => Tone::Stale,
            (_, PoolPurpose::Write) => Tone::Act,
            (_, PoolPurpose::Read | PoolPurpose::Any | PoolPurpose::Unknown) => Tone::Look,
        };
        let cells = vec![
            Cell::text(row.proxy.clone(), Tone::Plain),
            cells::or_none(!all.is_empty(), || purpose_cell(purpose)),
            Cell::text(row.status.word(), status),
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

/// The router itself in one line: version, uptime, connections, which interfaces answer.
pub fn headline(snapshot: &Snapshot, router: &Router) -> Line {
    let now = snapshot.now;
    let mut line = Line::new().with(router.name.as_str(), Tone::Strong);
    for reading in [router.runtime.as_ref(), router.http.as_ref()].into_iter().flatten() {
        let (mark, words) = told_when(reading, now);
        let tone = if mark == Mark::Well { Tone::Dim } else { Tone::Stale };
        line = line.plain("   ").plain(reading.source.kind.word()).plain(" ").mark(mark).plain(" ").with(words, tone);
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
        let hint = "give it a stats URL or a runtime address in the configuration";
        return Table::new(columns, format!("no interface of {} is configured", router.name), hint);
    };
    match (&reading.answer, &reading.failure) {
        (Some(_), _) => Table::new(columns, nothing, ""),
        (None, Some(failure)) => {
            Table::new(columns, format!("{}: {}", router.name, failure.error), failure.error.trouble.remedy())
        }
        (None, None) => Table::new(columns, format!("waiting for the first answer of {}", router.name), ""),
    }
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
    let member = routing::member(snapshot, server.row);
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
            _ if routing::member(snapshot, row).is_none() && !snapshot.members.is_empty() => {
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
    cells::count(row.sessions, if full { Tone::Act } else { Tone::Plain })
}

/// No limit is none, not an unknown one.
fn limit(row: &ProxyRow) -> Cell {
    row.sessions_limit.map_or_else(Cell::none, |limit| cells::count(Some(limit), Tone::Dim))
}

fn queue(row: &ProxyRow) -> Cell {
    let tone = if row.queue.is_some_and(|waiting| waiting > 0) { Tone::Look } else { Tone::Plain };
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

#[cfg(test)]
mod tests {
    use super::super::test_support::{bare, drawn, fail, healthy, rows, seconds, split};
    use super::*;
    use crate::model::source::Trouble;

    fn tone(table: &Table, id: &str) -> Tone {
        table.rows.iter().find(|row| row.id == *id).unwrap().cells[2].tone
    }

    #[test]
    fn a_replica_that_is_down_in_the_write_pool_is_as_it_should_be() {
        let snapshot = healthy();
        let table = servers(&snapshot, &snapshot.routers[0]);
        insta::assert_snapshot!(drawn(&table), @r"
        BACKEND   SERVER      STATUS    CHECK          TOOK     SINCE  SESSIONS      MOST     LIMIT        RATE     QUEUE    ERRORS        IN       OUT  ADDRESS            SEEN  NOTES
        primary   pg-0        UP        L7OK 200     3.0 ms    2h 10m        83       120       100       412/s         0         2    5.0 GB    7.0 GB  –               1 s ago
        primary   pg-1        DOWN      L7STS 503    3.0 ms    2h 10m         0       120       100       412/s         0         2    5.0 GB    7.0 GB  –               1 s ago  normal for a replica
        primary   pg-2        DOWN      L7STS 503    3.0 ms    2h 10m         0       120       100       412/s         0         2    5.0 GB    7.0 GB  –               1 s ago  normal for a replica
        replicas  pg-0        DOWN      L7STS 503    3.0 ms    2h 10m         0       120       100       412/s         0         2    5.0 GB    7.0 GB  –               1 s ago  normal for the leader
        replicas  pg-1        UP        L7OK 200     3.0 ms    2h 10m        83       120       100       412/s         0         2    5.0 GB    7.0 GB  –               1 s ago
        replicas  pg-2        UP        L7OK 200     3.0 ms    2h 10m        83       120       100       412/s         0         2    5.0 GB    7.0 GB  –               1 s ago
        ");
        assert_eq!(tone(&table, "pg-router/primary/pg-1"), Tone::Dim);
        assert_eq!(tone(&table, "pg-router/replicas/pg-0"), Tone::Dim);
    }

    #[test]
    fn writes_that_reach_another_than_the_leader_are_flagged() {
        let snapshot = split();
        let table = servers(&snapshot, &snapshot.routers[0]);
        assert_eq!(tone(&table, "pg-router/primary/pg-0"), Tone::Act);
        assert_eq!(tone(&table, "pg-router/primary/pg-1"), Tone::Act);
        let notes: Vec<_> = table.rows.iter().take(2).map(|row| row.cells[16].text.as_str()).collect();
        assert_eq!(notes, ["gets writes, but pg-1 leads", "the leader gets no writes"]);
    }

    #[test]
    fn an_old_answer_of_the_router_accuses_nobody() {
        let mut snapshot = split();
        fail(snapshot.routers[0].http.as_mut().unwrap(), Trouble::TimedOut, seconds(9));
        let table = servers(&snapshot, &snapshot.routers[0]);
        assert_eq!(tone(&table, "pg-router/primary/pg-0"), Tone::Stale);
    }

    #[test]
    fn frontends_and_backends_tell_sessions_and_who_is_up() {
        let snapshot = healthy();
        insta::assert_snapshot!(drawn(&frontends(&snapshot, &snapshot.routers[0])), @r"
        FRONTEND    STATUS    SESSIONS      MOST     LIMIT     TOTAL        RATE        IN       OUT
        primary     OPEN            83       120       100    41,204       412/s    5.0 GB    7.0 GB
        replicas    OPEN            83       120       100    41,204       412/s    5.0 GB    7.0 GB
        ");
        insta::assert_snapshot!(drawn(&backends(&snapshot, &snapshot.routers[0])), @r"
        BACKEND     LEADS TO  STATUS    SERVERS UP  SESSIONS      MOST     LIMIT        RATE     QUEUE    ERRORS     SINCE
        primary     leader    UP        pg-0              83       120       100       412/s         0         2    2h 10m
        replicas    replicas  UP        pg-1, pg-2        83       120       100       412/s         0         2    2h 10m
        ");
        insta::assert_snapshot!(headline(&snapshot, &snapshot.routers[0]).text(), @"pg-router   HAProxy ● 1 s ago   HAProxy 3.0.11, up 1d 1h, 203 of 2,000 connections, 97 % idle");
    }

    #[test]
    fn a_write_pool_without_or_with_two_servers_needs_a_hand() {
        let mut snapshot = healthy();
        let up = |snapshot: &Snapshot| backends(snapshot, &snapshot.routers[0]).rows[0].cells[3].clone();
        rows(&mut snapshot, |rows| rows[2].status = ProxyStatus::Up);
        assert_eq!((up(&snapshot).text.as_str(), up(&snapshot).tone), ("pg-0, pg-1", Tone::Act));
        rows(&mut snapshot, |rows| {
            rows[1].status = ProxyStatus::Down;
            rows[2].status = ProxyStatus::Down;
        });
        assert_eq!((up(&snapshot).text.as_str(), up(&snapshot).tone), ("none", Tone::Act));
    }

    #[test]
    fn without_an_answer_the_table_says_what_is_wrong_and_what_mends_it() {
        let mut snapshot = healthy();
        let http = snapshot.routers[0].http.as_mut().unwrap();
        http.answer = None;
        fail(http, Trouble::Refused, seconds(3));
        let empty = servers(&snapshot, &snapshot.routers[0]).empty;
        assert_eq!(empty.reason, "pg-router: 10.0.0.9:8008: connection refused");
        assert_eq!(empty.hint, Trouble::Refused.remedy());
        assert_eq!(all_servers(&bare()).empty.reason, "no router is configured for this cluster");
    }
}
