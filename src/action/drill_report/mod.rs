//! What a drill found out: the probe's log, the figures that follow from it, and how drills compare over time. Pure.
//!
//! Every time is a [`Moment`] of one monotonic clock, that of the process which ran the probe.

mod compare;
mod evaluate;
mod log;
mod pooled;
mod precision;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use compare::{DrillHistory, past};
pub use evaluate::evaluate;
pub use log::{AnsweringServer, Phase, ProbeLog, ProbeRead, ProbeWrite, ReadResult, WriteResult};
pub use pooled::{NUMBERS_OF_A_LANE, PooledFigures, PooledLog, row_number};

use super::drill::Scenario;
use super::record::{ActionId, Operator};
use crate::model::lsn::Timeline;
use crate::model::name::ClusterName;
use crate::model::text::Text;

/// The version written.
pub const SCHEMA: u32 = 1;

/// The report of one drill. Spans count from the probe's begin unless said otherwise.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DrillReport {
    /// Version of this form.
    pub schema: u32,
    /// The drill's action, which is also the report's name.
    pub action: ActionId,
    /// Cluster.
    pub cluster: ClusterName,
    /// What was practised.
    pub scenario: Scenario,
    /// Who ran it.
    pub operator: Operator,
    /// The fault in words, or what was asked instead.
    pub fault: Text,
    /// When the probe began, by the wall clock.
    pub at: Timestamp,
    /// When the fault was sent, which is the zero of the states; `None`: never, or it was refused.
    pub broken: Option<Duration>,
    /// When its undo was sent; `None`: there was no fault, or it still stands.
    #[serde(rename = "mended")]
    pub repaired: Option<Duration>,
    /// The fault was taken back before its time, so that the outage is shorter than it would have been: such a drill
    /// keeps to no target and is compared with none.
    #[serde(default)]
    pub cut_short: bool,
    /// What stands that should not, in words for the operator; empty: everything was undone.
    pub left: Vec<Text>,
    /// How long the probe ran.
    pub lasted: Duration,
    /// The figures.
    pub figures: Figures,
    /// States seen, with the time from the fault to the answer that showed them.
    pub phases: Vec<PhaseSeen>,
    /// `synchronous_commit` of the probe's session at the begin.
    pub synchronous_commit: Text,
    /// The longest outage wished for.
    pub target: Option<Duration>,
}

/// A state that was seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PhaseSeen {
    /// Which.
    pub phase: Phase,
    /// Time since the fault.
    pub after: Duration,
}

/// A stretch without a success.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServiceGap {
    /// The last success before it.
    pub from: Duration,
    /// The first success after it; `None`: none was seen.
    pub to: Option<Duration>,
}

impl ServiceGap {
    /// Its length; `None`: its end was not seen.
    pub fn length(self) -> Option<Duration> {
        self.to.map(|to| to.saturating_sub(self.from))
    }
}

/// What follows from a log.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// The outage: the longest stretch between two acknowledged writes that ended after the fault was set. Its length is
    /// the RTO. `None`: nothing was broken, or no write was acknowledged before.
    pub outage: Option<ServiceGap>,
    /// Every stretch of a second or more without an acknowledged write.
    pub interruptions: Vec<ServiceGap>,
    /// Every stretch of a second or more without an answered read.
    pub read_interruptions: Vec<ServiceGap>,
    /// The longest stretch between two answered reads that ended after the fault was set.
    pub read_gap: Option<ServiceGap>,
    /// Writes acknowledged.
    pub acknowledged: u64,
    /// Writes proven not to have been made.
    pub refused: u64,
    /// Writes without an answer: neither lost nor kept.
    pub ambiguous: u64,
    /// Acknowledged rows that were missing afterwards (RPO); `None`: nobody could look.
    pub lost: Option<u64>,
    /// The first numbers of them.
    pub lost_numbers: Vec<u64>,
    /// Unanswered rows that were there afterwards; `None`: nobody could look.
    pub ambiguous_kept: Option<u64>,
    /// Rows acknowledged on an older timeline after one had been acknowledged on a newer one.
    pub split_brain: u64,
    /// Reads answered.
    pub reads: u64,
    /// Reads of the read port that a primary answered while there were replicas before.
    pub reads_by_primary: u64,
    /// Reads that lacked a row acknowledged ten seconds before they were asked.
    pub reads_stale: u64,
    /// Reads that showed a row which was missing afterwards.
    pub reads_of_lost_rows: u64,
    /// Who served writes, in order.
    #[serde(rename = "stretches")]
    pub serving_periods: Vec<ServingPeriod>,
    /// What clients of each pooler noticed; empty: none was written through, or the report is of a version that did not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pooled: Vec<PooledFigures>,
    /// How far the times can be wrong: the most by which the probe itself was late. The probe samples in steps, so that an
    /// outage is known no better than `precision` besides.
    pub clock_error: Duration,
    /// The step.
    pub interval: Duration,
    /// How exactly begin and end of the outage are known, from what was sampled around them; `None`: there was no outage,
    /// its end was not seen, or the report is of a version that did not tell.
    #[serde(default)]
    pub precision: Option<Precision>,
}

/// How much earlier the outage may have ended, and how much later begun, than the samples tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Precision {
    /// From the last acknowledged row to the first attempt that failed, or between the last two acknowledged rows where
    /// that is more.
    pub begin: Duration,
    /// From the last attempt that failed to the first acknowledged row, or between the first two acknowledged rows where
    /// that is more.
    pub end: Duration,
}

impl Precision {
    /// Both together: the most by which the RTO can be too long.
    pub fn total(self) -> Duration {
        self.begin + self.end
    }
}

impl Figures {
    /// The RTO; `None`: nothing was broken, or writes did not come back.
    pub fn rto(&self) -> Option<Duration> {
        self.outage.and_then(ServiceGap::length)
    }

    /// Reads served by a node that should not have.
    pub fn wrong_reads(&self) -> u64 {
        self.reads_by_primary + self.reads_stale + self.reads_of_lost_rows
    }
}

/// A time in which one node served writes on one timeline.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServingPeriod {
    /// First acknowledgement.
    pub from: Duration,
    /// Last acknowledgement.
    pub to: Duration,
    /// The member where its start was observed, else its address.
    pub node: Text,
    /// Timeline; `None`: it did not tell.
    pub timeline: Option<Timeline>,
    /// Writes.
    pub writes: u64,
}

impl DrillReport {
    /// The RTO where it may be compared with others: the drill was gone through, and writes came back.
    pub fn comparable(&self) -> Option<Duration> {
        if self.cut_short { None } else { self.figures.rto() }
    }

    /// Whether the outage kept to the target; `None`: there is no target, or the drill was cut short. An outage whose end
    /// was not seen did not.
    pub fn meets_target(&self) -> Option<bool> {
        let target = self.target?;
        if self.cut_short {
            return None;
        }
        Some(self.figures.rto().is_some_and(|rto| rto <= target))
    }
}
