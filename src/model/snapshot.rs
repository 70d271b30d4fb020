//! The picture of one cluster at one moment.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::dcs::DcsMember;
use super::finding::{Finding, Severity, Subject};
use super::inventory::{FoundCluster, Place};
use super::lsn::{SystemId, Timeline};
use super::member::Member;
use super::moment::{Began, Moment};
use super::name::{ClusterName, NodeName};
use super::observed::{Freshness, Observed, Reading, best};
use super::parts::{BackupReport, PoolerReport, RuntimeReport};
use super::record::{ClusterRecord, PendingOrder};
use super::router::Router;
use super::source::Source;
use super::text::Text;
use super::thresholds::Thresholds;
use super::view::MemberView;
use super::writers::Writes;

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

/// How the cluster does, in one word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wellbeing {
    /// Nothing to see.
    Well,
    /// Look.
    Look,
    /// Nothing fresh is known.
    Unknown,
    /// Act.
    Act,
}

/// State of one source at the snapshot's moment.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SourceStatus {
    /// Who.
    pub source: Source,
    /// How much to trust it.
    pub freshness: Freshness,
    /// Time since its last good answer.
    pub age: Option<Duration>,
    /// How long its last answer took.
    pub took: Option<Duration>,
    /// Its trouble in words.
    pub trouble: Option<String>,
    /// Where it was asked, as far as its trouble tells.
    pub endpoint: Option<Text>,
    /// What usually mends that.
    pub remedy: Option<String>,
    /// When it goes stale, or lost, if nothing more is heard.
    pub stale_at: Moment,
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
    pub places: Vec<Place>,
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
    pub paused_since: Option<Began>,
    /// Who switched maintenance mode on: the holder of the operation lock under which it was seen to begin. `None`: it is
    /// off, or was switched on by other means, or nobody here saw it begin.
    pub paused_by: Option<Text>,
    /// A scheduled switchover whose time has come and gone without it; `None`: none was seen to be missed since the leader
    /// changed last.
    pub missed_switchover: Option<PendingOrder>,
    /// What is wrong, in the order of [`Finding::urgency`]: what somebody has acknowledged comes last.
    pub findings: Vec<Finding>,
    /// Findings in the making, in the same order: seen, and told once they have lasted `thresholds.settle`.
    pub settling: Vec<Finding>,
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
            places: Vec::new(),
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
            settling: Vec::new(),
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
    pub fn recorded<U>(&self, part: impl Fn(&ClusterRecord) -> Option<U>) -> Option<Observed<U>> {
        self.record().and_then(|reading| reading.fact(self.now, part))
    }

    /// Who leads: the lock's holder by the best record; without any record, the one node that says it is the primary.
    pub fn leader(&self) -> Option<Observed<NodeName>> {
        let by_record = self.recorded(|content| content.leader.as_ref().map(|leader| leader.holder.clone()));
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
        self.recorded(|record| record.doubt().cloned()).filter(|doubt| doubt.fresh)
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
        best(std::iter::once(self.recorded(|content| content.system_id)).chain(self.views().map(by_node)))
    }

    /// Whether maintenance mode is on, and who says so. `None`: nobody can tell.
    pub fn paused(&self) -> Option<Observed<bool>> {
        let by_agent = |view: MemberView<'_>| {
            view.member.agent.as_ref().and_then(|agent| agent.fact(self.now, |report| Some(report.paused)))
        };
        best(std::iter::once(self.recorded(|content| Some(content.is_paused()))).chain(self.views().map(by_agent)))
    }

    /// Whether the cluster follows another cluster: by its configuration, or, where that is not known, by what a member
    /// calls itself.
    pub fn is_standby_cluster(&self) -> bool {
        let configured = self.recorded(|content| content.config().map(|config| config.standby_cluster));
        configured.map_or_else(
            || {
                let leads = |view: MemberView<'_>| view.agent_role().filter(|role| role.fresh);
                self.views().filter_map(leads).any(|role| role.value == super::role::Role::StandbyLeader)
            },
            |standby| standby.value,
        )
    }

    /// The worst finding that nobody has acknowledged.
    pub fn worst(&self) -> Option<&Finding> {
        self.findings.first().filter(|finding| finding.acknowledged.is_none())
    }

    /// Everything found in the one order for lists and headlines, each with whether it is still in the making: what nobody
    /// has acknowledged first, then by severity; of one severity, what stands before what is in the making.
    pub fn ranked_findings(&self) -> Vec<(&Finding, bool)> {
        let standing = self.findings.iter().map(|finding| (finding, false));
        let mut all: Vec<_> = standing.chain(self.settling.iter().map(|finding| (finding, true))).collect();
        let rank = |finding: &Finding| (finding.acknowledged.is_none(), finding.severity);
        all.sort_by(|(one, making), (other, other_making)| {
            let by_rank = rank(other).cmp(&rank(one)).then_with(|| making.cmp(other_making));
            by_rank.then_with(|| one.urgency(other))
        });
        all
    }

    /// The worst finding in the making that would be worth a look.
    pub fn worst_settling(&self) -> Option<&Finding> {
        self.settling.first().filter(|finding| finding.acknowledged.is_none() && finding.severity >= Severity::Warning)
    }

    /// Members on record that are known not to be in order, those left aside whose trouble somebody has acknowledged.
    pub fn out_of_order(&self) -> impl Iterator<Item = MemberView<'_>> {
        let known_of = |view: &MemberView<'_>| {
            let acknowledged = self.findings.iter().filter(|finding| finding.acknowledged.is_some());
            let mut of_node = acknowledged.filter(|finding| finding.severity >= Severity::Warning);
            of_node.any(|finding| finding.subject == Subject::Node(view.name().clone()))
        };
        let present = self.views().filter(|view| !view.is_missing());
        present.filter(move |view| view.in_order() == Some(false) && !known_of(view))
    }

    /// Whether any source answers in time.
    pub fn sees_anything(&self) -> bool {
        let sees =
            |status: &SourceStatus| status.freshness == Freshness::Fresh && status.source.kind.tells_of_the_cluster();
        self.sources().iter().any(sees)
    }

    /// How the cluster does. Unknown when no source at all answers: an unseen cluster is not a well one; nor is one of
    /// which a member or a router has not been heard yet. One with a finding in the making, or with a member out of order,
    /// is worth a look.
    pub fn wellbeing(&self) -> Wellbeing {
        if !self.sees_anything() {
            return Wellbeing::Unknown;
        }
        match self.worst().map(|finding| finding.severity) {
            Some(Severity::Critical) => Wellbeing::Act,
            Some(Severity::Warning) => Wellbeing::Look,
            Some(Severity::Note) | None => {
                if self.worst_settling().is_some() || self.out_of_order().next().is_some() {
                    Wellbeing::Look
                } else if self.unheard().next().is_some() {
                    Wellbeing::Unknown
                } else {
                    Wellbeing::Well
                }
            }
        }
    }

    /// Sources that tell of the cluster's health and have not been heard yet, neither with an answer nor with a failure.
    pub fn unheard(&self) -> impl Iterator<Item = Source> + '_ {
        let now = self.now;
        let waiting =
            move |freshness: Freshness, source: &Source| (freshness == Freshness::Waiting).then(|| source.clone());
        let records = self.records.iter().filter_map(move |r| waiting(r.freshness(now), &r.source));
        let stores = self.dcs.members.iter().filter_map(move |r| waiting(r.freshness(now), &r.source));
        let agents = self
            .members
            .iter()
            .filter_map(move |member| member.agent.as_ref().and_then(|r| waiting(r.freshness(now), &r.source)));
        let servers = self
            .members
            .iter()
            .filter_map(move |member| member.sql.as_ref().and_then(|r| waiting(r.freshness(now), &r.source)));
        let routers = self.routers.iter().flat_map(|router| [&router.http, &router.runtime]).flatten();
        let routers = routers.filter_map(move |r| waiting(r.freshness(now), &r.source));
        records.chain(stores).chain(agents).chain(servers).chain(routers)
    }

    /// Whether anything fresh is known of this very cluster: its record, or a member's word. A store or a router that
    /// answers may belong to another.
    pub fn knows_the_cluster(&self) -> bool {
        let now = self.now;
        let speaks = |member: &Member| {
            member.agent.as_ref().is_some_and(|agent| agent.is_fresh(now))
                || member.sql.as_ref().is_some_and(|sql| sql.is_fresh(now))
        };
        self.record_is_fresh() || self.members.iter().any(speaks)
    }

    /// Every configured source and its state.
    pub fn sources(&self) -> Vec<SourceStatus> {
        let now = self.now;
        let mut all = Vec::new();
        all.extend(self.records.iter().map(|r| status(r, now)));
        all.extend(self.dcs.members.iter().map(|r| status(r, now)));
        all.extend(self.dcs.clusters.iter().map(|r| status(r, now)));
        for member in &self.members {
            all.extend(member.agent.iter().map(|r| status(r, now)));
            all.extend(member.sql.iter().map(|r| status(r, now)));
            all.extend(member.agent_metrics.iter().map(|r| status(r, now)));
            all.extend(member.exporter.iter().map(|r| status(r, now)));
        }
        for router in &self.routers {
            all.extend(router.http.iter().map(|r| status(r, now)));
            all.extend(router.runtime.iter().map(|r| status(r, now)));
            all.extend(router.acting.iter().map(|r| status(r, now)));
        }
        all.extend(self.poolers.iter().map(|r| status(r, now)));
        all.extend(self.backups.iter().map(|r| status(r, now)));
        all.extend(self.runtimes.iter().map(|r| status(r, now)));
        all
    }

    /// Age of the picture: the age of the oldest answer among the sources that still answer in time, those left aside
    /// that are asked at a slower pace of their own, since their answers are meant to be older. `None` where none does.
    pub fn age(&self, now: Moment) -> Option<Duration> {
        let extra = now.since(self.now);
        let sources = self.sources();
        let fresh = sources.iter().filter(|status| status.freshness == Freshness::Fresh);
        // Age of each answer, and the age at which it would be stale.
        let ages = fresh.filter_map(|status| Some((status.age?, status.stale_at.since(self.now) + status.age?)));
        let ages: Vec<(Duration, Duration)> = ages.collect();
        let quickest = ages.iter().map(|(_, stale_after)| *stale_after).min()?;
        let in_pace = ages.iter().filter(|(_, stale_after)| *stale_after <= quickest * 4);
        in_pace.map(|(age, _)| *age).max().map(|age| age + extra)
    }
}

