//! What a colleague asks of the manager: the deeds that are no faults.

use std::time::Duration;

use crate::model::name::NodeName;

use super::World;
use super::clock::{MILLISECOND, SECOND, micros};
use super::node::Phase;
use super::record::Appointment;

/// An order to the cluster's manager. Names that are not the cluster's do nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// Another leader, in good order.
    Switchover {
        /// Whom; `None`: whoever is best.
        candidate: Option<NodeName>,
        /// In how long; zero: at once.
        after: Duration,
    },
    /// Forget a scheduled switchover.
    CancelSwitchover,
    /// Maintenance mode on.
    Pause,
    /// Maintenance mode off.
    Resume,
    /// Restart PostgreSQL of a node.
    Restart(NodeName),
    /// Restart PostgreSQL of a node in so long.
    ScheduleRestart {
        /// Which.
        node: NodeName,
        /// In how long.
        after: Duration,
    },
    /// Failsafe mode on or off.
    Failsafe(bool),
    /// Copy a replica anew.
    Reinitialise(NodeName),
}

impl World {
    pub(super) fn obey(&mut self, order: Order) {
        let now = self.clock.now();
        let find = |world: &Self, name: &NodeName| world.nodes.iter().position(|node| node.name == *name);
        if !self.etcd.takes_writes() {
            return;
        }
        match order {
            Order::Switchover { candidate, after } => {
                let Some(leader) = self.record.holder() else { return };
                let candidate = candidate.and_then(|name| find(self, &name));
                let at = (!after.is_zero()).then(|| now + micros(after));
                let modified = self.bump();
                self.record.failover = Some(Appointment { leader: Some(leader), candidate, at, modified });
                self.hurry(leader);
            }
            Order::CancelSwitchover => {
                self.bump();
                self.record.failover = None;
            }
            Order::Pause | Order::Resume => {
                self.record.paused = order == Order::Pause;
                self.record.config_modified = self.bump();
                // Members see the configuration by their watch, and say so in their keys.
                for index in 0..self.nodes.len() {
                    self.hurry(index);
                }
            }
            Order::Restart(name) => {
                let Some(index) = find(self, &name) else { return };
                let until = now + self.dice.between(2_000, 4_500) * MILLISECOND;
                let node = &mut self.nodes[index];
                if node.phase == Phase::Running {
                    node.phase = Phase::Restarting { until };
                    node.stream = None;
                    node.agent.next_loop = node.agent.next_loop.min(now + 200 * MILLISECOND);
                }
            }
            Order::ScheduleRestart { node, after } => {
                let Some(index) = find(self, &node) else { return };
                self.nodes[index].restart_at = Some(now + micros(after));
                self.hurry(index);
                self.bump();
            }
            Order::Failsafe(on) => {
                self.record.failsafe = on;
                self.record.config_modified = self.bump();
            }
            Order::Reinitialise(name) => {
                let Some(index) = find(self, &name) else { return };
                if self.record.holder() != Some(index) {
                    let node = &mut self.nodes[index];
                    node.ails.reinit = true;
                    node.phase = Phase::Stopped;
                    node.stream = None;
                    node.agent.next_loop = node.agent.next_loop.min(now + SECOND);
                }
            }
        }
    }

    /// An agent that is told to look now.
    fn hurry(&mut self, index: usize) {
        let soon = self.clock.now() + self.dice.between(50, 400) * MILLISECOND;
        let agent = &mut self.nodes[index].agent;
        agent.next_loop = agent.next_loop.min(soon);
    }
}
