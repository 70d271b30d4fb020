//! The journal: one line for everything that happens in an action, on disk before it happens, and the reading of it.
//!
//! No record, no run: whoever acts appends through a [`Sink`] and does nothing where that fails. Knows what an action is,
//! and neither drivers nor faces.

mod acknowledged;
mod backwards;
mod error;
mod filter;
mod journal;
mod operator;
pub mod owner;
mod prune;
mod read;
mod sink;
#[cfg(test)]
mod tests;

pub use acknowledged::Acknowledgements;
pub use backwards::ReverseLines;
pub use error::JournalError;
pub use filter::Filter;
pub use journal::Journal;
pub use operator::operator;
pub use prune::Pruned;
pub use read::{Defect, Reading};
pub use sink::Sink;
