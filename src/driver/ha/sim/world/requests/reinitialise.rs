//! A new copy of a replica.

use crate::driver::ha::sim::world::World;
use crate::driver::ha::sim::world::calls::Answer;
use crate::driver::ha::sim::world::clock::SECOND;
use crate::driver::ha::sim::world::node::Phase;

impl World {
    /// `POST /reinitialize`: answers at once, the copy takes its time. It comes from the leader, since no member of a
    /// simulated cluster is marked as a source of copies.
    pub(super) fn ask_reinitialise(&mut self, index: usize, force: bool) -> Answer {
        let Some(holder) = self.record.holder() else {
            return Answer::status(503, "Cluster has no leader, can not reinitialize");
        };
        if holder == index {
            return Answer::status(503, "I am the leader, can not reinitialize");
        }
        let busy = match self.nodes[index].phase {
            Phase::Creating { .. } => Some("reinitialize already in progress"),
            Phase::Restarting { .. } => Some("restart already in progress"),
            Phase::Rewinding { .. } => Some("running pg_rewind already in progress"),
            _ if self.nodes[index].ails.reinit => Some("reinitialize already in progress"),
            _ => None,
        };
        if let Some(words) = busy.filter(|_| !force) {
            return Answer::status(503, words);
        }
        self.begin_reinitialise(index);
        Answer::status(200, "reinitialize started")
    }

    /// The data directory is thrown away; the agent's next loop begins the copy.
    pub(in crate::driver::ha::sim::world) fn begin_reinitialise(&mut self, index: usize) {
        let now = self.clock.now();
        let node = &mut self.nodes[index];
        node.ails.reinit = true;
        node.phase = Phase::Stopped;
        node.stream = None;
        node.agent.next_loop = node.agent.next_loop.min(now + SECOND);
    }
}
