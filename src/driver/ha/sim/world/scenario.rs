//! What happens by itself: the demo's chapters, one about every minute.

use std::time::Duration;

use crate::model::name::NodeName;
use crate::model::text::Text;

use super::World;
use super::clock::{SECOND, Time};
use super::etcd::Seat;
use super::faults::{Cure, Fault};
use super::node::Power;
use super::orders::Order;
use super::sessions::Spell;

/// What a simulated cluster does of its own accord.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scenario {
    /// Load and nothing else.
    Calm,
    /// Something new about every minute, over and over: a sick replica, a chain of locks, a lost DCS member, an
    /// unplanned failover, a scheduled switchover, maintenance, a new copy of a replica, a failing archive.
    Demo,
    /// The demo from a later chapter on, so that several clusters do not do the same at the same time.
    DemoFrom(usize),
}

/// Where the demo stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Story {
    chapter: Option<usize>,
    next: Time,
}

/// Chapters of the demo, told over and over.
const CHAPTERS: usize = 14;

impl Story {
    pub(crate) fn new(scenario: Scenario, now: Time) -> Self {
        let chapter = match scenario {
            Scenario::Calm => None,
            Scenario::Demo => Some(0),
            Scenario::DemoFrom(chapter) => Some(chapter % CHAPTERS),
        };
        Self { chapter, next: now }
    }
}

impl World {
    /// Tells the next chapter when it is time.
    pub(super) fn tell(&mut self) {
        let now = self.clock.now();
        // Whoever acts or practises has enough with what they break themselves.
        if self.is_practised_on() || self.claim.is_some() {
            return;
        }
        let Some(chapter) = self.story.chapter.filter(|_| now >= self.story.next) else { return };
        let pause = self.chapter(chapter) + self.dice.between(0, 9);
        self.story = Story { chapter: Some((chapter + 1) % CHAPTERS), next: now + pause * SECOND };
    }

    /// Plays one chapter; returns the seconds until the next.
    fn chapter(&mut self, chapter: usize) -> u64 {
        let now = self.clock.now();
        let leader = self.record.holder().map(|index| self.nodes[index].name.clone());
        let sick = self.far_replica();
        match chapter {
            0 => {
                self.stories.long_transaction =
                    Some(Spell { since: now.saturating_sub(190 * SECOND), until: now + 330 * SECOND });
                if let Some(node) = sick {
                    let bytes_per_second = self.spec.wal_rate / 5;
                    self.strike(Fault::PendingRestart(node.clone()));
                    self.strike(Fault::ReplicaLag { node, bytes_per_second });
                }
                120
            }
            1 => {
                let waiting = self.dice.between(3, 7) as u32;
                self.stories.locks = Some((Spell { since: now, until: now + 45 * SECOND }, waiting));
                60
            }
            2 => {
                for index in 0..self.nodes.len() {
                    self.nodes[index].ails.replay_limit = None;
                }
                65
            }
            3 => {
                self.drop_store_member(false);
                70
            }
            4 => {
                self.heal(&Cure::Dcs);
                self.strike(Fault::Rush { percent: 420, length: Duration::from_secs(25) });
                60
            }
            5 => {
                let back_after = Duration::from_secs(self.dice.between(55, 75));
                if let Some(node) = leader {
                    self.strike(Fault::CrashNode { node, back_after, reinit: false });
                }
                125
            }
            6 => {
                let first = self.nodes.first().map(|node| node.name.clone());
                let candidate = first.filter(|first| leader.as_ref() != Some(first));
                let candidate = candidate.filter(|candidate| self.is_synchronous(candidate));
                self.obey(Order::Switchover { candidate, after: Duration::from_secs(60) });
                100
            }
            7 => {
                self.obey(Order::Pause);
                55
            }
            8 => {
                self.obey(Order::Resume);
                let waiting = self.nodes.iter().find(|node| !node.pending.is_empty()).map(|node| node.name.clone());
                if let Some(node) = waiting.or(sick) {
                    self.obey(Order::Restart(node));
                }
                60
            }
            9 => {
                if let Some(node) = sick {
                    self.strike(Fault::StopReceiver(node));
                }
                55
            }
            10 => {
                for index in 0..self.nodes.len() {
                    self.nodes[index].ails.receiver_stopped = false;
                }
                self.drop_store_member(true);
                65
            }
            11 => {
                self.heal(&Cure::Dcs);
                if let Some(node) = sick {
                    self.strike(Fault::CrashNode { node, back_after: Duration::from_secs(20), reinit: true });
                }
                110
            }
            12 => {
                if let Some(node) = leader {
                    self.strike(Fault::ArchiveFailing(node));
                }
                70
            }
            _ => {
                for index in 0..self.nodes.len() {
                    self.nodes[index].ails.archive_failing = None;
                }
                45
            }
        }
    }

    /// A replica that nobody depends on: neither synchronous nor cascading, if there is one.
    fn far_replica(&self) -> Option<NodeName> {
        let holder = self.record.holder();
        let replicas = || (0..self.nodes.len()).filter(|index| Some(*index) != holder);
        let synchronous = |index: &usize| self.record.sync.as_ref().is_some_and(|sync| sync.standbys.contains(index));
        let up = |index: &usize| self.nodes[*index].power == Power::On;
        let plain = |index: &usize| self.nodes[*index].tags.replicatefrom.is_none();
        let far = replicas().filter(up).filter(plain).rfind(|index| !synchronous(index));
        far.or_else(|| replicas().find(up)).map(|index| self.nodes[index].name.clone())
    }

    fn is_synchronous(&self, name: &NodeName) -> bool {
        let Some(sync) = &self.record.sync else { return true };
        sync.standbys.iter().any(|standby| self.nodes[*standby].name == *name)
    }

    fn drop_store_member(&mut self, leading: bool) {
        let all = self.etcd.members.len();
        let chosen = (0..all).rev().find(|index| (self.etcd.leader == Some(*index)) == leading);
        let name: Option<Text> = chosen.map(|index| self.etcd.members[index].name.clone());
        if self.etcd.members.iter().all(|member| member.seat == Seat::Up)
            && let Some(name) = name
        {
            self.strike(Fault::DropDcsMember(name));
        }
    }
}
