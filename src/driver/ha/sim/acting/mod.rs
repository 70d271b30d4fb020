//! Acting on a simulated cluster: its orders and its operation lock, through the same ports as those of a real one.
//!
//! Time comes with each question here too. Whoever acts brings the observer's clock, moves the world to it, and looks
//! again every little while until the answer is there or the deadline over.

mod breaking;
mod companion;
mod lock;
mod probe;
mod reply;
mod send;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::action::order::Order;
use crate::action::permit::Permit;
use crate::action::plan::Step;
use crate::driver::port::{Act, NotPerformed, Reply};
use crate::model::moment::Moment;
use crate::model::name::ClusterName;
use crate::model::source::{SourceError, Trouble};

use super::sources::lock as world_of;
use super::world::World;
use super::world::calls::{Answer, Taken};

pub(super) use breaking::breakable;
pub use lock::SimulatedLock;
pub use probe::SimulatedProbe;

/// The observer's clock. It must run on by itself: a request that is open ends by it.
pub type Ticking = Arc<dyn Fn() -> Moment + Send + Sync>;

/// How often an open request is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long the router may take to answer an escort.
const TELLING: Duration = Duration::from_secs(2);
/// How long the undo of a step may take: a restart is the longest.
const UNDOING: Duration = Duration::from_secs(60);

/// Carries out orders in a simulated world.
pub struct SimulatedActor {
    cluster: ClusterName,
    world: Arc<Mutex<World>>,
    clock: Ticking,
}

impl SimulatedActor {
    pub(super) fn new(cluster: &ClusterName, world: &Arc<Mutex<World>>, clock: Ticking) -> Self {
        Self { cluster: cluster.clone(), world: Arc::clone(world), clock }
    }

    fn permitted(&self, permit: &Permit) -> Result<(), NotPerformed> {
        if *permit.cluster() == self.cluster {
            return Ok(());
        }
        let words = format!("the permit is for {}, and this is {}", permit.cluster(), self.cluster);
        Err(NotPerformed::NotSent(SourceError::new(Trouble::Unsupported, self.cluster.as_str(), words)))
    }

    async fn send(&self, order: &Order, permit: &Permit, deadline: Duration) -> Result<Reply, NotPerformed> {
        let place = reply::endpoint(order);
        self.permitted(permit)?;
        let began = (self.clock)();
        let taken = {
            let mut world = world_of(&self.world);
            world.advance(began);
            world.take(order, permit.generation())
        };
        let mut open = Open { world: &self.world, number: None };
        let waits = match taken {
            // Nothing comes any more, and nobody knows: the deadline alone ends it.
            Taken::Now(answer @ (Answer::Silence | Answer::Unreachable)) => Some(answer),
            Taken::Now(answer) => return reply::told(answer, &place, deadline),
            Taken::Later(number) => {
                open.number = Some(number);
                None
            }
        };
        loop {
            let now = (self.clock)();
            if let Some(answer) = self.look(now, open.number) {
                open.number = None;
                return reply::told(answer, &place, deadline);
            }
            if now.since(began) >= deadline {
                return reply::told(waits.unwrap_or(Answer::Silence), &place, deadline);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Moves the world on, and asks for the answer to an open request.
    fn look(&self, now: Moment, number: Option<u64>) -> Option<Answer> {
        let mut world = world_of(&self.world);
        world.advance(now);
        world.answer(number?)
    }
}

impl Act for SimulatedActor {
    fn perform<'a>(&'a mut self, step: &'a Step, permit: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        self.send(&step.order, permit, step.deadline).boxed()
    }

    fn undo<'a>(&'a mut self, order: &'a Order, permit: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        self.send(order, permit, UNDOING).boxed()
    }
}

/// A request that is open: whoever stops waiting hangs up.
struct Open<'a> {
    world: &'a Mutex<World>,
    number: Option<u64>,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            world_of(self.world).hang_up(number);
        }
    }
}
