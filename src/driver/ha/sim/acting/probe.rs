//! A client of a simulated cluster, for drills: it writes and reads through the router, over sessions that end when the
//! far end or the router says so, and that hang when nobody says anything.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{Ticking, world_of};
use crate::action::drill_report::{Answer, Seen, Server};
use crate::driver::ha::sim::cluster::WRITE_ADDRESS;
use crate::driver::ha::sim::world::World;
use crate::driver::ha::sim::world::calls::Answer as Said;
use crate::driver::ha::sim::world::clock::Time;
use crate::driver::ha::sim::world::node::Power;
use crate::driver::ha::sim::world::practice::Row;
use crate::driver::ha::sim::world::router::Admin;
use crate::driver::port::drill::{Probe, ProbeGround};
use crate::model::lsn::Timeline;
use crate::model::router::PoolPurpose;
use crate::model::source::{SourceError, Trouble};
use crate::model::text::Text;

/// How often a row or a read that is under way looks for its answer.
const LOOK: Duration = Duration::from_millis(20);
/// How long making, looking and dropping may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Sessions kept for the next row, and for the next read.
const KEPT: usize = 2;

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
enum Line {
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
            return Err("the router has no server up, and closed the connection");
        };
        match self.sql_trouble(server.node) {
            None => {
                let started = (self.nodes[server.node].started, self.router.started);
                Ok(Some(Session { purpose, node: server.node, started, downs: server.downs }))
            }
            Some(Said::NotReady(words)) => Err(words),
            Some(Said::Refused) => Err("the router's server refused, and it closed the connection"),
            Some(_) => Ok(None),
        }
    }

    fn line_of(&self, session: Session) -> Line {
        let node = &self.nodes[session.node];
        let same = (node.started, self.router.started) == session.started;
        let of_purpose = self.router.sections.iter().filter(|section| section.purpose == session.purpose);
        let mut servers = of_purpose.filter_map(|section| section.servers.get(session.node));
        let kept = servers.any(|server| server.downs == session.downs && server.admin != Admin::Maintenance);
        if !self.router.up || !same || !kept || node.power == Power::Off {
            return Line::Closed;
        }
        match node.power {
            Power::Frozen | Power::Cut => Line::Silent,
            Power::On | Power::Off if !node.accepts() => Line::Closed,
            Power::On | Power::Off if node.shut || node.ails.sql_silent => Line::Silent,
            Power::On | Power::Off => Line::Up,
        }
    }

    fn server_at(&self, index: usize) -> Server {
        let node = &self.nodes[index];
        let timeline = node.writable.then_some(Timeline(node.timeline));
        Server { started: self.clock.wall(node.started), address: node.router_address.clone(), timeline }
    }
}

/// Sessions at hand on one of the two ways, and whose turn it is.
#[derive(Debug)]
struct Way {
    purpose: PoolPurpose,
    idle: Mutex<Vec<Session>>,
    turn: AtomicU64,
}

impl Way {
    fn to(purpose: PoolPurpose) -> Arc<Self> {
        Arc::new(Self { purpose, idle: Mutex::default(), turn: AtomicU64::new(0) })
    }

    fn at_hand(&self, world: &World) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| idle.pop()).find(|session| !matches!(world.line_of(*session), Line::Closed))
    }

    fn keep(&self, session: Session) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(session);
        }
    }
}

/// Why a query has no result.
enum Unanswered {
    /// Nothing was sent.
    Refused(Text),
    /// It was sent, and nobody knows.
    Lost(Text),
}

/// The probe of one simulated cluster.
pub struct SimulatedProbe {
    place: Place,
    write: Arc<Way>,
    read: Arc<Way>,
}

#[derive(Clone)]
struct Place {
    world: Arc<Mutex<World>>,
    clock: Ticking,
}

impl Place {
    /// Asks the world as it is at present.
    fn ask<T>(&self, what: impl FnOnce(&mut World) -> T) -> T {
        let now = (self.clock)();
        let mut world = world_of(&self.world);
        world.advance(now);
        what(&mut world)
    }

