//! Tests of the simulated cluster.

mod acting;
mod determinism;
mod failover;
mod faults;
mod fleet;
mod invariants;
mod plain;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;

use crate::driver::port::{Facts, Observe};
use crate::model::agent::AgentReport;
use crate::model::dcs::DcsMember;
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::postgres::SqlReport;
use crate::model::record::ClusterRecord;
use crate::model::router::{ProxyRow, RouterReport};
use crate::model::source::{FailureKind, Source, SourceError, SourceKind};

use super::{Fault, Scenario, SimulatedCluster};

/// Wall time of every test's beginning: a Saturday, two in the afternoon.
pub(super) fn epoch() -> Timestamp {
    "2026-11-21T14:00:00Z".parse().unwrap()
}

pub(super) fn at(seconds: f64) -> Moment {
    Moment::after_start(Duration::from_secs_f64(seconds))
}

pub(super) type Outcome = Result<Facts, SourceError>;

/// A cluster with all its sources, asked by hand.
pub(super) struct ObservedFixture {
    pub(super) cluster: SimulatedCluster,
    sources: Vec<Box<dyn Observe>>,
}

impl ObservedFixture {
    pub(super) fn new(seed: u64, scenario: Scenario) -> Self {
        Self::around(SimulatedCluster::new("prod-eu", seed, scenario, epoch()))
    }

    pub(super) fn calm() -> Self {
        Self::new(7, Scenario::Calm)
    }

    pub(super) fn around(cluster: SimulatedCluster) -> Self {
        let nodes = cluster.node_sources();
        let of_nodes = cluster.member_addresses().into_iter().flat_map(|member_address| nodes.sources(&member_address));
        let sources = cluster.sources().into_iter().chain(of_nodes.collect::<Vec<_>>()).collect();
        Self { cluster, sources }
    }

    pub(super) fn inject(&self, at: Moment, fault: Fault) {
        self.cluster.world().lock().unwrap().schedule(at, fault);
    }

    /// Asks everything, from the `turn`th on, backwards where that is odd,, and sorts by source.
    pub(super) fn ask_all(&mut self, now: Moment, turn: usize) -> BTreeMap<Source, Outcome> {
        let count = self.sources.len();
        let mut answers = BTreeMap::new();
        for step in 0..count {
            let forward = (step + turn) % count;
            let place = if turn.is_multiple_of(2) { forward } else { count - 1 - forward };
            let source = &mut self.sources[place];
            let outcome = source.observe(now).now_or_never().expect("a simulated source never waits");
            answers.insert(source.source().clone(), outcome);
        }
        assert_eq!(answers.len(), count, "every source is asked once");
        answers
    }

    pub(super) fn ask(&mut self, now: Moment, kind: SourceKind, target: &str) -> Outcome {
        let wanted = Source::new(kind, target);
        let source =
            self.sources.iter_mut().find(|source| *source.source() == wanted).expect("a source of the cluster");
        source.observe(now).now_or_never().expect("a simulated source never waits")
    }

    pub(super) fn record(&mut self, now: Moment) -> Result<ClusterRecord, SourceError> {
        self.ask(now, SourceKind::Etcd, "").map(|facts| match facts {
            Facts::Record(content) => *content,
            other => panic!("not a record: {other:?}"),
        })
    }

    pub(super) fn agent(&mut self, now: Moment, node: &str) -> Result<AgentReport, SourceError> {
        self.ask(now, SourceKind::PatroniRest, node).map(|facts| match facts {
            Facts::Agent(report) => *report,
            other => panic!("not an agent's: {other:?}"),
        })
    }

    pub(super) fn sql(&mut self, now: Moment, node: &str) -> Result<SqlReport, SourceError> {
        self.ask(now, SourceKind::Sql, node).map(|facts| match facts {
            Facts::Sql(report) => *report,
            other => panic!("not SQL: {other:?}"),
        })
    }

    pub(super) fn store(&mut self, now: Moment, member: &str) -> Result<DcsMember, SourceError> {
        self.ask(now, SourceKind::EtcdMember, member).map(|facts| match facts {
            Facts::DcsMember(member) => *member,
            other => panic!("not a member's: {other:?}"),
        })
    }

    pub(super) fn router(&mut self, now: Moment) -> Result<RouterReport, SourceError> {
        self.ask(now, SourceKind::RouterRuntime, "pg-router").map(|facts| match facts {
            Facts::Router(report) => *report,
            other => panic!("not a router's: {other:?}"),
        })
    }

    /// The row of one server in one pool.
    pub(super) fn server(&mut self, now: Moment, pool: &str, server: &str) -> ProxyRow {
        let report = self.router(now).unwrap();
        report.rows.into_iter().find(|row| row.proxy == *pool && row.server == *server).expect("a server of the pool")
    }

    pub(super) fn holder(&mut self, now: Moment) -> Option<NodeName> {
        self.record(now).unwrap().leader.map(|leader| leader.holder)
    }

    /// The first tenth of a second from `from` on at which `holds`, up to `limit` seconds.
    pub(super) fn first(&mut self, from: f64, limit: f64, mut holds: impl FnMut(&mut Self, Moment) -> bool) -> f64 {
        let mut now = from;
        while now <= limit {
            if holds(self, at(now)) {
                return now;
            }
            now += 0.1;
        }
        panic!("did not come to pass by {limit} s");
    }
}

pub(super) fn failure_kind<T: std::fmt::Debug>(outcome: Result<T, SourceError>) -> FailureKind {
    outcome.expect_err("a source in trouble").failure_kind
}
