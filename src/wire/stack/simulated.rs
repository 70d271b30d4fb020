//! Simulated clusters: to the observer and to the planner they are like any other.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::cli::args::{Demo, DemoStack};
use crate::driver::ha::patroni::plan::PatroniManager;
use crate::driver::ha::sim::{SimulatedCluster, demo, fleet, plain_demo};
use crate::driver::ha::streaming::plan::StreamingManager;
use crate::driver::plan::ActingAccess;
use crate::driver::port::Planner;
use crate::model::name::{PoolerName, RouterName};
use crate::model::stack::Promoter;
use crate::model::text::Text;
use crate::model::thresholds::Thresholds;
use crate::observe::cluster::ClusterSetup;

/// The simulated clusters that are asked for.
#[expect(clippy::disallowed_methods, reason = "a simulation starts when it is created")]
pub(in crate::wire) fn clusters(wanted: &Demo) -> Vec<SimulatedCluster> {
    let (seed, epoch) = (wanted.seed, Timestamp::now());
    match (wanted.clusters, wanted.stack) {
        (Some(count), _) => fleet(usize::from(count), seed, epoch),
        (None, DemoStack::Patroni) => demo(seed, epoch),
        (None, DemoStack::Streaming) => plain_demo(seed, epoch),
    }
}

/// The stack of a simulated cluster.
pub(in crate::wire) fn stack(cluster: &SimulatedCluster, read_only: bool, interval: Duration) -> ClusterSetup {
    let mut identity = cluster.identity();
    identity.read_only |= read_only;
    ClusterSetup {
        identity,
        thresholds: Thresholds::default(),
        interval,
        deadline: Duration::from_secs(2),
        sources: cluster.sources(),
        nodes: cluster.node_sources(),
        // Known beforehand: a cluster that has lost its DCS from the beginning could not name them.
        configured: cluster.member_addresses().into_iter().map(|member_address| member_address.name).collect(),
        namespace_is_assumed: false,
        routers: cluster.routers(),
        speed_up: false,
        attentive: false,
        gather: Duration::from_millis(50),
    }
}

/// What makes plans for a simulated cluster: every way to act is open.
pub(in crate::wire) fn manager() -> PatroniManager {
    PatroniManager {
        rest_user: None,
        acting_access: ActingAccess {
            sql: Some((Text::new("operator"), Text::new("postgres"))),
            runtimes: [(RouterName::new("pg-router"), Text::new("tcp-connect:pg-router:7001"))].into(),
            poolers: [PoolerName::new("pgbouncer")].into(),
            ..ActingAccess::default()
        },
        config_prefix: None,
        reads_etcd: true,
    }
}

/// What makes plans for this one, or tells why there are none for its kind.
pub(in crate::wire) fn planner(cluster: &SimulatedCluster) -> Arc<dyn Planner> {
    match cluster.identity().traits.promotes {
        Promoter::Manager => Arc::new(manager()),
        Promoter::Operator => Arc::new(StreamingManager),
    }
}
