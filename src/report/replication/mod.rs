//! Replication: standbys as their upstreams see them, slots, receivers, archivers, and the history of timelines.

mod fold;
mod slots;

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use slots::slots;

use super::cells;
use super::table::{Cell, Column, Row, Table, Tone};
use super::tones;
use super::units::{
    self, AGE_WIDTH, BYTES_RATE_WIDTH, BYTES_WIDTH, COUNT_WIDTH, DATE_TIME_WIDTH, DURATION_WIDTH, LSN_WIDTH,
};
use crate::model::lsn::Lsn;
use crate::model::member::Member;
use crate::model::observed::{Freshness, Reading};
use crate::model::postgres::{Archiver, Downstream, SqlPart, SqlReport};
use crate::model::role::SyncState;
use crate::model::snapshot::Snapshot;
use crate::model::source::SourceKind;
use crate::model::streaming::REPLY_OVERDUE;
use crate::model::text::Text;
use crate::model::trend::TrendDirection;

/// Columns of [`standbys`]. Rows are named `upstream/standby`; a second connection of one name adds its pid.
pub const STANDBYS: &[Column] = &[
    Column::text("standby", "STANDBY", 0, 12, 32),
    Column::text("upstream", "UPSTREAM", 1, 8, 24),
    Column::text("state", "STATE", 0, 9, 12),
    Column::text("sync", "SYNC", 0, 5, 9),
    Column::numbers("write-lag-bytes", "WRITE", 2, BYTES_WIDTH),
    Column::numbers("flush-lag-bytes", "FLUSH", 1, BYTES_WIDTH),
    Column::numbers("replay-lag-bytes", "REPLAY", 0, BYTES_WIDTH),
    Column::numbers("replay-lag-trend", "TREND", 2, BYTES_RATE_WIDTH + 1),
    Column::numbers("write-lag-seconds", "WRITE LAG", 4, DURATION_WIDTH),
    Column::numbers("flush-lag-seconds", "FLUSH LAG", 4, DURATION_WIDTH),
    Column::numbers("replay-lag-seconds", "REPLAY LAG", 1, DURATION_WIDTH),
    Column::numbers("reply-age-seconds", "LAST REPLY", 3, DURATION_WIDTH),
    Column::text("address", "ADDRESS", 5, 9, 40),
    Column::numbers("age-seconds", "AGE", 2, AGE_WIDTH),
];

/// Columns of [`slots`]. Rows are named `node/slot`.
pub const SLOTS: &[Column] = &[
    Column::text("node", "NODE", 0, 8, 24),
    Column::text("slot", "SLOT", 0, 12, 40),
    Column::text("type", "TYPE", 2, 8, 8),
    Column::text("active", "ACTIVE", 0, 6, 6),
    Column::text("wal-status", "WAL", 1, 10, 12),
    Column::numbers("retained-bytes", "RETAINED", 0, BYTES_WIDTH),
    Column::numbers("safe-bytes", "SAFE WAL", 2, 9),
    Column::numbers("inactive-seconds", "INACTIVE", 2, DURATION_WIDTH),
    Column::text("database", "DATABASE", 4, 8, 24),
    Column::numbers("age-seconds", "AGE", 3, AGE_WIDTH),
    Column::text("notes", "NOTES", 1, 8, 0),
];

/// Columns of [`receivers`]. Rows are named by their node.
pub const RECEIVERS: &[Column] = &[
    Column::text("node", "NODE", 0, 8, 24),
    Column::text("status", "RECEIVER", 0, 9, 16),
    Column::text("sender", "UPSTREAM", 0, 10, 48),
    Column::numbers("timeline", "TL", 1, 4),
    Column::text("slot", "SLOT", 2, 8, 32),
    Column::numbers("latest-end", "LATEST END", 2, LSN_WIDTH),
    Column::numbers("message-age-seconds", "LAST MSG", 1, DURATION_WIDTH),
    Column::text("replay", "REPLAY", 1, 8, 24),
    Column::numbers("age-seconds", "AGE", 3, AGE_WIDTH),
];

