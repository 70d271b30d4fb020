//! The journal: one line for everything that happens in an action, on disk before it happens, and the reading of it.
//!
//! No record, no run: whoever acts appends through a [`Sink`] and does nothing where that fails. Knows what an action is,
//! and neither drivers nor faces.

mod acknowledged;
mod error;
mod filter;
mod journal;
mod operator;
mod read;
mod sink;
#[cfg(test)]
mod tests;

pub use acknowledged::Acknowledgements;
pub use error::JournalError;
pub use filter::Filter;
pub use journal::Journal;
pub use operator::operator;
pub use read::{Defect, Reading};
pub use sink::Sink;
