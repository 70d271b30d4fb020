//! Drivers for high-availability managers: what an agent says of its node, and how a manager writes its record.

pub mod patroni;
mod patroni_check;
pub mod patroni_cluster;
pub mod patroni_discover;
pub mod patroni_metrics;
pub mod patroni_record;
//! High-availability managers. Each turns what its manager says of a cluster into the model's facts.

pub mod sim;
