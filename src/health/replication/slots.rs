//! Replication slots: invalid, about to be, made anew, or keeping WAL for nobody.

use std::time::Duration;

use jiff::SignedDuration;

use super::super::finding_draft::FindingDraft;
use super::subject;
use crate::model::finding::Severity;
use crate::model::observed::Observed;
use crate::model::patroni_record::PermanentSlot;
use crate::model::postgres::{Invalidation, Slot, SqlPart, WalStatus};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::model::units;
use crate::model::view::MemberView;

pub(super) fn examine(view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
    remade(view, drafts);
    let Some(sql) = view.member.sql.as_ref() else { return };
    let now = view.snapshot.now;
    let Some(report) = sql.fresh(now) else { return };
    // The fact is there: the reading is fresh.
    let Some(fact) = sql.part(now, SqlPart::Slots, |_| Some(())) else { return };
    for slot in &report.slots {
        unusable(view, slot, &fact, report.in_recovery, drafts);
        retained(view, slot, &fact, report.in_recovery, drafts);
    }
    let timeout = sql.fact(now, |report| report.idle_slot_timeout).filter(|timeout| !timeout.value.is_zero());
    if let Some(timeout) = timeout.filter(|_| !report.in_recovery) {
        idle_timeout(view, &timeout, &report.slots, drafts);
    }
}

/// A slot that can be used no more, or soon cannot. `invalidation_reason` counts whatever else is said: PostgreSQL 17 goes
/// on streaming to a physical slot that it has invalidated, and calls it unreserved.
fn unusable(view: &MemberView<'_>, slot: &Slot, fact: &Observed<()>, standby: bool, drafts: &mut Vec<FindingDraft>) {
    let (name, node) = (&slot.name, view.name());
    let of = |severity, code, title| FindingDraft::new(severity, code, subject(view), title).part(name);
    let permanent = permanent(view.snapshot, name).is_some();
    match (&slot.invalidation, &slot.wal_status) {
        (Some(reason), _) => {
            let (severity, title) = if standby {
                let title = format!(
                    "the copy of slot {name} on {node} is invalidated ({}): unusable after a failover",
                    reason.describe()
                );
                (Severity::Warning, title)
            } else {
                (Severity::Critical, format!("slot {name} on {node} is invalidated: {}", reason.describe()))
            };
            drafts.push(
                of(severity, "slot-lost", title)
                    .because(fact, format!("invalidation_reason: {}", reason.describe()))
                    .advise(lost_advice(reason, standby, permanent)),
            );
        }
        (None, Some(WalStatus::Lost)) => drafts.push(
            of(Severity::Critical, "slot-lost", format!("slot {name} on {node} has lost its WAL"))
                .because(fact, "wal_status lost")
                .advise(lost_advice(&Invalidation::WalRemoved, standby, permanent)),
        ),
        (None, Some(WalStatus::Unreserved)) => drafts.push(
            of(Severity::Critical, "slot-unreserved", format!("slot {name} on {node} is about to lose its WAL"))
                .because(fact, "wal_status unreserved")
                .advise("restart its consumer now, or raise max_slot_wal_keep_size"),
        ),
        (None, Some(WalStatus::Reserved | WalStatus::Extended | WalStatus::Unknown(_)) | None) => {}
    }
}

fn lost_advice(reason: &Invalidation, standby: bool, permanent: bool) -> &'static str {
    match (standby, permanent, reason) {
        (true, ..) => {
            "drop it so that Patroni creates the copy again; until then its consumer cannot follow a failover to this node"
        }
        (false, true, Invalidation::Idle) => {
            "its consumer needs a new initial copy: the slot that Patroni recreates lacks the changes in between; set idle_replication_slot_timeout to 0"
        }
        (false, true, _) => {
            "its consumer needs a new initial copy: drop the slot, and Patroni recreates it without the changes in between"
        }
        (false, false, _) => "its consumer cannot continue: drop the slot and set up the consumer again",
    }
}

