//! Single PostgreSQL servers: archiving, connections, long transactions, wraparound, clocks, rights.

use jiff::SignedDuration;

use super::finding_draft::FindingDraft;
use crate::model::finding::{Severity, Subject};
use crate::model::observed::{Observed, Reading};
use crate::model::postgres::{SqlPart, SqlReport};
use crate::model::snapshot::Snapshot;
use crate::model::units;
use crate::model::view::MemberView;

/// Transaction ids that can be used before old ones must have been frozen.
const WRAPAROUND: u64 = 1 << 31;

pub(super) fn examine(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    for view in snapshot.views() {
        let Some(sql) = view.member.sql.as_ref() else { continue };
        let (Some(report), Some(fact)) = (sql.fresh(snapshot.now), sql.fact(snapshot.now, |_| Some(()))) else {
            continue;
        };
        let part = |part| sql.part(snapshot.now, part, |_| Some(())).unwrap_or_else(|| fact.clone());
        archiver(&view, report, &fact, &part(SqlPart::ArchiveReady), drafts);
        connections(&view, report, &fact, drafts);
        transactions(&view, report, &part(SqlPart::OldestTransaction), drafts);
        prepared(&view, report, &part(SqlPart::Prepared), drafts);
        wraparound(&view, report, &part(SqlPart::XidAge), drafts);
        clock(&view, sql, drafts);
        prerelease(&view, report, &fact, drafts);
        if !report.monitor {
            let title = format!("the role on {} lacks pg_monitor: replication details are hidden", view.name());
            drafts.push(
                FindingDraft::new(Severity::Note, "role-too-weak", subject(&view), title)
                    .because(&fact, "not a member of pg_monitor")
                    .advise("GRANT pg_monitor TO the monitoring role"),
            );
        }
    }
}

fn subject(view: &MemberView<'_>) -> Subject {
    Subject::Node(view.name().clone())
}

/// `fact` is the archiver's own word, `waiting` the listing of what waits for it.
fn archiver(
    view: &MemberView<'_>,
    report: &SqlReport,
    fact: &Observed<()>,
    waiting: &Observed<()>,
    drafts: &mut Vec<FindingDraft>,
) {
    // The counters of a standby are those of its last life as a primary.
    let Some(archiver) = report.archiver.as_ref().filter(|archiver| archiver.enabled && !report.in_recovery) else {
        return;
    };
    if archiver.failing {
        let segment = archiver.last_failed.clone().unwrap_or_default();
        let title = format!("WAL archiving fails on {}, last failed segment {segment}", view.name());
        drafts.push(
            FindingDraft::new(Severity::Critical, "archive-failing", subject(view), title)
                .because(fact, format!("failures: {}", archiver.failed_count))
                .advise("check the PostgreSQL log for the error of archive_command; WAL accumulates in pg_wal until it works"),
        );
    }
    if let Some(ready) = archiver.ready
        && let Some(severity) = view.snapshot.thresholds.archive_ready.judge(ready)
    {
        let title = format!("WAL segments waiting to be archived on {}: {ready}", view.name());
        drafts.push(
            FindingDraft::new(severity, "archive-behind", subject(view), title)
                .because(waiting, "archive_status")
                .advise("find out why archiving is slow before the disk is full"),
        );
    }
}

fn connections(view: &MemberView<'_>, report: &SqlReport, fact: &Observed<()>, drafts: &mut Vec<FindingDraft>) {
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
        || "session states are not visible to this role".to_owned(),
        |doing| format!("{} idle, {} idle in transaction", doing.idle, doing.idle_in_transaction),
    );
    drafts.push(
        FindingDraft::new(severity, "connections", subject(view), title)
            .because(fact, doing)
            .advise("see view 6, grouped by application"),
    );
}

