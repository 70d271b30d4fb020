//! The operation lock.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::action::record::{ActionId, Operator};
use crate::model::name::NodeName;
use crate::model::source::SourceError;
use crate::model::text::Text;

/// Who holds the operation lock of a cluster, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LockClaim {
    /// Action.
    pub action: ActionId,
    /// Its verb, such as `switchover`.
    pub verb: Text,
    /// Who.
    pub operator: Operator,
    /// Why, where a reason was given.
    pub reason: Option<Text>,
    /// Since when, by the holder's clock.
    pub since: Timestamp,
}

/// Why the lock was not taken, or is no longer held.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it.
    #[error(
        "{} of {} has held the operation lock since {}; if its process has died, the lock expires {}",
        .claim.verb, .claim.operator, .claim.since, DeadlineLock(*.left)
    )]
    Taken {
        /// Who, and why.
        claim: Box<LockClaim>,
        /// How long it lives on if its holder does nothing more; `None`: not known.
        left: Option<Duration>,
    },
    /// It was held, and is not any more.
    #[error("the operation lock was lost")]
    Lost,
    /// It was held on several nodes, and is not any more on one of them.
    #[error("the operation lock was lost on {member}: {why}")]
    LostOn {
        /// Node.
        member: NodeName,
        /// Why.
        why: SourceError,
    },
    /// The place where it is kept cannot be reached or written.
    #[error("the operation lock cannot be acquired: {0}")]
    Unavailable(SourceError),
}

struct DeadlineLock(Option<Duration>);

impl fmt::Display for DeadlineLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(left) => write!(f, "within {} s", left.as_secs_f64().ceil()),
            None => f.write_str("by itself within seconds"),
        }
    }
}

/// The operation lock of one cluster, kept where every console sees it, and expiring with its holder.
pub trait Lock: Send {
    /// Who holds it.
    ///
    /// # Errors
    /// When nobody can tell.
    fn holder(&mut self) -> BoxFuture<'_, Result<Option<LockClaim>, LockError>>;

    /// Takes it, if it is free. Returns from when on its life counts: before the request was sent, since it may have been
    /// granted long before the answer came.
    ///
    /// # Errors
    /// When it is not free, or cannot be had.
    fn acquire<'a>(&'a mut self, claim: &'a LockClaim) -> BoxFuture<'a, Result<Instant, LockError>>;

    /// Keeps it for another while; to be called every few seconds. Returns from when on its life counts anew, as above.
    ///
    /// # Errors
    /// When it is lost, or nobody can tell whether it is.
    fn renew(&mut self) -> BoxFuture<'_, Result<Instant, LockError>>;

    /// Gives it back, also where it was being taken and that was given up. It also expires by itself.
    ///
    /// # Errors
    /// When the place cannot be reached.
    fn release(&mut self) -> BoxFuture<'_, Result<(), LockError>>;

    /// The plan itself stops these members: where a lock is held by sessions on them, losing those is no loss.
    fn expect_loss(&mut self, _members: &BTreeSet<NodeName>) {}
}