/// Columns of [`archivers`]. Rows are named by their node.
pub const ARCHIVERS: &[Column] = &[
    Column::text("node", "NODE", 0, 8, 24),
    Column::text("state", "ARCHIVER", 0, 8, 12),
    Column::text("last-archived", "LAST ARCHIVED", 1, 13, 40),
    Column::numbers("archived-age-seconds", "WHEN", 0, AGE_WIDTH),
    Column::text("last-failed", "LAST FAILED", 2, 11, 40),
    Column::numbers("failed-age-seconds", "WHEN", 2, AGE_WIDTH),
    Column::numbers("failures", "FAILURES", 1, COUNT_WIDTH),
    Column::numbers("ready", "READY", 0, COUNT_WIDTH),
    Column::numbers("age-seconds", "AGE", 3, AGE_WIDTH),
];

/// Columns of [`history`]. Rows are named by the timeline that ended.
pub const HISTORY: &[Column] = &[
    Column::numbers("timeline", "TL", 0, 4),
    Column::numbers("end", "ENDED AT", 0, LSN_WIDTH),
    Column::text("at", "WHEN", 0, DATE_TIME_WIDTH, DATE_TIME_WIDTH),
    Column::text("new-leader", "NEW LEADER", 0, 10, 24),
    Column::text("reason", "REASON", 1, 8, 0),
];

/// Members that were asked over SQL and have answered at least once.
pub(in crate::report) fn answered(
    snapshot: &Snapshot,
) -> impl Iterator<Item = (&Member, &Reading<SqlReport>, &SqlReport)> {
    snapshot.members.iter().filter_map(|member| {
        let reading = member.sql.as_ref()?;
        Some((member, reading, reading.last()?))
    })
}

/// Why a table of what nodes say over SQL is empty; `nothing` is the reason where they do answer.
pub(in crate::report) fn empty(snapshot: &Snapshot, columns: &'static [Column], nothing: &str, hint: &str) -> Table {
    let mut readings = snapshot.members.iter().filter_map(|member| member.sql.as_ref()).peekable();
    if readings.peek().is_none() {
        let hint = "configure a PostgreSQL user for the cluster";
        return Table::new(columns, "no PostgreSQL login is configured", hint);
    }
    if answered(snapshot).next().is_some() {
        return Table::new(columns, nothing, hint);
    }
    match readings.find_map(|reading| reading.failure.as_ref()) {
        Some(failure) => {
            let reason = format!("no node is reachable over SQL: {}", failure.error);
            Table::new(columns, reason, failure.error.remedy(SourceKind::Sql))
        }
        None => Table::new(columns, "waiting for the first responses", ""),
    }
}

/// Time from `at` to the snapshot, by the wall clock; zero where a clock runs ahead.
pub(in crate::report) fn time_since(snapshot: &Snapshot, at: Timestamp) -> Duration {
    Duration::try_from(snapshot.wall.duration_since(at)).unwrap_or_default()
}

/// Standbys (and other WAL consumers) as their upstreams see them.
pub fn standbys(snapshot: &Snapshot) -> Table {
    let mut table = empty(snapshot, STANDBYS, "no standby is connected to a reachable node", "");
    for (member, reading, report) in answered(snapshot) {
        if !report.knows(SqlPart::Downstream) && report.downstream.is_empty() {
            let mut row = unknown_row(snapshot, member, reading, STANDBYS);
            row.cells.swap(0, 1);
            table.rows.push(row);
        }
        for row in &report.downstream {
            let twice = report.downstream.iter().filter(|other| other.application == row.application).count() > 1;
            let pid = if twice { format!("#{}", row.pid) } else { String::new() };
            let id = format!("{}/{}{pid}", member.name, row.application);
            table.rows.push(cells::row(reading, snapshot.now, id, standby(snapshot, member, reading, row)));
        }
    }
    table.rows.sort_by(|a, b| a.cells[0].text.cmp(&b.cells[0].text));
    fold::stale(&mut table, snapshot);
    table
}

