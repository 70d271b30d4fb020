//! The traits through which the observer, discovery and `doctor` reach any driver, and the data that passes.
//!
//! A driver never decides when it is asked: cadence, deadlines, back-off and cancellation belong to the observer.

pub mod drill;

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::action::Intent;
use crate::action::escort::{LeadRecord, LeadWord};
use crate::action::order::{Order, RouterRequest};
use crate::action::permit::Permit;
use crate::action::plan::{Impossible, Plan, Step};
use crate::action::record::{ActionId, Operator};
use crate::model::agent::{Address, AgentReport, Registration};
use crate::model::checkup::CheckLine;
use crate::model::dcs::DcsMember;
use crate::model::inventory::{FoundCluster, Place};
use crate::model::metrics::MetricsReport;
use crate::model::moment::Moment;
use crate::model::name::{NodeName, RouterName};
use crate::model::parts::{BackupReport, PoolerReport, RuntimeReport};
use crate::model::postgres::SqlReport;
use crate::model::record::ClusterRecord;
use crate::model::router::{ProxyRow, RouterReport, RuntimeLevel};
use crate::model::snapshot::Snapshot;
use crate::model::source::{Source, SourceError, Trouble};
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

    /// Every node that the configuration names, given what is on record: ports that it does not name are taken from there.
    /// The caller finds out which of them the members are.
    fn places(&self, _registered: &[Registration]) -> Vec<Place> {
        Vec::new()
    }

    /// Whether an address that the operator typed is a better way to a member than what it advertises: nothing maps the
    /// latter where there is no file.
    fn prefers_configured(&self) -> bool {
        false
    }

    /// Sources that ask whoever is at a place whose name is not known. SQL is not among them: a stranger gets no login.
    fn probes(&self, contact: &Contact) -> Vec<Box<dyn Observe>> {
        self.sources(contact)
    }

    /// The SQL of such a place: asked once its agent has said that it is of this cluster, or has said nothing.
    fn probe_sql(&self, _contact: &Contact) -> Option<Box<dyn Observe>> {
        None
    }

    /// Asks the store which clusters it has, where it is in doubt which is meant; `None`: there is none to ask.
    fn clusters(&self) -> Option<Box<dyn Observe>> {
        None
    }

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

/// Makes plans for one kind of cluster. Pure: the same picture and intent give the same plan.
pub trait Manage: Send + Sync {
    /// The plan that would bring `intent` about, seen from `snapshot`.
    ///
    /// # Errors
    /// What this cluster cannot do, or what is missing to plan it (a leader, a member of that name).
    fn plan(&self, snapshot: &Snapshot, intent: &Intent) -> Result<Plan, Impossible>;
}

/// What a reply means for the order. Decided by the driver, which knows its wire; never by whoever reads the words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplyVerdict {
    /// Taken. A taken order is not yet a done one.
    Accepted,
    /// Refused, and proven that nothing was begun.
    RefusedNothingBegun,
    /// Refused, or broken off, in a way that proves nothing: it may have happened in whole or in part, or happen yet.
    RefusedMayHappen,
}

/// What came back from the far end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reply {
    /// What it means.
    pub verdict: ReplyVerdict,
    /// Its own words, cleaned, with its status where it has one: `200 Successfully switched over to "pg-1"`.
    pub words: Text,
}

impl Reply {
    /// It took the order.
    pub fn accepted(words: impl AsRef<str>) -> Self {
        Self { verdict: ReplyVerdict::Accepted, words: Text::redacted(words) }
    }

    /// It refused, and nothing was begun.
    pub fn refused(words: impl AsRef<str>) -> Self {
        Self { verdict: ReplyVerdict::RefusedNothingBegun, words: Text::redacted(words) }
    }

    /// It refused, and that proves nothing.
    pub fn in_doubt(words: impl AsRef<str>) -> Self {
        Self { verdict: ReplyVerdict::RefusedMayHappen, words: Text::redacted(words) }
    }

    /// Whether it took the order.
    pub fn is_accepted(&self) -> bool {
        self.verdict == ReplyVerdict::Accepted
    }
}

/// Why there is no reply.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotPerformed {
    /// Proven that nothing reached the far end.
    #[error("not sent: {0}")]
    NotSent(SourceError),
    /// It was sent, or may have been, and nobody answered: it may happen yet. Never sent again.
    #[error("no answer: {0}")]
    NoAnswer(SourceError),
}

