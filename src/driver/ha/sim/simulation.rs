//! A whole simulation: a world, whoever manages it, and what happens to it by itself.
//!
//! It moves only when it is told what time it is, in steps of fixed length, so that its state depends on the time alone
//! and never on who asked when.

use std::time::Duration;

use jiff::Timestamp;

use crate::action::generation::Generation;
use crate::action::order::Order as Act;
use crate::model::moment::Moment;
use crate::model::name::NodeName;

use super::core::clock::{Clock, ORIGIN, SECOND, STEP, Time, span};
use super::core::faults::Fault;
use super::core::requests::{RequestId, RequestOwner, RequestResult, RequestState};
use super::core::spec::Spec;
use super::core::{PendingEvent, World};
use super::manager::none::Nobody;
use super::manager::patroni::Patroni;
use super::manager::{Manager, ManagerOrder};

/// How long the world runs before the observer begins, so that nothing shows that it was just made.
pub(super) const WARM_UP: Duration = Duration::from_secs(60);

/// What a simulated cluster does of its own accord.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scenario {
    /// Load and nothing else.
    Calm,
    /// Something new about every minute, over and over. With Patroni: a sick replica, a chain of locks, a lost DCS member,
    /// an unplanned failover, a scheduled switchover, maintenance, a new copy of a replica, a failing archive.
    Demo,
    /// The demo from a later chapter on, so that several clusters do not do the same at the same time.
    DemoFrom(usize),
}

/// Who manages a simulated cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ManagerKind {
    /// Patroni's agents with a store.
    Patroni,
    /// Nobody: plain streaming replication.
    Plain,
}

/// The manager that a simulation has.
#[derive(Debug)]
enum Managed {
    Patroni(Box<Patroni>),
    Nobody(Nobody),
}

/// Where the demo stands.
#[derive(Clone, Copy, Debug)]
struct DemoScript {
    chapter: Option<usize>,
    next: Time,
}

/// A simulated cluster as it runs.
#[derive(Debug)]
pub struct Simulation {
    pub(crate) world: World,
    managed: Managed,
    story: DemoScript,
}

impl Simulation {
    /// A world of this kind from its seed, `warm_up` before the observer's beginning; `epoch` is the wall time of that.
    /// Faults scheduled for the first moment have so long to unfold.
    pub(super) fn new(
        kind: ManagerKind,
        spec: Spec,
        seed: u64,
        scenario: Scenario,
        epoch: Timestamp,
        warm_up: Duration,
    ) -> Self {
        let configured = match kind {
            ManagerKind::Patroni => Patroni::configured(),
            ManagerKind::Plain => Nobody::configured(),
        };
        let mut world = World::new(spec, seed, epoch, warm_up, configured);
        let managed = match kind {
            ManagerKind::Patroni => Managed::Patroni(Box::new(Patroni::over(&mut world))),
            ManagerKind::Plain => Managed::Nobody(Nobody::over(&mut world)),
        };
        let chapter = match scenario {
            Scenario::Calm => None,
            Scenario::Demo => Some(0),
            Scenario::DemoFrom(chapter) => Some(chapter),
        };
        let story = DemoScript { chapter, next: world.clock.now() };
        Self { world, managed, story }
    }

    /// Moves the world to `now`; an earlier moment than one before leaves it where it is.
    pub fn advance(&mut self, now: Moment) {
        let target = Clock::at(now);
        while self.world.clock.now() + STEP <= target {
            let (world, manager) = self.parts();
            world.step(manager);
            self.advance_demo();
            let (world, manager) = self.parts();
            world.answer_checkpoints();
            manager.answer_requests(world);
        }
    }

    /// The moment at which the world stands.
    pub fn now(&self) -> Moment {
        Moment::START + span(ORIGIN, self.world.clock.now())
    }

    /// Has `fault` happen at `at`, or with the next step if that is past.
    pub fn schedule(&mut self, at: Moment, fault: Fault) {
        self.world.plan(Clock::at(at), PendingEvent::Fault(fault));
    }

    /// Has somebody give `order` at `at`, or with the next step if that is past.
    pub fn order(&mut self, at: Moment, order: ManagerOrder) {
        self.world.plan(Clock::at(at), PendingEvent::Order(order));
    }

    /// Names of the members, whether on record or not.
    pub fn members(&self) -> Vec<NodeName> {
        self.world.nodes.iter().map(|node| node.name.clone()).collect()
    }

    /// The member that leads in truth, whatever a fault makes the record say; where nobody manages them, the one that was
    /// made the primary last.
    pub fn leader(&self) -> Option<NodeName> {
        self.world.leads.map(|index| self.world.nodes[index].name.clone())
    }

    /// Breaks something now.
    pub(super) fn inject(&mut self, fault: Fault) {
        let (world, manager) = self.parts();
        world.inject(manager, fault);
    }

    /// Sends one order at the world's present time.
    pub(crate) fn take(&mut self, order: &Act, generation: &Generation) -> RequestState {
        let (world, manager) = self.parts();
        match order {
            Act::Ha(_) => manager.take(world, order, generation),
            _ => world.take(order, generation),
        }
    }

    /// The answer to an open request, once; `None`: not yet.
    pub(super) fn answer(&mut self, request_id: RequestId) -> Option<RequestResult> {
        match request_id.request_owner {
            RequestOwner::Server => self.world.checkpoints.answer(request_id),
            RequestOwner::Manager => self.manager().answer(request_id),
        }
    }

    /// Forgets an open request: whoever asked does not wait any more.
    pub(super) fn hang_up(&mut self, request_id: RequestId) {
        match request_id.request_owner {
            RequestOwner::Server => self.world.checkpoints.hang_up(request_id),
            RequestOwner::Manager => self.manager().hang_up(request_id),
        }
    }

    /// The world, and whoever manages it.
    pub(super) fn parts(&mut self) -> (&mut World, &mut dyn Manager) {
        let manager: &mut dyn Manager = match &mut self.managed {
            Managed::Patroni(patroni) => &mut **patroni,
            Managed::Nobody(nobody) => nobody,
        };
        (&mut self.world, manager)
    }

    /// Whoever manages it.
    pub(super) fn manager(&mut self) -> &mut dyn Manager {
        self.parts().1
    }

    /// Tells the next chapter when it is time.
    fn advance_demo(&mut self) {
        let now = self.world.clock.now();
        // Whoever acts or practises has enough with what they break themselves.
        if self.world.has_probe_schema() || self.manager().is_claimed() {
            return;
        }
        let Some(chapter) = self.story.chapter.filter(|_| now >= self.story.next) else { return };
        let (world, manager) = self.parts();
        let (reported, pause) = match manager.chapter(world, chapter) {
            Some(pause) => (chapter, pause),
            // Over and over.
            None => (0, manager.chapter(world, 0).unwrap_or(60)),
        };
        let pause = pause + world.dice.between(0, 9);
        self.story = DemoScript { chapter: Some(reported + 1), next: now + pause * SECOND };
    }
}

#[cfg(test)]
impl Simulation {
    /// Patroni's part of it.
    pub(crate) fn patroni(&mut self) -> &mut Patroni {
        match &mut self.managed {
            Managed::Patroni(patroni) => patroni,
            Managed::Nobody(_) => panic!("nobody manages it"),
        }
    }

    /// Requests that are open.
    pub(crate) fn fail_open_requests(&mut self) -> usize {
        self.world.checkpoints.len() + self.manager().fail_open_requests()
    }
}
