//! Many simulated clusters at once: names, sizes and health as they are found in the wild.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::moment::Moment;
use crate::model::name::{ClusterName, NodeName};
use crate::model::text::Text;

use super::cluster::SimulatedCluster;
use super::core::clock::noise;
use super::core::faults::Fault;
use super::core::spec::{GIB, MIB, Spec};
use super::simulation::{ManagerKind, Scenario, Simulation};

const PURPOSES: [&str; 12] = [
    "orders",
    "billing",
    "identity",
    "catalogue",
    "search",
    "ledger",
    "stock",
    "analytics",
    "mail",
    "pricing",
    "audit",
    "sessions",
];
/// Chapter of a plain cluster's story in which a standby is promoted by hand.
const PROMOTED: usize = 4;
const PLACES: [&str; 6] = ["eu", "us", "ap", "staging", "dr", "test"];
/// How long a fault has had to unfold when the observer begins.
const STORY_END: Duration = Duration::from_secs(75);

/// The clusters of `pgctl-tui demo`: one with a full programme, one that is at another chapter of it, and two quieter
/// ones, of which one has a standing trouble.
pub fn demo(seed: u64, epoch: Timestamp) -> Vec<SimulatedCluster> {
    let standard = |name: &str, salt: u64, scenario: Scenario| {
        SimulatedCluster::new(ClusterName::new(name), noise(seed, salt, 0), scenario, epoch)
    };
    let name = ClusterName::new("analytics");
    let spec = Spec { wal_rate: 2 * MIB, writers: 12, readers: 41, timeline: 4, ..Spec::sized(&name, "pg", 2) };
    let mut analytics =
        Simulation::new(ManagerKind::Patroni, spec, noise(seed, 4, 0), Scenario::Calm, epoch, STORY_END);
    for fault in [Fault::AbandonSlot { retained: 11 * GIB }, Fault::XidAge(52)] {
        analytics.inject(fault);
    }
    analytics.advance(Moment::START);
    vec![
        standard("prod-eu", 1, Scenario::Demo),
        standard("prod-us", 2, Scenario::DemoFrom(9)),
        standard("staging", 3, Scenario::Calm),
        SimulatedCluster::around(ManagerKind::Patroni, name, analytics),
    ]
}

/// Clusters that nobody manages: one with a full programme, which loses its primary after some minutes, one in which two
/// nodes take writes from the beginning, and a quiet one.
pub fn plain_demo(seed: u64, epoch: Timestamp) -> Vec<SimulatedCluster> {
    let plain = |name: &str, salt: u64, scenario: Scenario| {
        SimulatedCluster::plain(ClusterName::new(name), noise(seed, salt, 0), scenario, epoch)
    };
    vec![
        plain("ledger", 1, Scenario::Demo),
        plain("stock", 2, Scenario::DemoFrom(PROMOTED)),
        plain("intranet", 3, Scenario::Calm),
    ]
}

/// `count` clusters, named apart, of two to five members; about one in four has some trouble. The first runs the demo.
pub fn fleet(count: usize, seed: u64, epoch: Timestamp) -> Vec<SimulatedCluster> {
    (0..count).map(|index| member_of_fleet(index, noise(seed, 0xf1ee, index as u64), epoch)).collect()
}

fn member_of_fleet(index: usize, seed: u64, epoch: Timestamp) -> SimulatedCluster {
    let (purpose, place) = (PURPOSES[index % PURPOSES.len()], PLACES[index / PURPOSES.len() % PLACES.len()]);
    let round = index / (PURPOSES.len() * PLACES.len());
    let suffix = if round == 0 { String::new() } else { format!("-{}", round + 1) };
    let name = ClusterName::new(format!("{purpose}-{place}{suffix}"));
    let size = [3, 3, 2, 4, 3, 5][(noise(seed, 1, 0) % 6) as usize];
    let spec = Spec {
        failsafe: noise(seed, 2, 0).is_multiple_of(5),
        wal_rate: MIB / 2 + noise(seed, 3, 0) % (9 * MIB),
        writers: 8 + noise(seed, 4, 0) % 120,
        readers: 10 + noise(seed, 5, 0) % 160,
        data_size: GIB * (2 + noise(seed, 6, 0) % 90),
        timeline: 1 + (noise(seed, 7, 0) % 30) as u32,
        ..Spec::sized(&name, &format!("{purpose}-pg"), size)
    };
    let scenario = if index == 0 { Scenario::Demo } else { Scenario::Calm };
    let mut world = Simulation::new(ManagerKind::Patroni, spec, seed, scenario, epoch, STORY_END);
    if index > 0 {
        for fault in fault_kind(noise(seed, 8, 0) % 44, &world.members()) {
            world.inject(fault);
        }
    }
    world.advance(Moment::START);
    SimulatedCluster::around(ManagerKind::Patroni, name, world)
}

/// What a cluster of a fleet suffers from; most suffer from nothing.
fn fault_kind(chance: u64, members: &[NodeName]) -> Vec<Fault> {
    let (Some(first), Some(last)) = (members.first().cloned(), members.last().cloned()) else { return Vec::new() };
    match chance {
        0 => vec![Fault::ReplicaLag { node: last, bytes_per_second: 64 * 1024 }],
        1 => vec![Fault::PendingRestart(last)],
        2 => vec![Fault::DropDcsMember(Text::new("etcd-3"))],
        3 => vec![Fault::ArchiveFailing(first)],
        4 => vec![Fault::KillNode(last)],
        5 => vec![Fault::LongTransaction(Duration::from_secs(31 * 60))],
        6 => vec![Fault::AbandonSlot { retained: 7 * GIB }],
        7 => vec![Fault::FreezeNode(last)],
        8 => vec![Fault::LoseDcsMajority],
        9 => members.iter().cloned().map(Fault::KillNode).collect(),
        10 => vec![Fault::BackupsStop(Duration::from_secs(4 * 86_400))],
        _ => Vec::new(),
    }
}
