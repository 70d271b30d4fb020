//! Observing: source tasks, their cadence and back-off, the merge of observations into a snapshot, histories, and the
//! events between two snapshots. Knows drivers only through their ports, and no screen.

mod appointment;
mod authority;
pub mod changes;
pub mod cluster;
mod deferred;
pub mod doctor;
pub mod findings;
pub mod histories;
mod inventory;
pub mod merge;
pub mod once;
pub mod pause;
pub mod picture;
mod replayed;
mod slots;
mod task;
#[cfg(test)]
mod tests;
mod trends;