    /// Sends one query by `way` and waits for its answer. `query` is asked again until it has one.
    async fn query<T>(
        &self,
        way: &Way,
        deadline: Duration,
        mut query: impl FnMut(&mut World, usize) -> Option<Result<T, Unanswered>>,
    ) -> Result<T, Unanswered> {
        let turn = way.turn.fetch_add(1, Ordering::Relaxed);
        let began = (self.clock)();
        let mut session = self.ask(|world| way.at_hand(world));
        // One that was open already carries the query away with it.
        let mut is_sent = session.is_some();
        loop {
            let answer = self.ask(|world| {
                if session.is_none() {
                    session = world.enter(way.purpose, turn).map_err(|why| Unanswered::Refused(Text::new(why)))?;
                }
                let Some(open) = session else { return Ok(None) };
                match world.line_of(open) {
                    Line::Silent => Ok(None),
                    Line::Closed if is_sent => Err(Unanswered::Lost(Text::new("the session was ended"))),
                    Line::Closed => Err(Unanswered::Refused(Text::new("the session was ended"))),
                    Line::Up => {
                        is_sent = true;
                        query(world, open.node).transpose()
                    }
                }
            })?;
            if let Some(answer) = answer {
                if let Some(session) = session {
                    way.keep(session);
                }
                return Ok(answer);
            }
            if (self.clock)().since(began) >= deadline {
                let words = Text::new("no answer in time");
                return Err(if is_sent { Unanswered::Lost(words) } else { Unanswered::Refused(words) });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The same for what is asked once, at the leader.
    async fn ask_leader<T>(&self, mut what: impl FnMut(&mut World, usize) -> T) -> Result<T, SourceError> {
        let way = Way::to(PoolPurpose::Write);
        let asked = self.query(&way, PATIENCE, |world, index| {
            let words = "a standby answers where writes should go";
            let leads = world.nodes[index].writable;
            Some(if leads { Ok(what(world, index)) } else { Err(Unanswered::Refused(Text::new(words))) })
        });
        asked.await.map_err(|(Unanswered::Refused(words) | Unanswered::Lost(words))| {
            SourceError::new(Trouble::UnexpectedAnswer, WRITE_ADDRESS.0, words.as_str())
        })
    }
}

impl SimulatedProbe {
    pub(in crate::driver::ha::sim) fn new(world: &Arc<Mutex<World>>, clock: Ticking) -> Self {
        let place = Place { world: Arc::clone(world), clock };
        Self { place, write: Way::to(PoolPurpose::Write), read: Way::to(PoolPurpose::Read) }
    }
}

impl Probe for SimulatedProbe {
    fn survey(&self) -> BoxFuture<'_, Result<ProbeGround, SourceError>> {
        let ground = ProbeGround { synchronous_commit: Text::new("on"), publications: Vec::new() };
        self.place.ask_leader(move |_, _| ground.clone()).boxed()
    }

    fn make(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        self.place.ask_leader(|world, _| world.make_practice()).boxed()
    }

    fn write(&self, number: u64, deadline: Duration) -> BoxFuture<'static, Answer> {
        let (place, way) = (self.place.clone(), Arc::clone(&self.write));
        async move {
            let mut written: Option<Row> = None;
            let told = place.query(&way, deadline, |world, index| {
                if !world.nodes[index].takes_writes() {
                    let words = "ERROR: cannot execute INSERT in a read-only transaction (25006)";
                    return Some(Err(Unanswered::Refused(Text::new(words))));
                }
                let row = match written {
                    Some(row) => row,
                    None => match world.write_row(index, number) {
                        Some(row) => *written.insert(row),
                        None => {
                            let words = "ERROR: relation \"pgctl_drill.rows\" does not exist (42P01)";
                            return Some(Err(Unanswered::Refused(Text::new(words))));
                        }
                    },
                };
                world.is_committed(row).then(|| Ok(world.server_at(index)))
            });
            match told.await {
                Ok(server) => Answer::Acknowledged(server),
                Err(Unanswered::Refused(why)) => Answer::Refused(why),
                Err(Unanswered::Lost(why)) => Answer::Ambiguous(why),
            }
        }
        .boxed()
    }

    fn read(&self, deadline: Duration) -> Option<BoxFuture<'static, Result<Seen, Text>>> {
        let (place, way) = (self.place.clone(), Arc::clone(&self.read));
        let reading = async move {
            let told = place.query(&way, deadline, |world, index| {
                let newest = world.rows_at(index).max();
                let in_recovery = !world.nodes[index].writable;
                Some(Ok(Seen { newest, server: world.server_at(index), in_recovery }))
            });
            told.await.map_err(|(Unanswered::Refused(why) | Unanswered::Lost(why))| why)
        };
        Some(reading.boxed())
    }

    fn kept(&self) -> BoxFuture<'_, Result<BTreeSet<u64>, SourceError>> {
        self.place.ask_leader(|world, index| world.rows_at(index).collect()).boxed()
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        self.place.ask_leader(|world, _| world.clear_practice()).boxed()
    }

    /// Its world moves with the clock of whoever observes it, which a test may hold.
    fn wants_own_thread(&self) -> bool {
        false
    }
}
