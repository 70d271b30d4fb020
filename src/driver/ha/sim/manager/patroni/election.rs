//! The race for the lock, and what follows for whoever wins it.

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::{MILLISECOND, SECOND, Time};
use crate::driver::ha::sim::core::node::{Phase, Power};
use crate::model::lsn::{Lsn, Timeline};
use crate::model::record::HistoryEntry;
use crate::model::text::Text;

use super::Patroni;
use super::config::Synchronous;
use super::record::{Appointment, Lock, SyncRecord};

/// How long an agent waits for the REST answer of a member that is silent, in the race for the lock.
const RACE_TIMEOUT: Time = 2 * SECOND;

impl Patroni {
    /// The timeline that the last leader on record had.
    pub(super) fn newest_timeline(&self) -> u32 {
        self.record.history.last().map_or(0, |entry| entry.timeline.0 + 1)
    }

    /// Whether a member is up, and may lead by its tags.
    fn may_run(&self, world: &World, index: usize) -> bool {
        let node = &world.nodes[index];
        node.power == Power::On && node.stands_by() && !self.agents[index].tags.forbids_failover()
    }

    /// The race: up, allowed, synchronous where that is asked for, and nobody reachable is further.
    pub(super) fn is_eligible(&self, world: &World, index: usize) -> bool {
        let node = &world.nodes[index];
        let synchronous =
            self.record.sync.as_ref().is_none_or(|sync| sync.leader == index || sync.standbys.contains(&index));
        let runners = (0..world.nodes.len()).filter(|other| self.may_run(world, *other));
        let best = runners.map(|other| world.nodes[other].written).max();
        self.may_run(world, index)
            && !node.faults.foreign
            && !node.faults.promotion_fails
            && node.faults.unrouted_for.is_none()
            && synchronous
            && node.timeline >= self.newest_timeline()
            && self.record.settings.most_lag.allows(self.record.optime.saturating_sub(node.written))
            && (self.record.sync.is_some() || best.is_none_or(|best| node.written >= best))
    }

    pub(super) fn take_lock(&mut self, world: &mut World, index: usize) {
        let created = self.bump();
        self.record.leader = Some(Lock { holder: index, created });
        world.leads = Some(index);
        self.agents[index].leads = true;
        self.record.sync_before = self.record.sync.clone();
        if self.record.sync.is_some() {
            self.set_sync(world, index, Vec::new());
        }
        if world.nodes[index].phase == Phase::Running && !world.nodes[index].writable {
            world.promote(index);
        }
        self.wake_agents(world, Some(index));
    }

    /// The leader key goes, by expiry or by hand; every agent watches it.
    pub(super) fn release_lock(&mut self, world: &mut World) {
        self.bump();
        self.record.leader = None;
        world.leads = None;
        self.wake_agents(world, None);
    }

    /// Agents watch the leader key: those that reach the DCS run their loop at once.
    pub(super) fn wake_agents(&mut self, world: &mut World, except: Option<usize>) {
        let now = world.clock.now();
        let silent = world.nodes.iter().any(|node| matches!(node.power, Power::Frozen | Power::Cut));
        let race = if silent && self.record.leader.is_none() { RACE_TIMEOUT } else { 0 };
        for index in (0..world.nodes.len()).filter(|index| Some(*index) != except) {
            if self.reaches_dcs(world, index) {
                let soon = now + race + world.dice.between(150, 500) * MILLISECOND;
                let agent = &mut self.agents[index];
                agent.next_loop = agent.next_loop.min(soon);
            }
        }
    }

    /// The new leader's first loops: its timeline goes into the history, the order that made it is cleared.
    pub(super) fn write_history(&mut self, world: &World, index: usize) {
        let timeline = world.nodes[index].timeline;
        let known = self.record.history.last().map_or(0, |entry| entry.timeline.0);
        for (ended, lsn, at) in world.forks.iter().filter(|fork| fork.0 < timeline && fork.0 > known) {
            self.record.remember(HistoryEntry {
                timeline: Timeline(*ended),
                lsn: Lsn(*lsn),
                reason: Text::new("no recovery target specified"),
                at: Some(world.clock.wall(*at)),
                new_leader: Some(world.nodes[index].name.clone()),
            });
            self.record.history_modified = self.bump();
        }
        let made = |order: &Appointment| match order.leader {
            Some(leader) => leader != index,
            None => order.candidate == Some(index),
        };
        let done = self.record.failover.as_ref().is_some_and(|order| order.at.is_none() && made(order));
        if done {
            self.clear_failover();
        }
    }

    /// Writes the sync key, and `synchronous_standby_names` with it.
    pub(super) fn write_sync(&mut self, world: &mut World, sync: Option<SyncRecord>) {
        world.synchronous = sync.as_ref().map(SyncRecord::names);
        self.record.sync = sync;
    }

    fn set_sync(&mut self, world: &mut World, leader: usize, standbys: Vec<usize>) {
        let same = self.record.sync.as_ref().is_some_and(|sync| sync.leader == leader && sync.standbys == standbys);
        if !same {
            let modified = self.bump();
            self.write_sync(world, Some(SyncRecord { leader, standbys, modified }));
        }
    }

    /// The sync key comes and goes with `synchronous_mode`.
    pub(super) fn follow_mode(&mut self, world: &mut World, index: usize) {
        match (self.record.settings.synchronous, self.record.sync.is_some()) {
            (Synchronous::Off, true) => {
                self.write_sync(world, None);
                self.bump();
            }
            (Synchronous::On | Synchronous::Quorum, false) => self.set_sync(world, index, Vec::new()),
            (Synchronous::Off, false) | (Synchronous::On | Synchronous::Quorum, true) => {}
        }
    }

    /// Keeps the synchronous standby while it streams, else takes the furthest that streams from the leader.
    pub(super) fn choose_synchronous(&mut self, world: &mut World, index: usize) {
        let Some(sync) = self.record.sync.clone() else { return };
        let now = world.clock.now();
        let fit = |other: &usize| {
            let (node, tags) = (&world.nodes[*other], &self.agents[*other].tags);
            let stream = node.stream.filter(|stream| stream.from == index);
            let caught_up = world.nodes[index].written.saturating_sub(node.written) < 16 << 20;
            let received = stream.is_some_and(|stream| now - stream.received < 5 * SECOND);
            received && caught_up && !tags.nosync && !tags.forbids_failover()
        };
        let kept = sync.standbys.first().copied().filter(|standby| fit(standby));
        // The least lag in replay among the fit, so that a sick one is passed over.
        let best = || (0..world.nodes.len()).filter(fit).max_by_key(|other| world.nodes[*other].replayed);
        let standbys = kept.or_else(best).into_iter().collect();
        self.set_sync(world, index, standbys);
    }
}
