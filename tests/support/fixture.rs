//! The simulated cluster and the merge, driven by hand on the simulation's own clock: no task, no waiting.

use std::time::Duration;

use futures::FutureExt as _;
use jiff::Timestamp;
use pgctl::driver::ha::sim::{Fault, Scenario, SimulatedCluster};
use pgctl::driver::port::{NodeSources, Observe};
use pgctl::health::{self, FindingDraft};
use pgctl::model::moment::Moment;
use pgctl::model::snapshot::Snapshot;
use pgctl::model::source::SourceKind;
use pgctl::model::thresholds::Thresholds;
use pgctl::observe::findings::FindingMemory;
use pgctl::observe::histories::Histories;
use pgctl::observe::merge::{Merge, Observation};

/// Wall time of the simulation's beginning.
const EPOCH: &str = "2026-11-21T14:00:00Z";

/// A simulated cluster on a stage.
pub(crate) struct Fixture {
    cluster: SimulatedCluster,
    sources: Vec<Box<dyn Observe>>,
    merge: Merge,
    memory: FindingMemory,
    histories: Histories,
    now: Moment,
}

impl Fixture {
    /// The standard cluster of four in `scenario`.
    pub(crate) fn new(scenario: Scenario) -> Self {
        Self::around(SimulatedCluster::new("prod-eu", 7, scenario, epoch()))
    }

    /// Any simulated cluster.
    pub(crate) fn around(cluster: SimulatedCluster) -> Self {
        let nodes: Box<dyn NodeSources> = cluster.node_sources();
        let mut merge = Merge::new(cluster.identity(), Thresholds::default(), Moment::START, epoch());
        for router in cluster.routers() {
            merge.add_router(router);
        }
        let mut sources = cluster.sources();
        for member_address in cluster.member_addresses() {
            merge.add_member(&member_address);
            sources.extend(nodes.sources(&member_address));
        }
        for source in &sources {
            let slow = matches!(source.source().kind, SourceKind::Exporter | SourceKind::PatroniMetrics);
            let stale_after = Duration::from_millis(if slow { 32_000 } else { 1_800 });
            merge.announce(source.source(), stale_after, Moment::START);
        }
        Self {
            cluster,
            sources,
            merge,
            memory: FindingMemory::default(),
            histories: Histories::default(),
            now: Moment::START,
        }
    }

    /// Breaks something a second from now.
    pub(crate) fn inject(&self, fault: Fault) {
        let at = self.now + Duration::from_secs(1);
        self.cluster.world().lock().expect("a world").schedule(at, fault);
    }

    /// Asks every source once and merges what it says.
    fn ask(&mut self) {
        for source in &mut self.sources {
            let outcome = source.observe(self.now).now_or_never().expect("a simulated source never waits");
            let took = Duration::from_millis(2);
            self.merge.take(Observation { source: source.source().clone(), at: self.now, took, outcome });
        }
        let names: Vec<_> = self
            .merge
            .fresh_record(self.now)
            .map(|record| record.members.iter().map(|member| member.name.clone()).collect())
            .unwrap_or_default();
        if !names.is_empty() {
            self.merge.mark_presence(&names, self.now);
        }
    }

    /// Lets a second pass and asks every source.
    pub(crate) fn tick(&mut self) {
        self.now = self.now + Duration::from_secs(1);
        self.ask();
    }

    /// What the rules find now, settled or not.
    pub(crate) fn drafts(&mut self) -> Vec<FindingDraft> {
        health::examine(&self.merged())
    }

    /// The picture now, without findings.
    fn merged(&mut self) -> Snapshot {
        let mut snapshot = self.merge.snapshot(self.now, epoch() + self.now.since_start());
        self.histories.take(&mut snapshot);
        snapshot
    }

    /// The picture now, with findings that have settled.
    fn snapshot(&mut self) -> Snapshot {
        let mut snapshot = self.merged();
        let drafts = health::examine(&snapshot);
        let settled = self.memory.settle(drafts, snapshot.thresholds.settle, self.now);
        (snapshot.findings, snapshot.pending_findings) = (settled.findings, settled.settling);
        snapshot
    }

    /// Lets `seconds` pass, asking every second, and returns the last picture.
    pub(crate) fn pass(&mut self, seconds: u32) -> Snapshot {
        let mut last = None;
        for _ in 0..seconds.max(1) {
            self.tick();
            last = Some(self.snapshot());
        }
        last.expect("at least one second")
    }
}

/// Wall time of the simulation's beginning.
pub(crate) fn epoch() -> Timestamp {
    EPOCH.parse().expect("a time")
}
