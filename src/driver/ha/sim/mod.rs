//! The simulated cluster: a whole stack that exists in memory alone, for `demo`, screen tests, benches and practice.
//!
//! [`World`] is a state machine on a virtual clock, deterministic from its seed; `sources` tell of it, through the
//! same ports as the drivers of real stacks, what each wire would tell. Nothing here opens a socket, reads a clock, or
//! waits: time comes with each question.

mod cluster;
mod fleet;
mod sources;
#[cfg(test)]
mod tests;
mod world;

pub use cluster::SimulatedCluster;
pub use fleet::{demo, fleet};
pub use world::World;
pub use world::faults::{Cure, Fault};
pub use world::orders::Order;
pub use world::scenario::Scenario;
