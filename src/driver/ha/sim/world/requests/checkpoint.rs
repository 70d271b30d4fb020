//! A checkpoint by hand.

use crate::driver::ha::sim::world::World;
use crate::driver::ha::sim::world::calls::{Taken, Wait};
use crate::driver::ha::sim::world::clock::MILLISECOND;

impl World {
    /// `CHECKPOINT` on a node that is up: takes as long as there is much to write. A shutdown soon after is shorter.
    pub(crate) fn begin_checkpoint(&mut self, index: usize) -> Taken {
        let spell = self.dice.between(400, 1_800) * MILLISECOND;
        let until = self.clock.now() + spell;
        self.nodes[index].checkpointed = Some(until);
        self.hold(index, Wait::Checkpoint { until })
    }
}
