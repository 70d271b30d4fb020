//! `drill`: what can be practised, practising it, and what came of it.

pub mod args;
mod sequence;
mod show;

pub use sequence::{Sequence, SequenceError};
pub use show::{Shown, list, overview, pending_repairs, report, show, table};
