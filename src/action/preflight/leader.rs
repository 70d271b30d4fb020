//! What a hand-over by the present leader would cut, delay or lose.

use super::super::note::{Note, Verdict};
use super::scene::{Scene, block, fresh, pass, unknown, warn};
use super::{archive, walsenders};
use crate::model::observed::Observed;
use crate::model::postgres::{SqlPart, SqlReport};
use crate::model::units;
use crate::model::view::MemberView;

/// Everything on the leader, before it hands over.
pub(super) fn examine(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    stopped(scene, notes);
    archive::of_leader(scene, notes);
}

/// Everything on the leader, before it is restarted in place.
pub(super) fn restarted(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    stopped(scene, notes);
    let from = notes.len();
    archive::of_leader(scene, notes);
    // It goes on archiving when it is back; only if another takes over meanwhile is anything lost.
    for note in notes.iter_mut().skip(from).filter(|note| note.verdict == Verdict::Block) {
        note.verdict = Verdict::Warn;
    }
}

fn stopped(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    reachable(scene, notes);
    long_transaction(scene, notes);
    prepared(scene, notes);
    walsenders::examine(scene, notes);
    base_backup(scene, notes);
    logical_slots(scene, notes);
    connections(scene, notes);
    checkpoint(scene, notes);
}

/// A part of what the leader's PostgreSQL says; an error, in a note, where it says nothing of it.
fn part<'a>(
    scene: &Scene<'a>,
    check: &str,
    parts: &[SqlPart],
) -> Result<(MemberView<'a>, Observed<&'a SqlReport>), Note> {
    let Some(view) = scene.leader_view() else { return Err(unknown(check, "no leader is known")) };
    let Some(sql) = scene.sql(view) else {
        let what = parts.iter().map(|part| part.words()).collect::<Vec<_>>().join(" and ");
        let text = format!("{what} of {}: unknown, its PostgreSQL does not answer", view.name());
        return Err(unknown(check, text).about(view.name()));
    };
    if let Some(part) = parts.iter().find(|part| !sql.value.knows(**part)) {
        let text = format!("{} of {} cannot be seen", part.words(), view.name());
        return Err(unknown(check, text).about(view.name()).by(&sql));
    }
    Ok((view, sql))
}

fn look(
    scene: &Scene<'_>,
    check: &str,
    parts: &[SqlPart],
    notes: &mut Vec<Note>,
    judge: impl FnOnce(&str, &SqlReport) -> Note,
) {
    notes.push(match part(scene, check, parts) {
        Ok((view, sql)) => judge(view.name().as_str(), sql.value).about(view.name()).by(&sql),
        Err(note) => note,
    });
}

fn reachable(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "leader-answers";
    let Some(view) = scene.leader_view() else {
        notes.push(block(CHECK, "no leader is known"));
        return;
    };
    let (name, now) = (view.name(), scene.snapshot.now);
    let agent = view.member.agent.as_ref().and_then(|agent| fresh(agent.fact(now, Some)));
    let note = match (agent, scene.sql(view)) {
        _ if scene.two_servers(view) => block(CHECK, format!("REST and SQL of {name} lead to two different servers")),
        (Some(agent), Some(_)) => pass(CHECK, format!("{name} answers by REST and by SQL")).by(&agent),
        (Some(agent), None) => {
            warn(CHECK, format!("{name} answers by REST, not by SQL: what it is doing is unknown")).by(&agent)
        }
        (None, _) => {
            block(CHECK, format!("the agent of {name} does not answer: it cannot be asked to hand over")).overridable()
        }
    };
    notes.push(note.about(name));
}

fn long_transaction(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    let limit = scene.snapshot.thresholds.transaction_age.warning;
    look(scene, "leader-transactions", &[SqlPart::OldestTransaction], notes, |name, report| {
        const CHECK: &str = "leader-transactions";
        match &report.oldest_transaction {
            Some(oldest) if oldest.age >= limit => {
                let who = format!("{} {}, pid {}", oldest.user, oldest.application, oldest.pid);
                let text = format!("a transaction of {} is cut on {name} ({who})", units::duration(oldest.age));
                warn(CHECK, text)
            }
            Some(oldest) => {
                pass(CHECK, format!("the oldest transaction on {name} is {} old", units::duration(oldest.age)))
            }
            None => pass(CHECK, format!("no transaction is open on {name}")),
        }
    });
}