/// Nothing was sent to `place`, since what spoke for it had lapsed when the connection stood.
pub fn not_any_more(place: &str) -> NotPerformed {
    let words = "not sent: the proof was too old when the connection stood";
    NotPerformed::NotSent(SourceError::new(Trouble::Unsupported, place, words))
}

/// Carries out the orders of a permitted plan. Made only where a `WriteAccess` was granted.
pub trait Act: Send {
    /// Sends one order, once. `Order::Await` sends nothing and `Order::Escort` is a [`Companion`]'s: neither comes here.
    ///
    /// # Errors
    /// When there is no reply; whether anything was sent is told apart.
    fn perform<'a>(&'a mut self, step: &'a Step, permit: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>>;

    /// Sends the undo of a temporary step, once. It needs no permit that is still valid: what was made must be unmade.
    ///
    /// # Errors
    /// As [`Act::perform`].
    fn undo<'a>(&'a mut self, order: &'a Order, permit: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>>;
}

/// Whether something may still be sent.
pub type Still<'a> = &'a (dyn Fn() -> bool + Send + Sync);

/// Goes alongside a change of leader: looks directly, many times a second for some seconds, and tells routers of the health
/// of servers. Calls may run at once; each is safe to drop at any await point, and ends by a deadline of its own. Made only
/// where a `WriteAccess` was granted.
pub trait Companion: Send + Sync {
    /// The lead as the DCS has it, read with the majority.
    ///
    /// # Errors
    /// When nobody answers for the majority.
    fn record(&self) -> BoxFuture<'_, Result<LeadRecord, SourceError>>;

    /// PostgreSQL of a member, on a session that is kept between calls, or by a new login where it has ended.
    ///
    /// # Errors
    /// Whatever kept it from answering. A server that ended the session because it shuts down is not ready, though nothing
    /// listens any more by the time of the new login.
    fn postgres<'a>(&'a self, member: &'a NodeName) -> BoxFuture<'a, Result<LeadWord, SourceError>>;

    /// Whether the agent of a member answers 200 to `/primary`, which is what routers ask it.
    ///
    /// # Errors
    /// When it does not answer.
    fn is_primary<'a>(&'a self, member: &'a NodeName) -> BoxFuture<'a, Result<bool, SourceError>>;

    /// The servers of a backend, by the router's runtime API.
    ///
    /// # Errors
    /// When it does not answer.
    fn servers<'a>(
        &'a self,
        router: &'a RouterName,
        backend: &'a Text,
    ) -> BoxFuture<'a, Result<Vec<ProxyRow>, SourceError>>;

    /// Tells a router, once, and reads back. `still` is asked when the connection stands and the next thing is to write:
    /// what a proof allowed a while ago may be wrong by then. Where it says no, nothing is sent.
    ///
    /// # Errors
    /// When there is no reply; whether anything was sent is told apart.
    fn tell<'a>(
        &'a self,
        router: &'a RouterName,
        request: &'a RouterRequest,
        permit: &'a Permit,
        still: Still<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>>;
}

/// Who holds the operation lock of a cluster, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claim {
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
        "{} of {} holds the operation lock since {}; should its process have died, the lock expires {}",
        .claim.verb, .claim.operator, .claim.since, Within(*.left)
    )]
    Taken {
        /// Who, and why.
        claim: Box<Claim>,
        /// How long it lives on if its holder does nothing more; `None`: not known.
        left: Option<Duration>,
    },
    /// It was held, and is not any more.
    #[error("the operation lock was lost")]
    Lost,
    /// The place where it is kept cannot be reached or written.
    #[error("the operation lock cannot be had: {0}")]
    Unavailable(SourceError),
}

struct Within(Option<Duration>);

impl fmt::Display for Within {
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
    fn holder(&mut self) -> BoxFuture<'_, Result<Option<Claim>, LockError>>;

    /// Takes it, if it is free. Returns from when on its life counts: before the request was sent, since it may have been
    /// granted long before the answer came.
    ///
    /// # Errors
    /// When it is not free, or cannot be had.
    fn acquire<'a>(&'a mut self, claim: &'a Claim) -> BoxFuture<'a, Result<Instant, LockError>>;

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
}
