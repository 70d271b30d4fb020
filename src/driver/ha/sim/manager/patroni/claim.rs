//! The operation lock, kept in the store beside the cluster's keys, on a lease of its holder's.

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::{SECOND, Time};
use crate::driver::ha::sim::manager::{NotAccepted, StoreUnavailable};
use crate::driver::port::LockClaim;

use super::Patroni;

/// Life of the lease.
const LEASE: Time = 15 * SECOND;

/// The lock while somebody holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OperationLease {
    claim: LockClaim,
    /// Revision at which it was taken: tells this holding from any other.
    token: i64,
    until: Time,
}

impl Patroni {
    /// Who holds it.
    pub(super) fn holder(&self) -> Result<Option<&LockClaim>, StoreUnavailable> {
        if self.etcd.serves() { Ok(self.claim.as_ref().map(|held| &held.claim)) } else { Err(StoreUnavailable) }
    }

    /// Takes it, if it is free; returns what tells this holding from others.
    pub(super) fn take_lease(&mut self, world: &World, claim: &LockClaim) -> Result<i64, NotAccepted> {
        if !self.etcd.takes_writes() {
            return Err(NotAccepted::NoStore);
        }
        if let Some(held) = &self.claim {
            return Err(NotAccepted::By(Box::new(held.claim.clone())));
        }
        let token = self.bump();
        self.claim = Some(OperationLease { claim: claim.clone(), token, until: world.clock.now() + LEASE });
        Ok(token)
    }

    /// Keeps it; `false`: it is another's, or nobody's.
    pub(super) fn renew_lease(&mut self, world: &World, token: i64) -> Result<bool, StoreUnavailable> {
        if !self.etcd.serves() {
            return Err(StoreUnavailable);
        }
        let until = world.clock.now() + LEASE;
        let held = self.claim.as_mut().filter(|held| held.token == token);
        Ok(held.map(|held| held.until = until).is_some())
    }

    /// Gives it back; `false`: it was lost before.
    pub(super) fn release_lease(&mut self, token: i64) -> Result<bool, StoreUnavailable> {
        if !self.etcd.serves() {
            return Err(StoreUnavailable);
        }
        let held = self.claim.take_if(|held| held.token == token).is_some();
        if held {
            self.bump();
        }
        Ok(held)
    }

    /// A lease that ran out takes the lock with it. Without a leader the store lets none run out.
    pub(super) fn expire_claim(&mut self, world: &World) {
        let now = world.clock.now();
        if self.etcd.serves() && self.claim.take_if(|held| now > held.until).is_some() {
            self.bump();
        }
    }

    /// A new leader of the store starts every lease anew.
    pub(super) fn extend_claim(&mut self, world: &World) {
        let until = world.clock.now() + LEASE;
        if let Some(held) = &mut self.claim {
            held.until = until;
        }
    }
}
