//! The DCS: its own members, the cluster's keys, and the dynamic configuration.

use super::cells;
use super::line::Line;
use super::table::{Cell, Column, Table, Tone};
use super::tones;
use super::topology::reported_at;
use super::units::{self, AGE_WIDTH, BYTES_WIDTH, COUNT_WIDTH, DURATION_WIDTH, PERCENT_WIDTH};
use crate::model::dcs::{DcsAlarm, DcsAlarmKind, DcsMember, Quorum, RaftLeader};
use crate::model::observed::Reading;
use crate::model::record::ClusterRecord;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// Columns of [`members`]. Rows are named by the endpoint (the source's target).
pub const MEMBERS: &[Column] = &[
    Column::text("endpoint", "ENDPOINT", 0, 12, 40),
    Column::text("name", "NAME", 1, 8, 24),
    Column::text("role", "ROLE", 0, 8, 9),
    Column::numbers("term", "TERM", 1, COUNT_WIDTH),
    Column::numbers("revision", "REVISION", 3, COUNT_WIDTH),
    Column::numbers("raft-behind", "APPLY LAG", 3, COUNT_WIDTH),
    Column::numbers("size-bytes", "SIZE", 1, BYTES_WIDTH),
    Column::numbers("in-use-bytes", "IN USE", 3, BYTES_WIDTH),
    Column::numbers("quota-percent", "QUOTA", 2, PERCENT_WIDTH),
    Column::text("quorum", "QUORUM", 0, 7, 8),
    Column::numbers("latency-seconds", "LATENCY", 1, DURATION_WIDTH),
    Column::text("version", "VERSION", 4, 7, 12),
    Column::numbers("age-seconds", "AGE", 2, AGE_WIDTH),
    Column::text("notes", "NOTES", 0, 8, 0),
];

/// Columns of [`keys`]. Rows are named by the key.
pub const KEYS: &[Column] = &[
    Column::text("key", "KEY", 0, 16, 48),
    Column::text("leased", "LEASE", 2, 5, 5),
    Column::numbers("create-revision", "CREATED", 3, 12),
    Column::numbers("mod-revision", "WRITTEN", 1, 12),
    Column::text("value", "VALUE", 0, 16, 0),
];

/// The DCS's own members.
pub fn members(snapshot: &Snapshot) -> Table {
    let has = snapshot.identity.traits;
    let (empty, hint) = if has.has_dcs() {
        let hint = "configure the etcd endpoints; until then the DCS state is read through Patroni";
        ("no DCS endpoint is configured for this cluster".to_owned(), hint)
    } else {
        (format!("{} has no DCS", has.called), "the leader is determined from what each node reports")
    };
    let mut table = Table::new(MEMBERS, empty, hint);
    table.rows = snapshot
        .dcs
        .members
        .iter()
        .map(|reading| {
            let mut cells = match reading.last() {
                Some(member) => member_cells(snapshot, reading, member),
                None => silent_cells(reading),
            };
            cells.push(notes(snapshot, reading));
            let mut row = cells::row(reading, snapshot.now, reading.source.target.clone(), cells);
            if let Some(cell) = row.cells.first_mut() {
                cell.mark = Some(reported_at(reading, snapshot.now).0);
            }
            row
        })
        .collect();
    table
}

