//! What can be asked of an agent over REST by whoever acts: how each answers, and in which words it refuses.

mod agent;
mod lead;
mod reinit;
mod restart;

pub(crate) use restart::Conditions;
