//! The operation lock, kept in the store beside the cluster's keys, on a lease of its holder's.

use crate::driver::port::Claim;

use super::World;
use super::clock::{SECOND, Time};

/// Life of the lease.
const LEASE: Time = 15 * SECOND;

/// The lock while somebody holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Held {
    claim: Claim,
    /// Revision at which it was taken: tells this holding from any other.
    token: i64,
    until: Time,
}

/// The store cannot be asked, or takes no writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NoStore;

/// Why the lock is not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum NotTaken {
    By(Box<Claim>),
    NoStore,
}

impl World {
    /// Who holds it.
    pub(crate) fn claim(&self) -> Result<Option<&Claim>, NoStore> {
        if self.etcd.serves() { Ok(self.claim.as_ref().map(|held| &held.claim)) } else { Err(NoStore) }
    }

    /// Takes it, if it is free; returns what tells this holding from others.
    pub(crate) fn take_claim(&mut self, claim: &Claim) -> Result<i64, NotTaken> {
        if !self.etcd.takes_writes() {
            return Err(NotTaken::NoStore);
        }
        if let Some(held) = &self.claim {
            return Err(NotTaken::By(Box::new(held.claim.clone())));
        }
        let token = self.bump();
        self.claim = Some(Held { claim: claim.clone(), token, until: self.clock.now() + LEASE });
        Ok(token)
    }

    /// Keeps it; `false`: it is another's, or nobody's.
    pub(crate) fn renew_claim(&mut self, token: i64) -> Result<bool, NoStore> {
        if !self.etcd.serves() {
            return Err(NoStore);
        }
        let until = self.clock.now() + LEASE;
        let held = self.claim.as_mut().filter(|held| held.token == token);
        Ok(held.map(|held| held.until = until).is_some())
    }

    /// Gives it back; `false`: it was lost before.
    pub(crate) fn release_claim(&mut self, token: i64) -> Result<bool, NoStore> {
        if !self.etcd.serves() {
            return Err(NoStore);
        }
        let held = self.claim.take_if(|held| held.token == token).is_some();
        if held {
            self.bump();
        }
        Ok(held)
    }

    /// A lease that ran out takes the lock with it. Without a leader the store lets none run out.
    pub(super) fn expire_claim(&mut self) {
        let now = self.clock.now();
        if self.etcd.serves() && self.claim.take_if(|held| now > held.until).is_some() {
            self.bump();
        }
    }

    /// A new leader of the store starts every lease anew.
    pub(super) fn extend_claim(&mut self) {
        let until = self.clock.now() + LEASE;
        if let Some(held) = &mut self.claim {
            held.until = until;
        }
    }
}