impl SourceStatus {
    /// Who, and where that was asked, for a line about its trouble: `REST pg-1 at http://pg-1:8008`.
    pub fn place(&self) -> String {
        match &self.endpoint {
            Some(endpoint) if !endpoint.is_empty() && *endpoint != self.source.target => {
                format!("{} at {endpoint}", self.source)
            }
            Some(_) | None => self.source.to_string(),
        }
    }
}

fn status<T>(reading: &Reading<T>, now: Moment) -> SourceStatus {
    SourceStatus {
        source: reading.source.clone(),
        freshness: reading.freshness(now),
        age: reading.age(now),
        took: reading.answer.as_ref().map(|answer| answer.took),
        trouble: reading.trouble(now).map(|(words, _)| words),
        endpoint: reading.failure.as_ref().map(|failure| failure.error.endpoint.clone()),
        remedy: reading.remedy().map(ToOwned::to_owned),
        stale_at: reading.stale_at(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::source::SourceKind;
    use crate::model::text::Text;

    /// A cluster of which nothing was heard in the first minute.
    fn after_a_minute() -> Snapshot {
        let identity = Identity {
            name: ClusterName::new("prod-eu"),
            kind: StackKind::Patroni,
            scope: None,
            namespace: None,
            colour: None,
            read_only: false,
            protected: false,
        };
        let now = Moment::START + Duration::from_secs(60);
        Snapshot::empty(identity, Thresholds::default(), now, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_source_with_a_slow_pace_does_not_make_the_picture_look_old() {
        let second = Duration::from_secs(1);
        let mut snapshot = after_a_minute();
        let now = snapshot.now;
        let answered = |reading: &mut Reading<BackupReport>, ago: Duration| {
            let report = BackupReport { tool: Text::new("pgbackrest"), backups: Vec::new() };
            reading.take(now - ago, second, Ok(Arc::new(report)));
        };
        for (target, stale_after, ago) in [("quick", second * 4, second), ("slow", second * 120, second * 45)] {
            let mut reading = Reading::unasked(Source::new(SourceKind::Backup, target), stale_after, Moment::START);
            answered(&mut reading, ago);
            snapshot.backups.push(reading);
        }
        assert_eq!(snapshot.age(now + second), Some(second * 2));
    }

    #[test]
    fn a_container_engine_that_answers_sees_nothing_of_the_cluster() {
        let second = Duration::from_secs(1);
        let mut snapshot = after_a_minute();
        let now = snapshot.now;
        let mut reading = Reading::unasked(Source::new(SourceKind::Runtime, "init"), second * 60, Moment::START);
        let report = RuntimeReport { version: Text::default(), containers: Vec::new(), preparation: None };
        reading.take(now - second, second, Ok(Arc::new(report)));
        snapshot.runtimes.push(reading);
        assert!(!snapshot.sees_anything());
        assert_eq!(snapshot.wellbeing(), Wellbeing::Unknown);
    }
}
