//! What an agent makes of its PostgreSQL having started, ended, or parted from the others' history.

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::{MILLISECOND, SECOND, Time};
use crate::driver::ha::sim::core::node::{AfterStop, Phase, Power};
use crate::driver::ha::sim::manager::Event;

use super::record::{Appointment, SyncRecord};
use super::{AgentFaults, Patroni};

/// How long a checkpoint by hand makes a shutdown shorter.
const CLEAN_STOP_TIME: Time = 30 * SECOND;
/// A scheduled switchover that is later than this is dropped.
const LATE_START_TIME: Time = 15 * SECOND;

impl Patroni {
    /// A restart whose time has come, under its conditions.
    pub(super) fn keep_restart(&mut self, world: &mut World, index: usize) {
        let now = world.clock.now();
        if let Some(planned) = self.agents[index].restart_at.take_if(|planned| now >= planned.at)
            && Self::may_restart(world, index, &planned.conditions)
        {
            world.begin_restart(self, index);
        }
    }

    /// A node has become something.
    pub(super) fn learn(&mut self, world: &mut World, index: usize, event: Event) {
        let now = world.clock.now();
        let agent = &mut self.agents[index];
        match event {
            Event::Started => agent.next_loop = now + 300 * MILLISECOND,
            Event::Restarting => agent.next_loop = agent.next_loop.min(now + 200 * MILLISECOND),
            Event::Promoted => agent.next_loop = now + 100 * MILLISECOND,
            Event::PromotionFailed => self.fail_promotion(world, index),
            Event::Stopping { then, until } => self.finish_stop(world, index, then, until),
            Event::Crashed => agent.next_loop = agent.next_loop.min(now + 2 * SECOND),
            Event::Diverged => {
                world.nodes[index].phase = Phase::Stopping { until: now + SECOND, then: AfterStop::Rejoin };
            }
            Event::PoweredOff => {
                agent.leads = false;
                agent.retrying = false;
                agent.failsafe = false;
            }
            Event::BroughtBack { was } => {
                let ripple = world.dice.between(0, 900) * MILLISECOND;
                match was {
                    Power::Off => {
                        agent.up_at = now + 3 * SECOND + ripple;
                        agent.next_loop = agent.up_at;
                    }
                    Power::Frozen | Power::Cut => agent.next_loop = now + 300 * MILLISECOND + ripple,
                    Power::On => {}
                }
            }
            Event::Revived => {
                agent.faults = AgentFaults::default();
                if agent.up_at == Time::MAX {
                    agent.up_at = now + 2 * SECOND;
                    agent.next_loop = agent.up_at;
                }
                if world.nodes[index].faults.unrouted_for.is_some() {
                    agent.next_loop = now + SECOND;
                }
                // Its key may have told what is no longer so.
                self.record.built = None;
            }
        }
    }

    /// PostgreSQL stays in recovery: the agent gives the lock back and drops the order, and whoever was synchronous
    /// before may lead.
    fn fail_promotion(&mut self, world: &mut World, index: usize) {
        self.agents[index].leads = false;
        if self.record.holder() != Some(index) || !self.etcd.takes_writes() {
            return;
        }
        if let (Some(before), Some(_)) = (self.record.sync_before.take(), self.record.sync.as_ref()) {
            let modified = self.bump();
            self.write_sync(world, Some(SyncRecord { modified, ..before }));
        }
        if self.record.failover.as_ref().is_some_and(|order| order.at.is_none()) {
            self.clear_failover();
        }
        self.release_lock(world);
    }

    fn finish_stop(&mut self, world: &mut World, index: usize, then: AfterStop, until: Time) {
        let now = world.clock.now();
        match then {
            AfterStop::HandOver => {
                if self.handover(world, index, until) {
                    // The former leader waits until somebody else has the lock.
                    self.agents[index].next_loop = now + 2 * SECOND;
                }
            }
            AfterStop::PowerOff => {
                if self.handover(world, index, until) {
                    world.power_off(self, index);
                }
            }
            AfterStop::Rejoin => {
                world.nodes[index].phase = Phase::Stopped;
                self.agents[index].next_loop = now + 200 * MILLISECOND;
            }
            AfterStop::ReadOnly => {
                let node = &mut world.nodes[index];
                node.writable = false;
                node.upstream = None;
                node.phase = Phase::Starting { until: now + 1_500 * MILLISECOND };
            }
        }
    }

