//! Replication slots of a node, and its archiver.

use serde_json::Value;

use crate::model::lsn::Lsn;
use crate::model::postgres::{Archiver, Invalidation, Slot, WalStatus};
use crate::model::text::Text;

use super::super::core::World;
use super::super::core::clock::{SECOND, Time};
use super::super::core::replication::{SLOT_LIMIT, segment};
use super::super::core::spec::{GIB, MIB};
use super::texts::TEXTS;

/// `max_wal_size`: what is kept anyway.
const MIN_RETAINED: u64 = 8 * GIB;

impl World {
    pub(super) fn slots(&self, index: usize) -> Vec<Slot> {
        let node = &self.nodes[index];
        let physical = node.kept.iter().enumerate().filter_map(|(owner, kept)| {
            let kept = (*kept)?;
            let stream = self.nodes[owner].stream.filter(|stream| stream.from == index);
            let retained = node.written.saturating_sub(kept.restart);
            Some(Slot {
                name: self.nodes[owner].slot.clone(),
                logical: false,
                active: stream.is_some(),
                active_pid: stream.map(|stream| stream.pid),
                database: None,
                temporary: false,
                wal_status: Some(wal_status(retained)),
                retained_bytes: Some(retained),
                safe_wal_size: Some(safe(retained)),
                inactive_since: kept.idle_since.map(|since| self.clock.wall(since)),
                failover: Some(false),
                invalidation: (wal_status(retained) == WalStatus::Lost).then_some(Invalidation::WalRemoved),
                restart_lsn: Some(Lsn(kept.restart)),
                confirmed_flush_lsn: None,
            })
        });
        let known = &self.slots;
        let stream = known.contains_key(TEXTS.logical_slot.as_str()).then(|| self.logical_slot(index));
        let others = known.iter().filter(|(name, _)| *name != TEXTS.logical_slot.as_str());
        physical.chain(stream).chain(others.map(|(name, entry)| self.unused_slot(index, name, entry))).collect()
    }

    /// A permanent slot that an operator has configured, and that nobody uses yet.
    fn unused_slot(&self, index: usize, name: &str, entry: &Value) -> Slot {
        let logical = entry.get("type").and_then(Value::as_str) == Some("logical");
        Slot {
            name: Text::new(name),
            logical,
            active: false,
            active_pid: None,
            database: entry.get("database").and_then(Value::as_str).map(Text::new),
            temporary: false,
            wal_status: Some(WalStatus::Reserved),
            retained_bytes: Some(0),
            safe_wal_size: Some(safe(0)),
            inactive_since: Some(self.clock.wall(self.clock.now())),
            failover: Some(false),
            invalidation: None,
            restart_lsn: Some(Lsn(self.nodes[index].written)),
            confirmed_flush_lsn: None,
        }
    }

    /// The slot of a change stream, which the standbys keep in step for a failover.
    fn logical_slot(&self, index: usize) -> Slot {
        let now = self.clock.now();
        let node = &self.nodes[index];
        let abandoned = self.session_scenarios.slot_abandoned;
        let retained = match abandoned {
            Some((position, _)) => node.written.saturating_sub(position),
            None => (14 * MIB + self.load.rate / 2 * (now / SECOND % 30)).min(node.written),
        };
        let active = node.writable && abandoned.is_none();
        Slot {
            name: TEXTS.logical_slot.clone(),
            logical: true,
            active,
            active_pid: active.then(|| 2_000 + (self.seed % 30_000) as i32),
            database: Some(TEXTS.orders.clone()),
            temporary: false,
            wal_status: Some(wal_status(retained)),
            retained_bytes: Some(retained),
            safe_wal_size: Some(safe(retained)),
            inactive_since: abandoned.filter(|_| node.writable).map(|(_, since)| self.clock.wall(since)),
            failover: Some(true),
            invalidation: (wal_status(retained) == WalStatus::Lost).then_some(Invalidation::WalRemoved),
            restart_lsn: Some(Lsn(node.written.saturating_sub(retained))),
            confirmed_flush_lsn: Some(Lsn(node.written.saturating_sub(retained))),
        }
    }

    pub(super) fn archiver(&self, index: usize) -> Archiver {
        let now = self.clock.now();
        let node = &self.nodes[index];
        let failing = node.faults.archive_failing.filter(|_| node.writable && node.archive_failures > 0);
        // With `archive_mode = on` a standby archives nothing: what it says dates from its last time as primary.
        let archived = (node.promoted > 0).then_some(node.archived.saturating_sub(1));
        Archiver {
            enabled: true,
            last_archived: archived.map(|number| wal_file(node.timeline, number)),
            last_archived_at: archived.map(|_| self.clock.wall(node.archived_at)),
            last_failed: failing.map(|_| wal_file(node.timeline, node.archived)),
            last_failed_at: failing.map(|since| self.clock.wall(last_attempt(since, now))),
            failed_count: node.archive_failures.cast_signed(),
            failing: failing.is_some(),
            ready: Some(if node.writable { segment(node.written).saturating_sub(node.archived) } else { 0 }),
        }
    }
}

fn last_attempt(since: Time, now: Time) -> Time {
    (now / (20 * SECOND) * 20 * SECOND).max(since)
}

fn wal_status(retained: u64) -> WalStatus {
    match retained {
        0..=MIN_RETAINED => WalStatus::Reserved,
        more if more <= SLOT_LIMIT => WalStatus::Extended,
        more if more <= SLOT_LIMIT + GIB => WalStatus::Unreserved,
        _ => WalStatus::Lost,
    }
}

fn safe(retained: u64) -> i64 {
    SLOT_LIMIT.cast_signed().saturating_sub(retained.cast_signed())
}

/// Name of a segment of 16 MiB.
fn wal_file(timeline: u32, number: u64) -> Text {
    Text::new(format!("{timeline:08X}{:08X}{:08X}", number >> 8, number & 0xff))
}
