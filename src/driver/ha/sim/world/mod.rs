//! The simulated world: a state machine that moves only when it is told what time it is.
//!
//! It knows what PostgreSQL, Patroni, etcd and HAProxy do and how long each takes, and nothing of observers, screens or
//! real time. Everything random comes from the seed; the world moves in steps of fixed length, so that its state
//! depends on the time alone and never on who asked when.

pub(crate) mod agent;
pub(crate) mod backups;
pub(crate) mod calls;
pub(crate) mod claim;
pub(crate) mod clock;
pub(crate) mod config;
pub(crate) mod endings;
pub(crate) mod etcd;
pub(crate) mod faults;
pub(crate) mod genesis;
pub(crate) mod load;
pub(crate) mod node;
pub(crate) mod orders;
pub(crate) mod parameters;
pub(crate) mod postgres;
pub(crate) mod practice;
pub(crate) mod record;
pub(crate) mod replication;
pub(crate) mod requests;
pub(crate) mod router;
pub(crate) mod scenario;
pub(crate) mod sessions;
pub(crate) mod spec;
pub(crate) mod strike;

use std::collections::BTreeMap;

use crate::model::moment::Moment;
use crate::model::name::NodeName;

use backups::Parts;
use calls::Call;
use claim::Held;
use clock::{Clock, Dice, SECOND, Time};
use endings::Ended;
use etcd::{Ballot, Etcd};
use faults::{Cure, Fault};
use load::Load;
use node::Node;
use orders::Order;
use practice::Row;
use record::Record;
use router::Balancer;
use scenario::Story;
use sessions::Stories;
use spec::Spec;

/// Something that is to happen.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Fault(Fault),
    Order(Order),
    /// A node comes back by itself.
    Return(NodeName),
}

/// A simulated cluster with everything around it.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) seed: u64,
    pub(crate) spec: Spec,
    pub(crate) system_id: u64,
    pub(crate) clock: Clock,
    pub(crate) nodes: Vec<Node>,
    pub(crate) etcd: Etcd,
    pub(crate) record: Record,
    pub(crate) router: Balancer,
    pub(crate) load: Load,
    pub(crate) stories: Stories,
    pub(crate) parts: Parts,
    /// Where each timeline ended, and when: what the history files say.
    pub(crate) forks: Vec<(u32, u64, Time)>,
    /// Requests that somebody waits for, and how many there were.
    calls: Vec<Call>,
    called: u64,
    /// Sessions that somebody ended.
    endings: Vec<Ended>,
    /// The operation lock.
    claim: Option<Held>,
    /// The table of a drill's probe, while there is one.
    practice: Option<Vec<Row>>,
    agenda: BTreeMap<(Time, u64), Happening>,
    planned: u64,
    story: Story,
    dice: Dice,
}

impl World {
    /// Moves the world to `now`; an earlier moment than one before leaves it where it is.
    pub fn advance(&mut self, now: Moment) {
        let target = Clock::at(now);
        while self.clock.now() + clock::STEP <= target {
            self.clock.step();
            self.step();
        }
    }

    /// The moment at which the world stands.
    pub fn now(&self) -> Moment {
        Moment::START + clock::span(clock::ORIGIN, self.clock.now())
    }

    /// Has `fault` happen at `at`, or with the next step if that is past.
    pub fn schedule(&mut self, at: Moment, fault: Fault) {
        self.plan(Clock::at(at), Happening::Fault(fault));
    }

    /// Has somebody give `order` at `at`, or with the next step if that is past.
    pub fn order(&mut self, at: Moment, order: Order) {
        self.plan(Clock::at(at), Happening::Order(order));
    }

    /// Names of the members, whether on record or not.
    pub fn members(&self) -> Vec<NodeName> {
        self.nodes.iter().map(|node| node.name.clone()).collect()
    }

    /// The member that holds the leader lock in truth, whatever a fault makes the record say.
    pub fn leader(&self) -> Option<NodeName> {
        self.record.holder().map(|index| self.nodes[index].name.clone())
    }

    /// The writable node that clients are meant to use.
    pub(crate) fn primary(&self) -> Option<usize> {
        let writable = |index: &usize| self.nodes[*index].takes_writes();
        self.record.holder().filter(writable).or_else(|| (0..self.nodes.len()).find(writable))
    }

    /// How much is planned.
    #[cfg(test)]
    pub(crate) fn agenda_length(&self) -> usize {
        self.agenda.len()
    }

    fn plan(&mut self, at: Time, happening: Happening) {
        self.planned += 1;
        self.agenda.insert((at, self.planned), happening);
    }

    fn step(&mut self) {
        let now = self.clock.now();
        while self.agenda.first_key_value().is_some_and(|(key, _)| key.0 <= now) {
            match self.agenda.pop_first() {
                Some((_, Happening::Fault(fault))) => self.strike(fault),
                Some((_, Happening::Order(order))) => self.obey(order),
                Some((_, Happening::Return(node))) => self.heal(&Cure::Node(node)),
                None => break,
            }
        }
        self.pass_phases();
        self.write();
        self.replicate();
        if self.etcd.step(now) == Ballot::Elected {
            // A new leader of the store starts every lease anew.
            for index in 0..self.nodes.len() {
                if self.record.members[index].is_some() || self.record.holder() == Some(index) {
                    self.record.renewed[index] = now;
                }
            }
            self.extend_claim();
        }
        self.expire_leases();
        self.expire_claim();
        self.run_agents();
        self.run_checks();
        if now.is_multiple_of(SECOND) {
            self.load.second(self.clock);
            self.keep_wal();
            self.carry_traffic();
            self.stories.tidy(now);
        }
        self.tell();
        self.answer_calls();
    }
}
