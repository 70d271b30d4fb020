//! Puts what sources say in its place. Pure but for the values handed in: no task, no clock.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::driver::port::{Facts, MemberAddress};
use crate::model::agent::AgentReport;
use crate::model::inventory::{ConfiguredNode, NodeMatch};
use crate::model::member::{Member, Presence};
use crate::model::moment::Moment;
use crate::model::name::{NodeName, RouterName};
use crate::model::observed::Reading;
use crate::model::record::ClusterRecord;
use crate::model::router::RouterReport;
use crate::model::snapshot::{Identity, Snapshot};
use crate::model::source::{FailureKind, Source, SourceError, SourceKind};
use crate::model::text::Text;
use crate::model::thresholds::Thresholds;

/// The one kind of facts that a source may give. A driver that answers with another source's facts is a defect of
/// ours; it shows as trouble instead of as a panic.
macro_rules! only {
    ($source:expr, $outcome:expr, $variant:ident) => {
        $outcome.and_then(|facts| match facts {
            Facts::$variant(value) => Ok(Arc::from(value)),
            _ => Err(SourceError::new(FailureKind::UnexpectedAnswer, $source.to_string(), "facts of another kind")),
        })
    };
}

/// One attempt of one source, ended well or not.
#[derive(Debug)]
pub struct Observation {
    /// Who was asked.
    pub source: Source,
    /// When the attempt ended.
    pub at: Moment,
    /// How long it took.
    pub took: Duration,
    /// What came of it.
    pub outcome: Result<Facts, SourceError>,
}

/// The readings of one cluster, on the way to the next snapshot.
#[derive(Debug)]
pub struct Merge {
    picture: Snapshot,
    /// Rows of nodes that belong to another cluster: asked on, and not shown among the members.
    hidden: BTreeSet<NodeName>,
}

impl Merge {
    /// Begins with nothing asked.
    pub fn new(identity: Identity, thresholds: Thresholds, now: Moment, wall: Timestamp) -> Self {
        Self { picture: Snapshot::empty(identity, thresholds, now, wall), hidden: BTreeSet::new() }
    }

    /// Adds a router by name and purpose; its readings follow when its sources are announced.
    pub fn add_router(&mut self, router: crate::model::router::Router) {
        self.picture.routers.push(router);
    }

    /// Nobody configured the namespace.
    pub fn assume_namespace(&mut self) {
        self.picture.dcs.namespace_is_assumed = true;
    }

    /// Makes sure that `contact` has a row, with the addresses under which it is asked now. Whether a new one is in the DCS
    /// is unknown until [`Merge::mark_presence`] is told.
    pub fn add_member(&mut self, member_address: &MemberAddress) {
        let index = match self.picture.members.binary_search_by(|member| member.name.cmp(&member_address.name)) {
            Ok(index) => index,
            Err(index) => {
                let member = Member { presence: Presence::Unconfirmed, ..Member::new(member_address.name.clone()) };
                self.picture.members.insert(index, member);
                index
            }
        };
        if let Some(member) = self.picture.members.get_mut(index) {
            // What failed at one address says nothing of another, which is waited for like a new one.
            if member.agent_url != member_address.agent_url {
                member.agent.take_if(|agent| agent.answer.is_none());
            }
            if member.postgres_address != member_address.postgres {
                member.sql.take_if(|sql| sql.answer.is_none());
            }
            member.agent_url.clone_from(&member_address.agent_url);
            member.postgres_address.clone_from(&member_address.postgres);
        }
    }

    /// From now on a disagreement counts once it has lasted for `span`.
    pub fn settle_after(&mut self, span: Duration) {
        self.picture.thresholds.settle = span;
    }

    /// Forgets a member.
    pub fn remove_member(&mut self, name: &NodeName) {
        self.hidden.remove(name);
        self.picture.members.retain(|member| member.name != *name);
    }

    /// What the configuration names, and which node each place turned out to be. Rows in `hidden` are of another cluster.
    pub fn set_configured_nodes(&mut self, places: Vec<ConfiguredNode>, hidden: BTreeSet<NodeName>) {
        for member in &mut self.picture.members {
            let names_it = |place: &&ConfiguredNode| place.node_match == NodeMatch::Member(member.name.clone());
            member.named_by = places.iter().find(names_it).map(|place| Text::new(place.describe_origins()));
        }
        self.picture.configured_nodes = places;
        self.hidden = hidden;
    }

