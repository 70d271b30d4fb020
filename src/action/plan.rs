//! The plan: everything that will be done, decided before anybody is asked to confirm it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::expectation::Expectation;
use super::generation::Generation;
use super::intent::Intent;
use super::order::Order;
use super::preflight::CheckId;
use crate::model::name::ClusterName;
use crate::model::text::Text;

/// How much harm it can do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Danger {
    /// Undone by its opposite; nobody is disconnected.
    Reversible,
    /// Sessions are cut or wait.
    Disruptive,
    /// Data, a leader or a copy can be lost.
    Destructive,
}

/// What the operator must do to confirm.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirm {
    /// Say yes.
    Yes,
    /// Type this.
    Type(Text),
}

/// One step.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// The step in the very words that will be sent, or what is waited for.
    #[serde(rename = "words")]
    pub text: Text,
    /// What is sent.
    pub order: Order,
    /// How to take it back, for a step that is meant to be temporary. Written down before the step is made.
    pub undo: Option<Order>,
    /// How long the far end may take to answer.
    pub deadline: Duration,
}

/// The plan. It does not change once made: what is confirmed is what runs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Cluster.
    pub cluster: ClusterName,
    /// What was wanted.
    pub intent: Intent,
    /// One line, imperative, with names: `switch over pg-ha from pg-0 to pg-1`.
    pub title: Text,
    /// The view it was made from.
    pub generation: Generation,
    /// How much harm it can do.
    pub danger: Danger,
    /// What confirms it.
    pub confirm: Confirm,
    /// A reason is needed too: the cluster is protected.
    #[serde(rename = "wants_reason")]
    pub needs_reason: bool,
    /// Steps in order.
    pub steps: Vec<Step>,
    /// Index of the first step after which nothing aborts any more.
    pub no_return: usize,
    /// What the users of the cluster will notice, one line each.
    pub impact: Vec<Text>,
    /// The same with the field's own tools (patronictl, curl), one line each.
    pub equivalent: Vec<Text>,
    /// How the outcome is told.
    pub expectation: Expectation,
    /// What must hold before, in the order in which it is shown. Not written down: whoever runs the plan makes it anew, and
    /// goes by the checks of that.
    #[serde(skip)]
    pub checks: Vec<CheckId>,
}

/// The fingerprint of a plan.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanHash(String);

impl PlanHash {
    /// The first characters, enough to compare by eye.
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }
}

impl fmt::Display for PlanHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Plan {
    /// The plan's fingerprint, for showing and for comparing; empty where it has none, which confirms nothing.
    pub fn hash(&self) -> PlanHash {
        self.fingerprint().unwrap_or_else(|_| PlanHash(String::new()))
    }

    /// The plan's fingerprint: any change of any part changes it.
    ///
    /// # Errors
    /// When a part of the plan has no written form: then nothing can tell it from another, and it must not be permitted.
    pub fn fingerprint(&self) -> Result<PlanHash, serde_json::Error> {
        // Maps in a plan are ordered, so that equal plans give equal text.
        let text = serde_json::to_vec(self)?;
        let mut hex = String::new();
        for byte in Sha256::digest(&text) {
            // Writing to a string cannot fail.
            let _ = fmt::Write::write_fmt(&mut hex, format_args!("{byte:02x}"));
        }
        Ok(PlanHash(hex))
    }
}

/// Why no plan can be made: what this cluster cannot do, or what it lacks at present.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Infeasible(pub Text);

impl Infeasible {
    /// A reason in one line.
    pub fn because(text: impl AsRef<str>) -> Self {
        Self(Text::new(text))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    proptest! {
        /// The job reads the plan that the console has written: a number that changed on the way would be another plan.
        #[test]
        fn a_number_of_a_plan_is_the_same_once_it_was_written_and_read(number in -1.0e15_f64..1.0e15) {
            let written = Value::from(number).to_string();
            let read: Value = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(read, Value::from(number));
        }
    }
}
