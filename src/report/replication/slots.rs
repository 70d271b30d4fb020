//! Replication slots, and which of them keep WAL for nobody.

use super::super::cells;
use super::super::table::{Cell, Table, Tone};
use super::super::{tones, units};
use super::{SLOTS, answered, empty, fold, time_since, unanswered_rows, unknown_row};
use crate::model::member::Member;
use crate::model::postgres::{Slot, SqlPart, WalStatus};
use crate::model::snapshot::Snapshot;

/// Replication slots of every node.
pub fn slots(snapshot: &Snapshot) -> Table {
    let mut table = empty(snapshot, SLOTS, "no reachable node has a replication slot", "");
    for (member, reading, report) in answered(snapshot) {
        if !report.knows(SqlPart::Slots) {
            table.rows.push(unknown_row(snapshot, member, reading, SLOTS));
        }
        for slot in &report.slots {
            let mut cells = slot_cells(snapshot, member, slot, report.in_recovery);
            cells.insert(9, cells::seen_part(reading, SqlPart::Slots, snapshot.now));
            table.rows.push(cells::row(reading, snapshot.now, format!("{}/{}", member.name, slot.name), cells));
        }
    }
    fold::stale(&mut table, snapshot);
    table.rows.extend(unanswered_rows(snapshot, SLOTS).map(|(_, row)| row));
    table
}

/// Why nobody uses a slot, and whether that is as it should be.
fn idleness(snapshot: &Snapshot, node: &Member, slot: &Slot, in_recovery: bool) -> (String, Tone) {
    if slot.active {
        return (String::new(), Tone::Dim);
    }
    if slot.temporary {
        return ("temporary".to_owned(), Tone::Dim);
    }
    if slot.invalidation.is_some() {
        return (String::new(), Tone::Critical);
    }
    let permanent = snapshot.from_record(|content| Some(content.config()?.permanent_slots.get(&slot.name).copied()));
    let owner = snapshot.members.iter().find(|member| slot_name(member.name.as_str()) == slot.name.as_str());
    match (slot.logical, in_recovery, owner) {
        // Copied from the primary, so that its consumer can go on after a failover: never used before that.
        (true, true, _) => ("failover copy, normal on a standby".to_owned(), Tone::Dim),
        // Kept and moved on by Patroni, so that the member can follow this node after a failover.
        (false, true, Some(_)) => ("slot of another member, normal on a standby".to_owned(), Tone::Dim),
        (false, false, Some(owner)) => {
            let upstream = snapshot.view(owner).upstream().filter(|upstream| upstream.fresh);
            match upstream.filter(|upstream| upstream.value != node.name) {
                Some(upstream) => (format!("unused: {} streams from {}", owner.name, upstream.value), Tone::Dim),
                None => (format!("{} does not stream from this node", owner.name), Tone::Warning),
            }
        }
        // Whom it is for follows the leader; Patroni keeps it here, and moves it on, for when this node leads.
        (false, true, None) => match permanent.map(|known| known.value) {
            Some(Some(_)) => ("copy of a permanent slot, normal on a standby".to_owned(), Tone::Dim),
            Some(None) => ("retains WAL, no consumer".to_owned(), Tone::Warning),
            None => ("a copy or unused: the permanent slots are unknown".to_owned(), Tone::Stale),
        },
        (_, false, None) | (true, false, _) => match permanent.map(|known| known.value) {
            Some(Some(_)) => ("permanent, its consumer is disconnected".to_owned(), Tone::Warning),
            Some(None) | None => ("retains WAL, no consumer".to_owned(), Tone::Warning),
        },
    }
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
    let (idle, idle_tone) = idleness(snapshot, member, slot, in_recovery);
    let limits = &snapshot.thresholds.slot_retained;
    let active = if slot.active { Cell::text("yes", Tone::Ok) } else { Cell::text("no", idle_tone) };
    let status = slot.wal_status.as_ref().map_or_else(Cell::none, |status| match status {
        WalStatus::Reserved => Cell::ranked(0, "reserved", Tone::Plain),
        WalStatus::Extended => Cell::ranked(1, "extended", Tone::Warning),
        WalStatus::Unreserved => Cell::ranked(2, "unreserved", Tone::Critical),
        WalStatus::Lost => Cell::ranked(3, "lost", Tone::Critical),
        WalStatus::Unknown(word) => Cell::ranked(4, word.clone(), Tone::Stale),
    });
    let safe = slot.safe_wal_size.map_or_else(Cell::none, |left| {
        let tone = if left <= 0 { Tone::Critical } else { Tone::Plain };
        Cell::number(left as f64, units::signed_bytes(left), tone)
    });
    let inactive = match (slot.active, slot.inactive_since) {
        (true, _) => Cell::none(),
        // A server before 17 does not tell.
        (false, since) => cells::span(since.map(|since| time_since(snapshot, since)), Tone::Plain),
    };
    let failover = if slot.failover == Some(true) { "synced for failover" } else { "" };
    let invalid =
        slot.invalidation.as_ref().map(|reason| format!("invalidated: {}", reason.describe())).unwrap_or_default();
    let notes: Vec<_> =
        [invalid.as_str(), idle.as_str(), failover].into_iter().filter(|note| !note.is_empty()).collect();
    vec![
        Cell::text(member.name.text().clone(), Tone::Plain),
        Cell::text(slot.name.clone(), Tone::Plain),
        Cell::text(if slot.logical { "logical" } else { "physical" }, Tone::Dim),
        active,
        status,
        cells::bytes(slot.retained_bytes, slot.retained_bytes.map_or(Tone::Plain, |kept| tones::limits(limits, kept))),
        safe,
        inactive,
        slot.database.as_ref().map_or_else(Cell::none, |database| cells::text_cell(database, Tone::Dim)),
        Cell::text(notes.join(", "), idle_tone),
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
