//! A client of a simulated cluster, for drills: it writes and reads through the router, over sessions that end when the
//! far end or the router says so, and that hang when nobody says anything.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{Ticking, world_of};
use crate::action::drill_report::{AnsweringServer, ReadResult, WriteResult};
use crate::driver::ha::sim::cluster::WRITE_ADDRESS;
use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::Time;
use crate::driver::ha::sim::core::node::Power;
use crate::driver::ha::sim::core::probe_rows::ProbeRow;
use crate::driver::ha::sim::core::requests::RequestResult as RequestOutcome;
use crate::driver::ha::sim::core::router::Admin;
use crate::driver::ha::sim::simulation::Simulation;
use crate::driver::port::drill::{Probe, ProbeEnvironment};
use crate::model::lsn::Timeline;
use crate::model::router::PoolPurpose;
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// How often a row or a read that is under way looks for its answer.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How long making, looking and dropping may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Sessions kept for the next row, and for the next read.
const IDLE_SESSIONS: usize = 2;

/// A session through the router.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Session {
    purpose: PoolPurpose,
    node: usize,
    /// Start of the server's postmaster and of the router.
    started: (Time, Time),
    /// How often the router had marked the server down before.
    downs: u64,
}

/// How one stands with a session.
enum SessionState {
    Up,
    /// Nothing comes back.
    Silent,
    Closed,
}

impl World {
    /// Opens a session. `Ok(None)`: nobody has answered yet; an error: in which words it was refused.
    fn enter(&self, purpose: PoolPurpose, turn: u64) -> Result<Option<Session>, &'static str> {
        if !self.router.up {
            return Err("connection refused");
        }
        let servers = self.router.sections.iter().filter(|section| section.purpose == purpose);
        let usable: Vec<_> =
            servers.flat_map(|section| &section.servers).filter(|server| server.takes_traffic()).collect();
        let Some(server) = usize::try_from(turn).ok().and_then(|turn| usable.get(turn % usable.len().max(1))) else {
            return Err("the router has no server UP and closed the connection");
        };
        match self.sql_trouble(server.node) {
            None => {
                let started = (self.nodes[server.node].started, self.router.started);
                Ok(Some(Session { purpose, node: server.node, started, downs: server.downs }))
            }
            Some(RequestOutcome::NotReady(words)) => Err(words),
            Some(RequestOutcome::Refused) => Err("the server of the router refused, and it closed the connection"),
            Some(_) => Ok(None),
        }
    }

    fn line_of(&self, session: Session) -> SessionState {
        let node = &self.nodes[session.node];
        let same = (node.started, self.router.started) == session.started;
        let of_purpose = self.router.sections.iter().filter(|section| section.purpose == session.purpose);
        let mut servers = of_purpose.filter_map(|section| section.servers.get(session.node));
        let kept = servers.any(|server| server.downs == session.downs && server.admin != Admin::Maintenance);
        if !self.router.up || !same || !kept || node.power == Power::Off {
            return SessionState::Closed;
        }
        match node.power {
            Power::Frozen | Power::Cut => SessionState::Silent,
            Power::On | Power::Off if !node.accepts() => SessionState::Closed,
            Power::On | Power::Off if node.shut || node.faults.sql_silent => SessionState::Silent,
            Power::On | Power::Off => SessionState::Up,
        }
    }

    fn server_at(&self, index: usize) -> AnsweringServer {
        let node = &self.nodes[index];
        let timeline = node.writable.then_some(Timeline(node.timeline));
        AnsweringServer {
            postmaster_started: self.clock.wall(node.started),
            address: node.router_address.clone(),
            timeline,
        }
    }
}

/// Sessions at hand on one of the two ways, and whose turn it is.
#[derive(Debug)]
struct ProbeRoute {
    purpose: PoolPurpose,
    idle: Mutex<Vec<Session>>,
    turn: AtomicU64,
}

impl ProbeRoute {
    fn to(purpose: PoolPurpose) -> Arc<Self> {
        Arc::new(Self { purpose, idle: Mutex::default(), turn: AtomicU64::new(0) })
    }

    fn is_available(&self, world: &World) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| idle.pop()).find(|session| !matches!(world.line_of(*session), SessionState::Closed))
    }

    fn return_session(&self, session: Session) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_SESSIONS {
            idle.push(session);
        }
    }
}

/// Why a query has no result.
enum QueryFailure {
    /// Nothing was sent.
    Refused(Text),
    /// It was sent, and nobody knows.
    Lost(Text),
}

/// The probe of one simulated cluster.
pub struct SimulatedProbe {
    simulation: SimulationHandle,
    write: Arc<ProbeRoute>,
    read: Arc<ProbeRoute>,
}

#[derive(Clone)]
struct SimulationHandle {
    simulation: Arc<Mutex<Simulation>>,
    clock: Ticking,
}

impl SimulationHandle {
    /// Asks the world as it is at present.
    fn ask<T>(&self, what: impl FnOnce(&mut World) -> T) -> T {
        let now = (self.clock)();
        let mut simulation = world_of(&self.simulation);
        simulation.advance(now);
        what(&mut simulation.world)
    }