fn member_cells(snapshot: &Snapshot, reading: &Reading<DcsMember>, member: &DcsMember) -> Vec<Cell> {
    let role = match (member.leads(), member.learner, member.leader) {
        (true, _, _) => Cell::text("leader", Tone::Strong),
        (false, _, RaftLeader::Nobody) => Cell::text("no leader", Tone::Critical),
        (false, Some(true), _) => Cell::text("learner", Tone::Dim),
        (false, _, RaftLeader::Unknown) => Cell::unknown(),
        (false, _, RaftLeader::Known(_)) => Cell::text("follower", Tone::Plain),
    };
    let quorum = match member.quorum {
        Quorum::Reached => Cell::ranked(0, "ok", Tone::Ok),
        Quorum::Missing => Cell::ranked(1, "missing", Tone::Critical),
        Quorum::Unknown => Cell::unknown(),
    };
    // Servers before etcd 3.6 do not tell their quota: a share of a guess would be one, too.
    let quota = member.quota_used();
    let quota = quota.map_or_else(Cell::unknown, |share| {
        let tone = tones::limits(&snapshot.thresholds.dcs_quota_percent, share);
        Cell::number(share as f64, format!("{share} %"), tone)
    });
    vec![
        Cell::text(reading.source.target.clone(), Tone::Plain),
        cells::text_or_unknown(Some(&member.name), Tone::Plain),
        role,
        cells::count(member.term, Tone::Plain),
        cells::count(u64::try_from(member.revision).ok(), Tone::Dim),
        cells::count(member.raft_behind(), Tone::Dim),
        cells::bytes(member.db_size, Tone::Plain),
        cells::bytes(member.db_in_use, Tone::Dim),
        quota,
        quorum,
        cells::latency(Some(member.latency), Tone::Plain),
        cells::text_or_unknown(Some(&member.version), Tone::Dim),
        cells::seen(reading, snapshot.now),
    ]
}

fn silent_cells(reading: &Reading<DcsMember>) -> Vec<Cell> {
    let mut cells = vec![Cell::text(reading.source.target.clone(), Tone::Stale)];
    cells.resize_with(MEMBERS.len() - 1, Cell::unknown);
    cells
}

fn notes(snapshot: &Snapshot, reading: &Reading<DcsMember>) -> Cell {
    let (_, words) = reported_at(reading, snapshot.now);
    let Some(member) = reading.fresh(snapshot.now) else { return Cell::text(words, Tone::Stale) };
    let mut notes: Vec<String> = member.alarms.iter().map(alarm_text).collect();
    let others = snapshot.dcs.members.iter().filter_map(|other| other.fresh(snapshot.now));
    let newest = others.filter_map(|other| other.term).max();
    if let (Some(own), Some(newest)) = (member.term, newest)
        && own < newest
    {
        notes.push(format!("term is behind, newest is {newest}"));
    }
    if member.status_refused.is_some() {
        notes.push("status requires the root user".to_owned());
    }
    let tone = if member.alarms.is_empty() { Tone::Warning } else { Tone::Critical };
    Cell::text(notes.join(", "), tone)
}

/// An alarm in words.
pub(in crate::report) fn alarm_text(alarm: &DcsAlarm) -> String {
    let words = match &alarm.kind {
        DcsAlarmKind::NoSpace => "NOSPACE, writes rejected".to_owned(),
        DcsAlarmKind::Corrupt => "CORRUPT, data differs".to_owned(),
        DcsAlarmKind::Other(words) => words.to_string(),
    };
    if alarm.own || alarm.raised_by.is_empty() {
        format!("alarm: {words}")
    } else {
        format!("alarm on {}: {words}", alarm.raised_by)
    }
}

/// Every key under the cluster's prefix.
pub fn keys(snapshot: &Snapshot) -> Table {
    let Some(record) = snapshot.record() else {
        return Table::new(KEYS, no_record(snapshot), "");
    };
    if !snapshot.identity.traits.has_dcs() {
        return Table::new(KEYS, "no DCS, hence no keys", "");
    }
    let hint = "configure the etcd endpoints to see the keys";
    let mut table = Table::new(KEYS, format!("{} reports no keys", record.source), hint);
    for key in record.last().into_iter().flat_map(ClusterRecord::keys) {
        let revision = |number: i64| {
            let exact = units::exact(number.unsigned_abs());
            if number > 0 { Cell::number(number as f64, exact, Tone::Dim) } else { Cell::unknown() }
        };
        let cells = vec![
            Cell::text(key.name.clone(), Tone::Plain),
            if key.leased { Cell::text("yes", Tone::Plain) } else { Cell::none() },
            revision(key.create_revision),
            revision(key.mod_revision),
            cells::text_cell(&key.value, Tone::Plain),
        ];
        table.rows.push(cells::row(record, snapshot.now, key.name.clone(), cells));
    }
    table
}