fn standby(snapshot: &Snapshot, upstream: &Member, reading: &Reading<SqlReport>, row: &Downstream) -> Vec<Cell> {
    let limits = &snapshot.thresholds;
    // A frozen standby keeps its connection, and its upstream the last word on it.
    let overdue = row.reply_age.is_some_and(|age| age > REPLY_OVERDUE);
    let standby = snapshot.members.iter().find(|member| *member.name.text() == row.application);
    let silent = standby.is_some_and(|member| snapshot.view(member).is_silent());
    let state_tone = match row.state.as_ref().map(Text::as_str) {
        Some("streaming") if overdue || silent => Tone::Warning,
        Some("streaming") => Tone::Ok,
        Some(_) => Tone::Warning,
        None => Tone::Stale,
    };
    let sync =
        |sync: SyncState| Cell::text(sync.as_str(), if sync == SyncState::Async { Tone::Dim } else { Tone::Plain });
    // Idle and caught up, PostgreSQL measures no time: that is no delay, not an unknown one.
    let idle = row.replay_lag_bytes == Some(0);
    let time = |span: Option<Duration>| match span {
        None if idle => Cell::none(),
        span => cells::span(span, span.map_or(Tone::Plain, |span| tones::limits(&limits.lag_time, span))),
    };
    let bytes =
        |lag: Option<u64>| cells::bytes(lag, lag.map_or(Tone::Plain, |lag| tones::limits(&limits.lag_bytes, lag)));
    vec![
        cells::text_cell(&row.application, Tone::Plain),
        Cell::text(upstream.name.text().clone(), Tone::Plain),
        cells::text_or_unknown(row.state.as_ref(), state_tone),
        row.sync.map_or_else(Cell::unknown, sync),
        bytes(row.write_lag_bytes),
        bytes(row.flush_lag_bytes),
        bytes(row.replay_lag_bytes),
        trend(snapshot, reading, row),
        time(row.write_lag),
        time(row.flush_lag),
        time(row.replay_lag),
        cells::span(row.reply_age, if overdue { Tone::Warning } else { Tone::Dim }),
        cells::text_or_unknown(row.address.as_ref(), Tone::Dim),
        cells::seen(reading, snapshot.now),
    ]
}

/// Where the replay lag is going. It is kept of the lag behind the leader, so that a row of another upstream has none.
fn trend(snapshot: &Snapshot, reading: &Reading<SqlReport>, row: &Downstream) -> Cell {
    let member = snapshot.members.iter().find(|member| *member.name.text() == row.application);
    let Some(member) = member else { return Cell::none() };
    let Some(lag) = row.replay_lag_bytes else { return Cell::unknown() };
    if snapshot.view(member).lag_behind_leader().bytes.is_none_or(|lag| lag.source != reading.source) {
        return Cell::none();
    }
    let Some(trend) = member.lag_trend else { return Cell::unknown() };
    match trend.direction(lag) {
        TrendDirection::Steady => Cell::number(0.0, "steady", Tone::Dim),
        TrendDirection::Growing(rate) => {
            Cell::number(rate as f64, format!("+{}", units::bytes_rate(rate)), Tone::Warning)
        }
        TrendDirection::Shrinking { rate, .. } => {
            Cell::number(-(rate as f64), format!("-{}", units::bytes_rate(rate)), Tone::Plain)
        }
    }
}

