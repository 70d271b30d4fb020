//! The operation lock of a simulated cluster: it lives in the world's store, for every console on that world.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use tokio::time::Instant;

use crate::driver::ha::sim::sources::lock as world_of;
use crate::driver::ha::sim::world::World;
use crate::driver::ha::sim::world::claim::{NoStore, NotTaken};
use crate::driver::port::{Claim, Lock, LockError};
use crate::model::source::{SourceError, Trouble};

use super::Ticking;

/// Where it is kept, for messages.
const PLACE: &str = "etcd";

/// One console's hand on the lock. Dropped without giving it back, the lock expires by itself.
pub struct SimulatedLock {
    world: Arc<Mutex<World>>,
    clock: Ticking,
    /// What tells our holding from others.
    token: Option<i64>,
}

impl SimulatedLock {
    pub(in crate::driver::ha::sim) fn new(world: &Arc<Mutex<World>>, clock: Ticking) -> Self {
        Self { world: Arc::clone(world), clock, token: None }
    }

    /// The world as it is now.
    fn look<T>(&self, with: impl FnOnce(&mut World) -> T) -> T {
        let now = (self.clock)();
        let mut world = world_of(&self.world);
        world.advance(now);
        with(&mut world)
    }

    fn take(&mut self, claim: &Claim) -> Result<(), LockError> {
        match self.look(|world| world.take_claim(claim)) {
            Ok(token) => {
                self.token = Some(token);
                Ok(())
            }
            Err(NotTaken::By(holder)) => Err(LockError::Taken { claim: holder, left: None }),
            Err(NotTaken::NoStore) => Err(unavailable(NoStore)),
        }
    }

    fn keep(&mut self) -> Result<(), LockError> {
        let Some(token) = self.token else { return Err(LockError::Lost) };
        if self.look(|world| world.renew_claim(token)).map_err(unavailable)? {
            return Ok(());
        }
        self.token = None;
        Err(LockError::Lost)
    }

    fn give_back(&mut self) -> Result<(), LockError> {
        let Some(token) = self.token else { return Ok(()) };
        // One that is another's by now is not ours to give back, and nothing is left to do.
        self.look(|world| world.release_claim(token)).map_err(unavailable)?;
        self.token = None;
        Ok(())
    }
}

fn unavailable(NoStore: NoStore) -> LockError {
    LockError::Unavailable(SourceError::new(Trouble::NoQuorum, PLACE, ""))
}

impl Lock for SimulatedLock {
    fn holder(&mut self) -> BoxFuture<'_, Result<Option<Claim>, LockError>> {
        let told = self.look(|world| world.claim().map(Option::<&Claim>::cloned));
        ready(told.map_err(unavailable)).boxed()
    }

    fn acquire<'a>(&'a mut self, claim: &'a Claim) -> BoxFuture<'a, Result<Instant, LockError>> {
        let taken = self.take(claim).map(|()| Instant::now());
        ready(taken).boxed()
    }

    fn renew(&mut self) -> BoxFuture<'_, Result<Instant, LockError>> {
        let kept = self.keep().map(|()| Instant::now());
        ready(kept).boxed()
    }

    fn release(&mut self) -> BoxFuture<'_, Result<(), LockError>> {
        let given = self.give_back();
        ready(given).boxed()
    }
}
