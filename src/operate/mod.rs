//! Acting: the one runner that every action goes through, and the jobs in which it runs. Knows drivers only through their
//! ports, reads the cluster only through the observer's pictures, and no screen.
//!
//! The order of things is the promise: look, compare with what was confirmed, check, lock, look again, write down, act,
//! take back what was temporary, watch until the outcome is known, write that down, unlock.

mod alongside;
mod anew;
mod course;
pub mod desk;
pub mod drill;
mod effect;
mod ending;
mod escort;
pub mod hand;
pub mod job;
pub mod judge;
mod keep;
pub mod own_hand;
mod prepare;
pub mod progress;
pub mod runner;
mod scribe;
mod standstill;
mod take_back;
#[cfg(test)]
mod tests;
pub mod undo;

pub use judge::{Judge, Rules};
pub use own_hand::OwnHand;
pub use progress::{Event, Progress};
pub use runner::{Limits, Parts, Request, run};