fn prepared(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    look(scene, "leader-prepared", &[SqlPart::Prepared], notes, |name, report| {
        const CHECK: &str = "leader-prepared";
        match (&report.oldest_prepared, report.prepared_count) {
            (_, None) => unknown(CHECK, format!("prepared transactions of {name}: unknown")),
            (_, Some(0)) => pass(CHECK, format!("no prepared transaction on {name}")),
            (Some(oldest), Some(count)) => {
                let age = units::duration(oldest.age);
                warn(CHECK, format!("{count} prepared transactions on {name} keep their locks, the oldest for {age}"))
            }
            (None, Some(count)) => warn(CHECK, format!("{count} prepared transactions on {name} keep their locks")),
        }
    });
}

pub(super) fn base_backup(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    look(scene, "leader-base-backup", &[SqlPart::BaseBackups], notes, |name, report| {
        const CHECK: &str = "leader-base-backup";
        match report.base_backups.as_slice() {
            [] => pass(CHECK, format!("no base backup runs on {name}")),
            [first, ..] => {
                let sent = units::bytes(first.streamed);
                warn(CHECK, format!("a base backup runs on {name}: {}, {sent} sent, pid {}", first.phase, first.pid))
            }
        }
    });
}

/// A logical slot does not move with the lead, unless it is synchronised (PostgreSQL 17) or permanent in Patroni.
fn logical_slots(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    let permanent = fresh(scene.snapshot.recorded(|content| content.status().map(|status| status.slots.clone())));
    look(scene, "leader-logical-slots", &[SqlPart::Slots], notes, |name, report| {
        const CHECK: &str = "leader-logical-slots";
        let kept = |slot: &crate::model::text::Text| permanent.as_ref().is_some_and(|p| p.value.contains_key(slot));
        let lost: Vec<&str> = report
            .slots
            .iter()
            .filter(|slot| slot.logical && !slot.temporary && slot.failover != Some(true) && !kept(&slot.name))
            .map(|slot| slot.name.as_str())
            .collect();
        if lost.is_empty() {
            pass(CHECK, format!("no logical slot of {name} stays behind"))
        } else {
            warn(CHECK, format!("logical slots stay behind on {name}: {}", lost.join(", ")))
        }
    });
}

pub(super) fn connections(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    let limits = scene.snapshot.thresholds.connections_percent;
    look(scene, "leader-connections", &[SqlPart::Connections], notes, |name, report| {
        const CHECK: &str = "leader-connections";
        let used = report.connections;
        let open = used.max.saturating_sub(used.reserved);
        let Some(taken) = used.used else {
            return unknown(CHECK, format!("the connections of {name} are unknown"));
        };
        let text = format!("{taken} of {open} connections of {name} are used");
        match units::percent_value(u64::from(taken), u64::from(open)) {
            Some(percent) if limits.judge(percent).is_some() => warn(CHECK, text),
            Some(_) => pass(CHECK, text),
            None => unknown(CHECK, format!("the connections of {name} are unknown")),
        }
    });
}

/// How much WAL since the last checkpoint makes the leader's shutdown worth a word: the pages behind it are written first.
const MUCH_WAL: u64 = 1 << 30;

/// How much there is to write out before the leader is down.
fn checkpoint(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "leader-checkpoint";
    look(scene, CHECK, &[SqlPart::SinceCheckpoint], notes, |name, report| match report.since_checkpoint {
        None => unknown(CHECK, format!("how much WAL {name} has written since its last checkpoint is not told")),
        Some(written) if written < MUCH_WAL => {
            pass(CHECK, format!("{} of WAL since the last checkpoint of {name}", units::bytes(written)))
        }
        Some(written) => warn(
            CHECK,
            format!(
                "{} of WAL since the last checkpoint of {name}: its shutdown takes the longer; run CHECKPOINT there first, \
                 as a swift switchover does",
                units::bytes(written)
            ),
        ),
    });
}
