//! From a simulated cluster to a stack that the observer takes like any other.

use std::time::Duration;

use jiff::Timestamp;

use crate::driver::ha::sim::{SimulatedCluster, demo, fleet};
use crate::model::thresholds::Thresholds;
use crate::observe::cluster::Stack;

/// `count` simulated clusters; none given: the demo's own.
#[expect(clippy::disallowed_methods, reason = "a simulation begins when it is started")]
pub(super) fn clusters(count: Option<u16>, seed: u64) -> Vec<SimulatedCluster> {
    let epoch = Timestamp::now();
    match count {
        None => demo(seed, epoch),
        Some(count) => fleet(usize::from(count), seed, epoch),
    }
}

/// The stack of a simulated cluster.
pub(super) fn stack(cluster: &SimulatedCluster, read_only: bool, interval: Duration) -> Stack {
    let mut identity = cluster.identity();
    identity.read_only |= read_only;
    Stack {
        identity,
        thresholds: Thresholds::default(),
        interval,
        deadline: Duration::from_secs(2),
        sources: cluster.sources(),
        nodes: cluster.node_sources(),
        // Known beforehand: a cluster that has lost its DCS from the beginning could not name them.
        configured: cluster.contacts().into_iter().map(|contact| contact.name).collect(),
        namespace_is_assumed: false,
        routers: cluster.routers(),
        hurry: false,
        gather: Duration::from_millis(50),
    }
}
