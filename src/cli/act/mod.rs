//! The verbs that act. Each says what is wanted as an [`Intent`](crate::action::Intent); from there on all take one way:
//! plan, checks, confirmation, the runner, the outcome, the exit code.

pub mod args;
mod confirm;
mod edit;
mod follow;
mod verb;

pub use edit::{Editor, edited};
pub use verb::{Beginning, SNAPSHOT_TIMEOUT, StartedAction, run};
