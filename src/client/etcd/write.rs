//! What this program writes to etcd: the operation lock, which hangs on a lease, and single keys of a record by
//! compare-and-set while the lock is held. Apart from the readers, on a connection of its own; nothing is sent twice
//! unless sending it twice does no harm.

use std::time::{Duration, Instant};

use etcd_client::{Compare, CompareOp, PutOptions, Txn, TxnOp, TxnOpResponse};

use super::connect::{AuthenticatedConnection, Connector};
use super::error::EtcdError;
use super::record::Key;
use crate::client::cause::Cause;
use crate::client::sending::Unanswered;

/// A lock that is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AcquiredLock {
    /// Lease that it hangs on.
    pub lease: i64,
    /// Revision at which the key was created: the fencing token of whatever is written under it.
    pub create_revision: i64,
    /// When the lease was last known to live, before the request that found it so.
    pub known: Instant,
}

/// What came of trying to take a lock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AcquireOutcome {
    /// It is ours.
    Taken(AcquiredLock),
    /// Somebody has it.
    Busy(Key),
}

/// What must hold in the same instant for a write under a lock to happen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fence {
    /// Key of the lock.
    pub lock: String,
    /// Revision at which our holding began.
    pub lock_created: i64,
    /// The leader key.
    pub leader: String,
    /// Its value; `None`: it must be absent.
    pub holder: Option<String>,
    /// Revision at which the leader's holding began. Its `mod_revision` moves with every heartbeat.
    pub leader_created: i64,
}

/// What came of a compare-and-set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CasOutcome {
    /// Written.
    Yes,
    /// Not written: the lock, the leader or the key is not what it was.
    Moved,
}

/// A writer to one etcd cluster.
#[derive(Debug)]
pub struct Writer {
    connector: Connector,
    link: Option<AuthenticatedConnection>,
    preferred: usize,
    /// A lease that a lock is being taken on: the key may hang on it, and whoever asked may have stopped waiting.
    taking: Option<i64>,
}

impl Writer {
    /// A writer over `connector`. Connects when first needed.
    pub fn new(connector: Connector) -> Self {
        Self { connector, link: None, preferred: 0, taking: None }
    }

    /// A connection to an endpoint that has just answered for the majority.
    async fn link(&mut self) -> Result<&AuthenticatedConnection, EtcdError> {
        if self.link.is_none() {
            let connector = &self.connector;
            let attempt = |index| async move {
                let link = Box::pin(connector.open(index, true)).await?;
                // A member that was cut off takes a request and keeps it: only one that reads with the majority may.
                let probe = etcd_client::GetOptions::new().with_count_only();
                let mut kv = link.client.kv_client();
                match link.within(kv.get("health", Some(probe))).await {
                    // Not allowed to read that key, but a majority decided so.
                    Err(error) if error.cause != Cause::Permission => Err(error),
                    Ok(_) | Err(_) => Ok(link),
                }
            };
            let (index, link) = connector.race(self.preferred, connector.time_limit(), attempt).await?;
            self.preferred = index;
            self.link = Some(link);
        }
        self.link.as_ref().ok_or_else(|| EtcdError::new("etcd", Cause::Closed, "not connected"))
    }

    /// Forgets the connection after `error`, so that the next request looks for another endpoint.
    fn failed(&mut self, error: EtcdError) -> EtcdError {
        if error.cause != Cause::Permission {
            self.link = None;
            self.preferred += 1;
        }
        error
    }

    /// The key, by a linearizable read; `None`: absent.
    ///
    /// # Errors
    /// When no endpoint answers for the majority.
    pub async fn read(&mut self, key: &str) -> Result<Option<Key>, EtcdError> {
        // Twice, since reading does no harm: a kept connection may have died since.
        match self.read_once(key).await {
            Err(error) if error.cause != Cause::Permission => self.read_once(key).await,
            outcome => outcome,
        }
    }

    async fn read_once(&mut self, key: &str) -> Result<Option<Key>, EtcdError> {
        let link = self.link().await?;
        let mut kv = link.client.kv_client();
        let outcome = link.within(kv.get(key, None)).await;
        let answer = outcome.map_err(|error| self.failed(error))?;
        Ok(answer.kvs().first().map(super::record::key))
    }

