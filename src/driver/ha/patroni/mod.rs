//! Patroni: what an agent says of its node, how the cluster's record is written, how a cluster is found, planned for and acted
//! on.

pub mod act;
pub mod agent;
pub mod authority;
pub mod capabilities;
mod check;
pub mod cluster;
pub mod discover;
pub mod metrics;
mod order;
pub mod plan;
pub mod record;
pub mod scope;