    /// The end of a shutdown in good order: everything is shipped, and the lock given back. `false`: not yet.
    fn handover(&mut self, world: &mut World, index: usize, until: Time) -> bool {
        let candidate = self.record.failover.as_ref().and_then(|order| order.candidate);
        if !world.has_shipped(index, candidate, until) {
            return false;
        }
        self.agents[index].leads = false;
        self.touch_member(world, index);
        // One that stood still meanwhile has lost the lock already, maybe to another.
        if self.record.holder() == Some(index) {
            self.release_lock(world);
        }
        true
    }

    /// How a node that was away comes back: as it is, rewound to where its history left the leader's, or copied anew.
    pub(super) fn rejoin(&mut self, world: &mut World, index: usize) {
        let now = world.clock.now();
        let leader_up = self.record.holder().is_some_and(|holder| world.nodes[holder].serves());
        let diverged = world.has_diverged(index);
        let spell = world.dice.between(5_000, 9_000) * MILLISECOND;
        let node = &mut world.nodes[index];
        if (node.faults.reinit || diverged) && !leader_up {
            return;
        }
        node.phase = if node.faults.reinit {
            Phase::Creating { copied: 0 }
        } else if diverged {
            Phase::Rewinding { until: now + spell }
        } else {
            Phase::Starting { until: now + spell / 3 }
        };
    }

    /// A switchover that is asked for, now or at its time.
    pub(super) fn keep_appointment(&mut self, world: &mut World, index: usize) {
        let now = world.clock.now();
        let Some(order) = self.record.failover.clone() else { return };
        if let Some(at) = order.at {
            if now < at {
                // The agent shortens its pause to meet the time.
                let agent = &mut self.agents[index];
                agent.next_loop = agent.next_loop.min(at);
                return;
            }
            if now > at + LATE_START_TIME {
                self.clear_failover();
                return;
            }
        }
        let candidate = order.candidate.or_else(|| self.best_candidate(world, index));
        let ready = candidate.filter(|other| {
            let node = &world.nodes[*other];
            *other != index
                && node.power == Power::On
                && node.stream.is_some()
                && node.timeline == world.nodes[index].timeline
                && self.record.settings.most_lag.allows(world.nodes[index].written.saturating_sub(node.written))
                // A failover does not ask who is synchronous.
                && (order.leader.is_none()
                    || self.record.sync.as_ref().is_none_or(|sync| sync.standbys.contains(other)))
        });
        if order.leader.is_some_and(|leader| leader != index) || ready.is_none() {
            self.clear_failover();
            return;
        }
        let modified = self.bump();
        self.record.failover = Some(Appointment { candidate: ready, at: None, modified, ..order });
        // What a checkpoint has written just now, the shutdown need not write.
        let clean = world.nodes[index].checkpointed.is_some_and(|at| now - at < CLEAN_STOP_TIME);
        let shutdown = world.dice.between(700, 1_300) * MILLISECOND / if clean { 3 } else { 1 };
        let until = now + shutdown;
        world.nodes[index].phase = Phase::Stopping { until, then: AfterStop::HandOver };
    }

    /// Whom a switchover goes to that names nobody.
    fn best_candidate(&self, world: &World, index: usize) -> Option<usize> {
        let fit = |other: &usize| {
            let node = &world.nodes[*other];
            let allowed = !self.agents[*other].tags.forbids_failover();
            *other != index && node.power == Power::On && node.stands_by() && allowed
        };
        match &self.record.sync {
            Some(sync) => sync.standbys.iter().copied().find(fit),
            None => (0..world.nodes.len()).filter(fit).max_by_key(|other| world.nodes[*other].written),
        }
    }
}
