//! The cluster's keys in the store, their revisions and their leases.

use serde_json::{Map, Value};

use crate::model::record::{ClusterRecord, HistoryEntry};
use crate::model::role::MemberState;

use crate::driver::ha::sim::core::clock::Time;
use crate::driver::ha::sim::core::{SynchronousSet, World};

use super::Patroni;
use super::config::Settings;

/// Past leaders kept in the history key.
const MAX_HISTORY: usize = 64;

/// The leader key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lock {
    pub(crate) holder: usize,
    pub(crate) created: i64,
}

/// A member's key.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct MemberKey {
    pub(crate) primary: bool,
    pub(crate) state: MemberState,
    pub(crate) streaming: bool,
    pub(crate) timeline: Option<u32>,
    pub(crate) position: Option<u64>,
    pub(crate) paused: bool,
    pub(crate) pending_restart: bool,
    pub(crate) created: i64,
    pub(crate) modified: i64,
}

/// The sync key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SyncRecord {
    pub(crate) leader: usize,
    pub(crate) standbys: Vec<usize>,
    pub(crate) modified: i64,
}

impl SyncRecord {
    /// `synchronous_standby_names`, as the leader sets it by the key.
    pub(super) fn names(&self) -> SynchronousSet {
        SynchronousSet { on: self.leader, standbys: self.standbys.clone() }
    }
}

/// The failover key with content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Appointment {
    pub(crate) leader: Option<usize>,
    pub(crate) candidate: Option<usize>,
    pub(crate) at: Option<Time>,
    pub(crate) modified: i64,
}

/// All keys.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Revision of the store.
    pub(crate) revision: i64,
    pub(crate) leader: Option<Lock>,
    pub(crate) members: Vec<Option<MemberKey>>,
    /// When each member renewed its lease last. Its key and the leader key, if it holds it, hang on that lease.
    pub(crate) renewed: Vec<Time>,
    /// The config key, but for `pause` and `failsafe_mode`.
    pub(crate) config: Map<String, Value>,
    /// What follows from it.
    pub(crate) settings: Settings,
    /// `pause`.
    pub(crate) paused: bool,
    /// `failsafe_mode`.
    pub(crate) failsafe: bool,
    pub(crate) config_modified: i64,
    pub(crate) optime: u64,
    pub(crate) status_modified: i64,
    pub(crate) sync: Option<SyncRecord>,
    /// As it was before the present holder took the lock: what counts again if it cannot promote.
    pub(crate) sync_before: Option<SyncRecord>,
    pub(crate) failover: Option<Appointment>,
    /// Revision at which the failover key was last emptied.
    pub(crate) failover_cleared: i64,
    pub(crate) history: Vec<HistoryEntry>,
    pub(crate) history_modified: i64,
    /// The record names another holder than there is.
    pub(crate) lie: Option<usize>,
    /// A member whose name stands twice on record.
    pub(crate) twice: Option<usize>,
    /// A key holds what cannot be read.
    pub(crate) defective: bool,
    /// The record as last handed out; dropped at each change.
    pub(crate) built: Option<Box<ClusterRecord>>,
}

impl Record {
    pub(crate) fn holder(&self) -> Option<usize> {
        self.leader.map(|lock| lock.holder)
    }

    /// Adds an entry to the history, which keeps the newest.
    pub(crate) fn remember(&mut self, entry: HistoryEntry) {
        self.history.push(entry);
        if self.history.len() > MAX_HISTORY {
            self.history.remove(0);
        }
    }
}

impl Patroni {
    /// A write to the store: its new revision.
    pub(super) fn bump(&mut self) -> i64 {
        self.record.revision += 1;
        self.record.built = None;
        self.etcd.append();
        self.record.revision
    }

    /// Empties the failover key; it stays.
    pub(crate) fn clear_failover(&mut self) {
        self.record.failover_cleared = self.bump();
        self.record.failover = None;
    }

    /// Revision of the failover key, with content or without.
    pub(crate) fn failover_revision(&self) -> i64 {
        self.record.failover.as_ref().map_or(self.record.failover_cleared, |order| order.modified)
    }

    /// Leases that ran out take their keys with them. Without a leader the store lets none run out.
    pub(super) fn expire_leases(&mut self, world: &mut World) {
        if !self.etcd.serves() {
            return;
        }
        let now = world.clock.now();
        for index in 0..world.nodes.len() {
            if now.saturating_sub(self.record.renewed[index]) <= self.record.settings.ttl {
                continue;
            }
            if self.record.members[index].is_some() {
                self.bump();
                self.record.members[index] = None;
            }
            if self.record.holder() == Some(index) {
                self.release_lock(world);
            }
        }
    }

    /// Writes the key of a member if it has changed, and renews its lease.
    pub(super) fn touch_member(&mut self, world: &World, index: usize) {
        let now = world.clock.now();
        let node = &world.nodes[index];
        let up = node.accepts();
        let old = self.record.members[index].as_ref();
        let mut key = MemberKey {
            primary: node.writable && up,
            state: self.reported_state(world, index),
            streaming: up && !node.writable && node.stream.is_some(),
            timeline: up.then_some(node.timeline),
            position: up.then_some(if node.writable { node.written } else { node.written.max(node.replayed) }),
            paused: self.record.paused,
            pending_restart: !node.pending.is_empty(),
            created: old.map_or(0, |old| old.created),
            modified: old.map_or(0, |old| old.modified),
        };
        self.record.renewed[index] = now;
        if old == Some(&key) {
            return;
        }
        let created = old.map(|old| old.created);
        key.modified = self.bump();
        key.created = created.unwrap_or(key.modified);
        self.record.members[index] = Some(key);
    }
}
