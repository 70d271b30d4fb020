//! What a plan expects to see: the sequence of states by which its outcome is decided.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::milestone::Milestone;

/// One state of the sequence.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Expected {
    /// The state.
    pub milestone: Milestone,
    /// Without it the action is not done. The others are told, and an action that lacks one ends as done with a remark.
    pub decides: bool,
}

/// The sequence.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Expectation {
    /// States, in the order in which they usually come.
    pub sequence: Vec<Expected>,
    /// How long after the last step observation goes on before the outcome is called.
    pub within: Duration,
}

impl Expectation {
    /// An expectation decided by `deciding`, watched `within` that time.
    pub fn of(deciding: impl IntoIterator<Item = Milestone>, within: Duration) -> Self {
        let sequence = deciding.into_iter().map(|milestone| Expected { milestone, decides: true }).collect();
        Self { sequence, within }
    }

    /// Also told, without deciding.
    #[must_use]
    pub fn then(mut self, milestone: Milestone) -> Self {
        self.sequence.push(Expected { milestone, decides: false });
        self
    }
}
