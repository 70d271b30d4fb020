//! The picture of one cluster at one moment.

mod health;
mod sources;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::Serialize;

use super::dcs::DcsMember;
use super::finding::Finding;
use super::inventory::{ConfiguredNode, FoundCluster};
use super::lsn::{SystemId, Timeline};
use super::member::Member;
use super::moment::{Moment, StartTime};
use super::name::{ClusterName, NodeName};
use super::observed::{Observed, Reading, best};
use super::parts::{BackupReport, RuntimeReport};
use super::pooler::PoolerReport;
use super::record::{ClusterRecord, OperationLock, PendingOrder};
use super::router::{Router, ServerOwners};
use super::stack::StackTraits;
use super::text::Text;
use super::thresholds::Thresholds;
use super::view::MemberView;
use super::writers::Writes;

pub use health::ClusterHealth;
pub use sources::SourceStatus;

/// Which kind of high-availability manager runs the cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StackKind {
    /// Patroni.
    Patroni,
    /// Plain streaming replication: a primary and its standbys, with nobody to manage them.
    Streaming,
    /// The simulated cluster.
    Simulated,
}

/// Who the cluster is, and what the configuration says of it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Identity {
    /// Name in the configuration.
    pub name: ClusterName,
    /// Kind of stack.
    pub kind: StackKind,
    /// What that kind of stack has.
    #[serde(rename = "has")]
    pub traits: StackTraits,
    /// Patroni's scope.
    pub scope: Option<Text>,
    /// Patroni's namespace.
    pub namespace: Option<Text>,
    /// Colour of the cluster's name, as the configuration names it.
    pub colour: Option<Text>,
    /// Nothing may be done to it.
    pub read_only: bool,
    /// Actions need a reason.
    pub protected: bool,
}

/// The DCS of the cluster.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Dcs {
    /// The DCS's own members, one an endpoint.
    pub members: Vec<Reading<DcsMember>>,
    /// Every cluster that the store has; `None`: nobody asked, since nothing was in doubt.
    pub clusters: Option<Reading<Vec<FoundCluster>>>,
    /// Nobody configured the namespace: it is Patroni's default for want of a word.
    pub namespace_is_assumed: bool,
}

/// The picture of one cluster at one moment: what each source last said, and what follows from it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Snapshot {
    /// Who it is.
    pub identity: Identity,
    /// The observer's clock when the picture was put together.
    pub now: Moment,
    /// The wall clock at the same moment.
    pub wall: Timestamp,
    /// Limits in force.
    pub thresholds: Thresholds,
    /// Members in order of name.
    pub members: Vec<Member>,
    /// What the configuration names, and which node each turned out to be.
    #[serde(rename = "places")]
    pub configured_nodes: Vec<ConfiguredNode>,
    /// The cluster's record: the DCS's own first, then what a node relays. Empty: nobody keeps one.
    pub records: Vec<Reading<ClusterRecord>>,
    /// The DCS.
    pub dcs: Dcs,
    /// Routers.
    pub routers: Vec<Router>,
    /// Poolers.
    pub poolers: Vec<Reading<PoolerReport>>,
    /// Backup repositories.
    pub backups: Vec<Reading<BackupReport>>,
    /// Container runtimes.
    pub runtimes: Vec<Reading<RuntimeReport>>,
    /// Since when maintenance mode is on; `None`: it is off, or nobody can tell.
    pub paused_since: Option<StartTime>,
    /// Who switched maintenance mode on: the holder of the operation lock under which it was seen to begin. `None`: it is
    /// off, or was switched on by other means, or nobody here saw it begin.
    pub paused_by: Option<Text>,
    /// A scheduled switchover whose time has come and gone without it; `None`: none was seen to be missed since the leader
    /// changed last.
    pub missed_switchover: Option<PendingOrder>,
    /// What is wrong, in the order of [`Finding::urgency`]: what somebody has acknowledged comes last.
    pub findings: Vec<Finding>,
    /// Findings in the making, in the same order: seen, and told once they have lasted `thresholds.settle`.
    #[serde(rename = "settling")]
    pub pending_findings: Vec<Finding>,
    /// Whose the routers' servers are, once the picture is finished.
    #[serde(skip)]
    pub owners: ServerOwners,
}

impl Snapshot {
    /// A picture before anything was asked.
    pub fn empty(identity: Identity, thresholds: Thresholds, now: Moment, wall: Timestamp) -> Self {
        Self {
            identity,
            now,
            wall,
            thresholds,
            members: Vec::new(),
            configured_nodes: Vec::new(),
            records: Vec::new(),
            dcs: Dcs::default(),
            routers: Vec::new(),
            poolers: Vec::new(),
            backups: Vec::new(),
            runtimes: Vec::new(),
            paused_since: None,
            paused_by: None,
            missed_switchover: None,
            findings: Vec::new(),
            pending_findings: Vec::new(),
            owners: ServerOwners::default(),
        }
    }