    /// The picture so far, rows of other clusters among its members.
    pub fn picture(&self) -> &Snapshot {
        &self.picture
    }

    /// A source is about to be asked: gives it a reading, so that its first answer is awaited visibly.
    pub fn announce(&mut self, source: &Source, stale_after: Duration, now: Moment) {
        let reading = || (source.clone(), stale_after, now);
        let picture = &mut self.picture;
        match source.kind {
            SourceKind::Etcd => insert_first(&mut picture.records, reading()),
            SourceKind::PatroniCluster => insert(&mut picture.records, reading()),
            SourceKind::EtcdMember => insert(&mut picture.dcs.members, reading()),
            SourceKind::EtcdClusters => renew(&mut picture.dcs.clusters, reading()),
            SourceKind::Pooler => insert(&mut picture.poolers, reading()),
            SourceKind::Backup => insert(&mut picture.backups, reading()),
            SourceKind::Runtime => insert(&mut picture.runtimes, reading()),
            // Put together from what the others say.
            SourceKind::Nodes => {}
            SourceKind::PatroniRest => {
                if let Some(member) = self.member(source) {
                    renew(&mut member.agent, reading());
                }
            }
            SourceKind::Sql => {
                if let Some(member) = self.member(source) {
                    renew(&mut member.sql, reading());
                }
            }
            SourceKind::PatroniMetrics => {
                if let Some(member) = self.member(source) {
                    renew(&mut member.agent_metrics, reading());
                }
            }
            SourceKind::Exporter => {
                if let Some(member) = self.member(source) {
                    renew(&mut member.exporter, reading());
                }
            }
            SourceKind::RouterHttp => {
                if let Some(router) = self.router(source) {
                    renew(&mut router.http, reading());
                }
            }
            SourceKind::RouterRuntime => {
                if let Some(router) = self.router(source) {
                    renew(&mut router.runtime, reading());
                }
            }
            SourceKind::RouterActing => {
                if let Some(router) = self.router(source) {
                    renew(&mut router.acting, reading());
                }
            }
        }
    }

    /// A source's cadence has changed.
    pub fn repace(&mut self, source: &Source, stale_after: Duration) {
        /// Sets the limit on the readings of `source`.
        fn set<'a, T: 'a>(
            readings: impl IntoIterator<Item = &'a mut Reading<T>>,
            source: &Source,
            stale_after: Duration,
        ) {
            for reading in readings.into_iter().filter(|reading| reading.source == *source) {
                reading.stale_after = stale_after;
            }
        }
        let picture = &mut self.picture;
        set(&mut picture.records, source, stale_after);
        set(&mut picture.dcs.members, source, stale_after);
        for member in &mut picture.members {
            set(&mut member.agent, source, stale_after);
            set(&mut member.sql, source, stale_after);
            set(&mut member.agent_metrics, source, stale_after);
            set(&mut member.exporter, source, stale_after);
        }
        for router in &mut picture.routers {
            set(&mut router.http, source, stale_after);
            set(&mut router.runtime, source, stale_after);
            set(&mut router.acting, source, stale_after);
        }
        set(&mut picture.poolers, source, stale_after);
        set(&mut picture.backups, source, stale_after);
        set(&mut picture.runtimes, source, stale_after);
    }