/// Incoming streams of the standbys.
pub fn receivers(snapshot: &Snapshot) -> Table {
    let mut table = empty(snapshot, RECEIVERS, "no reachable node is a standby", "");
    for (member, reading, report) in answered(snapshot).filter(|(_, _, report)| report.in_recovery) {
        let receiver = report.receiver.as_ref();
        let seen = report.knows(SqlPart::Receiver);
        let applies = |cell: Option<Cell>| cell.unwrap_or_else(if seen { Cell::none } else { Cell::unknown });
        let status = receiver.map_or_else(
            || if seen { Cell::text("none", Tone::Warning) } else { Cell::unknown() },
            |receiver| {
                let tone = if receiver.status == "streaming" { Tone::Ok } else { Tone::Warning };
                cells::text_cell(&receiver.status, tone)
            },
        );
        let sender = receiver.map(|receiver| match (&receiver.sender_host, receiver.sender_port) {
            (Some(host), Some(port)) => {
                let view = snapshot.view(member);
                let name = view.receiver_upstream().map(|upstream| format!("{} ", upstream.value)).unwrap_or_default();
                Cell::text(format!("{name}{host}:{port}"), Tone::Plain)
            }
            _ => Cell::unknown(),
        });
        let replay = report.replay.map(|replay| match (replay.paused, replay.delay) {
            (true, _) => Cell::text("paused", Tone::Warning),
            (false, Duration::ZERO) => Cell::text("running", Tone::Plain),
            (false, delay) => Cell::text(format!("delayed {}", units::duration(delay)), Tone::Plain),
        });
        let cells = vec![
            Cell::text(member.name.text().clone(), Tone::Plain),
            status,
            applies(sender),
            applies(receiver.map(|receiver| timeline(receiver.timeline))),
            applies(receiver.map(|receiver| match &receiver.slot {
                Some(slot) => cells::text_cell(slot, Tone::Dim),
                None => Cell::none(),
            })),
            applies(receiver.map(|receiver| {
                receiver.latest_end.map_or_else(Cell::unknown, |end| lsn_cell(end, Some(report.version), Tone::Dim))
            })),
            applies(receiver.map(|receiver| cells::span(receiver.message_age, Tone::Plain))),
            replay.unwrap_or_else(Cell::unknown),
            cells::seen(reading, snapshot.now),
        ];
        table.rows.push(cells::row(reading, snapshot.now, member.name.text().clone(), cells));
    }
    // The leader has no receiver to be unknown.
    let leads = |member: &Member| snapshot.leader().is_some_and(|leader| leader.value == member.name);
    let unknown = unanswered_rows(snapshot, RECEIVERS).filter(|(member, _)| !leads(member));
    fold::stale(&mut table, snapshot);
    table.rows.extend(unknown.map(|(_, row)| row));
    table
}

/// Rows of the members that never answered, where another did: without any, the table says why it is empty.
pub(in crate::report) fn unanswered_rows<'a>(
    snapshot: &'a Snapshot,
    columns: &'static [Column],
) -> impl Iterator<Item = (&'a Member, Row)> {
    let any = answered(snapshot).next().is_some();
    let lost = |member: &&Member| {
        member.sql.as_ref().is_some_and(|reading| reading.freshness(snapshot.now) == Freshness::Lost)
    };
    snapshot.members.iter().filter(move |member| any && lost(member)).map(move |member| {
        let name = member.name.text().clone();
        let mut cells = vec![Cell::text(name.clone(), Tone::Stale)];
        cells.resize_with(columns.len(), Cell::unknown);
        (member, Row { id: name, cells })
    })
}

/// A row of a member that answers, and does not tell what the table is about.
fn unknown_row(snapshot: &Snapshot, member: &Member, reading: &Reading<SqlReport>, columns: &'static [Column]) -> Row {
    let name = member.name.text().clone();
    let mut cells = vec![Cell::text(name.clone(), Tone::Plain)];
    cells.resize_with(columns.len(), Cell::unknown);
    cells::row(reading, snapshot.now, name, cells)
}

/// A WAL position as a server of this version writes it.
fn lsn_cell(lsn: Lsn, version: Option<u32>, tone: Tone) -> Cell {
    Cell::number(lsn.0 as f64, lsn.as_reported_by(version).to_string(), tone)
}

fn timeline(timeline: Option<crate::model::lsn::Timeline>) -> Cell {
    timeline
        .map_or_else(Cell::unknown, |timeline| Cell::number(f64::from(timeline.0), timeline.to_string(), Tone::Plain))
}

