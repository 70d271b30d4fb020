//! The traits through which the observer, discovery and `doctor` reach any driver, and the data that passes.
//!
//! A driver never decides when it is asked: cadence, deadlines, back-off and cancellation belong to the observer.

use std::time::Duration;

use futures::future::BoxFuture;

use crate::model::agent::{Address, AgentReport, Registration};
use crate::model::checkup::CheckLine;
use crate::model::dcs::{DcsContent, DcsMember};
use crate::model::metrics::MetricsReport;
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::parts::{BackupReport, PoolerReport, RuntimeReport};
use crate::model::postgres::SqlReport;
use crate::model::router::RouterReport;
use crate::model::source::{Source, SourceError};
use crate::model::text::Text;

/// What one answer of one source holds. Which reading it belongs to follows from the [`Source`] that gave it.
#[derive(Clone, PartialEq, Debug)]
pub enum Facts {
    /// An agent's word on its node ([`SourceKind::PatroniRest`](crate::model::source::SourceKind)).
    Agent(Box<AgentReport>),
    /// The cluster's record (`Etcd`, `PatroniCluster`).
    Record(Box<DcsContent>),
    /// A DCS member's word on itself (`EtcdMember`).
    DcsMember(Box<DcsMember>),
    /// A node's word over SQL (`Sql`).
    Sql(Box<SqlReport>),
    /// A router's statistics (`RouterHttp`, `RouterRuntime`).
    Router(Box<RouterReport>),
    /// A Prometheus endpoint (`PatroniMetrics`, `Exporter`).
    Metrics(MetricsReport),
    /// A pooler (`Pooler`).
    Pooler(PoolerReport),
    /// A backup repository (`Backup`).
    Backup(BackupReport),
    /// A container runtime (`Runtime`).
    Runtime(RuntimeReport),
}

/// How a source wants to be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// Ask once every refresh interval of the cluster.
    Each,
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
    fn pace(&self) -> Pace;

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
pub struct Contact {
    /// Member.
    pub name: NodeName,
    /// Base URL of its agent; `None`: unknown or not configured.
    pub agent_url: Option<Text>,
    /// Its PostgreSQL; `None`: unknown or not configured.
    pub postgres: Option<Address>,
    /// Its `postgres_exporter`; `None`: not configured.
    pub exporter_url: Option<Text>,
}

/// Makes sources for members that appear while the program runs.
pub trait NodeSources: Send + Sync {
    /// Where `member` is reached, given what is on record of it (`None`: only configured by hand).
    fn contact(&self, member: &NodeName, registration: Option<&Registration>) -> Contact;

    /// Sources that ask the member there. Called again when the contact changes.
    fn sources(&self, contact: &Contact) -> Vec<Box<dyn Observe>>;

    /// Sources that are asked of the member only where its agent does not call its PostgreSQL well in time.
    fn second_opinions(&self, _contact: &Contact) -> Vec<Box<dyn Observe>> {
        Vec::new()
    }
}

/// An endpoint that `doctor` can examine: reachability, certificate, credentials, privileges, version, clock.
pub trait Check: Send {
    /// Where.
    fn endpoint(&self) -> Text;

    /// Examines everything that can be examined; never stops at the first trouble.
    fn check(&mut self) -> BoxFuture<'_, Vec<CheckLine>>;
}
