//! What the observer hands to the faces: the newest snapshot with what happened before it, and the handle to ask for
//! more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::pause::RecordedPause;
use crate::model::acknowledgement::Acknowledgement;
use crate::model::event::Event;
use crate::model::moment::Moment;
use crate::model::name::{ClusterName, NodeName};
use crate::model::series::Series;
use crate::model::snapshot::Snapshot;

/// A number with a history.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SeriesKey {
    /// Replay lag of a member, in bytes.
    LagBytes(NodeName),
    /// Replay lag of a member, in seconds.
    LagSeconds(NodeName),
    /// WAL written by the leader, in bytes a second.
    WalRate,
    /// Sessions through the write pools of all routers.
    WriteSessions,
    /// Sessions through the read pools of all routers.
    ReadSessions,
}

/// The newest snapshot of one cluster with its past.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Now.
    pub snapshot: Arc<Snapshot>,
    /// Events, oldest first; bounded.
    pub events: Arc<Vec<Event>>,
    /// Histories.
    pub series: Arc<BTreeMap<SeriesKey, Arc<Series>>>,
}

/// What a face may ask of the observer. None of it touches the cluster beyond asking its sources.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// Ask every polled source now.
    PollNow,
    /// Refresh at this interval from now on.
    SetInterval(Duration),
    /// From now on tell a disagreement only once it has lasted, where the first pictures told it at once.
    Settle,
    /// Forget a member that is off the record.
    Dismiss(NodeName),
    /// This pause is on record on this host.
    Remember(RecordedPause),
    /// These findings are known to somebody, and no others any more.
    Acknowledged(Arc<Vec<Arc<Acknowledgement>>>),
}

/// The observer's clock: moments since it began.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Now.
    pub fn now(&self) -> Moment {
        Moment::after_start(self.0.elapsed())
    }
}

/// A face's hold on the observer of one cluster. Dropping every handle ends the observer.
#[derive(Clone, Debug)]
pub struct Handle {
    /// Name of the cluster observed.
    pub cluster: ClusterName,
    /// The observer's clock; ages are counted on it.
    pub clock: Clock,
    /// The newest picture.
    pub pictures: watch::Receiver<Arc<Picture>>,
    /// Where orders go.
    pub orders: mpsc::Sender<Order>,
}

impl Handle {
    /// The newest picture.
    pub fn latest(&self) -> Arc<Picture> {
        self.pictures.borrow().clone()
    }

    /// Sends an order; a full queue means that the same is under way, so the order is dropped.
    pub fn order(&self, order: Order) {
        let _ = self.orders.try_send(order);
    }
}
