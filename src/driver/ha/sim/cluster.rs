//! One simulated cluster, with everything that a real one hands to the observer.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use crate::action::drill::{ClusterPart, FaultKind};
use crate::action::permit::WriteAccess;
use crate::driver::port::{Check, MemberAddress, NodeSources, Observe};
use crate::model::agent::Address;
use crate::model::moment::Moment;
use crate::model::name::{ClusterName, RouterName};
use crate::model::router::Router;
use crate::model::snapshot::{Identity, StackKind};
use crate::model::source::SourceKind;
use crate::model::stack::StackTraits;
use crate::model::text::Text;

use super::acting::{SimulatedActor, SimulatedOperationLock, SimulatedProbe, Ticking, breakable};
use super::core::spec::Spec;
use super::simulation::{ManagerKind, Scenario, Simulation, WARM_UP};
use super::sources::{Ask, PARTS_ENDPOINTS, SimulatedCheck, SimulatedNodes, SimulatedSource, lock};

/// Name of the one router.
pub(super) const ROUTER: &str = "pg-router";
/// The pooler's name.
pub(super) const POOLER: &str = "pgbouncer";
/// Its statistics page and its runtime interface.
const ROUTER_PAGE: &str = "http://pg-router:7000/";
pub(super) const ROUTER_RUNTIME: &str = "pg-router:7001";
/// Where clients write and read.
pub(super) const WRITE_ADDRESS: (&str, u16) = ("pg-router", 5000);
pub(super) const READ_ADDRESS: (&str, u16) = ("pg-router", 5001);

/// A simulated cluster. Clones share one world.
#[derive(Clone, Debug)]
pub struct SimulatedCluster {
    name: ClusterName,
    kind: ManagerKind,
    simulation: Arc<Mutex<Simulation>>,
}

impl SimulatedCluster {
    /// A cluster of four: a leader, a synchronous and an asynchronous replica, and one that cascades. `epoch` is the
    /// wall time of the observer's [`Moment::START`](crate::model::moment::Moment::START).
    pub fn new(name: impl Into<ClusterName>, seed: u64, scenario: Scenario, epoch: Timestamp) -> Self {
        Self::managed(ManagerKind::Patroni, name, seed, scenario, epoch)
    }

    /// The same four as plain streaming replication, that nobody manages: no agents, no DCS, no synchronous replica.
    pub fn plain(name: impl Into<ClusterName>, seed: u64, scenario: Scenario, epoch: Timestamp) -> Self {
        Self::managed(ManagerKind::Plain, name, seed, scenario, epoch)
    }

    fn managed(
        kind: ManagerKind,
        name: impl Into<ClusterName>,
        seed: u64,
        scenario: Scenario,
        epoch: Timestamp,
    ) -> Self {
        let name = name.into();
        let mut simulation = Simulation::new(kind, Spec::standard(&name), seed, scenario, epoch, WARM_UP);
        simulation.advance(Moment::START);
        Self::around(kind, name, simulation)
    }

    pub(super) fn around(kind: ManagerKind, name: ClusterName, simulation: Simulation) -> Self {
        Self { name, kind, simulation: Arc::new(Mutex::new(simulation)) }
    }

    /// Name of the cluster.
    pub fn name(&self) -> &ClusterName {
        &self.name
    }

    /// The world behind it. Hold the lock shortly: every source takes it.
    pub fn world(&self) -> &Arc<Mutex<Simulation>> {
        &self.simulation
    }

    /// Who the cluster is.
    pub fn identity(&self) -> Identity {
        let has = match self.kind {
            ManagerKind::Patroni => StackTraits::PATRONI,
            ManagerKind::Plain => StackTraits::STREAMING,
        };
        Identity {
            name: self.name.clone(),
            kind: StackKind::Simulated,
            traits: has,
            scope: has.has_dcs().then(|| self.name.text().clone()),
            namespace: has.has_dcs().then(|| Text::new("/service/")),
            colour: None,
            read_only: false,
            protected: false,
        }
    }