    /// Takes the lock at `key` by writing `value` there for as long as a lease of `ttl` lives, if the key is absent.
    ///
    /// # Errors
    /// When there is no telling that it is ours; then the lease is given back as far as that is possible.
    pub async fn take(&mut self, key: &str, value: &str, ttl: Duration) -> Result<AcquireOutcome, EtcdError> {
        // Reading first finds a connection that lives, and spares a lease where the lock is busy.
        if let Some(busy) = self.read(key).await? {
            return Ok(AcquireOutcome::Busy(busy));
        }
        let known = Instant::now();
        let link = self.link().await?;
        let seconds = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        let outcome = link.within(link.client.lease_client().grant(seconds, None)).await;
        let lease = outcome.map_err(|error| self.failed(error))?.id();
        self.taking = Some(lease);
        let put = TxnOp::put(key, value, Some(PutOptions::new().with_lease(lease)));
        let txn = Txn::new()
            .when([Compare::create_revision(key, CompareOp::Equal, 0)])
            .and_then([put])
            .or_else([TxnOp::get(key, None)]);
        let link = self.link().await?;
        let outcome = link.within(link.client.kv_client().txn(txn)).await;
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => {
                let error = self.failed(error);
                // It may have been written: without its lease it goes.
                let _ = self.give_up().await;
                return Err(error);
            }
        };
        if answer.succeeded() {
            let create_revision = answer.header().map_or(0, etcd_client::ResponseHeader::revision);
            self.taking = None;
            return Ok(AcquireOutcome::Taken(AcquiredLock { lease, create_revision, known }));
        }
        let _ = self.give_up().await;
        let busy = answer.op_responses().into_iter().find_map(|response| match response {
            TxnOpResponse::Get(got) => got.kvs().first().map(super::record::key),
            TxnOpResponse::Put(_) | TxnOpResponse::Delete(_) | TxnOpResponse::Txn(_) => None,
        });
        busy.map(AcquireOutcome::Busy)
            .ok_or_else(|| EtcdError::new("etcd", Cause::UnexpectedAnswer, "the lock was acquired and lost again"))
    }

    /// Keeps `held` alive, and looks whether the key is still the one that was written. `None`: it is lost.
    ///
    /// # Errors
    /// When nobody can tell.
    pub async fn renew_once(&mut self, key: &str, held: AcquiredLock) -> Result<Option<AcquiredLock>, EtcdError> {
        // Twice, since keeping alive does no harm.
        match self.keep_once(key, held).await {
            Err(error) if error.cause != Cause::Permission => self.keep_once(key, held).await,
            outcome => outcome,
        }
    }

    async fn keep_once(&mut self, key: &str, held: AcquiredLock) -> Result<Option<AcquiredLock>, EtcdError> {
        let known = Instant::now();
        let link = self.link().await?;
        let mut leases = link.client.lease_client();
        // Sends one request and returns with its answer; the stream that it leaves behind is not needed.
        match link.within(leases.keep_alive(held.lease)).await {
            Ok(_) => {}
            Err(error) if error.detail.contains("lease not found") || error.detail.contains("lease expired") => {
                return Ok(None);
            }
            Err(error) => return Err(self.failed(error)),
        }
        let there = self.read_once(key).await?;
        let ours = there.is_some_and(|there| there.create_revision == held.create_revision);
        Ok(ours.then_some(AcquiredLock { known, ..held }))
    }

    /// How long `lease` lives on without being kept alive; `None`: there is none, or it has ended.
    ///
    /// # Errors
    /// When nobody can tell.
    pub async fn left(&mut self, lease: i64) -> Result<Option<Duration>, EtcdError> {
        if lease == 0 {
            return Ok(None);
        }
        let link = self.link().await?;
        let outcome = link.within(link.client.lease_client().time_to_live(lease, None)).await;
        let answer = outcome.map_err(|error| self.failed(error))?;
        Ok(u64::try_from(answer.ttl()).ok().map(Duration::from_secs))
    }

    /// Ends the lease of a lock whose taking failed or was dropped, where there is one.
    ///
    /// # Errors
    /// When it cannot be told whether it ended; it will by itself.
    pub async fn give_up(&mut self) -> Result<(), EtcdError> {
        let Some(lease) = self.taking else { return Ok(()) };
        self.release(lease).await?;
        self.taking = None;
        Ok(())
    }

    /// Ends a lease, and with it the lock that hangs on it.
    ///
    /// # Errors
    /// When it cannot be told whether it ended; it will by itself.
    pub async fn release(&mut self, lease: i64) -> Result<(), EtcdError> {
        match self.release_once(lease).await {
            Err(error) if error.cause != Cause::Permission => self.release_once(lease).await,
            outcome => outcome,
        }
    }

    async fn release_once(&mut self, lease: i64) -> Result<(), EtcdError> {
        let link = self.link().await?;
        match link.within(link.client.lease_client().revoke(lease)).await {
            Ok(_) => Ok(()),
            Err(error) if error.detail.contains("lease not found") => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Writes `value` to `key` if it was last written at `mod_revision` (0: if it is absent) and `fence` holds, all in
    /// one instant. Sent once.
    ///
    /// # Errors
    /// When there is no answer; then it may have been written.
    pub async fn write(
        &mut self,
        key: &str,
        mod_revision: i64,
        value: &str,
        fence: &Fence,
    ) -> Result<CasOutcome, Unanswered<EtcdError>> {
        // Reading finds a connection that lives; what follows is not tried on another.
        self.read(key).await.map_err(Unanswered::NotSent)?;
        let mut compares = vec![
            Compare::create_revision(fence.lock.as_str(), CompareOp::Equal, fence.lock_created),
            Compare::create_revision(fence.leader.as_str(), CompareOp::Equal, fence.leader_created),
            Compare::mod_revision(key, CompareOp::Equal, mod_revision),
        ];
        if let Some(holder) = &fence.holder {
            compares.push(Compare::value(fence.leader.as_str(), CompareOp::Equal, holder.as_str()));
        }
        let txn = Txn::new().when(compares).and_then([TxnOp::put(key, value, None)]);
        let link = self.link().await.map_err(Unanswered::NotSent)?;
        let outcome = link.within(link.client.kv_client().txn(txn)).await;
        match outcome {
            Ok(answer) if answer.succeeded() => Ok(CasOutcome::Yes),
            Ok(_) => Ok(CasOutcome::Moved),
            // Refused by rule, not lost on the way.
            Err(error) if error.cause == Cause::Permission => Err(Unanswered::NotSent(error)),
            Err(error) => Err(Unanswered::NoAnswer(self.failed(error))),
        }
    }
}
