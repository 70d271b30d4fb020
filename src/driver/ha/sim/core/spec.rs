//! What a simulated cluster is made of, before anything happens to it.

use crate::model::name::{ClusterName, NodeName};

/// One gibibyte.
pub(crate) const GIB: u64 = 1 << 30;
/// One mebibyte.
pub(crate) const MIB: u64 = 1 << 20;

/// One node of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NodeSpec {
    pub(crate) name: NodeName,
    /// The node that it streams from, where that is not the first.
    pub(crate) follows: Option<NodeName>,
    /// Whether the router sends it readers while it is a standby.
    pub(crate) takes_readers: bool,
}

/// The make-up of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    /// Name, also `cluster_name`.
    pub(crate) name: ClusterName,
    /// Members, the first leading at the beginning.
    pub(crate) members: Vec<NodeSpec>,
    /// Whether its manager keeps a synchronous standby.
    pub(crate) synchronous: bool,
    /// Whether its manager keeps the primary up where it loses the DCS and reaches every member.
    pub(crate) failsafe: bool,
    /// WAL written in the mean, in bytes a second.
    pub(crate) wal_rate: u64,
    /// Client sessions of the write pool at full load.
    pub(crate) writers: u64,
    /// Client sessions of the read pool at full load.
    pub(crate) readers: u64,
    /// Size of the data directory in bytes: what a new replica copies.
    pub(crate) data_size: u64,
    /// Timeline at the beginning.
    pub(crate) timeline: u32,
}

impl Spec {
    /// The usual four: a leader, two replicas, and a fourth that cascades from the first replica.
    pub(crate) fn standard(name: &ClusterName) -> Self {
        Self::sized(name, "pg", 4)
    }

    /// `size` members called `prefix-0` and so on. From four members on, the last cascades from the second.
    pub(crate) fn sized(name: &ClusterName, prefix: &str, size: usize) -> Self {
        let member = |index: usize| NodeName::new(format!("{prefix}-{index}"));
        let cascades = |index: usize| size >= 4 && index + 1 == size;
        let place = |index: usize| NodeSpec {
            name: member(index),
            follows: cascades(index).then(|| member(1)),
            takes_readers: !cascades(index),
        };
        Self {
            name: name.clone(),
            members: (0..size).map(place).collect(),
            synchronous: size >= 3,
            failsafe: false,
            wal_rate: 6 * MIB,
            writers: 84,
            readers: 122,
            data_size: 18 * GIB,
            timeline: 12,
        }
    }
}