    /// Sends one query by `way` and waits for its answer. `query` is asked again until it has one.
    async fn query<T>(
        &self,
        way: &ProbeRoute,
        deadline: Duration,
        mut query: impl FnMut(&mut World, usize) -> Option<Result<T, QueryFailure>>,
    ) -> Result<T, QueryFailure> {
        let turn = way.turn.fetch_add(1, Ordering::Relaxed);
        let began = (self.clock)();
        let mut session = self.ask(|world| way.is_available(world));
        // One that was open already carries the query away with it.
        let mut is_sent = session.is_some();
        loop {
            let answer = self.ask(|world| {
                if session.is_none() {
                    session = world.enter(way.purpose, turn).map_err(|why| QueryFailure::Refused(Text::new(why)))?;
                }
                let Some(open) = session else { return Ok(None) };
                match world.line_of(open) {
                    SessionState::Silent => Ok(None),
                    SessionState::Closed if is_sent => Err(QueryFailure::Lost(Text::new("the session was terminated"))),
                    SessionState::Closed => Err(QueryFailure::Refused(Text::new("the session was terminated"))),
                    SessionState::Up => {
                        is_sent = true;
                        query(world, open.node).transpose()
                    }
                }
            })?;
            if let Some(answer) = answer {
                if let Some(session) = session {
                    way.return_session(session);
                }
                return Ok(answer);
            }
            if (self.clock)().since(began) >= deadline {
                let words = Text::new("timed out");
                return Err(if is_sent { QueryFailure::Lost(words) } else { QueryFailure::Refused(words) });
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// The same for what is asked once, at the leader.
    async fn ask_leader<T>(&self, mut what: impl FnMut(&mut World, usize) -> T) -> Result<T, SourceError> {
        let way = ProbeRoute::to(PoolPurpose::Write);
        let asked = self.query(&way, TIMEOUT, |world, index| {
            let words = "a standby responds where writes should go";
            let leads = world.nodes[index].writable;
            Some(if leads { Ok(what(world, index)) } else { Err(QueryFailure::Refused(Text::new(words))) })
        });
        asked.await.map_err(|(QueryFailure::Refused(words) | QueryFailure::Lost(words))| {
            SourceError::new(FailureKind::UnexpectedAnswer, WRITE_ADDRESS.0, words.as_str())
        })
    }
}

impl SimulatedProbe {
    pub(in crate::driver::ha::sim) fn new(world: &Arc<Mutex<Simulation>>, clock: Ticking) -> Self {
        let place = SimulationHandle { simulation: Arc::clone(world), clock };
        Self { simulation: place, write: ProbeRoute::to(PoolPurpose::Write), read: ProbeRoute::to(PoolPurpose::Read) }
    }
}

impl Probe for SimulatedProbe {
    fn environment(&self) -> BoxFuture<'_, Result<ProbeEnvironment, SourceError>> {
        let environment = ProbeEnvironment { synchronous_commit: Text::new("on"), publications: Vec::new() };
        self.simulation.ask_leader(move |_, _| environment.clone()).boxed()
    }

    fn create_schema(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        self.simulation.ask_leader(|world, _| world.create_probe_schema()).boxed()
    }

    fn write(&self, number: u64, deadline: Duration) -> BoxFuture<'static, WriteResult> {
        let (place, way) = (self.simulation.clone(), Arc::clone(&self.write));
        async move {
            let mut written: Option<ProbeRow> = None;
            let reported = place.query(&way, deadline, |world, index| {
                if !world.nodes[index].takes_writes() {
                    let words = "ERROR: cannot execute INSERT in a read-only transaction (25006)";
                    return Some(Err(QueryFailure::Refused(Text::new(words))));
                }
                let row = match written {
                    Some(row) => row,
                    None => match world.write_row(index, number) {
                        Some(row) => *written.insert(row),
                        None => {
                            let words = "ERROR: relation \"pgctl_drill.rows\" does not exist (42P01)";
                            return Some(Err(QueryFailure::Refused(Text::new(words))));
                        }
                    },
                };
                world.is_committed(row).then(|| Ok(world.server_at(index)))
            });
            match reported.await {
                Ok(server) => WriteResult::Acknowledged(server),
                Err(QueryFailure::Refused(why)) => WriteResult::Refused(why),
                Err(QueryFailure::Lost(why)) => WriteResult::Ambiguous(why),
            }
        }
        .boxed()
    }

    fn read(&self, deadline: Duration) -> Option<BoxFuture<'static, Result<ReadResult, Text>>> {
        let (place, way) = (self.simulation.clone(), Arc::clone(&self.read));
        let reading = async move {
            let reported = place.query(&way, deadline, |world, index| {
                let newest = world.rows_at(index).max();
                let in_recovery = !world.nodes[index].writable;
                Some(Ok(ReadResult { newest, server: world.server_at(index), in_recovery }))
            });
            reported.await.map_err(|(QueryFailure::Refused(why) | QueryFailure::Lost(why))| why)
        };
        Some(reading.boxed())
    }

    fn stored_rows(&self) -> BoxFuture<'_, Result<BTreeSet<u64>, SourceError>> {
        self.simulation.ask_leader(|world, index| world.rows_at(index).collect()).boxed()
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        self.simulation.ask_leader(|world, _| world.drop_probe_schema()).boxed()
    }

    /// Its world moves with the clock of whoever observes it, which a test may hold.
    fn needs_own_thread(&self) -> bool {
        false
    }
}
