//! The operation lock of a simulated cluster: it lives in the world's store, for every console on that world.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use tokio::time::Instant;

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::manager::{Manager, NotAccepted, StoreUnavailable};
use crate::driver::ha::sim::simulation::Simulation;
use crate::driver::ha::sim::sources::lock as world_of;
use crate::driver::port::{Lock, LockClaim, LockError};
use crate::model::source::{FailureKind, SourceError};

use super::Ticking;

/// Where it is kept, for messages.
const PLACE: &str = "etcd";

/// One console's hand on the lock. Dropped without giving it back, the lock expires by itself.
pub struct SimulatedOperationLock {
    world: Arc<Mutex<Simulation>>,
    clock: Ticking,
    /// What tells our holding from others.
    token: Option<i64>,
}

impl SimulatedOperationLock {
    pub(in crate::driver::ha::sim) fn new(world: &Arc<Mutex<Simulation>>, clock: Ticking) -> Self {
        Self { world: Arc::clone(world), clock, token: None }
    }

    /// The world as it is now.
    fn with_world<T>(&self, with: impl FnOnce(&World, &mut dyn Manager) -> T) -> T {
        let now = (self.clock)();
        let mut world = world_of(&self.world);
        world.advance(now);
        let (world, manager) = world.parts();
        with(world, manager)
    }

    fn take(&mut self, claim: &LockClaim) -> Result<(), LockError> {
        match self.with_world(|world, manager| manager.take_claim(world, claim)) {
            Ok(token) => {
                self.token = Some(token);
                Ok(())
            }
            Err(NotAccepted::By(holder)) => Err(LockError::Taken { claim: holder, left: None }),
            Err(NotAccepted::NoStore) => Err(unavailable(StoreUnavailable)),
        }
    }

    fn renew_once(&mut self) -> Result<(), LockError> {
        let Some(token) = self.token else { return Err(LockError::Lost) };
        if self.with_world(|world, manager| manager.renew_claim(world, token)).map_err(unavailable)? {
            return Ok(());
        }
        self.token = None;
        Err(LockError::Lost)
    }

    fn release(&mut self) -> Result<(), LockError> {
        let Some(token) = self.token else { return Ok(()) };
        // One that is another's by now is not ours to give back, and nothing is left to do.
        self.with_world(|_, manager| manager.release_claim(token)).map_err(unavailable)?;
        self.token = None;
        Ok(())
    }
}

fn unavailable(StoreUnavailable: StoreUnavailable) -> LockError {
    LockError::Unavailable(SourceError::new(FailureKind::NoQuorum, PLACE, ""))
}

impl Lock for SimulatedOperationLock {
    fn holder(&mut self) -> BoxFuture<'_, Result<Option<LockClaim>, LockError>> {
        let reported = self.with_world(|_, manager| manager.claim().map(Option::<&LockClaim>::cloned));
        ready(reported.map_err(unavailable)).boxed()
    }

    fn acquire<'a>(&'a mut self, claim: &'a LockClaim) -> BoxFuture<'a, Result<Instant, LockError>> {
        let taken = self.take(claim).map(|()| Instant::now());
        ready(taken).boxed()
    }

    fn renew(&mut self) -> BoxFuture<'_, Result<Instant, LockError>> {
        let kept = self.renew_once().map(|()| Instant::now());
        ready(kept).boxed()
    }

    fn release(&mut self) -> BoxFuture<'_, Result<(), LockError>> {
        let given = self.release();
        ready(given).boxed()
    }
}
