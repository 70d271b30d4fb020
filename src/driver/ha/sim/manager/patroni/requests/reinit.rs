//! A new copy of a replica.

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::SECOND;
use crate::driver::ha::sim::core::node::Phase;
use crate::driver::ha::sim::core::requests::RequestResult;
use crate::driver::ha::sim::manager::patroni::Patroni;

impl Patroni {
    /// `POST /reinitialize`: answers at once, the copy takes its time. It comes from the leader, since no member of a
    /// simulated cluster is marked as a source of copies.
    pub(super) fn ask_reinit(&mut self, world: &mut World, index: usize, force: bool) -> RequestResult {
        let Some(holder) = self.record.holder() else {
            return RequestResult::status(503, "Cluster has no leader, can not reinitialize");
        };
        if holder == index {
            return RequestResult::status(503, "I am the leader, can not reinitialize");
        }
        let busy = match world.nodes[index].phase {
            Phase::Creating { .. } => Some("reinitialize already in progress"),
            Phase::Restarting { .. } => Some("restart already in progress"),
            Phase::Rewinding { .. } => Some("running pg_rewind already in progress"),
            _ if world.nodes[index].faults.reinit => Some("reinitialize already in progress"),
            _ => None,
        };
        if let Some(words) = busy.filter(|_| !force) {
            return RequestResult::status(503, words);
        }
        self.begin_reinit(world, index);
        RequestResult::status(200, "reinitialize started")
    }

    /// The data directory is thrown away; the agent's next loop begins the copy.
    pub(in crate::driver::ha::sim::manager::patroni) fn begin_reinit(&mut self, world: &mut World, index: usize) {
        let now = world.clock.now();
        let node = &mut world.nodes[index];
        node.faults.reinit = true;
        node.phase = Phase::Stopped;
        node.stream = None;
        self.agents[index].next_loop = self.agents[index].next_loop.min(now + SECOND);
    }
}