/// All looks well again, and what is between never comes: that stays worth telling.
fn remade(view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
    for remade in &view.member.remade_slots {
        let missing = match remade.missing() {
            Some(bytes) => format!("its consumer lost {} of WAL", units::bytes(bytes)),
            None => "its consumer lost the changes in between, amount unknown".to_owned(),
        };
        let ago = SignedDuration::try_from(view.snapshot.now.since(remade.at)).unwrap_or_default();
        let at = view.snapshot.wall.checked_sub(ago).map_or_else(|_| "some time ago".to_owned(), units::utc);
        let title = format!("slot {} on {} was recreated at {at}: {missing}", remade.name, view.name());
        let mut draft = FindingDraft::new(Severity::Critical, "slot-remade", subject(view), title).part(&remade.name);
        draft = draft.evidence("a slot of the same name starts at a later position than before", None, Some(remade.at));
        if let (Some(old), Some(new)) = (remade.old, remade.new) {
            let (old, new) = (view.lsn_text(old), view.lsn_text(new));
            draft = draft.since_all(format!("old slot position {old}, new slot starts at {new}"));
        }
        if let Some(reason) = &remade.reason {
            draft = draft.since_all(format!("the old slot was invalidated: {}", reason.describe()));
        }
        drafts.push(draft.advise("run a new initial copy for the consumer: the changes in between are not sent"));
    }
}

/// Whoever is away for longer than the timeout loses its place, and the copies on replicas, which nobody uses, do first.
fn idle_timeout(view: &MemberView<'_>, timeout: &Observed<Duration>, slots: &[Slot], drafts: &mut Vec<FindingDraft>) {
    let configured = view.snapshot.from_record(|content| {
        let slots = &content.config()?.permanent_slots;
        let logical = slots.iter().filter(|(_, kind)| **kind == PermanentSlot::Logical);
        Some(logical.map(|(name, _)| name.to_string()).collect::<Vec<_>>())
    });
    let configured = configured.filter(|names| !names.value.is_empty());
    let served = slots.iter().filter(|slot| slot.logical && !slot.temporary).map(|slot| slot.name.to_string());
    let names = configured.as_ref().map_or_else(|| served.collect(), |names| names.value.clone());
    if names.is_empty() {
        return;
    }
    let title = format!(
        "idle_replication_slot_timeout is {}: slot {} is invalidated if its consumer is disconnected for longer",
        units::duration(timeout.value),
        names.join(", ")
    );
    let mut draft = FindingDraft::new(Severity::Warning, "slot-idle-timeout", subject(view), title)
        .because(timeout, "idle_replication_slot_timeout");
    if let Some(configured) = &configured {
        draft = draft.because(configured, format!("permanent logical slots: {}", configured.value.join(", ")));
    }
    drafts.push(draft.advise(
        "set it to 0: the slot copies that Patroni maintains on replicas are always idle, and replacing one restarts the replica",
    ));
}

/// What a slot is by the configuration; `None`: not a permanent one, or that is not known.
fn permanent(snapshot: &Snapshot, name: &Text) -> Option<PermanentSlot> {
    let known = snapshot.from_record(|content| content.config()?.permanent_slots.get(name).copied());
    known.map(|known| known.value)
}

/// WAL that a slot keeps from being removed. Patroni keeps slots for the other members on every standby; those are
/// idle by design and move forward by themselves, so on a standby only the amount counts.
fn retained(view: &MemberView<'_>, slot: &Slot, fact: &Observed<()>, standby: bool, drafts: &mut Vec<FindingDraft>) {
    let Some(bytes) = slot.retained_bytes else { return };
    let Some(severity) = view.snapshot.thresholds.slot_retained.judge(bytes) else { return };
    let severity = if standby { Severity::Warning } else { severity };
    let use_ = match (slot.active, standby) {
        (true, _) => "active",
        // Idle by design there.
        (false, true) => "follows the slot on the leader",
        (false, false) => "inactive",
    };
    drafts.push(
        FindingDraft::new(
            severity,
            "slot-retains",
            subject(view),
            format!("slot {} on {} retains {} WAL, {use_}", slot.name, view.name(), units::bytes(bytes)),
        )
        .part(&slot.name)
        .because(fact, format!("restart_lsn is {} behind the current WAL position", units::bytes(bytes)))
        .advise(if standby {
            "it advances with the slot on the leader: restart the consumer there, or drop the slot there"
        } else {
            "restart its consumer, or drop the slot, before the disk is full"
        }),
    );
}
