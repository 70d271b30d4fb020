//! The simulated cluster: a whole stack that exists in memory alone, for `demo`, screen tests, benches and practice.
//!
//! `core` is the world: what is true of any PostgreSQL cluster. `manager` is who manages it: Patroni, or nobody.
//! [`Simulation`] is both on a virtual clock, deterministic from its seed; `sources` tell of it, through the same ports as
//! the drivers of real stacks, what each wire would tell, and `acting` does what it is ordered, through those by which a
//! real one is ordered. Nothing here opens a socket or reads a clock: time comes with each question.

mod acting;
mod cluster;
mod core;
mod fleet;
mod manager;
mod simulation;
mod sources;
#[cfg(test)]
mod tests;

pub use acting::{SimulatedActor, SimulatedOperationLock, SimulatedProbe, Ticking};
pub use cluster::SimulatedCluster;
pub use core::faults::{ApiDefect, Fault, Repair};
pub use fleet::{demo, fleet, plain_demo};
pub use manager::ManagerOrder;
pub use simulation::{Scenario, Simulation};
