//! Slots that were made anew. Patroni drops a permanent slot that was invalidated and makes another of the same name; a
//! moment later all looks well, and its consumer never gets what is between.

use std::collections::BTreeMap;

use crate::model::lsn::Lsn;
use crate::model::member::RemadeSlot;
use crate::model::name::NodeName;
use crate::model::postgres::{Invalidation, Slot, SqlPart, SqlReport, WalStatus};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// Remade slots kept a node.
const MAX_ENTRIES: usize = 50;

/// What was seen of the slots of every node.
#[derive(Debug, Default)]
pub(super) struct SlotMemory {
    nodes: BTreeMap<NodeName, Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// Slots as they were last seen, those that are gone since included.
    known: BTreeMap<Text, LastSlotState>,
    remade: Vec<RemadeSlot>,
}

/// A slot as it was last seen.
#[derive(Clone, Debug)]
struct LastSlotState {
    /// How far its consumer had got.
    reached: Option<Lsn>,
    /// It could be used no more.
    lost: bool,
    reason: Option<Invalidation>,
    /// It was not among the slots of the last answer.
    gone: bool,
}

impl SlotMemory {
    /// Takes in a picture, and puts into it which slots were made anew.
    pub(super) fn take(&mut self, snapshot: &mut Snapshot) {
        let now = snapshot.now;
        for member in &mut snapshot.members {
            let node = self.nodes.entry(member.name.clone()).or_default();
            if let Some(report) = member.sql.as_ref().and_then(|sql| sql.fresh(now)) {
                let reported = member.sql.as_ref().and_then(|sql| sql.part(now, SqlPart::Slots, |_| Some(())));
                let at = reported.map_or(now, |reported| reported.at);
                if report.in_recovery {
                    // Copies of the leader's, which Patroni makes and moves on as it needs them.
                    *node = Node::default();
                } else if report.knows(SqlPart::Slots) {
                    node.note(report, at);
                }
            }
            member.remade_slots.clone_from(&node.remade);
        }
        self.nodes.retain(|name, _| snapshot.members.iter().any(|member| member.name == *name));
    }
}

impl Node {
    fn note(&mut self, report: &SqlReport, at: crate::model::moment::Moment) {
        let slots = || report.slots.iter().filter(|slot| !slot.temporary);
        for slot in slots() {
            let begins = slot.confirmed_flush_lsn.or(slot.restart_lsn);
            let before = self.known.get(&slot.name).cloned();
            if let Some(before) = before.as_ref().filter(|before| before.is_another(slot, begins)) {
                self.remade.retain(|remade| remade.name != slot.name);
                let (reason, old) = (before.reason.clone(), before.reached);
                self.remade.push(RemadeSlot { name: slot.name.clone(), at, reason, old, new: begins });
            }
            let lost = is_lost(slot);
            // Once it is lost the server may not tell any more how far it had got.
            let reached = begins.or(before.and_then(|before| before.reached).filter(|_| lost));
            self.known.insert(
                slot.name.clone(),
                LastSlotState { reached, lost, reason: slot.invalidation.clone(), gone: false },
            );
        }
        for (name, known) in &mut self.known {
            known.gone |= !slots().any(|slot| slot.name == *name);
        }
        // One that was dropped for good has nobody who would miss anything.
        self.remade.retain(|remade| slots().any(|slot| slot.name == remade.name));
        let excess = self.remade.len().saturating_sub(MAX_ENTRIES);
        self.remade.drain(..excess);
    }
}

impl LastSlotState {
    /// Whether `slot`, of the same name, is another one that begins later.
    fn is_another(&self, slot: &Slot, begins: Option<Lsn>) -> bool {
        let revived = self.lost && !is_lost(slot);
        let later = self.reached.zip(begins).is_none_or(|(old, new)| new > old);
        (revived || self.gone) && later
    }
}

fn is_lost(slot: &Slot) -> bool {
    slot.invalidation.is_some() || slot.wal_status == Some(WalStatus::Lost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::test_support::{healthy, slot, sql};

    /// The remade slots of the leader after these answers: `None` where the slot is not there.
    fn after(answers: &[Option<Slot>]) -> Vec<RemadeSlot> {
        let mut memory = SlotMemory::default();
        let mut snapshot = healthy();
        for answer in answers {
            sql(&mut snapshot, "pg-0", |report| report.slots = answer.clone().into_iter().collect());
            memory.take(&mut snapshot);
        }
        snapshot.member(&"pg-0".into()).expect("a member").remade_slots.clone()
    }

    fn feed(confirmed: u64, invalid: Option<Invalidation>) -> Slot {
        let (logical, confirmed) = (true, Some(Lsn(confirmed)));
        Slot {
            logical,
            invalidation: invalid,
            confirmed_flush_lsn: confirmed,
            restart_lsn: confirmed,
            ..slot("feed", false)
        }
    }

    #[test]
    fn a_slot_that_was_invalidated_and_is_healthy_a_second_later_was_made_again() {
        let remade = after(&[
            Some(feed(100, None)),
            Some(feed(100, Some(Invalidation::Idle))),
            Some(feed(5_000_100, None)),
            Some(feed(5_000_100, None)),
        ]);
        let [one] = remade.as_slice() else { panic!("{remade:?}") };
        assert_eq!((one.missing(), &one.reason), (Some(5_000_000), &Some(Invalidation::Idle)));
        // It need not have been seen invalid: between two looks it was gone.
        assert_eq!(after(&[Some(feed(100, None)), None, Some(feed(300, None))]).len(), 1);
    }

    #[test]
    fn a_consumer_that_gets_on_and_a_slot_that_is_gone_for_good_are_no_news() {
        assert!(after(&[Some(feed(100, None)), Some(feed(9_000, None))]).is_empty());
        assert!(after(&[Some(feed(100, None)), None]).is_empty());
        assert!(
            after(&[Some(feed(100, None)), Some(feed(100, Some(Invalidation::Idle))), Some(feed(900, None)), None])
                .is_empty()
        );
    }
}
