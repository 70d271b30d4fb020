//! What happens to a cluster that nobody manages, by itself: the demo's chapters, one about every minute.

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::faults::{Fault, Repair};
use crate::driver::ha::sim::manager::{Manager as _, ManagerOrder};
use crate::model::name::NodeName;

use super::Nobody;

impl Nobody {
    /// Plays one chapter; returns the seconds until the next. `None`: the story is told.
    pub(super) fn play(&mut self, world: &mut World, chapter: usize) -> Option<u64> {
        let name = |index: usize, world: &World| world.nodes[index].name.clone();
        let primary = world.leads?;
        let primary_name = name(primary, world);
        let standby = direct_standbys(world, primary);
        let far = standby.last().copied().map(|index| name(index, world));
        Some(match chapter {
            0 => {
                if let Some(node) = far {
                    let bytes_per_second = world.spec.wal_rate / 5;
                    world.inject(self, Fault::ReplicaLag { node, bytes_per_second });
                }
                100
            }
            1 => {
                world.nodes.iter_mut().for_each(|node| node.faults.replay_limit = None);
                if let Some(node) = far {
                    world.inject(self, Fault::StopReceiver(node));
                }
                70
            }
            2 => {
                world.nodes.iter_mut().for_each(|node| node.faults.receiver_stopped = false);
                if let Some(node) = far {
                    world.inject(self, Fault::CutNode(node));
                }
                60
            }
            3 => {
                self.heal_all(world);
                world.inject(self, Fault::KillNode(primary_name));
                75
            }
            // Nobody took over: a colleague makes one of the standbys the primary.
            4 => {
                if let Some(heir) = direct_standbys(world, primary).first() {
                    let order = ManagerOrder::Promote(name(*heir, world));
                    self.obey(world, order);
                }
                60
            }
            // The host of the old primary comes up again, and PostgreSQL on it as what it was.
            5 => {
                let away = world.nodes.iter().position(|node| !node.executes());
                if let Some(away) = away.map(|index| name(index, world)) {
                    world.heal(self, &Repair::Node(away));
                }
                75
            }
            6 => {
                let follows = |index: usize| world.nodes[index].upstream;
                let strays = |index: &usize| {
                    let cascades = follows(*index).is_some_and(|upstream| follows(upstream) == Some(primary));
                    *index != primary && follows(*index) != Some(primary) && !cascades
                };
                let strays: Vec<usize> = (0..world.nodes.len()).filter(strays).collect();
                for index in strays {
                    let order = ManagerOrder::Follow { node: name(index, world), upstream: primary_name.clone() };
                    self.obey(world, order);
                }
                120
            }
            _ => return None,
        })
    }

    fn heal_all(&mut self, world: &mut World) {
        let names: Vec<NodeName> = world.nodes.iter().map(|node| node.name.clone()).collect();
        for node in names {
            world.heal(self, &Repair::Node(node));
        }
    }
}

/// Standbys that follow `primary` itself.
fn direct_standbys(world: &World, primary: usize) -> Vec<usize> {
    (0..world.nodes.len()).filter(|index| world.nodes[*index].upstream == Some(primary)).collect()
}