    /// Takes in one observation. One for a place that is gone (a member dismissed meanwhile) is dropped.
    pub fn take(&mut self, observation: Observation) {
        let Observation { source, at, took, outcome } = observation;
        let picture = &mut self.picture;
        match source.kind {
            SourceKind::Etcd | SourceKind::PatroniCluster => {
                if let Ok(Facts::Record(record)) = &outcome
                    && let Some(place) = &record.location
                {
                    let identity = &mut picture.identity;
                    identity.scope = Some(place.scope.clone());
                    identity.namespace = place.namespace.clone().or_else(|| identity.namespace.take());
                }
                put(find(&mut picture.records, &source), at, took, only!(source, outcome, Record));
            }
            SourceKind::EtcdMember => {
                put(find(&mut picture.dcs.members, &source), at, took, only!(source, outcome, DcsMember));
            }
            SourceKind::EtcdClusters => {
                let outcome = outcome.and_then(|facts| match facts {
                    Facts::Clusters(found) => Ok(Arc::new(found)),
                    _ => Err(SourceError::new(
                        FailureKind::UnexpectedAnswer,
                        source.to_string(),
                        "facts of another kind",
                    )),
                });
                put(picture.dcs.clusters.as_mut(), at, took, outcome);
            }
            SourceKind::Pooler => {
                put(find(&mut picture.poolers, &source), at, took, only!(source, outcome, Pooler));
            }
            SourceKind::Backup => {
                put(find(&mut picture.backups, &source), at, took, only!(source, outcome, Backup));
            }
            SourceKind::Nodes => {}
            SourceKind::Runtime => {
                put(find(&mut picture.runtimes, &source), at, took, only!(source, outcome, Runtime));
            }
            SourceKind::PatroniRest => {
                let place = self.member(&source).and_then(|member| member.agent.as_mut());
                put(place, at, took, only!(source, outcome, Agent));
            }
            SourceKind::Sql => {
                let place = self.member(&source).and_then(|member| member.sql.as_mut());
                put(place, at, took, only!(source, outcome, Sql));
            }
            SourceKind::PatroniMetrics => {
                let place = self.member(&source).and_then(|member| member.agent_metrics.as_mut());
                put(place, at, took, only!(source, outcome, Metrics));
            }
            SourceKind::Exporter => {
                let place = self.member(&source).and_then(|member| member.exporter.as_mut());
                put(place, at, took, only!(source, outcome, Metrics));
            }
            SourceKind::RouterHttp => {
                let place = self.router(&source).and_then(|router| router.http.as_mut());
                put(place, at, took, only!(source, outcome, Router));
            }
            SourceKind::RouterRuntime => {
                let place = self.router(&source).and_then(|router| router.runtime.as_mut());
                put(place, at, took, only!(source, outcome, Router));
            }
            SourceKind::RouterActing => {
                let place = self.router(&source).and_then(|router| router.acting.as_mut());
                put(place, at, took, only!(source, outcome, Level));
            }
        }
    }

    fn router_readings(&self) -> impl Iterator<Item = &Reading<RouterReport>> {
        self.picture.routers.iter().flat_map(|router| [&router.http, &router.runtime]).flatten()
    }

    fn agent_readings(&self) -> impl Iterator<Item = &Reading<AgentReport>> {
        self.picture.members.iter().filter_map(|member| member.agent.as_ref())
    }

    /// Whether a source of a member or of a router answered when it was asked last.
    pub fn answered(&self, source: &Source) -> bool {
        match source.kind {
            SourceKind::RouterHttp | SourceKind::RouterRuntime => answering(self.router_readings(), source).is_some(),
            SourceKind::PatroniRest => answering(self.agent_readings(), source).is_some(),
            SourceKind::Sql => {
                let readings = self.picture.members.iter().filter_map(|member| member.sql.as_ref());
                answering(readings, source).is_some()
            }
            _ => false,
        }
    }