/// Why there is no record to show.
fn no_record(snapshot: &Snapshot) -> String {
    match snapshot.records.first() {
        None => "no DCS is configured for this cluster".to_owned(),
        Some(reading) => match &reading.failure {
            Some(failure) => format!("the DCS state cannot be read: {}", failure.error),
            None => "waiting for the DCS state".to_owned(),
        },
    }
}

/// Source, age, revision, leader key and lease, pause, sync, failover and defects of the record: what stands above
/// the keys.
pub fn record_lines(snapshot: &Snapshot) -> Vec<Line> {
    let now = snapshot.now;
    let mut lines = Vec::new();
    for reading in &snapshot.records {
        let (mark, words) = reported_at(reading, now);
        let mut line = Line::new().mark(mark).plain(" ").plain(reading.source.to_string()).plain("  ").dim(words);
        if let Some(content) = reading.last().filter(|content| content.revision > 0) {
            line = line.dim(format!("  revision {}", units::exact(content.revision.unsigned_abs())));
        }
        lines.push(line);
    }
    let Some(record) = snapshot.record() else {
        lines.push(Line::new().with(no_record(snapshot), Tone::Stale));
        return lines;
    };
    if let Some(content) = record.last() {
        let fresh = record.is_fresh(now);
        lines.extend(content_lines(content, record.age(now).unwrap_or_default(), fresh));
    }
    lines
}

fn content_lines(content: &ClusterRecord, age: std::time::Duration, fresh: bool) -> Vec<Line> {
    let tone = |tone| if fresh { tone } else { Tone::Stale };
    let mut lines = Vec::new();
    let mut line = Line::new().dim("leader    ");
    line = match &content.leader {
        None => {
            let doubt = content.doubt().map_or("no member holds the leader key", Text::as_str);
            line.with(doubt, tone(Tone::Critical))
        }
        Some(leader) => {
            let line = line.with(leader.holder.as_str(), tone(Tone::Strong));
            let lease = leader.lease_left.filter(|_| fresh).map(|left| left.saturating_sub(age));
            match lease {
                Some(left) => line.dim(format!("  lease {} s left", left.as_secs())),
                None => line,
            }
        }
    };
    lines.push(line);
    if content.is_paused() {
        lines.push(Line::new().dim("pause     ").with("on: no automatic failover", tone(Tone::Warning)));
    }
    if let Some(sync) = content.sync() {
        let names: Vec<_> = sync.standbys.iter().map(ToString::to_string).collect();
        let names = if names.is_empty() { "no synchronous standby".to_owned() } else { names.join(", ") };
        let quorum =
            sync.quorum.filter(|quorum| *quorum > 0).map(|quorum| format!("  quorum {quorum}")).unwrap_or_default();
        lines.push(Line::new().dim("sync      ").with(format!("{names}{quorum}"), tone(Tone::Plain)));
    }
    if let Some(failover) = &content.order {
        let from = failover.leader.as_ref().map(|leader| format!(" from {leader}")).unwrap_or_default();
        let to = failover.candidate.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
        let kind = if failover.leader.is_some() { "switchover" } else { "failover" };
        let at = failover.scheduled_at.as_ref().map_or(" pending".to_owned(), |at| format!(" scheduled for {at}"));
        lines.push(Line::new().dim("failover  ").with(format!("{kind}{from}{to}{at}"), tone(Tone::Warning)));
    }
    if let Some(lock) = &content.lock {
        let since = lock.since.map(|since| format!("  since {since:.0}")).unwrap_or_default();
        lines.push(Line::new().dim("operation ").with(lock.describe(), tone(Tone::Warning)).dim(since));
    }
    for defect in &content.defects {
        lines.push(Line::new().dim("defect    ").with(defect.as_str(), tone(Tone::Warning)));
    }
    lines
}

