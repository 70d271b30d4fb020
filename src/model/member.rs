//! One database node: what its own wires say, kept apart by source.

use serde::Serialize;

use super::agent::{Address, AgentReport};
use super::lsn::Lsn;
use super::metrics::MetricsReport;
use super::moment::Moment;
use super::name::NodeName;
use super::observed::Reading;
use super::postgres::{Invalidation, SqlReport};
use super::text::Text;
use super::trend::Trend;

/// Members of one cluster that are followed at most: each costs several connections, and whoever can write member keys must
/// not choose how many.
pub const MAX_FOLLOWED: usize = 64;

/// Whether a member is where one expects it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// In the DCS.
    Present,
    /// Not in the DCS, though it was there or the configuration names it. One that was only seen there stays on the screen
    /// until dismissed.
    Missing {
        /// When it vanished from the DCS; of one that was never seen there, when the DCS was first read without it.
        since: Moment,
    },
    /// The configuration names it, and the DCS has not been read yet: whether it is there is unknown.
    Unconfirmed,
}

/// One member of the cluster. `None` for a reading means that nothing is configured to ask it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Member {
    /// Name.
    pub name: NodeName,
    /// Whether it is on record.
    pub presence: Presence,
    /// Where the configuration names it, such as `patroni.urls, address_map`; `None`: it is known by the DCS alone.
    pub named_by: Option<Text>,
    /// Where its agent is asked: URL after address mapping, without credentials.
    pub agent_url: Option<Text>,
    /// Where its PostgreSQL is asked, after address mapping.
    pub postgres_address: Option<Address>,
    /// The agent's word.
    pub agent: Option<Reading<AgentReport>>,
    /// PostgreSQL's own word.
    pub sql: Option<Reading<SqlReport>>,
    /// The agent's `/metrics`.
    pub agent_metrics: Option<Reading<MetricsReport>>,
    /// `postgres_exporter`.
    pub exporter: Option<Reading<MetricsReport>>,
    /// Where its lag in bytes is going; `None`: it was not watched for long enough, or has none.
    pub lag_trend: Option<Trend>,
    /// The latest moment of which it is known that the standby has replayed by now all that there was then, by its own word
    /// and, as far as that is known, by the leader's; or
    /// since when it was watched without getting so far. `None`: it was not watched for long enough.
    pub replayed_all: Option<Moment>,
    /// When WAL last came to a standby, as far as it was watched; `None`: nobody saw any come.
    pub fed_at: Option<Moment>,
    /// Slots that were dropped and made again under the same name while they were watched.
    pub remade_slots: Vec<RemadeSlot>,
}

/// A replication slot that was made anew: whoever consumed from the old one of that name gets what comes from now on, and
/// not what is between.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RemadeSlot {
    /// Name of the slot.
    pub name: Text,
    /// When the new one was first seen.
    pub at: Moment,
    /// Why the old one could be used no more, where that was seen.
    pub reason: Option<Invalidation>,
    /// Up to where the consumer of the old one had got.
    pub old: Option<Lsn>,
    /// Where the new one begins.
    pub new: Option<Lsn>,
}

impl RemadeSlot {
    /// Bytes of WAL between both, which no consumer is ever sent; `None`: not known.
    pub fn missing(&self) -> Option<u64> {
        Some(self.old?.bytes_to(self.new?))
    }
}

impl Member {
    /// A member that nobody has been asked about.
    pub fn new(name: NodeName) -> Self {
        Self {
            name,
            presence: Presence::Present,
            named_by: None,
            agent_url: None,
            postgres_address: None,
            agent: None,
            sql: None,
            agent_metrics: None,
            exporter: None,
            lag_trend: None,
            replayed_all: None,
            fed_at: None,
            remade_slots: Vec::new(),
        }
    }
}