    /// Its router, not yet asked.
    pub fn routers(&self) -> Vec<Router> {
        vec![Router {
            name: RouterName::new(ROUTER),
            http: None,
            runtime: None,
            acting: None,
            write_backends: vec![Text::new("primary")],
            read_backends: vec![Text::new("replicas")],
            write_address: Some(address(WRITE_ADDRESS)),
            read_address: Some(address(READ_ADDRESS)),
        }]
    }

    /// Sources of the cluster as a whole: its record, the store's members, router, pooler, backups and runtime. Those
    /// of the members come from [`Self::node_sources`].
    pub fn sources(&self) -> Vec<Box<dyn Observe>> {
        self.plain_sources().into_iter().map(|source| -> Box<dyn Observe> { Box::new(source) }).collect()
    }

    fn plain_sources(&self) -> Vec<SimulatedSource> {
        let source = |kind: SourceKind, target: &str, endpoint: &str, ask: Ask| {
            SimulatedSource::new(kind, &Text::new(target), &Text::new(endpoint), ask, &self.simulation)
        };
        let own = lock(&self.simulation).manager().sources();
        let own = own.into_iter().map(|(kind, target, at, ask)| source(kind, target.as_str(), at.as_str(), ask));
        let mut sources: Vec<SimulatedSource> = own.collect();
        sources.push(source(SourceKind::RouterHttp, ROUTER, ROUTER_PAGE, Ask::RouterPage));
        sources.push(source(SourceKind::RouterRuntime, ROUTER, ROUTER_RUNTIME, Ask::RouterRuntime));
        if self.kind == ManagerKind::Plain {
            return sources;
        }
        let [pooler, backups, runtime] = PARTS_ENDPOINTS;
        sources.push(source(SourceKind::Pooler, POOLER, pooler, Ask::Pooler));
        sources.push(source(SourceKind::Backup, "pgbackrest", backups, Ask::Backups));
        sources.push(source(SourceKind::Runtime, "docker", runtime, Ask::Runtime));
        sources
    }

    /// Makes the sources of members as they appear.
    pub fn node_sources(&self) -> Box<dyn NodeSources> {
        Box::new(SimulatedNodes::new(&self.simulation))
    }

    /// Where each member is reached, for an observer that is to know them before the record tells.
    pub fn member_addresses(&self) -> Vec<MemberAddress> {
        let members = lock(&self.simulation).members();
        let nodes = SimulatedNodes::new(&self.simulation);
        members.iter().map(|member| nodes.member_address(member, None)).collect()
    }

    /// Carries out orders here, on the observer's clock. Only for whoever may change anything.
    pub fn actor(&self, _access: &WriteAccess, clock: Ticking) -> SimulatedActor {
        SimulatedActor::new(&self.name, &self.simulation, clock)
    }

    /// A client that writes and reads through its router, for drills.
    pub fn probe(&self, _access: &WriteAccess, clock: Ticking) -> SimulatedProbe {
        SimulatedProbe::new(&self.simulation, clock)
    }

    /// Every part that a drill can break, and in which way.
    pub fn breakable(&self) -> Vec<(ClusterPart, FaultKind)> {
        breakable(&mut lock(&self.simulation))
    }

    /// A hold on the cluster's operation lock, which every console on this world sees.
    pub fn lock(&self, clock: Ticking) -> SimulatedOperationLock {
        SimulatedOperationLock::new(&self.simulation, clock)
    }

    /// Every endpoint of the cluster as a whole, for `doctor`.
    pub fn checks(&self) -> Vec<Box<dyn Check>> {
        let check = |source: SimulatedSource| -> Box<dyn Check> { Box::new(SimulatedCheck::new(source)) };
        self.plain_sources().into_iter().map(check).collect()
    }
}

fn address((host, port): (&str, u16)) -> Address {
    Address { host: Text::new(host), port }
}
