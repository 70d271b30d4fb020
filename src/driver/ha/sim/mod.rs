//! The simulated cluster: a whole stack that exists in memory alone, for `demo`, screen tests, benches and practice.
//!
//! [`World`] is a state machine on a virtual clock, deterministic from its seed; `sources` tell of it, through the
//! same ports as the drivers of real stacks, what each wire would tell, and `acting` does what it is ordered, through
//! those by which a real one is ordered. Nothing here opens a socket or reads a clock: time comes with each question.

mod acting;
mod cluster;
mod fleet;
mod sources;
#[cfg(test)]
mod tests;
mod world;

pub use acting::{SimulatedActor, SimulatedLock, SimulatedProbe, Ticking};
pub use cluster::SimulatedCluster;
pub use fleet::{demo, fleet};
pub use world::World;
pub use world::faults::{ApiDefect, Cure, Fault};
pub use world::orders::Order;
pub use world::scenario::Scenario;
