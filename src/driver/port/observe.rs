//! Observing: one source, one question, one answer.

use std::time::Duration;

use futures::future::BoxFuture;

use crate::model::agent::{Address, AgentReport, Registration};
use crate::model::dcs::DcsMember;
use crate::model::inventory::{ConfiguredNode, FoundCluster};
use crate::model::metrics::MetricsReport;
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::parts::{BackupReport, RuntimeReport};
use crate::model::pooler::PoolerReport;
use crate::model::postgres::SqlReport;
use crate::model::record::ClusterRecord;
use crate::model::router::{RouterReport, RuntimeLevel};
use crate::model::source::{Source, SourceError};
use crate::model::text::Text;

/// What one answer of one source holds. Which reading it belongs to follows from the [`Source`] that gave it.
#[derive(Clone, PartialEq, Debug)]
pub enum Facts {
    /// An agent's word on its node ([`SourceKind::PatroniRest`](crate::model::source::SourceKind)).
    Agent(Box<AgentReport>),
    /// The cluster's record (`Etcd`, `PatroniCluster`).
    Record(Box<ClusterRecord>),
    /// A DCS member's word on itself (`EtcdMember`).
    DcsMember(Box<DcsMember>),
    /// Every cluster that the store has (`EtcdClusters`).
    Clusters(Vec<FoundCluster>),
    /// A node's word over SQL (`Sql`).
    Sql(Box<SqlReport>),
    /// A router's statistics (`RouterHttp`, `RouterRuntime`).
    Router(Box<RouterReport>),
    /// What a router's socket for acting allows (`RouterActing`).
    Level(RuntimeLevel),
    /// A Prometheus endpoint (`PatroniMetrics`, `Exporter`).
    Metrics(MetricsReport),
    /// A pooler (`Pooler`).
    Pooler(Box<PoolerReport>),
    /// A backup repository (`Backup`).
    Backup(BackupReport),
    /// A container runtime (`Runtime`).
    Runtime(RuntimeReport),
}

/// How a source wants to be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PollPace {
    /// Ask once every refresh interval of the cluster.
    Each,
    /// Ask somewhat less often, since other sources tell of a change first, but as often as they where something is being
    /// done to the cluster, after a failure, or where answers take their time.
    Relaxed,
    /// Ask at this slower pace of its own, whatever the refresh interval.
    Slow(Duration),
    /// The source speaks by itself: [`Observe::observe`] returns when something changed or, at the latest, after
    /// this long with what is known unchanged, so that silence means trouble. The observer sets no deadline of its
    /// own below twice this.
    Push(Duration),
}

/// A source that can be observed. One instance is driven by one task; at most one call is in flight.
pub trait Observe: Send {
    /// Who is asked.
    fn source(&self) -> &Source;

    /// Where, for messages: address or URL without credentials.
    fn endpoint(&self) -> Text;

    /// How often.
    fn pace(&self) -> PollPace;

    /// The next answer is to hold nothing that was asked before, also what the source asks for at a slower pace of its own.
    fn demand_all(&mut self) {}

    /// How long before it was handed over the last answer came, or the failure: where several share what one of them asked.
    fn lateness(&self) -> Duration {
        Duration::ZERO
    }

    /// Asks once. `now` is the observer's clock, for drivers that live on a virtual one; others ignore it.
    ///
    /// Must be safe to drop at any await point: the observer drops it at its deadline, and the next call starts from
    /// a fresh connection if the dropped one may have been left in the middle of an answer.
    ///
    /// # Errors
    /// Whatever kept the source from answering, with the endpoint named.
    fn observe(&mut self, now: Moment) -> BoxFuture<'_, Result<Facts, SourceError>>;
}

/// Where a member is reached from this host: advertised addresses after overrides and address map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberAddress {
    /// Member.
    pub name: NodeName,
    /// Base URL of its agent; `None`: unknown or not configured.
    pub agent_url: Option<Text>,
    /// Its PostgreSQL; `None`: unknown or not configured.
    pub postgres: Option<Address>,
    /// Its `postgres_exporter`; `None`: not configured.
    pub exporter_url: Option<Text>,
}

/// Where a member is reached at present.
pub type MemberAddresses = Box<dyn Fn(&NodeName) -> MemberAddress + Send + Sync>;

/// Makes sources for members that appear while the program runs.
pub trait NodeSources: Send + Sync {
    /// Where `member` is reached, given what is on record of it (`None`: only configured by hand).
    fn member_address(&self, member: &NodeName, registration: Option<&Registration>) -> MemberAddress;

    /// Sources that ask the member there. Called again when the contact changes.
    fn sources(&self, member_address: &MemberAddress) -> Vec<Box<dyn Observe>>;

    /// Every node that the configuration names, given what is on record: ports that it does not name are taken from there.
    /// The caller finds out which of them the members are.
    fn configured_nodes(&self, _registered: &[Registration]) -> Vec<ConfiguredNode> {
        Vec::new()
    }

    /// Whether an address that the operator typed is a better way to a member than what it advertises: nothing maps the
    /// latter where there is no file.
    fn prefers_configured(&self) -> bool {
        false
    }

    /// Sources that ask whoever is at a place whose name is not known. SQL is not among them: a stranger gets no login.
    fn probes(&self, member_address: &MemberAddress) -> Vec<Box<dyn Observe>> {
        self.sources(member_address)
    }

    /// The SQL of such a place: asked once its agent has said that it is of this cluster, or has said nothing.
    fn probe_sql(&self, _contact: &MemberAddress) -> Option<Box<dyn Observe>> {
        None
    }

    /// Asks the store which clusters it has, where it is in doubt which is meant; `None`: there is none to ask.
    fn clusters(&self) -> Option<Box<dyn Observe>> {
        None
    }

    /// Sources that are asked of the member only where its agent does not call its PostgreSQL well in time.
    fn second_opinions(&self, _contact: &MemberAddress) -> Vec<Box<dyn Observe>> {
        Vec::new()
    }
}
