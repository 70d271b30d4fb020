//! The traits through which a drill reaches whatever it breaks, and the users' way into the cluster.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::BoxFuture;

use super::{NotPerformed, Reply};
use crate::action::drill::Fault;
use crate::action::drill_report::{ReadResult, WriteResult};
use crate::action::permit::Permit;
use crate::model::name::PoolerName;
use crate::model::source::SourceError;
use crate::model::text::Text;

/// Breaks parts of a cluster and mends them. Made only where a `WriteAccess` was granted.
pub trait InjectFaults: Send {
    /// Sets `fault`, once. Before something is frozen or cut off that may come back as a leader, clients are kept out.
    ///
    /// # Errors
    /// As [`Act::perform`](super::Act::perform).
    fn inject<'a>(&'a mut self, fault: &'a Fault, permit: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>>;

    /// Brings what was broken back. May be asked again: what is whole stays as it is. Clients stay out of what may take
    /// itself for a leader until [`InjectFaults::admit`]. Needs no permit: what was made must be unmade.
    ///
    /// # Errors
    /// As [`Act::undo`](super::Act::undo).
    fn repair<'a>(&'a mut self, fault: &'a Fault) -> BoxFuture<'a, Result<Reply, NotPerformed>>;

    /// Lets clients in again. May be asked again.
    ///
    /// # Errors
    /// As [`Act::undo`](super::Act::undo).
    fn admit<'a>(&'a mut self, fault: &'a Fault) -> BoxFuture<'a, Result<Reply, NotPerformed>>;
}

/// What the probe's place is like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProbeEnvironment {
    /// `synchronous_commit` of its sessions.
    pub synchronous_commit: Text,
    /// Publications that would ship its rows.
    pub publications: Vec<Text>,
}

/// A client like the users': it writes and reads through the router.
pub trait Probe: Send + Sync {
    /// Looks at the place, and changes nothing.
    ///
    /// # Errors
    /// When the probe could not write there.
    fn environment(&self) -> BoxFuture<'_, Result<ProbeEnvironment, SourceError>>;

    /// Makes the probe's schema.
    ///
    /// # Errors
    /// When it cannot be made.
    fn create_schema(&self) -> BoxFuture<'_, Result<(), SourceError>>;

    /// Writes row `number`, on a connection that is at hand or a new one; never longer than `deadline`.
    fn write(&self, number: u64, deadline: Duration) -> BoxFuture<'static, WriteResult>;

    /// Poolers that rows are written through besides.
    fn poolers(&self) -> Vec<PoolerName> {
        Vec::new()
    }

    /// Writes row `number` through `pooler`; never longer than `deadline`.
    fn write_through(&self, pooler: &PoolerName, _number: u64, _deadline: Duration) -> BoxFuture<'static, WriteResult> {
        let words = format!("{pooler} is not a pooler of this probe");
        Box::pin(std::future::ready(WriteResult::Refused(Text::redacted(words))))
    }

    /// Reads the newest row; `None`: there is no way for readers. Never longer than `deadline`; an error: why nothing.
    fn read(&self, deadline: Duration) -> Option<BoxFuture<'static, Result<ReadResult, Text>>>;

    /// The numbers of the rows that the leader has.
    ///
    /// # Errors
    /// When the leader does not tell.
    fn stored_rows(&self) -> BoxFuture<'_, Result<BTreeSet<u64>, SourceError>>;

    /// Drops the schema, if a drill made it.
    ///
    /// # Errors
    /// When it may still be there.
    fn clear(&self) -> BoxFuture<'_, Result<(), SourceError>>;

    /// Whether it is to have a thread to itself, so that nothing else in the process delays a row. A simulated one is to
    /// stay beside its world instead, whose clock a test may hold.
    fn needs_own_thread(&self) -> bool {
        true
    }
}
