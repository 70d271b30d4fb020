//! What can be asked of the parts of the world by whoever acts: how each answers, and in which words it refuses.

mod agent;
mod checkpoint;
mod lead;
mod reinitialise;
mod restart;
mod router;

pub(crate) use restart::Conditions;
