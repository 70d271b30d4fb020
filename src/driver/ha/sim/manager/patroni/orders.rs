//! What a colleague asks of Patroni: the deeds that are no faults.

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::{MILLISECOND, micros};
use crate::driver::ha::sim::manager::ManagerOrder;

use super::record::Appointment;
use super::requests::Conditions;
use super::{Patroni, PlannedRestart};

impl Patroni {
    pub(super) fn follow(&mut self, world: &mut World, order: ManagerOrder) {
        let now = world.clock.now();
        if !self.etcd.takes_writes() {
            return;
        }
        match order {
            ManagerOrder::Switchover { candidate, after } => {
                let Some(leader) = self.record.holder() else { return };
                let candidate = candidate.and_then(|name| world.find(&name));
                let at = (!after.is_zero()).then(|| now + micros(after));
                let modified = self.bump();
                self.record.failover = Some(Appointment { leader: Some(leader), candidate, at, modified });
                self.speed_up(world, leader);
            }
            ManagerOrder::CancelSwitchover => self.clear_failover(),
            ManagerOrder::Pause | ManagerOrder::Resume => {
                self.record.paused = order == ManagerOrder::Pause;
                self.record.config_modified = self.bump();
                // Members see the configuration by their watch, and say so in their keys.
                for index in 0..world.nodes.len() {
                    self.speed_up(world, index);
                }
            }
            ManagerOrder::Restart(name) => {
                if let Some(index) = world.find(&name) {
                    world.begin_restart(self, index);
                }
            }
            ManagerOrder::ScheduleRestart { node, after } => {
                let Some(index) = world.find(&node) else { return };
                let at = now + micros(after);
                self.agents[index].restart_at = Some(PlannedRestart { at, conditions: Conditions::default() });
                self.speed_up(world, index);
                self.bump();
            }
            ManagerOrder::Failsafe(on) => {
                self.record.failsafe = on;
                self.record.config_modified = self.bump();
            }
            ManagerOrder::Reinit(name) => {
                let Some(index) = world.find(&name) else { return };
                if self.record.holder() != Some(index) {
                    self.begin_reinit(world, index);
                }
            }
            // Agents would undo either.
            ManagerOrder::Promote(_) | ManagerOrder::Follow { .. } => {}
        }
    }

    /// An agent that is told to look now.
    pub(super) fn speed_up(&mut self, world: &mut World, index: usize) {
        let soon = world.clock.now() + world.dice.between(50, 400) * MILLISECOND;
        let agent = &mut self.agents[index];
        agent.next_loop = agent.next_loop.min(soon);
    }
}
