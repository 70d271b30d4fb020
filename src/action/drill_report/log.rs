//! What the probe and the observer noted while a drill ran.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::pooled::PooledLog;
use crate::model::lsn::Timeline;
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::text::Text;

/// The server that answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnsweringServer {
    /// Start of its postmaster: tells the member, whatever address it has.
    pub postmaster_started: Timestamp,
    /// Its own address and port.
    pub address: Text,
    /// The timeline it writes; `None`: it is in recovery.
    pub timeline: Option<Timeline>,
}

/// What became of a write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WriteResult {
    /// Committed, by its own word.
    Acknowledged(AnsweringServer),
    /// Proven not to have been made.
    Refused(Text),
    /// Sent, or maybe sent, and not answered.
    Ambiguous(Text),
}

/// One write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProbeWrite {
    /// Number of its row.
    pub number: u64,
    /// When it was begun.
    pub sent: Moment,
    /// When its fate was known.
    pub ended: Moment,
    /// Its fate.
    pub answer: WriteResult,
}

/// What a read saw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadResult {
    /// The largest number; `None`: no row.
    pub newest: Option<u64>,
    /// Who answered.
    pub server: AnsweringServer,
    /// Whether it was a standby.
    pub in_recovery: bool,
}

/// One read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProbeRead {
    /// When it was begun.
    pub sent: Moment,
    /// When it ended.
    pub ended: Moment,
    /// What it saw, or why nothing.
    pub seen: Result<ReadResult, Text>,
}

/// A state on the way, told from observation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The old leader no longer holds the leader key.
    KeyReleased,
    /// The leader takes no writes any more, by its own word: without the DCS it demotes itself.
    SteppedDown,
    /// A new leader takes writes on a new timeline, or the old one again on a new timeline.
    Promoted,
    /// The router leads writes to it.
    RouterUp,
    /// The first write after the outage was acknowledged.
    FirstWrite,
    /// The old leader streams again.
    OldLeaderBack,
}

impl Phase {
    /// In words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::KeyReleased => "leader key deleted",
            Self::SteppedDown => "leader stepped down",
            Self::Promoted => "promoted",
            Self::RouterUp => "router up",
            Self::FirstWrite => "first write",
            Self::OldLeaderBack => "old leader rejoined",
        }
    }
}

/// Everything noted.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ProbeLog {
    /// When the probe began.
    pub began: Moment,
    /// When it was ended.
    pub ended: Moment,
    /// Pause between two writes.
    pub interval: Duration,
    /// Writes, in the order in which their fate was known.
    pub writes: Vec<ProbeWrite>,
    /// Reads, likewise.
    pub reads: Vec<ProbeRead>,
    /// Rows through poolers.
    pub pooled: Vec<PooledLog>,
    /// When the fault was sent; `None`: it never was, or was refused. Not when it was accepted: a stop in good order is
    /// answered when another may lead already.
    pub broken: Option<Moment>,
    /// When its undo was sent.
    pub repaired: Option<Moment>,
    /// States, when they were first seen.
    pub phases: BTreeMap<Phase, Moment>,
    /// Members by the start of their postmaster, as observed.
    pub members: BTreeMap<Timestamp, NodeName>,
    /// There were replicas to read from when the fault was set.
    pub had_replicas: bool,
    /// The most by which a write was begun later than it should have been.
    pub late: Duration,
}
