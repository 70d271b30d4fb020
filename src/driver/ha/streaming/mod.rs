//! Plain streaming replication, which nobody manages: how a cluster is found over SQL, and what can be done to it.

pub mod capabilities;
pub mod discover;
pub mod plan;
