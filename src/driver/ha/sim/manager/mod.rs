//! Who manages the nodes of a world, if anybody does: agents with a leader lease in a DCS, or nobody.
//!
//! A manager is a part beside the [`World`]: it moves when the world lets it, decides what PostgreSQL alone does not, and
//! tells what its own wires would tell. What a cluster without one does is what the methods do that are given here.

pub(crate) mod none;
pub(crate) mod patroni;

use std::fmt::Debug;
use std::time::Duration;

use crate::action::drill::FaultKind;
use crate::action::generation::Generation;
use crate::action::order::Order as Act;
use crate::action::router_handover::LeadRecord;
use crate::driver::port::{Facts, LockClaim};
use crate::model::name::NodeName;
use crate::model::router::PoolPurpose;
use crate::model::source::{FailureKind, SourceError, SourceKind};
use crate::model::text::Text;

use super::core::World;
use super::core::clock::Time;
use super::core::faults::{Fault, Repair};
use super::core::node::{AfterStop, Power};
use super::core::requests::{RequestId, RequestResult, RequestState};
use super::core::router::Check;
use super::sources::Ask;

/// What has become of a node, as its manager learns it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// PostgreSQL has started, or restarted, or failed to.
    Started,
    /// PostgreSQL goes down to come back.
    Restarting,
    /// Recovery has ended: it takes writes.
    Promoted,
    /// Recovery did not end.
    PromotionFailed,
    /// PostgreSQL has nothing left to do before it ends; since `until` it only waits for its standbys.
    Stopping { then: AfterStop, until: Time },
    /// PostgreSQL has died.
    Crashed,
    /// Its WAL has parted from that of the node that it streams from.
    Diverged,
    /// The host is gone.
    PoweredOff,
    /// The host is back from `was`.
    BroughtBack { was: Power },
    /// It was freed from all that ails it.
    Revived,
}

/// What becomes of the slot that others keep for a member, while it does not use it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SlotUpkeep {
    /// Nobody touches it.
    Left,
    /// It is moved to where the member says that it is, as far as it says so.
    Moved(Option<u64>),
    /// Its member is off the record: it is dropped after so long.
    Orphaned { after: Time },
}

/// The operation lock cannot be asked for, or takes no writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StoreUnavailable;

/// Why the operation lock is not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum NotAccepted {
    By(Box<LockClaim>),
    NoStore,
}

/// What a colleague does to the cluster, through its manager or, where nobody manages it, by hand. Names that are not the
/// cluster's do nothing, nor does what is the other kind of cluster's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ManagerOrder {
    /// Another leader, in good order.
    Switchover {
        /// Whom; `None`: whoever is best.
        candidate: Option<NodeName>,
        /// In how long; zero: at once.
        after: Duration,
    },
    /// Forget a scheduled switchover.
    CancelSwitchover,
    /// Maintenance mode on.
    Pause,
    /// Maintenance mode off.
    Resume,
    /// Restart PostgreSQL of a node.
    Restart(NodeName),
    /// Restart PostgreSQL of a node in so long.
    ScheduleRestart {
        /// Which.
        node: NodeName,
        /// In how long.
        after: Duration,
    },
    /// Failsafe mode on or off.
    Failsafe(bool),
    /// Copy a replica anew.
    Reinit(NodeName),
    /// Promote a standby by hand: `pg_ctl promote`. For clusters that nobody manages.
    Promote(NodeName),
    /// Have a node follow another: `primary_conninfo`, after `pg_rewind` where their histories have parted. For clusters
    /// that nobody manages.
    Follow {
        /// Which.
        node: NodeName,
        /// Whom.
        upstream: NodeName,
    },
}

/// A source of the manager's own: its kind, its target, where it is asked, and what for.
pub(crate) type ManagerSource = (SourceKind, Text, Text, Ask);

/// Whoever manages a cluster.
pub(crate) trait Manager: Debug {
    /// One step, after PostgreSQL's.
    fn tick(&mut self, world: &mut World);

