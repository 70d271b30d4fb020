//! Acting on a simulated cluster: its orders and its operation lock, through the same ports as those of a real one.
//!
//! Time comes with each question here too. Whoever acts brings the observer's clock, moves the world to it, and looks
//! again every little while until the answer is there or the deadline over.

mod fault_injector;
mod lead_watcher;
mod operation_lock;
mod pooler;
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
use crate::driver::port::{Act, NotPerformed, OrderControl, Reply};
use crate::model::moment::Moment;
use crate::model::name::ClusterName;
use crate::model::source::{FailureKind, SourceError};

use super::core::requests::{RequestId, RequestResult, RequestState};
use super::simulation::Simulation;
use super::sources::lock as world_of;

pub(super) use fault_injector::breakable;
pub use operation_lock::SimulatedOperationLock;
pub use probe::SimulatedProbe;

/// The observer's clock. It must run on by itself: a request that is open ends by it.
pub type Ticking = Arc<dyn Fn() -> Moment + Send + Sync>;

/// How often an open request is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// How long the router may take to answer an escort.
const ROUTER_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the undo of a step may take: a restart is the longest.
const UNDO_TIMEOUT: Duration = Duration::from_secs(60);

/// Carries out orders in a simulated world.
pub struct SimulatedActor {
    cluster: ClusterName,
    simulation: Arc<Mutex<Simulation>>,
    clock: Ticking,
}

impl SimulatedActor {
    pub(super) fn new(cluster: &ClusterName, world: &Arc<Mutex<Simulation>>, clock: Ticking) -> Self {
        Self { cluster: cluster.clone(), simulation: Arc::clone(world), clock }
    }

    fn permitted(&self, permit: &Permit) -> Result<(), NotPerformed> {
        if *permit.cluster() == self.cluster {
            return Ok(());
        }
        let words = format!("the permit is for {}, and this is {}", permit.cluster(), self.cluster);
        Err(NotPerformed::NotSent(SourceError::new(FailureKind::Unsupported, self.cluster.as_str(), words)))
    }

    async fn send(&self, order: &Order, permit: &Permit, deadline: Duration) -> Result<Reply, NotPerformed> {
        let place = reply::endpoint(order);
        self.permitted(permit)?;
        let began = (self.clock)();
        let taken = {
            let mut world = world_of(&self.simulation);
            world.advance(began);
            world.take(order, permit.generation())
        };
        let mut open = Open { world: &self.simulation, request_id: None };
        let waits = match taken {
            // Nothing comes any more, and nobody knows: the deadline alone ends it.
            RequestState::Now(answer @ (RequestResult::Silence | RequestResult::Unreachable)) => Some(answer),
            RequestState::Now(answer) => return reply::to_reply(answer, &place, deadline),
            RequestState::Later(request_id) => {
                open.request_id = Some(request_id);
                None
            }
        };
        loop {
            let now = (self.clock)();
            if let Some(answer) = self.poll(now, open.request_id) {
                open.request_id = None;
                return reply::to_reply(answer, &place, deadline);
            }
            if now.since(began) >= deadline {
                return reply::to_reply(waits.unwrap_or(RequestResult::Silence), &place, deadline);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Moves the world on, and asks for the answer to an open request.
    fn poll(&self, now: Moment, request_id: Option<RequestId>) -> Option<RequestResult> {
        let mut world = world_of(&self.simulation);
        world.advance(now);
        world.answer(request_id?)
    }
}

impl Act for SimulatedActor {
    fn perform<'a>(
        &'a mut self,
        step: &'a Step,
        permit: &'a Permit,
        _: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        self.send(&step.order, permit, step.deadline).boxed()
    }

    fn undo<'a>(
        &'a mut self,
        order: &'a Order,
        permit: &'a Permit,
        _: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        self.send(order, permit, UNDO_TIMEOUT).boxed()
    }
}

/// A request that is open: whoever stops waiting hangs up.
struct Open<'a> {
    world: &'a Mutex<Simulation>,
    request_id: Option<RequestId>,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(request_id) = self.request_id {
            world_of(self.world).hang_up(request_id);
        }
    }
}
