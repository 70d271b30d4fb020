//! Acting: the one runner that every action goes through, and the jobs in which it runs. Knows drivers only through their
//! ports, reads the cluster only through the observer's pictures, and no screen.
//!
//! The order of things is the promise: look, compare with what was confirmed, check, lock, look again, write down, act,
//! take back what was temporary, watch until the outcome is known, write that down, unlock.

mod action_log;
pub mod drill;
mod effect;
mod ending;
mod expected_loss;
mod freshness;
mod in_flight;
pub mod job;
pub mod judge;
mod lease_keeper;
pub mod own_changes;
pub mod plan_service;
pub mod pooler_guard;
mod pooler_release;
pub mod ports;
mod prepare;
pub mod progress;
mod progress_throttle;
mod revert;
mod router_handover;
pub mod runner;
mod stall;
mod steps;
#[cfg(test)]
mod tests;
pub mod undo;

pub use judge::{Judge, Rules};
pub use own_changes::OwnChanges;
pub use progress::{Event, Progress};
pub use runner::{Limits, Request, RunnerParts, run};
