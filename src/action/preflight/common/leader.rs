//! What a hand-over by the present leader would cut, delay or lose.

use super::{archive, walsenders};
use crate::action::note::{CheckNote, CheckVerdict};
use crate::action::preflight::context::{CheckContext, block, fresh, pass, unknown, warn};
use crate::model::observed::Observed;
use crate::model::postgres::{SqlPart, SqlReport};
use crate::model::units;
use crate::model::view::MemberView;

/// Everything on the leader, before it is restarted in place.
pub(in crate::action::preflight) fn restarted(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    stopped(context, notes);
    let from = notes.len();
    archive::of_leader(context, notes);
    // It goes on archiving when it is back; only if another takes over meanwhile is anything lost.
    for note in notes.iter_mut().skip(from).filter(|note| note.verdict == CheckVerdict::Block) {
        note.verdict = CheckVerdict::Warn;
    }
}

/// What a stop of it cuts, delays or loses.
pub(in crate::action::preflight) fn stopped(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    reachable(context, notes);
    long_transaction(context, notes);
    prepared(context, notes);
    walsenders::examine(context, notes);
    base_backup(context, notes);
    logical_slots(context, notes);
    connections(context, notes);
    checkpoint(context, notes);
}

/// A part of what the leader's PostgreSQL says; an error, in a note, where it says nothing of it.
fn part<'a>(
    context: &CheckContext<'a>,
    check: &str,
    parts: &[SqlPart],
) -> Result<(MemberView<'a>, Observed<&'a SqlReport>), CheckNote> {
    let Some(view) = context.leader_view() else { return Err(unknown(check, "no leader is known")) };
    let Some(mut sql) = context.sql(view) else {
        let what = parts.iter().map(|part| part.describe()).collect::<Vec<_>>().join(" and ");
        let text = format!("{what} of {}: unknown, its PostgreSQL is unreachable", view.name());
        return Err(unknown(check, text).about(view.name()));
    };
    if let Some(part) = parts.iter().find(|part| !sql.value.knows(**part)) {
        let text = format!("{} of {} not visible", part.describe(), view.name());
        return Err(unknown(check, text).about(view.name()).by(&sql));
    }
    // As old as what of it is oldest.
    sql.at = parts.iter().map(|part| sql.value.read_at(*part, sql.at)).min().unwrap_or(sql.at);
    Ok((view, sql))
}

fn look(
    context: &CheckContext<'_>,
    check: &str,
    parts: &[SqlPart],
    notes: &mut Vec<CheckNote>,
    judge: impl FnOnce(&str, &SqlReport) -> CheckNote,
) {
    notes.push(match part(context, check, parts) {
        Ok((view, sql)) => judge(view.name().as_str(), sql.value).about(view.name()).by(&sql),
        Err(note) => note,
    });
}

fn reachable(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "leader-answers";
    let Some(view) = context.leader_view() else {
        notes.push(block(CHECK, "no leader is known"));
        return;
    };
    let (name, now) = (view.name(), context.snapshot.now);
    let agent = view.member.agent.as_ref().and_then(|agent| fresh(agent.fact(now, Some)));
    let note = match (agent, context.sql(view)) {
        _ if context.two_servers(view) => {
            block(CHECK, format!("REST and SQL addresses of {name} belong to different servers"))
        }
        (Some(agent), Some(_)) => pass(CHECK, format!("{name} is reachable by REST and SQL")).by(&agent),
        (Some(agent), None) => {
            warn(CHECK, format!("{name} is reachable by REST but not by SQL: its activity is unknown")).by(&agent)
        }
        (None, _) => {
            block(CHECK, format!("the agent of {name} is unreachable: it cannot perform a switchover")).overridable()
        }
    };
    notes.push(note.about(name));
}

fn long_transaction(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    let limit = context.snapshot.thresholds.transaction_age.warning;
    look(context, "leader-transactions", &[SqlPart::OldestTransaction], notes, |name, report| {
        const CHECK: &str = "leader-transactions";
        match &report.oldest_transaction {
            Some(oldest) if oldest.age >= limit => {
                let who = format!("{} {}, pid {}", oldest.user, oldest.application, oldest.pid);
                let text =
                    format!("a transaction open for {} is aborted on {name} ({who})", units::duration(oldest.age));
                warn(CHECK, text)
            }
            Some(oldest) => pass(CHECK, format!("oldest transaction on {name}: {}", units::duration(oldest.age))),
            None => pass(CHECK, format!("no open transactions on {name}")),
        }
    });
}