/// The dynamic configuration as text, or why it is not to be had.
pub fn config_lines(snapshot: &Snapshot) -> Vec<Line> {
    let Some(record) = snapshot.record() else {
        return vec![Line::new().with(no_record(snapshot), Tone::Stale)];
    };
    let tone = if record.is_fresh(snapshot.now) { Tone::Plain } else { Tone::Stale };
    match record.last().and_then(|content| content.config()) {
        Some(config) if !config.lines.is_empty() => {
            config.lines.iter().map(|line| Line::new().with(line.as_str(), tone)).collect()
        }
        Some(_) => vec![Line::new().with("the dynamic configuration is empty", Tone::Stale)],
        None if !snapshot.identity.traits.has_dcs() => {
            vec![Line::new().with("each node has its own configuration; there is no shared one", Tone::Dim)]
        }
        None => {
            vec![Line::new().with(format!("{} does not report the dynamic configuration", record.source), Tone::Stale)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::*;
    use super::*;
    use crate::model::name::NodeName;
    use crate::model::record::PendingOrder;
    use crate::model::source::FailureKind;

    fn text(lines: &[Line]) -> String {
        lines.iter().map(Line::text).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn members_tell_who_leads_and_a_silent_one_says_since_when() {
        let mut snapshot = healthy();
        snapshot.dcs.members[1].answer = None;
        fail(&mut snapshot.dcs.members[1], FailureKind::TimedOut, seconds(38));
        insta::assert_snapshot!(rendered(&members(&snapshot)), @r"
        ENDPOINT       NAME      ROLE          TERM  REVISION  APPLY LAG      SIZE    IN USE  QUOTA  QUORUM    LATENCY  VERSION           AGE  NOTES
        ● etcd-1:2379  etcd-1    leader           7     4,711          0   20.0 MB    2.0 MB      ?  ok         1.2 ms  3.5.16        1 s ago
        ○ etcd-2:2379  ?         ?                ?         ?          ?         ?         ?      ?  ?               ?  ?                   ?  timed out for 38.0 s
        ● etcd-3:2379  etcd-3    follower         7     4,711          0   20.0 MB    2.0 MB      ?  ok         1.2 ms  3.5.16        1 s ago
        ");
        assert_eq!(members(&snapshot).rows[1].cells[3], Cell::unknown());
    }

    #[test]
    fn where_nobody_manages_the_nodes_no_store_is_missed() {
        let reported = rendered(&members(&plain())) + &rendered(&keys(&plain()));
        assert!(!reported.contains("Patroni") && !reported.contains("etcd"), "{reported}");
    }

    #[test]
    fn keys_and_record_tell_what_is_stored() {
        let mut snapshot = healthy();
        insta::assert_snapshot!(rendered(&keys(&snapshot)), @r#"
        KEY               LEASE       CREATED       WRITTEN  VALUE
        config            –                40         4,711  {"ttl":30}
        leader            yes              40         4,711  pg-0
        "#);
        record(&mut snapshot, |content| {
            content.paused = true;
            content.order = Some(PendingOrder {
                leader: Some(NodeName::new("pg-0")),
                candidate: Some(NodeName::new("pg-1")),
                scheduled_at: Some("2026-11-22T02:00:00+01:00".into()),
            });
            content.defects = vec!["history: not a list".into()];
        });
        insta::assert_snapshot!(text(&record_lines(&snapshot)), @r"
        ● etcd  1 s ago  revision 4,711
        leader    pg-0  lease 17 s left
        pause     on: no automatic failover
        sync      pg-1
        failover  switchover from pg-0 to pg-1 scheduled for 2026-11-22T02:00:00+01:00
        defect    history: not a list
        ");
        insta::assert_snapshot!(text(&config_lines(&snapshot)), @r"
        ttl: 30
        synchronous_mode: true
        ");
    }

    #[test]
    fn a_lost_dcs_says_so_wherever_its_content_would_stand() {
        let mut snapshot = healthy();
        snapshot.records[0].answer = None;
        fail(&mut snapshot.records[0], FailureKind::NoQuorum, seconds(20));
        assert_eq!(keys(&snapshot).empty.reason, "the DCS state cannot be read: 10.0.0.9:8008: no quorum");
        assert_eq!(text(&config_lines(&snapshot)), "the DCS state cannot be read: 10.0.0.9:8008: no quorum");
        assert_eq!(keys(&bare()).empty.reason, "no DCS is configured for this cluster");
    }
}
