//! One database node: its host and its PostgreSQL.

use std::sync::Arc;

use crate::model::agent::PendingSetting;
use crate::model::name::NodeName;
use crate::model::setting::Settings;
use crate::model::text::Text;

use super::clock::Time;

/// What has become of the host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Power {
    /// Runs.
    On,
    /// Gone: its ports refuse.
    Off,
    /// Every process stands still: connections open, nothing answers.
    Frozen,
    /// Runs, but no packet passes in or out.
    Cut,
}

/// What its PostgreSQL is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Running,
    Starting {
        until: Time,
    },
    Restarting {
        until: Time,
    },
    /// Standby on its way to be the primary.
    Promoting {
        until: Time,
    },
    /// Shutting down in good order; it ends no sooner than everything is shipped.
    Stopping {
        until: Time,
        then: AfterStop,
    },
    Stopped,
    Crashed,
    Rewinding {
        until: Time,
    },
    /// Copying the data directory from the leader.
    Creating {
        copied: u64,
    },
    StartFailed,
}

/// What is done once PostgreSQL has stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AfterStop {
    /// Give the lead to another, then come back as a replica.
    HandOver,
    /// Come back as a replica of whoever leads.
    Rejoin,
    /// Start read-only at once: whether it may lead is not known.
    ReadOnly,
    /// Give the lead back and end: the host shuts down.
    PowerOff,
}

/// The stream that a standby receives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stream {
    /// Index of the upstream.
    pub(crate) from: usize,
    /// When it was opened.
    pub(crate) since: Time,
    /// When the two last heard from each other.
    pub(crate) received: Time,
    /// Walsender backend on the upstream.
    pub(crate) pid: i32,
}

/// A physical slot kept for another member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SlotForMember {
    /// Oldest position kept.
    pub(crate) restart: u64,
    /// Since when nobody uses it; `None` while in use.
    pub(crate) idle_since: Option<Time>,
}

/// What is wrong with a node by a scripted fault.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeFaults {
    /// Replay is no faster than this, in bytes a second.
    pub(crate) replay_limit: Option<u64>,
    /// The stream is no faster than this, in bytes a second.
    pub(crate) stream_limit: Option<u64>,
    /// `pg_wal_replay_pause()` was called.
    pub(crate) replay_paused: bool,
    /// The receiver is kept from connecting.
    pub(crate) receiver_stopped: bool,
    /// Since when archiving fails.
    pub(crate) archive_failing: Option<Time>,
    /// PostgreSQL does not start.
    pub(crate) start_fails: bool,
    /// It was promoted by hand beside the primary that clients are meant to use, and nobody undoes it.
    pub(crate) rogue: bool,
    /// Timeline and position from which it strayed: what it wrote since belongs to no history.
    pub(crate) unrouted_for: Option<(u32, u64)>,
    /// Its data directory is another cluster's.
    pub(crate) foreign: bool,
    /// Its clock is off by so many microseconds.
    pub(crate) clock_skew: i64,
    /// Replays so much late on purpose.
    pub(crate) replay_delay: Time,
    /// Answers no query.
    pub(crate) sql_silent: bool,
    /// Shows the looking role little.
    pub(crate) weak_role: bool,
    /// The exporter beside it is gone.
    pub(crate) exporter_down: bool,
    /// PostgreSQL does not promote.
    pub(crate) promotion_fails: bool,
    /// Its next return needs a new copy of the data.
    pub(crate) reinit: bool,
}

/// One node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) name: NodeName,
    /// Name of the slot that others keep for it.
    pub(crate) slot: Text,
    /// Address as PostgreSQL sees it.
    pub(crate) address: Text,
    /// Its PostgreSQL as the router has it configured.
    pub(crate) router_address: Text,
    pub(crate) power: Power,
    /// Its packet filter keeps everybody from its PostgreSQL.
    pub(crate) shut: bool,
    /// Automatic restarts of its container.
    pub(crate) restarts: u32,
    pub(crate) phase: Phase,
    /// Not in recovery.
    pub(crate) writable: bool,
    pub(crate) timeline: u32,
    /// Postmaster start.
    pub(crate) started: Time,
    /// When it last read its configuration files.
    pub(crate) files_read: Time,
    /// Last promotion.
    pub(crate) promoted: Time,
    /// End of WAL on a primary; received and flushed on a standby.
    pub(crate) written: u64,
    /// Replayed; equal to `written` on a primary.
    pub(crate) replayed: u64,
    /// When what was replayed last had been committed.
    pub(crate) replayed_at: Time,
    /// Whom `primary_conninfo` names.
    pub(crate) upstream: Option<usize>,
    pub(crate) stream: Option<Stream>,
    /// When the receiver tries next.
    pub(crate) retry_at: Time,
    /// Slots kept for the other members, by their index.
    pub(crate) kept: Vec<Option<SlotForMember>>,
    /// Segments archived and failed so far.
    pub(crate) archived: u64,
    pub(crate) archive_failures: u64,
    pub(crate) archived_at: Time,
    pub(crate) pending: Vec<PendingSetting>,
    /// PostgreSQL's parameters in force.
    pub(crate) settings: Arc<Settings>,
    /// When its last checkpoint by hand ended: what is clean already is not written again by a shutdown.
    pub(crate) checkpointed: Option<Time>,
    pub(crate) faults: NodeFaults,
}

impl Node {
    /// Whether the host executes anything.
    pub(crate) fn executes(&self) -> bool {
        matches!(self.power, Power::On | Power::Cut)
    }

    /// Whether PostgreSQL takes connections, once reached.
    pub(crate) fn accepts(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Promoting { .. })
    }

    /// Whether its walsenders run: until the last record is out, also while it shuts down.
    pub(crate) fn feeds(&self) -> bool {
        self.accepts() || matches!(self.phase, Phase::Stopping { .. })
    }

    /// Whether PostgreSQL takes connections from elsewhere.
    pub(crate) fn serves(&self) -> bool {
        self.power == Power::On && self.accepts() && !self.shut
    }

    /// Whether it takes writes.
    pub(crate) fn takes_writes(&self) -> bool {
        self.writable && self.executes() && self.accepts()
    }

    /// Whether it is a standby that is up.
    pub(crate) fn stands_by(&self) -> bool {
        !self.writable && self.executes() && self.accepts()
    }
}
