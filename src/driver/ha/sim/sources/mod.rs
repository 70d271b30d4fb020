//! The sources of a simulated cluster: each tells, in the model's words, what its wire would have told.

mod check;
mod nodes;
mod parts;
mod pooler;
mod router;
mod sessions;
mod slots;
mod sql;
mod standby;
pub(super) mod texts;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};

use crate::driver::port::{Facts, Observe, PollPace};
use crate::model::moment::Moment;
use crate::model::source::{FailureKind, Source, SourceError, SourceKind};
use crate::model::text::Text;

use super::core::node::Power;
use super::simulation::Simulation;

pub(crate) use check::SimulatedCheck;
pub(crate) use nodes::SimulatedNodes;
pub(crate) use parts::PARTS_ENDPOINTS;
pub(crate) use pooler::POOLER_DATABASE;
pub(crate) use router::section_name;
pub(crate) use sql::SERVER_VERSION;

/// The deadline that silent wires are given, for the words of the error only: virtual time does not wait.
const DEADLINE: Duration = Duration::from_secs(1);

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ask {
    Agent(usize),
    Sql(usize),
    AgentMetrics(usize),
    Exporter(usize),
    Record,
    StoreMember(usize),
    RouterPage,
    RouterRuntime,
    Pooler,
    Backups,
    Runtime,
}

/// One source of a simulated cluster.
pub(crate) struct SimulatedSource {
    source: Source,
    endpoint: Text,
    ask: Ask,
    world: Arc<Mutex<Simulation>>,
}

impl SimulatedSource {
    pub(crate) fn new(
        kind: SourceKind,
        target: &Text,
        endpoint: &Text,
        ask: Ask,
        world: &Arc<Mutex<Simulation>>,
    ) -> Self {
        let source = Source { kind, target: target.clone() };
        Self { source, endpoint: endpoint.clone(), ask, world: Arc::clone(world) }
    }
}

impl Observe for SimulatedSource {
    fn source(&self) -> &Source {
        &self.source
    }

    fn endpoint(&self) -> Text {
        self.endpoint.clone()
    }

    /// Virtual time cannot wait for a change, so that even the record is polled.
    fn pace(&self) -> PollPace {
        match self.ask {
            Ask::Agent(_) | Ask::Sql(_) | Ask::Record | Ask::StoreMember(_) | Ask::RouterPage | Ask::RouterRuntime => {
                PollPace::Each
            }
            Ask::Pooler | Ask::Runtime => PollPace::Slow(Duration::from_secs(3)),
            Ask::AgentMetrics(_) | Ask::Exporter(_) => PollPace::Slow(Duration::from_secs(15)),
            Ask::Backups => PollPace::Slow(Duration::from_secs(30)),
        }
    }

    fn observe(&mut self, now: Moment) -> BoxFuture<'_, Result<Facts, SourceError>> {
        let mut world = lock(&self.world);
        world.advance(now);
        ready(answer(&mut world, self.ask, &self.endpoint)).boxed()
    }
}

/// The world, also where another holder of the lock panicked: its state is plain data and never half written across a
/// step that matters to a reader.
pub(crate) fn lock(world: &Mutex<Simulation>) -> MutexGuard<'_, Simulation> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the world answers, or its manager.
pub(crate) fn answer(simulation: &mut Simulation, ask: Ask, endpoint: &Text) -> Result<Facts, SourceError> {
    let (world, manager) = simulation.parts();
    match ask {
        Ask::Sql(index) => world.sql_report(index, endpoint).map(|report| Facts::Sql(Box::new(report))),
        Ask::Exporter(index) => world.exporter_metrics(index, endpoint).map(Facts::Metrics),
        Ask::RouterPage => world.router_report(false, endpoint).map(|report| Facts::Router(Box::new(report))),
        Ask::RouterRuntime => world.router_report(true, endpoint).map(|report| Facts::Router(Box::new(report))),
        Ask::Pooler => world.pooler_report(manager.last_received(), endpoint).map(Box::new).map(Facts::Pooler),
        Ask::Backups => world.backup_report(endpoint).map(Facts::Backup),
        Ask::Runtime => world.runtime_report(endpoint).map(Facts::Runtime),
        Ask::Agent(_) | Ask::AgentMetrics(_) | Ask::Record | Ask::StoreMember(_) => manager.facts(world, ask, endpoint),
    }
}

/// Whether a node's host answers anything at all from here.
pub(super) fn reach(power: Power, endpoint: &Text) -> Result<(), SourceError> {
    match power {
        Power::On => Ok(()),
        Power::Off => Err(refused(endpoint)),
        Power::Frozen | Power::Cut => Err(silent(endpoint)),
    }
}

pub(super) fn refused(endpoint: &Text) -> SourceError {
    SourceError::new(FailureKind::Refused, endpoint.as_str(), "")
}

pub(super) fn silent(endpoint: &Text) -> SourceError {
    SourceError::timed_out(endpoint.as_str(), DEADLINE)
}