    /// Whether an answer only confirms, for all that anything follows from but positions, what the same source said last and
    /// what still counts: an answer after a silence is news, whatever it says.
    pub fn is_confirmed_by(&self, observation: &Observation) -> bool {
        let (source, now) = (&observation.source, observation.at);
        match &observation.outcome {
            Ok(Facts::Agent(report)) => {
                let known = answering(self.agent_readings(), source).and_then(|reading| reading.fresh(now));
                known.is_some_and(|known| known.says_the_same_as(report))
            }
            Ok(Facts::DcsMember(member)) => {
                let known = answering(&self.picture.dcs.members, source).and_then(|reading| reading.fresh(now));
                known.is_some_and(|known| known.says_the_same_as(member))
            }
            Ok(Facts::Router(report)) => {
                let known = answering(self.router_readings(), source).and_then(|reading| reading.fresh(now));
                known.is_some_and(|known| known.leads_to_the_same_servers(report))
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// The record to follow for membership: fresh ones only, since an old list must not make members vanish.
    pub fn fresh_record(&self, now: Moment) -> Option<&ClusterRecord> {
        self.picture.records.iter().find_map(|reading| reading.fresh(now))
    }

    /// Marks members that are off the record, and those that came back. A configured address is no registration.
    pub fn mark_presence(&mut self, on_record: &[NodeName], now: Moment) {
        for member in &mut self.picture.members {
            member.presence = match (on_record.contains(&member.name), member.presence) {
                (true, _) => Presence::Present,
                (false, missing @ Presence::Missing { .. }) => missing,
                (false, Presence::Present | Presence::Unconfirmed) => Presence::Missing { since: now },
            };
        }
    }

    /// Members known so far.
    pub fn members(&self) -> &[Member] {
        &self.picture.members
    }

    /// The picture at `now`, without findings.
    pub fn snapshot(&mut self, now: Moment, wall: Timestamp) -> Snapshot {
        self.picture.now = now;
        self.picture.wall = wall;
        let mut picture = self.picture.clone();
        picture.members.retain(|member| !self.hidden.contains(&member.name));
        picture
    }

    fn member(&mut self, source: &Source) -> Option<&mut Member> {
        self.picture.members.iter_mut().find(|member| *member.name.text() == source.target)
    }

    fn router(&mut self, source: &Source) -> Option<&mut crate::model::router::Router> {
        let name = RouterName::new(source.target.as_str());
        self.picture.routers.iter_mut().find(|router| router.name == name)
    }
}

type NewReading = (Source, Duration, Moment);

fn insert<T>(readings: &mut Vec<Reading<T>>, (source, stale_after, now): NewReading) {
    if find(readings, &source).is_none() {
        readings.push(Reading::not_attempted(source, stale_after, now));
    }
}

fn insert_first<T>(readings: &mut Vec<Reading<T>>, (source, stale_after, now): NewReading) {
    if find(readings, &source).is_none() {
        readings.insert(0, Reading::not_attempted(source, stale_after, now));
    }
}

/// Keeps the last answer when a source is announced again, for instance at a new address of the same node.
fn renew<T>(place: &mut Option<Reading<T>>, (source, stale_after, now): NewReading) {
    match place {
        Some(reading) => reading.stale_after = stale_after,
        None => *place = Some(Reading::not_attempted(source, stale_after, now)),
    }
}

/// The reading of `source`, if it answered when it was asked last.
fn answering<'a, T: 'a>(readings: impl IntoIterator<Item = &'a Reading<T>>, source: &Source) -> Option<&'a Reading<T>> {
    let mut own = readings.into_iter().filter(|reading| reading.source == *source);
    own.find(|reading| reading.answer.is_some() && reading.failure.is_none())
}

fn find<'a, T>(readings: &'a mut [Reading<T>], source: &Source) -> Option<&'a mut Reading<T>> {
    readings.iter_mut().find(|reading| reading.source == *source)
}

fn put<T>(place: Option<&mut Reading<T>>, at: Moment, took: Duration, outcome: Result<Arc<T>, SourceError>) {
    if let Some(reading) = place {
        reading.take(at, took, outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::agent::Position;
    use crate::model::lsn::Lsn;
    use crate::model::role::{MemberState, Role};
    use crate::model::test_support::identity;

    fn answer(second: u64, position: u64, role: Role) -> Observation {
        let position = Some(Position::Writing { at: Lsn(position) });
        let report = AgentReport { position, ..AgentReport::of(MemberState::Running, role) };
        Observation { outcome: Ok(Facts::Agent(Box::new(report))), ..silence(second) }
    }

    fn silence(second: u64) -> Observation {
        Observation {
            source: Source::new(SourceKind::PatroniRest, "pg-0"),
            at: Moment::START + Duration::from_secs(second),
            took: Duration::ZERO,
            outcome: Err(SourceError::new(FailureKind::Refused, "pg-0:8008", "")),
        }
    }

    #[test]
    fn an_answer_that_says_the_same_confirms_what_still_counts_and_nothing_else() {
        let mut merge = Merge::new(identity(), Thresholds::default(), Moment::START, Timestamp::UNIX_EPOCH);
        let address = MemberAddress { name: "pg-0".into(), agent_url: None, postgres: None, exporter_url: None };
        merge.add_member(&address);
        merge.announce(&silence(0).source, Duration::from_secs(2), Moment::START);
        assert!(!merge.is_confirmed_by(&answer(1, 10, Role::Leader)), "the first answer");
        merge.take(answer(1, 10, Role::Leader));
        assert!(merge.is_confirmed_by(&answer(2, 20, Role::Leader)), "WAL goes on");
        assert!(!merge.is_confirmed_by(&answer(2, 20, Role::Replica)), "another role");
        assert!(!merge.is_confirmed_by(&answer(9, 20, Role::Leader)), "it was stale on the screen");
        merge.take(silence(2));
        assert!(!merge.is_confirmed_by(&answer(3, 20, Role::Leader)), "it had failed");
    }
}
