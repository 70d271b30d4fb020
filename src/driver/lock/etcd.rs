//! The operation lock: a key in etcd that hangs on a lease, seen by every console and gone with its holder.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::client::etcd::{AcquireOutcome, AcquiredLock, Connector, EtcdError, Key, Writer, lock_key};
use crate::config::endpoint::EtcdEndpoints;
use crate::driver::dcs::etcd::source_error;
use crate::driver::port::{Lock, LockClaim, LockError};
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// How long the lock outlives a holder that is gone. To be renewed three times within it.
const TTL: Duration = Duration::from_secs(15);

/// What is held, for whoever writes under the lock.
#[derive(Clone, Debug, Default)]
pub struct HeldLock(Arc<Mutex<Option<AcquiredLock>>>);

impl HeldLock {
    pub(in crate::driver) fn get(&self) -> Option<AcquiredLock> {
        let held = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A lease that may have run out guards nothing.
        held.filter(|held| held.known.elapsed() < TTL)
    }

    fn peek(&self) -> Option<AcquiredLock> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, held: Option<AcquiredLock>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }
}

/// The operation lock of one cluster.
#[derive(Debug)]
pub struct EtcdLock {
    endpoints: EtcdEndpoints,
    key: String,
    writer: Option<Writer>,
    held: HeldLock,
}

impl EtcdLock {
    /// The lock of `scope` under `namespace`. Connects when first needed.
    pub fn new(endpoints: EtcdEndpoints, namespace: &str, scope: &str) -> Self {
        Self { endpoints, key: lock_key(namespace, scope), writer: None, held: HeldLock::default() }
    }

    /// What is held at any time, for [`EtcdRecordWriter`](crate::driver::dcs::etcd::EtcdRecordWriter).
    pub fn held(&self) -> HeldLock {
        self.held.clone()
    }

    fn writer(&mut self) -> Result<&mut Writer, LockError> {
        match &mut self.writer {
            Some(writer) => Ok(writer),
            unset => {
                let connector = Connector::new(&self.endpoints).map_err(|error| unavailable(&error))?;
                Ok(unset.insert(Writer::new(connector)))
            }
        }
    }

    async fn read_claim(&mut self) -> Result<Option<LockClaim>, LockError> {
        let key = self.key.clone();
        match self.writer()?.read(&key).await.map_err(|error| unavailable(&error))? {
            Some(there) => self.claim(&there).map(Some),
            None => Ok(None),
        }
    }

    async fn take(&mut self, claim: &LockClaim) -> Result<Instant, LockError> {
        if let Some(held) = self.held.get() {
            return Ok(held.known.into());
        }
        let key = self.key.clone();
        let value = serde_json::to_string(claim).map_err(|error| self.unexpected(&error.to_string()))?;
        match self.writer()?.take(&key, &value, TTL).await.map_err(|error| unavailable(&error))? {
            AcquireOutcome::Taken(held) => {
                self.held.set(Some(held));
                Ok(held.known.into())
            }
            AcquireOutcome::Busy(there) => {
                let claim = Box::new(self.claim(&there)?);
                // Of no more than interest: who holds it is known.
                let left = self.writer()?.left(there.lease).await.ok().flatten();
                Err(LockError::Taken { claim, left })
            }
        }
    }

    async fn renew_once(&mut self) -> Result<Instant, LockError> {
        let Some(held) = self.held.peek() else { return Err(LockError::Lost) };
        let key = self.key.clone();
        match self.writer()?.renew_once(&key, held).await {
            Ok(Some(held)) => {
                self.held.set(Some(held));
                Ok(held.known.into())
            }
            Ok(None) => {
                self.held.set(None);
                Err(LockError::Lost)
            }
            // Nobody can tell; but a lease that was not renewed for its whole life is gone.
            Err(_) if held.known.elapsed() >= TTL => {
                self.held.set(None);
                Err(LockError::Lost)
            }
            Err(error) => Err(unavailable(&error)),
        }
    }

    async fn release(&mut self) -> Result<(), LockError> {
        let Some(held) = self.held.peek() else {
            // Taking it may have been given up between the lease and the answer: without its lease the key goes at once.
            return match &mut self.writer {
                Some(writer) => writer.give_up().await.map_err(|error| unavailable(&error)),
                None => Ok(()),
            };
        };
        // From here on nothing is written under it, whatever comes of giving it back.
        self.held.set(None);
        self.writer()?.release(held.lease).await.map_err(|error| unavailable(&error))
    }

    /// Whoever wrote something unreadable there holds it all the same.
    fn claim(&self, there: &Key) -> Result<LockClaim, LockError> {
        serde_json::from_slice(&there.value).map_err(|error| self.unexpected(&error.to_string()))
    }

    fn unexpected(&self, why: &str) -> LockError {
        let words = Text::redacted(format!("the key {} cannot be read by this version: {why}", self.key));
        LockError::Unavailable(SourceError::new(FailureKind::UnexpectedAnswer, "etcd", words.as_str()))
    }
}

fn unavailable(error: &EtcdError) -> LockError {
    let mut reported = source_error(error);
    if reported.failure_kind == FailureKind::Permission {
        reported.detail =
            Text::redacted(format!("{}; the etcd user needs readwrite on /pgctl-tui/lock/", reported.detail));
    }
    LockError::Unavailable(reported)
}

impl Lock for EtcdLock {
    fn holder(&mut self) -> BoxFuture<'_, Result<Option<LockClaim>, LockError>> {
        Box::pin(self.read_claim())
    }

    fn acquire<'a>(&'a mut self, claim: &'a LockClaim) -> BoxFuture<'a, Result<Instant, LockError>> {
        Box::pin(self.take(claim))
    }

    fn renew(&mut self) -> BoxFuture<'_, Result<Instant, LockError>> {
        Box::pin(self.renew_once())
    }

    fn release(&mut self) -> BoxFuture<'_, Result<(), LockError>> {
        Box::pin(self.release())
    }
}
