//! The picture's sources: who answers, who is silent, and how old that makes the picture.

use std::time::Duration;

use serde::Serialize;

use super::super::member::Member;
use super::super::moment::Moment;
use super::super::observed::{Freshness, Reading};
use super::super::source::Source;
use super::super::text::Text;
use super::Snapshot;

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
    #[serde(rename = "trouble")]
    pub failure_kind: Option<String>,
    /// Where it was asked, as far as its trouble tells.
    pub endpoint: Option<Text>,
    /// What usually mends that.
    pub remedy: Option<String>,
    /// When it goes stale, or lost, if nothing more is heard.
    pub stale_at: Moment,
}

impl Snapshot {
    /// Whether any source answers in time.
    pub fn sees_anything(&self) -> bool {
        let sees =
            |status: &SourceStatus| status.freshness == Freshness::Fresh && status.source.kind.describes_the_cluster();
        self.sources().iter().any(sees)
    }

    /// Sources that tell of the cluster's health and have not been heard yet, neither with an answer nor with a failure.
    pub fn not_reasked(&self) -> impl Iterator<Item = Source> + '_ {
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
    pub fn describe_endpoint(&self) -> String {
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
        failure_kind: reading.failure_kind(now).map(|(words, _)| words),
        endpoint: reading.failure.as_ref().map(|failure| failure.error.endpoint.clone()),
        remedy: reading.remedy().map(ToOwned::to_owned),
        stale_at: reading.stale_at(),
    }
}
