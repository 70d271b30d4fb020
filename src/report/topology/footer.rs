//! What stands below the members: DCS, routers and backups, one line each.

use super::super::line::Line;
use super::super::routing;
use super::super::symbol::Mark;
use super::super::table::Tone;
use super::super::units;
use super::reported_at;
use crate::model::dcs::{Quorum, RaftLeader};
use crate::model::parts::BackupOutcome;
use crate::model::router::{PoolPurpose, Router};
use crate::model::snapshot::Snapshot;

/// Where the text of a line begins, after its title.
const TITLE_WIDTH: usize = 9;

/// DCS, routers and backups, one line each.
pub fn footer_lines(snapshot: &Snapshot) -> Vec<Line> {
    let has_dcs = snapshot.identity.traits.has_dcs();
    let mut lines = vec![if has_dcs { dcs(snapshot) } else { nobody_keeps(snapshot) }];
    if snapshot.routers.is_empty() {
        lines.push(labelled_line("ROUTER").dim("not configured"));
    }
    for (at, router) in snapshot.routers.iter().enumerate() {
        lines.push(router_line(snapshot, router, if at == 0 { "ROUTER" } else { "" }));
    }
    lines.push(backups(snapshot));
    lines
}

fn labelled_line(title: &str) -> Line {
    let mut line = Line::new().dim(title);
    line.pad_to(TITLE_WIDTH);
    line
}

/// In the place of the DCS, where nobody keeps a record: who leads by the nodes' own words.
fn nobody_keeps(snapshot: &Snapshot) -> Line {
    let line = labelled_line("DCS").dim(format!("none: {}", snapshot.identity.traits.called));
    match snapshot.doubt() {
        Some(doubt) => line.plain("   ").with(doubt.value.as_str(), Tone::Critical),
        None => line,
    }
}

fn dcs(snapshot: &Snapshot) -> Line {
    let mut line = labelled_line("DCS");
    let now = snapshot.now;
    let record = snapshot.record();
    // How old the record is matters most once it is: it stands where no width cuts it off.
    let stale = record.filter(|record| !record.is_fresh(now));
    if let Some(record) = stale {
        let age = record.age(now).map(units::age).unwrap_or_default();
        let key = record.last().and_then(|content| content.leader.as_ref());
        let words = key.map_or_else(|| "no leader key".to_owned(), |key| format!("leader key {}", key.holder));
        line = line.with(format!("{words} ({age})   "), Tone::Stale);
    }
    for (at, reading) in snapshot.dcs.members.iter().enumerate() {
        if at > 0 {
            line.push(" · ", Tone::Dim);
        }
        let member = reading.last();
        let name = member.map(|member| &member.name).filter(|name| !name.is_empty()).unwrap_or(&reading.source.target);
        let (mark, words) = reported_at(reading, now);
        let fresh = reading.fresh(now);
        let mark = match fresh {
            Some(member) if member.raises_alarm() || member.quorum == Quorum::Missing => Mark::Failed,
            _ => mark,
        };
        line = line.plain(name.as_str()).plain(" ").mark(mark).plain(" ");
        line = match fresh {
            Some(member) if member.quorum == Quorum::Missing => line.with("no quorum", Tone::Critical),
            Some(member) if member.leads() => line.plain(format!("leader term {}", member.describe_term())),
            Some(member) if member.leader == RaftLeader::Nobody => line.with("no leader", Tone::Critical),
            Some(member) => line.dim(units::latency(member.latency)),
            None => line.with(words, Tone::Stale),
        };
    }
    let Some(record) = record else {
        let silent = snapshot.records.first().map(|reading| reported_at(reading, now).1);
        return match silent {
            Some(words) if snapshot.dcs.members.is_empty() => line.with(format!("DCS state: {words}"), Tone::Stale),
            Some(_) => line.plain("   ").with("leader key ?", Tone::Stale),
            None if snapshot.dcs.members.is_empty() => line.dim("not configured"),
            None => line,
        };
    };
    if snapshot.dcs.members.is_empty() {
        line = line.dim(format!("from {}, {}", record.source, reported_at(record, now).1));
    }
    if stale.is_some() {
        return line;
    }
    line = line.plain("   ");
    match record.last().and_then(|content| content.leader.as_ref()) {
        Some(leader) => {
            line = line.plain(format!("leader key {}", leader.holder));
            let age = record.age(now).unwrap_or_default();
            if let Some(left) = leader.lease_left {
                let left = left.saturating_sub(age);
                line = line.dim(format!(", lease {} s left", left.as_secs()));
            }
            line
        }
        None => line.with("no leader key", Tone::Critical),
    }
}