    /// What is to be done with a node before its PostgreSQL moves on.
    fn before(&mut self, _world: &mut World, _index: usize) {}

    /// A node has become something.
    fn react(&mut self, world: &mut World, index: usize, event: Event);

    /// A colleague asks for something.
    fn obey(&mut self, _world: &mut World, _order: ManagerOrder) {}

    /// Breaks something of the manager's own.
    fn inject(&mut self, _world: &mut World, _fault: Fault) {}

    /// Mends something of the manager's own.
    fn heal(&mut self, _world: &mut World, _cure: &Repair) {}

    /// What a router's health check of a node comes to.
    fn check(&self, world: &World, index: usize, purpose: PoolPurpose) -> Check;

    /// What becomes of the slots kept for a member.
    fn upkeep(&self, _index: usize) -> SlotUpkeep {
        SlotUpkeep::Left
    }

    /// Plays a chapter of the demo; returns the seconds until the next. `None`: there is no such chapter.
    fn chapter(&mut self, world: &mut World, chapter: usize) -> Option<u64>;

    /// Sources of its own that tell of the cluster as a whole.
    fn sources(&self) -> Vec<ManagerSource> {
        Vec::new()
    }

    /// Where the agent beside a node is asked, if there is one.
    fn agent_url(&self, _name: &NodeName) -> Option<Text> {
        None
    }

    /// What one of its own sources tells.
    fn facts(&mut self, _world: &World, _ask: Ask, endpoint: &Text) -> Result<Facts, SourceError> {
        Err(SourceError::new(FailureKind::Unsupported, endpoint.as_str(), "this cluster has no manager"))
    }

    /// When it last heard of any member.
    fn last_received(&self) -> Option<Time> {
        None
    }

    /// Sends an order to the manager itself.
    fn take(&mut self, _world: &mut World, _order: &Act, _generation: &Generation) -> RequestState {
        RequestState::Now(RequestResult::Unsupported("this cluster has no manager"))
    }

    /// One step of the requests that are open at the manager.
    fn answer_requests(&mut self, _world: &World) {}

    /// The answer to one of them; `None`: not yet.
    fn answer(&mut self, _ticket: RequestId) -> Option<RequestResult> {
        Some(RequestResult::Closed)
    }

    /// Forgets one of them.
    fn hang_up(&mut self, _ticket: RequestId) {}

    /// How many are open.
    #[cfg(test)]
    fn fail_open_requests(&self) -> usize {
        0
    }

    /// Who leads by the record, and which order waits there.
    fn lead_record(&self, _world: &World) -> Result<LeadRecord, SourceError> {
        Err(SourceError::new(FailureKind::Unsupported, "record", "this cluster has no manager"))
    }

    /// Parts of its own that a drill can break, and in which ways.
    fn breakable(&self) -> Vec<(Text, Vec<FaultKind>)> {
        Vec::new()
    }

    /// Brings such a part back.
    fn bring_back(&mut self, _name: &Text) {}

    /// Who holds the operation lock.
    fn claim(&self) -> Result<Option<&LockClaim>, StoreUnavailable> {
        Err(StoreUnavailable)
    }

    /// Takes it, if it is free; returns what tells this holding from others.
    fn take_claim(&mut self, _world: &World, _claim: &LockClaim) -> Result<i64, NotAccepted> {
        Err(NotAccepted::NoStore)
    }

    /// Keeps it; `false`: it is another's, or nobody's.
    fn renew_claim(&mut self, _world: &World, _token: i64) -> Result<bool, StoreUnavailable> {
        Err(StoreUnavailable)
    }

    /// Gives it back; `false`: it was lost before.
    fn release_claim(&mut self, _token: i64) -> Result<bool, StoreUnavailable> {
        Err(StoreUnavailable)
    }

    /// Whether somebody holds it, whether or not that can be asked.
    fn is_claimed(&self) -> bool {
        false
    }
}
