//! Single PostgreSQL servers: archiving, connections, long transactions, wraparound, clocks, rights.

use jiff::SignedDuration;

use super::draft::Draft;
use crate::model::finding::{Severity, Subject};
use crate::model::observed::{Observed, Reading};
use crate::model::postgres::SqlReport;
use crate::model::snapshot::Snapshot;
use crate::model::units;
use crate::model::view::MemberView;

/// Transaction ids that can be used before old ones must have been frozen.
const WRAPAROUND: u64 = 1 << 31;

pub(super) fn examine(snapshot: &Snapshot, drafts: &mut Vec<Draft>) {
    for view in snapshot.views() {
        let Some(sql) = view.member.sql.as_ref() else { continue };
        let (Some(report), Some(fact)) = (sql.fresh(snapshot.now), sql.fact(snapshot.now, |_| Some(()))) else {
            continue;
        };
        archiver(&view, report, &fact, drafts);
        connections(&view, report, &fact, drafts);
        transactions(&view, report, &fact, drafts);
        wraparound(&view, report, &fact, drafts);
        clock(&view, sql, drafts);
        prerelease(&view, report, &fact, drafts);
        if !report.monitor {
            let title = format!("the role on {} lacks pg_monitor: replication details are hidden", view.name());
            drafts.push(
                Draft::new(Severity::Note, "role-too-weak", subject(&view), title)
                    .because(&fact, "not a member of pg_monitor")
                    .advise("GRANT pg_monitor TO the looking role"),
            );
        }
    }
}

fn subject(view: &MemberView<'_>) -> Subject {
    Subject::Node(view.name().clone())
}

fn archiver(view: &MemberView<'_>, report: &SqlReport, fact: &Observed<()>, drafts: &mut Vec<Draft>) {
    // The counters of a standby are those of its last life as a primary.
    let Some(archiver) = report.archiver.as_ref().filter(|archiver| archiver.enabled && !report.in_recovery) else {
        return;
    };
    if archiver.failing {
        let segment = archiver.last_failed.clone().unwrap_or_default();
        let title = format!("archiving fails on {}, last at {segment}", view.name());
        drafts.push(
            Draft::new(Severity::Critical, "archive-failing", subject(view), title)
                .because(fact, format!("{} failures", archiver.failed_count))
                .advise("look at the PostgreSQL log for archive_command's own words; WAL piles up until it works"),
        );
    }
    if let Some(ready) = archiver.ready
        && let Some(severity) = view.snapshot.thresholds.archive_ready.judge(ready)
    {
        let title = format!("{ready} WAL segments wait for the archiver on {}", view.name());
        drafts.push(
            Draft::new(severity, "archive-behind", subject(view), title)
                .because(fact, "archive_status")
                .advise("speed the archive up, or find out why it is slow, before the disk fills"),
        );
    }
}

fn connections(view: &MemberView<'_>, report: &SqlReport, fact: &Observed<()>, drafts: &mut Vec<Draft>) {
    let connections = report.connections;
    let usable = connections.max.saturating_sub(connections.reserved);
    if usable == 0 {
        return;
    }
    // Not read is not none.
    let Some(used) = connections.used else { return };
    let percent = u64::from(used) * 100 / u64::from(usable);
    let Some(severity) = view.snapshot.thresholds.connections_percent.judge(percent) else { return };
    let title = format!("{used} of {usable} connections in use on {}", view.name());
    let doing = connections.doing.map_or_else(
        || "what they do is hidden from this role".to_owned(),
        |doing| format!("{} idle, {} idle in transaction", doing.idle, doing.idle_in_transaction),
    );
    drafts.push(
        Draft::new(severity, "connections", subject(view), title)
            .because(fact, doing)
            .advise("see view 6 by application for who holds them"),
    );
}

fn transactions(view: &MemberView<'_>, report: &SqlReport, fact: &Observed<()>, drafts: &mut Vec<Draft>) {
    let limits = view.snapshot.thresholds.transaction_age;
    if let Some(oldest) = &report.oldest_transaction
        && let Some(severity) = limits.judge(oldest.age)
    {
        let title = format!(
            "a transaction on {} is {} old: pid {}, {} {}",
            view.name(),
            units::duration(oldest.age),
            oldest.pid,
            oldest.user,
            oldest.application
        );
        drafts.push(
            Draft::new(severity, "long-transaction", subject(view), title)
                .because(fact, "pg_stat_activity")
                .advise("it holds back vacuum, and a planned switchover would end it: ask its owner"),
        );
    }
    // A standby only mirrors the primary's.
    if let Some(oldest) = report.oldest_prepared.as_ref().filter(|_| !report.in_recovery)
        && let Some(severity) = limits.judge(oldest.age)
    {
        let title = format!(
            "a prepared transaction on {} is {} old: {}",
            view.name(),
            units::duration(oldest.age),
            oldest.application
        );
        drafts.push(
            Draft::new(severity, "prepared-transaction", subject(view), title)
                .because(fact, format!("{} prepared", report.prepared_count.unwrap_or(1)))
                .advise("commit or roll it back by its identifier; nobody else will"),
        );
    }
}

fn wraparound(view: &MemberView<'_>, report: &SqlReport, fact: &Observed<()>, drafts: &mut Vec<Draft>) {
    let Some(oldest) = report.xid_age.as_ref().filter(|_| !report.in_recovery) else { return };
    let percent = oldest.age.saturating_mul(100) / WRAPAROUND;
    let Some(severity) = view.snapshot.thresholds.xid_percent.judge(percent) else { return };
    let title = format!("database {} has used {percent} % of its transaction ids", oldest.database);
    drafts.push(
        Draft::new(severity, "wraparound", subject(view), title)
            .because(fact, format!("age {}, freeze at {}", oldest.age, oldest.freeze_max_age))
            .advise("find what holds back the oldest xmin (transactions, slots, prepared), then vacuum freeze"),
    );
}

/// A version that is not out yet: its data directory may not be readable by the release.
fn prerelease(view: &MemberView<'_>, report: &SqlReport, fact: &Observed<()>, drafts: &mut Vec<Draft>) {
    if !report.is_prerelease() {
        return;
    }
    let title = format!("{} runs PostgreSQL {}, which is not a release", view.name(), report.version_name());
    drafts.push(
        Draft::new(Severity::Warning, "prerelease-server", subject(view), title)
            .because(fact, format!("server_version {}", report.version_text))
            .advise("use it for trying out alone: the release may not read its data, and nobody mends it"),
    );
}

fn clock(view: &MemberView<'_>, sql: &Reading<SqlReport>, drafts: &mut Vec<Draft>) {
    let now = view.snapshot.now;
    let Some(theirs) = sql.fact(now, |report| Some(report.server_time)).filter(|time| time.fresh) else { return };
    let Ok(age) = SignedDuration::try_from(theirs.age(now)) else { return };
    let ours = view.snapshot.wall.saturating_sub(age).unwrap_or(view.snapshot.wall);
    let offset = theirs.value.duration_since(ours);
    let Some(severity) = view.snapshot.thresholds.clock_offset.judge(offset.unsigned_abs()) else { return };
    let ahead = if offset.is_negative() { "behind" } else { "ahead of" };
    let title =
        format!("the clock of {} is {} {ahead} this host's", view.name(), units::duration(offset.unsigned_abs()));
    drafts.push(
        Draft::new(severity, "clock-offset", subject(view), title)
            .because(&theirs, format!("it says {}", theirs.value))
            .settling()
            .advise("check time synchronisation on both hosts: lags in time are wrong by this much"),
    );
}