fn router_line(snapshot: &Snapshot, router: &Router, title: &str) -> Line {
    let now = snapshot.now;
    let mut line = labelled_line(title).plain(router.name.as_str()).plain(" ");
    let Some(reading) = router.reading(now) else {
        return line.with("no interface is configured", Tone::Stale);
    };
    let (mark, words) = reported_at(reading, now);
    let fresh = reading.is_fresh(now);
    line = line.mark(mark).plain(" ").with(words, if fresh { Tone::Dim } else { Tone::Stale });
    let Some(report) = reading.last() else { return line };
    for row in report.backends() {
        let purpose = router.purpose(&row.proxy);
        if !matches!(purpose, PoolPurpose::Write | PoolPurpose::Read) {
            continue;
        }
        let up: Vec<_> = routing::servers_of(snapshot, router)
            .filter(|server| server.row.proxy == row.proxy && server.row.takes_traffic())
            .map(|server| server.row.server.to_string())
            .collect();
        let writes = purpose == PoolPurpose::Write;
        let by_design = up.is_empty() && routing::empty_by_design(snapshot, router, &row.proxy).is_some();
        let tone = match (fresh, writes, up.len()) {
            (false, _, _) => Tone::Stale,
            (true, _, 0) if by_design => Tone::Dim,
            (true, true, 1) => Tone::Plain,
            (true, true, _) => Tone::Critical,
            (true, false, 0) => Tone::Warning,
            (true, false, _) => Tone::Plain,
        };
        let servers = if up.is_empty() { "no server UP".to_owned() } else { up.join(", ") };
        line = line.plain("     ").dim(format!("{} ", row.proxy)).with(format!("→ {servers}"), tone);
        if let Some(sessions) = row.sessions {
            let noun = if sessions == 1 { "session" } else { "sessions" };
            line = line
                .plain("  ")
                .with(format!("{} {noun}", units::count(sessions)), if fresh { Tone::Plain } else { Tone::Stale });
        }
        if let Some(rate) = row.rate.filter(|_| writes && fresh) {
            line = line.plain("  ").dim(units::rate(rate));
        }
    }
    line
}

fn backups(snapshot: &Snapshot) -> Line {
    let line = labelled_line("BACKUPS");
    let Some(reading) = snapshot.backups.first() else {
        return line.dim("no backup source is configured for this cluster");
    };
    let (_, words) = reported_at(reading, snapshot.now);
    let Some(report) = reading.last() else { return line.with(words, Tone::Stale) };
    let fresh = reading.is_fresh(snapshot.now);
    let tone = |tone| if fresh { tone } else { Tone::Stale };
    let good = report.backups.iter().find(|backup| backup.outcome == BackupOutcome::Good);
    let mut line = match good {
        Some(backup) => {
            let age = std::time::Duration::try_from(snapshot.wall.duration_since(backup.started)).unwrap_or_default();
            let size = backup.size.map(|size| format!(", {}", units::bytes(size))).unwrap_or_default();
            line.with(format!("last successful {}{size}", units::age(age)), tone(Tone::Plain))
        }
        None => line.with("no successful backup", tone(Tone::Critical)),
    };
    if let Some(BackupOutcome::Failed(words)) = report.backups.first().map(|backup| &backup.outcome) {
        line = line.plain("   ").with(format!("latest backup failed: {words}"), tone(Tone::Critical));
    }
    if !fresh {
        line = line.plain("   ").with(words, Tone::Stale);
    }
    line
}
