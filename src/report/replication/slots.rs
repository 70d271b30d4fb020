//! Replication slots, and which of them keep WAL for nobody.

use super::super::cells;
use super::super::table::{Cell, Table, Tone};
use super::super::{tones, units};
use super::{SLOTS, answered, empty, time_since};
use crate::model::member::Member;
use crate::model::postgres::{Slot, WalStatus};
use crate::model::snapshot::Snapshot;

/// Replication slots of every node.
pub fn slots(snapshot: &Snapshot) -> Table {
    let mut table = empty(snapshot, SLOTS, "no node that answers has a replication slot", "");
    for (member, reading, report) in answered(snapshot) {
        for slot in &report.slots {
            let mut cells = slot_cells(snapshot, member, slot, report.in_recovery);
            cells.insert(9, cells::seen(reading, snapshot.now));
            table.rows.push(cells::row(reading, snapshot.now, format!("{}/{}", member.name, slot.name), cells));
        }
    }
    table
}

/// A slot that Patroni keeps on a standby for another member, so that the member can follow it after a failover: it is
/// unused as long as all is well, and moved on by Patroni.
fn is_spare(snapshot: &Snapshot, slot: &Slot, in_recovery: bool) -> bool {
    in_recovery && !slot.logical && !slot.active && belongs_to_member(snapshot, slot)
}

fn belongs_to_member(snapshot: &Snapshot, slot: &Slot) -> bool {
    snapshot.members.iter().any(|member| slot_name(member.name.as_str()) == slot.name.as_str())
}

/// The slot that Patroni makes for a member: lower case, dash and dot as underscore, others by their code.
fn slot_name(member: &str) -> String {
    let mut name = String::with_capacity(member.len());
    for c in member.to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' | '_' => name.push(c),
            '-' | '.' => name.push('_'),
            other => name.extend(format!("u{:04}", u32::from(other)).chars()),
        }
    }
    name.truncate(63);
    name
}

fn slot_cells(snapshot: &Snapshot, member: &Member, slot: &Slot, in_recovery: bool) -> Vec<Cell> {
    let spare = is_spare(snapshot, slot, in_recovery);
    let limits = &snapshot.thresholds.slot_retained;
    let active = match (slot.active, spare) {
        (true, _) => Cell::text("yes", Tone::Well),
        (false, true) => Cell::text("no", Tone::Dim),
        (false, false) => Cell::text("no", Tone::Look),
    };
    let status = slot.wal_status.as_ref().map_or_else(Cell::none, |status| match status {
        WalStatus::Reserved => Cell::ranked(0, "reserved", Tone::Plain),
        WalStatus::Extended => Cell::ranked(1, "extended", Tone::Look),
        WalStatus::Unreserved => Cell::ranked(2, "unreserved", Tone::Act),
        WalStatus::Lost => Cell::ranked(3, "lost", Tone::Act),
        WalStatus::Unknown(word) => Cell::ranked(4, word.clone(), Tone::Stale),
    });
    let safe = slot.safe_bytes.map_or_else(Cell::none, |left| {
        let tone = if left <= 0 { Tone::Act } else { Tone::Plain };
        Cell::number(left as f64, units::signed_bytes(left), tone)
    });
    let inactive = match (slot.active, slot.inactive_since) {
        (true, _) => Cell::none(),
        (false, since) => cells::span(since.map(|since| time_since(snapshot, since)), Tone::Plain),
    };
    let notes: Vec<_> = [
        spare.then_some("spare for a member, normal on a standby"),
        (!slot.active && !spare && !slot.temporary).then_some("keeps WAL for nobody"),
        slot.temporary.then_some("temporary"),
        (slot.failover == Some(true)).then_some("synchronised for failover"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let notes_tone = if slot.active || spare || slot.temporary { Tone::Dim } else { Tone::Look };
    vec![
        Cell::text(member.name.text().clone(), Tone::Plain),
        Cell::text(slot.name.clone(), Tone::Plain),
        Cell::text(if slot.logical { "logical" } else { "physical" }, Tone::Dim),
        active,
        status,
        cells::bytes(slot.retained, slot.retained.map_or(Tone::Plain, |kept| tones::limits(limits, kept))),
        safe,
        inactive,
        slot.database.as_ref().map_or_else(Cell::none, |database| cells::words(database, Tone::Dim)),
        Cell::text(notes.join(", "), notes_tone),
    ]
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("pg-0", "pg_0")]
    #[case("DB.Node-1", "db_node_1")]
    fn slots_are_named_after_their_member(#[case] member: &str, #[case] slot: &str) {
        assert_eq!(slot_name(member), slot);
    }
}