    /// The member called `name`.
    pub fn member(&self, name: &NodeName) -> Option<&Member> {
        self.members.iter().find(|member| member.name == *name)
    }

    /// A member in the light of all sources.
    pub fn view<'a>(&'a self, member: &'a Member) -> MemberView<'a> {
        MemberView { snapshot: self, member }
    }

    /// Every member in the light of all sources.
    pub fn views(&self) -> impl Iterator<Item = MemberView<'_>> {
        self.members.iter().map(|member| self.view(member))
    }

    /// The record to believe: a fresh one before a stale one, etcd's own before a relayed one.
    pub fn record(&self) -> Option<&Reading<ClusterRecord>> {
        let fresh = self.records.iter().find(|reading| reading.is_fresh(self.now));
        fresh.or_else(|| self.records.iter().find(|reading| reading.answer.is_some()))
    }

    /// A part of the record with its source and age.
    pub fn from_record<U>(&self, part: impl Fn(&ClusterRecord) -> Option<U>) -> Option<Observed<U>> {
        self.record().and_then(|reading| reading.fact(self.now, part))
    }

    /// Who acts on the cluster at present: by the record, else by the session on a node that holds an advisory lock for it.
    pub fn operation_lock(&self) -> Option<Observed<OperationLock>> {
        let recorded = self.from_record(|content| content.lock.clone());
        if recorded.is_some() {
            return recorded;
        }
        let on_nodes = || {
            let readings = self.members.iter().filter_map(|member| member.sql.as_ref());
            readings.filter_map(|sql| sql.fact(self.now, |report| report.operation_lock.clone()))
        };
        on_nodes().find(|lock| lock.fresh).or_else(|| on_nodes().next())
    }

    /// Who leads: the lock's holder by the best record; without any record, the one node that says it is the primary.
    pub fn leader(&self) -> Option<Observed<NodeName>> {
        let by_record = self.from_record(|content| content.leader.as_ref().map(|leader| leader.holder.clone()));
        if by_record.as_ref().is_some_and(|leader| leader.fresh) || self.keeps_a_fresh_record() {
            return by_record;
        }
        let writes = |view: MemberView<'_>| match view.writes() {
            Writes::Yes(word) => Some(word.map(|_| view.name().clone())),
            Writes::No(_) | Writes::Unknown => None,
        };
        let mut claimants: Vec<_> = self.views().filter_map(writes).collect();
        if claimants.len() == 1 { claimants.pop() } else { by_record }
    }

    /// Who leads, where nothing leaves room for another: as [`Snapshot::leader`], but nobody where no record is kept and a
    /// node cannot be asked whether it takes writes too.
    pub fn undoubted_leader(&self) -> Option<Observed<NodeName>> {
        if self.doubt().is_some() { None } else { self.leader() }
    }

    /// Why nobody can be named as the leader, where no record is kept and the nodes' words do not tell.
    pub fn doubt(&self) -> Option<Observed<Text>> {
        self.from_record(|record| record.doubt().cloned()).filter(|doubt| doubt.fresh)
    }

    /// Whether a record that somebody keeps is fresh: one that was put together from the nodes' words adds nothing to them.
    pub fn keeps_a_fresh_record(&self) -> bool {
        let kept = |reading: &&Reading<ClusterRecord>| reading.last().is_some_and(|record| record.patroni().is_some());
        self.records.iter().filter(kept).any(|reading| reading.is_fresh(self.now))
    }

    /// Whether any record is fresh.
    pub fn record_is_fresh(&self) -> bool {
        self.records.iter().any(|reading| reading.is_fresh(self.now))
    }

    /// Timeline of the leader.
    pub fn timeline(&self) -> Option<Observed<Timeline>> {
        let leader = self.leader()?;
        let member = self.member(&leader.value)?;
        self.view(member).timeline()
    }

    /// System identifier by the best source.
    pub fn system_id(&self) -> Option<Observed<SystemId>> {
        let by_node = |view: MemberView<'_>| view.system_id();
        best(std::iter::once(self.from_record(|content| content.system_id)).chain(self.views().map(by_node)))
    }

    /// Whether maintenance mode is on, and who says so. `None`: nobody can tell.
    pub fn paused(&self) -> Option<Observed<bool>> {
        let by_agent = |view: MemberView<'_>| {
            view.member.agent.as_ref().and_then(|agent| agent.fact(self.now, |report| Some(report.paused)))
        };
        best(std::iter::once(self.from_record(|content| Some(content.is_paused()))).chain(self.views().map(by_agent)))
    }

    /// Whether the cluster follows another cluster: by its configuration, or, where that is not known, by what a member
    /// calls itself.
    pub fn is_standby_cluster(&self) -> bool {
        let configured = self.from_record(|content| content.config().map(|config| config.standby_cluster));
        configured.map_or_else(
            || {
                let leads = |view: MemberView<'_>| view.agent_role().filter(|role| role.fresh);
                self.views().filter_map(leads).any(|role| role.value == super::role::Role::StandbyLeader)
            },
            |standby| standby.value,
        )
    }
}
