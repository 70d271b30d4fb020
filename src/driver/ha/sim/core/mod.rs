//! The simulated cluster without whoever manages it: what PostgreSQL and HAProxy do and how long each takes.
//!
//! [`World`] is plain data that moves in steps. What its manager decides (who is to lead, what becomes of a node that
//! has stopped, what a health check is told) it asks of [`Manager`], and never who that is. It knows nothing of
//! observers, screens or real time. Everything random comes from the seed.

pub(crate) mod backups;
pub(crate) mod checkpoint;
pub(crate) mod clock;
pub(crate) mod ended_sessions;
pub(crate) mod fault_injection;
pub(crate) mod faults;
pub(crate) mod genesis;
pub(crate) mod load;
pub(crate) mod node;
pub(crate) mod parameters;
pub(crate) mod postgres;
pub(crate) mod probe_rows;
pub(crate) mod replication;
pub(crate) mod requests;
pub(crate) mod router;
pub(crate) mod servers;
pub(crate) mod sessions;
pub(crate) mod spec;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::name::NodeName;

use super::manager::{Manager, ManagerOrder};
use backups::SideFaults;
use checkpoint::Checkpoint;
use clock::{Clock, Random, SECOND, Time};
use ended_sessions::Ended;
use faults::Fault;
use load::Load;
use node::Node;
use probe_rows::ProbeRow;
use requests::OpenRequests;
use router::SimulatedRouter;
use sessions::SessionScenarios;
use spec::Spec;

/// Something that is to happen.
#[derive(Clone, Debug)]
pub(crate) enum PendingEvent {
    Fault(Fault),
    Order(ManagerOrder),
    /// A node comes back by itself.
    Return(NodeName),
}

/// `synchronous_standby_names`, as members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SynchronousSet {
    /// On whom it is set.
    pub(crate) on: usize,
    pub(crate) standbys: Vec<usize>,
}

/// A simulated cluster with everything around it, but for its manager.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) spec: Spec,
    pub(crate) system_id: u64,
    pub(crate) clock: Clock,
    pub(crate) nodes: Vec<Node>,
    pub(crate) router: SimulatedRouter,
    pub(crate) load: Load,
    pub(crate) session_scenarios: SessionScenarios,
    pub(crate) parts: SideFaults,
    /// Where each timeline ended, and when: what the history files say.
    pub(crate) forks: Vec<(u32, u64, Time)>,
    /// Who is meant to lead: whom clients, copies and the pooler look for. `None`: nobody at present.
    pub(crate) leads: Option<usize>,
    /// Whose word a commit waits for.
    pub(crate) synchronous: Option<SynchronousSet>,
    /// What the configuration files of every node set.
    pub(crate) parameters: Map<String, Value>,
    /// Slots that are kept on every node beside those of the members, by name.
    pub(crate) slots: Map<String, Value>,
    /// Checkpoints that somebody waits for.
    pub(crate) checkpoints: OpenRequests<Checkpoint>,
    /// Sessions that somebody ended.
    endings: Vec<Ended>,
    /// The table of a drill's probe, while there is one.
    drills: Option<Vec<ProbeRow>>,
    agenda: BTreeMap<(Time, u64), PendingEvent>,
    planned: u64,
    pub(crate) dice: Random,
}

impl World {
    /// The writable node that clients are meant to use.
    pub(crate) fn primary(&self) -> Option<usize> {
        let writable = |index: &usize| self.nodes[*index].takes_writes();
        self.leads.filter(writable).or_else(|| (0..self.nodes.len()).find(writable))
    }

    /// The node called `name`.
    pub(crate) fn find(&self, name: &NodeName) -> Option<usize> {
        self.nodes.iter().position(|node| node.name == *name)
    }

    /// How much is planned.
    #[cfg(test)]
    pub(crate) fn agenda_length(&self) -> usize {
        self.agenda.len()
    }

    pub(crate) fn plan(&mut self, at: Time, happening: PendingEvent) {
        self.planned += 1;
        self.agenda.insert((at, self.planned), happening);
    }

    /// What is due, one after the other.
    fn due(&mut self) -> Option<PendingEvent> {
        let now = self.clock.now();
        let entry = self.agenda.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    /// One step of everything; `manager` has its turn where it would.
    pub(crate) fn step(&mut self, manager: &mut dyn Manager) {
        self.clock.step();
        while let Some(happening) = self.due() {
            match happening {
                PendingEvent::Fault(fault) => self.inject(manager, fault),
                PendingEvent::Order(order) => manager.obey(self, order),
                PendingEvent::Return(node) => self.heal(manager, &faults::Repair::Node(node)),
            }
        }
        self.pass_phases(manager);
        self.write();
        self.replicate(manager);
        manager.tick(self);
        self.run_checks(manager);
        if self.clock.now().is_multiple_of(SECOND) {
            self.load.second(self.clock);
            self.keep_wal(manager);
            self.carry_traffic();
            self.session_scenarios.tidy(self.clock.now());
        }
    }
}
