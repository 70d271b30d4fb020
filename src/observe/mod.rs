//! Observing: source tasks, their cadence and back-off, the merge of observations into a snapshot, histories, and the
//! events between two snapshots. Knows drivers only through their ports, and no screen.

pub mod picture;