fn transactions(view: &MemberView<'_>, report: &SqlReport, fact: &Observed<()>, drafts: &mut Vec<FindingDraft>) {
    let limits = view.snapshot.thresholds.transaction_age;
    if let Some(oldest) = &report.oldest_transaction
        && let Some(severity) = limits.judge(oldest.age)
    {
        let title = format!(
            "transaction on {} open for {}: pid {}, {} {}",
            view.name(),
            units::duration(oldest.age),
            oldest.pid,
            oldest.user,
            oldest.application
        );
        drafts.push(
            FindingDraft::new(severity, "long-transaction", subject(view), title)
                .because(fact, "pg_stat_activity")
                .advise("it holds back vacuum, and a switchover would abort it: ask its owner"),
        );
    }
}

fn prepared(view: &MemberView<'_>, report: &SqlReport, fact: &Observed<()>, drafts: &mut Vec<FindingDraft>) {
    let limits = view.snapshot.thresholds.transaction_age;
    // A standby only mirrors the primary's.
    if let Some(oldest) = report.oldest_prepared.as_ref().filter(|_| !report.in_recovery)
        && let Some(severity) = limits.judge(oldest.age)
    {
        let title = format!(
            "prepared transaction on {} open for {}: {}",
            view.name(),
            units::duration(oldest.age),
            oldest.application
        );
        drafts.push(
            FindingDraft::new(severity, "prepared-transaction", subject(view), title)
                .because(fact, format!("prepared transactions: {}", report.prepared_count.unwrap_or(1)))
                .advise("run COMMIT PREPARED or ROLLBACK PREPARED with its identifier; it does not end by itself"),
        );
    }
}

fn wraparound(view: &MemberView<'_>, report: &SqlReport, fact: &Observed<()>, drafts: &mut Vec<FindingDraft>) {
    let Some(oldest) = report.xid_age.as_ref().filter(|_| !report.in_recovery) else { return };
    let percent = oldest.age.saturating_mul(100) / WRAPAROUND;
    let Some(severity) = view.snapshot.thresholds.xid_percent.judge(percent) else { return };
    let title = format!("database {} is {percent} % towards XID wraparound", oldest.database);
    drafts.push(
        FindingDraft::new(severity, "wraparound", subject(view), title)
            .because(fact, format!("age {}, autovacuum_freeze_max_age {}", oldest.age, oldest.freeze_max_age))
            .advise("find what holds back the oldest xmin (transactions, slots, prepared transactions), then run VACUUM FREEZE"),
    );
}

/// A version that is not out yet: its data directory may not be readable by the release.
fn prerelease(view: &MemberView<'_>, report: &SqlReport, fact: &Observed<()>, drafts: &mut Vec<FindingDraft>) {
    if !report.is_prerelease() {
        return;
    }
    let title = format!("{} runs PostgreSQL {}, which is a pre-release version", view.name(), report.version_name());
    drafts.push(
        FindingDraft::new(Severity::Warning, "prerelease-server", subject(view), title)
            .because(fact, format!("server_version {}", report.version_text))
            .advise(
                "use it for testing only: the release may be unable to read its data directory, and it gets no fixes",
            ),
    );
}

fn clock(view: &MemberView<'_>, sql: &Reading<SqlReport>, drafts: &mut Vec<FindingDraft>) {
    let now = view.snapshot.now;
    let Some(theirs) = sql.fact(now, |report| Some(report.server_time)).filter(|time| time.fresh) else { return };
    let Ok(age) = SignedDuration::try_from(theirs.age(now)) else { return };
    let ours = view.snapshot.wall.saturating_sub(age).unwrap_or(view.snapshot.wall);
    let offset = theirs.value.duration_since(ours);
    let Some(severity) = view.snapshot.thresholds.clock_offset.judge(offset.unsigned_abs()) else { return };
    let ahead = if offset.is_negative() { "behind" } else { "ahead of" };
    let title = format!(
        "the clock of {} is {} {ahead} the clock of this host",
        view.name(),
        units::duration(offset.unsigned_abs())
    );
    drafts.push(
        FindingDraft::new(severity, "clock-offset", subject(view), title)
            .because(&theirs, format!("clock reads {}", theirs.value))
            .settling()
            .advise("check time synchronisation on both hosts: lag times are off by this much"),
    );
}
