//! One simulated cluster, with everything that a real one hands to the observer.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use crate::action::drill::{FaultKind, Part};
use crate::action::permit::WriteAccess;
use crate::config::address::AddressMap;
use crate::driver::port::{Check, Contact, NodeSources, Observe};
use crate::model::agent::Address;
use crate::model::name::{ClusterName, RouterName};
use crate::model::router::Router;
use crate::model::snapshot::{Identity, StackKind};
use crate::model::source::SourceKind;
use crate::model::text::Text;

use super::acting::{SimulatedActor, SimulatedLock, SimulatedProbe, Ticking, breakable};
use super::sources::{Ask, PARTS_ENDPOINTS, SimulatedCheck, SimulatedNodes, SimulatedSource, lock};
use super::world::World;
use super::world::scenario::Scenario;
use super::world::spec::Spec;

/// Name of the one router.
pub(super) const ROUTER: &str = "pg-router";
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
    world: Arc<Mutex<World>>,
}

impl SimulatedCluster {
    /// A cluster of four: a leader, a synchronous and an asynchronous replica, and one that cascades. `epoch` is the
    /// wall time of the observer's [`Moment::START`](crate::model::moment::Moment::START).
    pub fn new(name: impl Into<ClusterName>, seed: u64, scenario: Scenario, epoch: Timestamp) -> Self {
        let name = name.into();
        let world = World::new(Spec::standard(&name), seed, scenario, epoch);
        Self::around(name, world)
    }

    pub(super) fn around(name: ClusterName, world: World) -> Self {
        Self { name, world: Arc::new(Mutex::new(world)) }
    }

    /// Name of the cluster.
    pub fn name(&self) -> &ClusterName {
        &self.name
    }

    /// The world behind it. Hold the lock shortly: every source takes it.
    pub fn world(&self) -> &Arc<Mutex<World>> {
        &self.world
    }

    /// Who the cluster is.
    pub fn identity(&self) -> Identity {
        Identity {
            name: self.name.clone(),
            kind: StackKind::Simulated,
            scope: Some(self.name.text().clone()),
            namespace: Some(Text::new("/service/")),
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
        let members: Vec<Text> = lock(&self.world).etcd.members.iter().map(|member| member.endpoint.clone()).collect();
        let all = members.iter().map(Text::as_str).collect::<Vec<_>>().join(",");
        let source = |kind: SourceKind, target: &str, endpoint: &str, ask: Ask| {
            SimulatedSource::new(kind, &Text::new(target), &Text::new(endpoint), ask, &self.world)
        };
        let [pooler, backups, runtime] = PARTS_ENDPOINTS;
        let mut sources = vec![source(SourceKind::Etcd, "", &all, Ask::Record)];
        for (index, member) in members.iter().enumerate() {
            sources.push(source(SourceKind::EtcdMember, member.as_str(), member.as_str(), Ask::StoreMember(index)));
        }
        sources.push(source(SourceKind::RouterHttp, ROUTER, ROUTER_PAGE, Ask::RouterPage));
        sources.push(source(SourceKind::RouterRuntime, ROUTER, ROUTER_RUNTIME, Ask::RouterRuntime));
        sources.push(source(SourceKind::Pooler, "pgbouncer", pooler, Ask::Pooler));
        sources.push(source(SourceKind::Backup, "pgbackrest", backups, Ask::Backups));
        sources.push(source(SourceKind::Runtime, "docker", runtime, Ask::Runtime));
        sources
    }

    /// Makes the sources of members as they appear.
    pub fn node_sources(&self) -> Box<dyn NodeSources> {
        Box::new(SimulatedNodes::new(&self.world))
    }

    /// Where each member is reached, for an observer that is to know them before the record tells.
    pub fn contacts(&self) -> Vec<Contact> {
        let members = lock(&self.world).members();
        let nodes = SimulatedNodes::new(&self.world);
        members.iter().map(|member| nodes.contact(member, None)).collect()
    }

    /// How the addresses that its router knows lead to the members.
    pub fn address_map(&self) -> AddressMap {
        let mut map = AddressMap::default();
        for node in &lock(&self.world).nodes {
            // Both are addresses of our own making.
            let _ = map.add(node.router_address.as_str(), &format!("{}:5432", node.name));
        }
        map
    }

    /// Carries out orders here, on the observer's clock. Only for whoever may change anything.
    pub fn actor(&self, _access: &WriteAccess, clock: Ticking) -> SimulatedActor {
        SimulatedActor::new(&self.name, &self.world, clock)
    }

    /// A client that writes and reads through its router, for drills.
    pub fn probe(&self, _access: &WriteAccess, clock: Ticking) -> SimulatedProbe {
        SimulatedProbe::new(&self.world, clock)
    }

    /// Every part that a drill can break, and in which way.
    pub fn breakable(&self) -> Vec<(Part, FaultKind)> {
        breakable(&lock(&self.world))
    }

    /// A hold on the cluster's operation lock, which every console on this world sees.
    pub fn lock(&self, clock: Ticking) -> SimulatedLock {
        SimulatedLock::new(&self.world, clock)
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