/// Archivers.
pub fn archivers(snapshot: &Snapshot) -> Table {
    let mut table = empty(snapshot, ARCHIVERS, "no reachable node reports its archiver", "the role needs pg_monitor");
    for (member, reading, report) in answered(snapshot) {
        let Some(archiver) = &report.archiver else {
            table.rows.push(unknown_row(snapshot, member, reading, ARCHIVERS));
            continue;
        };
        // Unless archive_mode is `always`, a standby archives nothing; its statistics are those of its past.
        let cells = archiver_cells(snapshot, member, reading, archiver, report.in_recovery);
        table.rows.push(cells::row(reading, snapshot.now, member.name.text().clone(), cells));
    }
    fold::stale(&mut table, snapshot);
    table.rows.extend(unanswered_rows(snapshot, ARCHIVERS).map(|(_, row)| row));
    table
}

fn archiver_cells(
    snapshot: &Snapshot,
    member: &Member,
    reading: &Reading<SqlReport>,
    archiver: &Archiver,
    in_recovery: bool,
) -> Vec<Cell> {
    let when =
        |at: Option<Timestamp>| at.map_or_else(Cell::none, |at| cells::ago(Some(time_since(snapshot, at)), Tone::Dim));
    let (state, tone) = match (archiver.enabled, archiver.failing, in_recovery) {
        (false, _, _) => ("off", Tone::Dim),
        (true, true, false) => ("failing", Tone::Critical),
        (true, true, true) => ("failing", Tone::Warning),
        (true, false, false) => ("on", Tone::Ok),
        (true, false, true) => ("standby", Tone::Dim),
    };
    let segment = |name: &Option<Text>| name.as_ref().map_or_else(Cell::none, |name| cells::text_cell(name, Tone::Dim));
    let ready_tone = |ready| tones::limits(&snapshot.thresholds.archive_ready, ready);
    vec![
        Cell::text(member.name.text().clone(), Tone::Plain),
        Cell::text(state, tone),
        segment(&archiver.last_archived),
        when(archiver.last_archived_at),
        segment(&archiver.last_failed),
        when(archiver.last_failed_at),
        cells::count(u64::try_from(archiver.failed_count).ok(), Tone::Plain),
        // With archiving off nothing is marked, and nobody looks.
        cells::or_none(archiver.enabled, || {
            cells::count(archiver.ready, archiver.ready.map_or(Tone::Plain, ready_tone))
        }),
        // As old as what of it is oldest.
        cells::seen_part(reading, SqlPart::ArchiveReady, snapshot.now),
    ]
}

/// How earlier timelines ended, newest first. Times are written in `zone`.
pub fn history(snapshot: &Snapshot, zone: &TimeZone) -> Table {
    let Some(record) = snapshot.record() else {
        return Table::new(HISTORY, "the DCS state has not been read yet", "");
    };
    let mut table = Table::new(HISTORY, "no promotions in the history", "");
    // As the leader's server would write them.
    let leader = snapshot.leader().and_then(|leader| snapshot.member(&leader.value));
    let version = leader.and_then(|leader| snapshot.view(leader).server_version()).map(|version| version.value);
    for entry in record.last().into_iter().flat_map(|content| content.history.iter().rev()) {
        let at = entry.at.map_or_else(Cell::unknown, |at| Cell {
            key: super::table::SortKey::Number(at.as_millisecond() as f64),
            ..Cell::text(units::date_time(at, zone), Tone::Plain)
        });
        let leader = entry.new_leader.as_ref().map(|leader| leader.text().clone());
        let cells = vec![
            timeline(Some(entry.timeline)),
            lsn_cell(entry.lsn, version, Tone::Plain),
            at,
            cells::text_or_unknown(leader.as_ref(), Tone::Plain),
            cells::text_cell(&entry.reason, Tone::Dim),
        ];
        let Row { id, cells } = cells::row(record, snapshot.now, entry.timeline.to_string(), cells);
        table.rows.push(Row { id, cells });
    }
    table
}
