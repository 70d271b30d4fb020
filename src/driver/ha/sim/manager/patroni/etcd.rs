//! The members of the store: who is up, who leads, and whether there is a majority.

use crate::model::text::Text;

use crate::driver::ha::sim::core::clock::{MILLISECOND, Random, SECOND, STEP, Time};

/// What has become of a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum StoreMemberState {
    Up,
    Down,
    /// Connections open, nothing answers.
    Frozen,
    /// Answers its clients, and reaches no other member.
    Alone,
}

/// One member.
#[derive(Clone, Debug)]
pub(crate) struct EtcdNode {
    pub(crate) name: Text,
    pub(crate) endpoint: Text,
    pub(crate) id: u64,
    pub(crate) seat: StoreMemberState,
    pub(crate) learner: bool,
    /// Raft index applied when it went down, or how far it has caught up.
    pub(crate) applied: u64,
}

/// The store as a cluster of its own.
#[derive(Clone, Debug)]
pub(crate) struct Etcd {
    pub(crate) members: Vec<EtcdNode>,
    pub(crate) leader: Option<usize>,
    pub(crate) term: u64,
    election: Option<Time>,
    /// Raft log index.
    pub(crate) index: u64,
    /// Bytes on disk.
    pub(crate) size: u64,
    pub(crate) quota: u64,
    pub(crate) no_space: bool,
    dice: Random,
}

/// What the members came to in one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ElectionResult {
    Nothing,
    /// A new leader; every lease starts anew.
    Elected,
}

impl Etcd {
    pub(crate) fn new(prefix: &str, seed: u64) -> Self {
        let mut dice = Random::new(seed ^ 0xe7cd);
        let member = |number: u64, id: u64| EtcdNode {
            name: Text::new(format!("{prefix}-{number}")),
            endpoint: Text::new(format!("{prefix}-{number}:2379")),
            id,
            seat: StoreMemberState::Up,
            learner: false,
            applied: 0,
        };
        let members = (1..=3).map(|number| member(number, dice.between(1 << 60, u64::MAX))).collect();
        let index = 500_000 + dice.between(0, 90_000);
        let size = (5 << 20) + dice.between(0, 900) * 4096;
        Self { members, leader: Some(0), term: 7, election: None, index, size, quota: 2 << 30, no_space: false, dice }
    }

    /// Whether enough members are up to decide anything.
    pub(crate) fn has_majority(&self) -> bool {
        self.members.iter().filter(|member| member.seat == StoreMemberState::Up).count() * 2 > self.members.len()
    }

    /// Whether it answers a read that needs the majority.
    pub(crate) fn serves(&self) -> bool {
        self.leader.is_some() && self.has_majority()
    }

    /// Whether it takes writes.
    pub(crate) fn takes_writes(&self) -> bool {
        self.serves() && !self.no_space
    }

    /// One step.
    pub(crate) fn step(&mut self, now: Time) -> ElectionResult {
        let leader_up =
            self.leader.is_some_and(|leader| self.members[leader].seat == StoreMemberState::Up) && self.has_majority();
        for member in self.members.iter_mut().filter(|member| member.seat == StoreMemberState::Up) {
            // One that was away catches up at some thousand entries a second.
            member.applied = self.index.min(member.applied + 20_000 * STEP / SECOND);
        }
        if leader_up {
            self.election = None;
            return ElectionResult::Nothing;
        }
        self.leader = None;
        if !self.has_majority() {
            self.election = None;
            return ElectionResult::Nothing;
        }
        // The election timeout is one second by default, up to two with its randomness.
        let when = *self.election.get_or_insert_with(|| now + self.dice.between(1_000, 2_000) * MILLISECOND);
        if now < when {
            return ElectionResult::Nothing;
        }
        self.election = None;
        let up: Vec<usize> =
            (0..self.members.len()).filter(|member| self.members[*member].seat == StoreMemberState::Up).collect();
        self.leader = up.get(self.dice.between(0, up.len() as u64) as usize).copied();
        self.term += 1;
        self.index += 1;
        ElectionResult::Elected
    }

    /// One entry more.
    pub(crate) fn append(&mut self) {
        self.index += 1;
        // Grows by history, shrinks by compaction and defragmentation.
        self.size += 4096 * u64::from(self.index.is_multiple_of(6));
        if self.size > 9 << 20 && self.size < 16 << 20 {
            self.size = 5 << 20;
        }
    }

    /// The member called `name`.
    pub(crate) fn find(&mut self, name: &str) -> Option<&mut EtcdNode> {
        self.members.iter_mut().find(|member| member.name == *name || member.endpoint == *name)
    }
}
