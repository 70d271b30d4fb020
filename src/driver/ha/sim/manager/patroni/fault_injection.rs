//! Faults of the agents, of what is on record, and of the store.

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::Time;
use crate::driver::ha::sim::core::faults::Fault;
use crate::model::name::NodeName;
use crate::model::text::Text;

use super::etcd::{EtcdNode, StoreMemberState};
use super::{AgentFaults, Patroni};

impl Patroni {
    /// Breaks something of Patroni's own.
    pub(super) fn inject_own(&mut self, world: &mut World, fault: Fault) {
        match fault {
            Fault::AgentDown(node) => {
                if let Some(index) = world.find(&node) {
                    self.agents[index].up_at = Time::MAX;
                    self.agents[index].leads = false;
                }
            }
            Fault::AgentApi { node, defect } => self.apply_fault(world, &node, |faults| faults.api = Some(defect)),
            Fault::OddState(node) => self.apply_fault(world, &node, |faults| faults.odd_state = true),
            Fault::OldAgent(node) => self.apply_fault(world, &node, |faults| faults.old = true),
            Fault::WrongAddress(node) => self.apply_fault(world, &node, |faults| faults.wrong_address = true),
            Fault::WatchdogFailed(node) => self.apply_fault(world, &node, |faults| faults.watchdog_failed = true),
            Fault::NoAddress(node) => {
                self.apply_fault(world, &node, |faults| faults.no_address = true);
                self.bump();
            }
            Fault::RemoveMember(node) => {
                let Some(index) = world.find(&node) else { return };
                world.power_off(self, index);
                self.bump();
                self.record.members[index] = None;
                if self.record.holder() == Some(index) {
                    self.release_lock(world);
                }
            }
            Fault::DuplicateMember(node) => {
                let Some(index) = world.find(&node) else { return };
                self.bump();
                self.record.twice = Some(index);
            }
            Fault::MetadataLie(node) => {
                let Some(index) = world.find(&node) else { return };
                self.bump();
                self.record.lie = Some(index);
            }
            Fault::DefectiveRecord => {
                self.record.defective = true;
                self.bump();
            }
            Fault::DropDcsMember(name) => self.seat(&name, StoreMemberState::Down),
            Fault::FreezeDcsMember(name) => self.seat(&name, StoreMemberState::Frozen),
            Fault::IsolateDcsMember(name) => self.seat(&name, StoreMemberState::Alone),
            Fault::DcsLearner(name) => self.store(&name, |member| member.learner = true),
            Fault::LoseDcsMajority => {
                for member in self.etcd.members.iter_mut().skip(1) {
                    member.seat = StoreMemberState::Down;
                }
            }
            Fault::FillDcs(percent) => {
                self.etcd.size = self.etcd.quota / 100 * percent;
                self.etcd.no_space = percent >= 100;
            }
            // Not Patroni's.
            _ => {}
        }
    }

    /// Mends the store: members, quota, and what the record tells untruly.
    pub(super) fn repair_store(&mut self, world: &mut World) {
        for member in &mut self.etcd.members {
            member.seat = StoreMemberState::Up;
            member.learner = false;
        }
        if self.etcd.no_space {
            self.wake_agents(world, None);
        }
        self.etcd.no_space = false;
        self.etcd.size = self.etcd.size.min(6 << 20);
        self.record.lie = None;
        self.record.twice = None;
        self.record.defective = false;
        self.bump();
    }

    fn apply_fault(&mut self, world: &World, node: &NodeName, with: impl FnOnce(&mut AgentFaults)) {
        if let Some(index) = world.find(node) {
            with(&mut self.agents[index].faults);
        }
    }

    fn store(&mut self, name: &Text, act: impl FnOnce(&mut EtcdNode)) {
        if let Some(member) = self.etcd.find(name.as_str()) {
            act(member);
        }
    }

    fn seat(&mut self, name: &Text, seat: StoreMemberState) {
        self.store(name, |member| member.seat = seat);
    }
}
