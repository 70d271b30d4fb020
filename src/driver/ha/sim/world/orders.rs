//! What a colleague asks of the manager: the deeds that are no faults.

use std::time::Duration;

use crate::model::name::NodeName;

use super::World;
use super::clock::{MILLISECOND, micros};
use super::node::PlannedRestart;
use super::record::Appointment;
use super::requests::Conditions;

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
        if !self.etcd.takes_writes() {
            return;
        }
        match order {
            Order::Switchover { candidate, after } => {
                let Some(leader) = self.record.holder() else { return };
                let candidate = candidate.and_then(|name| self.find(&name));
                let at = (!after.is_zero()).then(|| now + micros(after));
                let modified = self.bump();
                self.record.failover = Some(Appointment { leader: Some(leader), candidate, at, modified });
                self.hurry(leader);
            }
            Order::CancelSwitchover => self.clear_failover(),
            Order::Pause | Order::Resume => {
                self.record.paused = order == Order::Pause;
                self.record.config_modified = self.bump();
                // Members see the configuration by their watch, and say so in their keys.
                for index in 0..self.nodes.len() {
                    self.hurry(index);
                }
            }
            Order::Restart(name) => {
                if let Some(index) = self.find(&name) {
                    self.begin_restart(index);
                }
            }
            Order::ScheduleRestart { node, after } => {
                let Some(index) = self.find(&node) else { return };
                let at = now + micros(after);
                self.nodes[index].restart_at = Some(PlannedRestart { at, conditions: Conditions::default() });
                self.hurry(index);
                self.bump();
            }
            Order::Failsafe(on) => {
                self.record.failsafe = on;
                self.record.config_modified = self.bump();
            }
            Order::Reinitialise(name) => {
                let Some(index) = self.find(&name) else { return };
                if self.record.holder() != Some(index) {
                    self.begin_reinitialise(index);
                }
            }
        }
    }

    /// An agent that is told to look now.
    pub(super) fn hurry(&mut self, index: usize) {
        let soon = self.clock.now() + self.dice.between(50, 400) * MILLISECOND;
        let agent = &mut self.nodes[index].agent;
        agent.next_loop = agent.next_loop.min(soon);
    }
}
