//! What happens to a Patroni cluster by itself: the demo's chapters, one about every minute.

use std::time::Duration;

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::SECOND;
use crate::driver::ha::sim::core::faults::{Fault, Repair};
use crate::driver::ha::sim::core::node::Power;
use crate::driver::ha::sim::core::sessions::Period;
use crate::driver::ha::sim::manager::{Manager as _, ManagerOrder};
use crate::model::name::NodeName;
use crate::model::text::Text;

use super::Patroni;
use super::etcd::StoreMemberState;

impl Patroni {
    /// Plays one chapter; returns the seconds until the next. `None`: the story is told.
    pub(super) fn play(&mut self, world: &mut World, chapter: usize) -> Option<u64> {
        let now = world.clock.now();
        let leader = self.record.holder().map(|index| world.nodes[index].name.clone());
        let sick = self.far_replica(world);
        Some(match chapter {
            0 => {
                world.session_scenarios.long_transaction =
                    Some(Period { since: now.saturating_sub(190 * SECOND), until: now + 330 * SECOND });
                if let Some(node) = sick {
                    let bytes_per_second = world.spec.wal_rate / 5;
                    world.inject(self, Fault::PendingRestart(node.clone()));
                    world.inject(self, Fault::ReplicaLag { node, bytes_per_second });
                }
                120
            }
            1 => {
                let waiting = world.dice.between(3, 7) as u32;
                world.session_scenarios.locks = Some((Period { since: now, until: now + 45 * SECOND }, waiting));
                60
            }
            2 => {
                for index in 0..world.nodes.len() {
                    world.nodes[index].faults.replay_limit = None;
                }
                65
            }
            3 => {
                self.drop_store_member(world, false);
                70
            }
            4 => {
                world.heal(self, &Repair::Dcs);
                world.inject(self, Fault::Rush { percent: 420, length: Duration::from_secs(25) });
                60
            }
            5 => {
                let back_after = Duration::from_secs(world.dice.between(55, 75));
                if let Some(node) = leader {
                    world.inject(self, Fault::CrashNode { node, back_after, reinit: false });
                }
                125
            }
            6 => {
                let first = world.nodes.first().map(|node| node.name.clone());
                let candidate = first.filter(|first| leader.as_ref() != Some(first));
                let candidate = candidate.filter(|candidate| self.is_synchronous(world, candidate));
                self.obey(world, ManagerOrder::Switchover { candidate, after: Duration::from_secs(60) });
                100
            }
            7 => {
                self.obey(world, ManagerOrder::Pause);
                55
            }
            8 => {
                self.obey(world, ManagerOrder::Resume);
                let waiting = world.nodes.iter().find(|node| !node.pending.is_empty()).map(|node| node.name.clone());
                if let Some(node) = waiting.or(sick) {
                    self.obey(world, ManagerOrder::Restart(node));
                }
                60
            }
            9 => {
                if let Some(node) = sick {
                    world.inject(self, Fault::StopReceiver(node));
                }
                55
            }
            10 => {
                for index in 0..world.nodes.len() {
                    world.nodes[index].faults.receiver_stopped = false;
                }
                self.drop_store_member(world, true);
                65
            }
            11 => {
                world.heal(self, &Repair::Dcs);
                if let Some(node) = sick {
                    world.inject(self, Fault::CrashNode { node, back_after: Duration::from_secs(20), reinit: true });
                }
                110
            }
            12 => {
                if let Some(node) = leader {
                    world.inject(self, Fault::ArchiveFailing(node));
                }
                70
            }
            13 => {
                for index in 0..world.nodes.len() {
                    world.nodes[index].faults.archive_failing = None;
                }
                45
            }
            _ => return None,
        })
    }

    /// A replica that nobody depends on: neither synchronous nor cascading, if there is one.
    fn far_replica(&self, world: &World) -> Option<NodeName> {
        let holder = self.record.holder();
        let replicas = || (0..world.nodes.len()).filter(|index| Some(*index) != holder);
        let synchronous = |index: &usize| self.record.sync.as_ref().is_some_and(|sync| sync.standbys.contains(index));
        let up = |index: &usize| world.nodes[*index].power == Power::On;
        let plain = |index: &usize| self.agents[*index].tags.replicatefrom.is_none();
        let far = replicas().filter(up).filter(plain).rfind(|index| !synchronous(index));
        far.or_else(|| replicas().find(up)).map(|index| world.nodes[index].name.clone())
    }

    fn is_synchronous(&self, world: &World, name: &NodeName) -> bool {
        let Some(sync) = &self.record.sync else { return true };
        sync.standbys.iter().any(|standby| world.nodes[*standby].name == *name)
    }

    fn drop_store_member(&mut self, world: &mut World, leading: bool) {
        let all = self.etcd.members.len();
        let chosen = (0..all).rev().find(|index| (self.etcd.leader == Some(*index)) == leading);
        let name: Option<Text> = chosen.map(|index| self.etcd.members[index].name.clone());
        if self.etcd.members.iter().all(|member| member.seat == StoreMemberState::Up)
            && let Some(name) = name
        {
            world.inject(self, Fault::DropDcsMember(name));
        }
    }
}