fn prepared(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    look(context, "leader-prepared", &[SqlPart::Prepared], notes, |name, report| {
        const CHECK: &str = "leader-prepared";
        match (&report.oldest_prepared, report.prepared_count) {
            (_, None) => unknown(CHECK, format!("prepared transactions of {name}: unknown")),
            (_, Some(0)) => pass(CHECK, format!("no prepared transactions on {name}")),
            (Some(oldest), Some(count)) => {
                let age = units::duration(oldest.age);
                warn(CHECK, format!("prepared transactions on {name} that hold locks: {count}, the oldest for {age}"))
            }
            (None, Some(count)) => warn(CHECK, format!("prepared transactions on {name} that hold locks: {count}")),
        }
    });
}

pub(in crate::action::preflight) fn base_backup(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    look(context, "leader-base-backup", &[SqlPart::BaseBackups], notes, |name, report| {
        const CHECK: &str = "leader-base-backup";
        match report.base_backups.as_slice() {
            [] => pass(CHECK, format!("no base backup running on {name}")),
            [first, ..] => {
                let sent = units::bytes(first.streamed);
                warn(CHECK, format!("base backup running on {name}: {}, {sent} sent, pid {}", first.phase, first.pid))
            }
        }
    });
}

/// A logical slot does not move with the lead, unless it is synchronised (PostgreSQL 17) or permanent in Patroni.
fn logical_slots(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    let permanent = fresh(context.snapshot.from_record(|content| content.status().map(|status| status.slots.clone())));
    look(context, "leader-logical-slots", &[SqlPart::Slots], notes, |name, report| {
        const CHECK: &str = "leader-logical-slots";
        let kept = |slot: &crate::model::text::Text| permanent.as_ref().is_some_and(|p| p.value.contains_key(slot));
        let lost: Vec<&str> = report
            .slots
            .iter()
            .filter(|slot| slot.logical && !slot.temporary && slot.failover != Some(true) && !kept(&slot.name))
            .map(|slot| slot.name.as_str())
            .collect();
        if lost.is_empty() {
            pass(CHECK, format!("all logical slots of {name} are failover slots"))
        } else {
            warn(CHECK, format!("logical slots on {name} that do not follow a failover: {}", lost.join(", ")))
        }
    });
}

pub(in crate::action::preflight) fn connections(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    let limits = context.snapshot.thresholds.connections_percent;
    look(context, "leader-connections", &[SqlPart::Connections], notes, |name, report| {
        const CHECK: &str = "leader-connections";
        let used = report.connections;
        let open = used.max.saturating_sub(used.reserved);
        let Some(taken) = used.used else {
            return unknown(CHECK, format!("the number of connections of {name} is unknown"));
        };
        let text = format!("{taken} of {open} connections of {name} in use");
        match units::percent_value(u64::from(taken), u64::from(open)) {
            Some(percent) if limits.judge(percent).is_some() => warn(CHECK, text),
            Some(_) => pass(CHECK, text),
            None => unknown(CHECK, format!("the number of connections of {name} is unknown")),
        }
    });
}

/// How much WAL since the last checkpoint makes the leader's shutdown worth a word: the pages behind it are written first.
const LARGE_WAL_BACKLOG: u64 = 1 << 30;

/// How much there is to write out before the leader is down.
fn checkpoint(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "leader-checkpoint";
    look(context, CHECK, &[SqlPart::SinceCheckpoint], notes, |name, report| match report.since_checkpoint {
        None => unknown(CHECK, format!("WAL written since the last checkpoint of {name}: unknown")),
        Some(written) if written < LARGE_WAL_BACKLOG => {
            pass(CHECK, format!("{} WAL since the last checkpoint of {name}", units::bytes(written)))
        }
        Some(written) => warn(
            CHECK,
            format!(
                "{} WAL since the last checkpoint of {name}: the shutdown checkpoint will take long; run CHECKPOINT there first, \
                    as a swift switchover does",
                units::bytes(written)
            ),
        ),
    });
}
