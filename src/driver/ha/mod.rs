//! Drivers for high-availability managers: what an agent says of its node, how a manager writes its record, and the
//! simulated cluster.

pub mod patroni;
pub mod patroni_act;
mod patroni_check;
pub mod patroni_cluster;
pub mod patroni_companion;
pub mod patroni_discover;
pub mod patroni_metrics;
mod patroni_order;
pub mod patroni_plan;
pub mod patroni_record;
pub mod patroni_scope;
pub mod sim;
pub mod streaming;
pub mod streaming_discover;
