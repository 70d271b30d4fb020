//! Acting, as far as it can be thought through beforehand: what an operator can want, the plan that would bring it about,
//! what must hold before, how it is confirmed, how its outcome is told from observations, and what is written down.
//!
//! Pure. Nothing here sends anything, waits, or knows a clock; no rule takes a stale value for a present one. Who sends
//! (`driver`) asks for a [`permit::Permit`], and there is one way to get one: [`plan::Plan::permit`].

pub mod account;
pub mod before;
pub mod capability;
pub mod configuration;
pub mod drill;
pub mod drill_report;
pub mod effect;
pub mod evaluation;
pub mod expectation;
pub mod generation;
pub mod inspected;
pub mod intent;
pub mod milestone;
pub mod note;
pub mod on_failure;
pub mod order;
pub mod outcome;
pub mod own_pause;
pub mod parameters;
pub mod parse;
pub mod pending_undo;
pub mod permit;
pub mod plan;
pub mod pooler_release;
pub mod pooler_traffic;
pub mod preflight;
pub mod record;
pub mod router_handover;
#[cfg(test)]
mod test_support;
pub mod verb;
pub mod walsender;
pub mod work;

pub use generation::Generation;
pub use intent::Intent;
pub use plan::Plan;
