//! A checkpoint by hand.

use super::World;
use super::clock::{MILLISECOND, Time};
use super::node::Power;
use super::requests::{RequestLine, RequestResult, RequestState};

/// A checkpoint that somebody waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Checkpoint {
    until: Time,
}

impl World {
    /// `CHECKPOINT` on a node that is up: takes as long as there is much to write. A shutdown soon after is shorter.
    pub(crate) fn begin_checkpoint(&mut self, index: usize) -> RequestState {
        let spell = self.dice.between(400, 1_800) * MILLISECOND;
        let until = self.clock.now() + spell;
        self.nodes[index].checkpointed = Some(until);
        self.checkpoints.hold(index, Checkpoint { until })
    }

    /// One step of every checkpoint that is waited for.
    pub(crate) fn answer_checkpoints(&mut self) {
        let now = self.clock.now();
        let nodes = &self.nodes;
        let line = |at: usize| match nodes[at].power {
            Power::Off => RequestLine::Closed,
            Power::Frozen | Power::Cut => RequestLine::Silent,
            Power::On if !nodes[at].accepts() => RequestLine::Closed,
            Power::On => RequestLine::Up,
        };
        let done = |_: usize, wait: &mut Checkpoint| {
            (now >= wait.until).then(|| RequestResult::result(true, "checkpoint done"))
        };
        self.checkpoints.poll(line, done);
    }
}
