//! What must hold before an action, and what does: every check, never only the first, and each with who said so.
//!
//! An old answer counts as none. What is unknown is said to be unknown, and blocks where safety hangs on it.

pub mod common;
mod context;
pub mod patroni;
mod registry;

#[cfg(test)]
mod pooler_tests;
#[cfg(test)]
mod router_tests;
#[cfg(test)]
mod split_tests;
#[cfg(test)]
mod tests;

use super::drill::{Scenario, Survey};
use super::inspected::Inspected;
use super::intent::Intent;
use super::note::{CheckNote, CheckVerdict};
use super::plan::Plan;
use crate::model::name::NodeName;
use crate::model::snapshot::Snapshot;
use context::CheckContext;
pub use patroni::handover::kept_from_handover;
pub use registry::CheckId;

/// A member that could lead, and what speaks for and against it.
#[derive(Clone, PartialEq, Debug)]
pub struct Candidate {
    /// Member.
    pub member: NodeName,
    /// Every check on it.
    pub notes: Vec<CheckNote>,
}

impl Candidate {
    /// Whether nothing blocks it.
    pub fn is_eligible(&self) -> bool {
        self.eligibility() == Eligibility::Fit
    }

    /// Whether it may be chosen, as far as anybody here knows.
    pub fn eligibility(&self) -> Eligibility {
        let mut blocks = self.notes.iter().filter(|note| note.verdict == CheckVerdict::Block).peekable();
        if blocks.peek().is_none() {
            Eligibility::Fit
        } else if blocks.all(CheckNote::lacks_knowledge) {
            Eligibility::Unknown
        } else {
            Eligibility::Unfit
        }
    }
}

/// Whether a member may be chosen to lead.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Eligibility {
    /// Nothing blocks it.
    Fit,
    /// Nothing that is known blocks it, and not all is known: such as of a node that the record alone tells of.
    Unknown,
    /// Something that is known blocks it.
    Unfit,
}

/// Every check that `plan` names, on the picture, in its order. A plan that names none is not examined, and blocks.
pub fn examine(snapshot: &Snapshot, plan: &Plan) -> Vec<CheckNote> {
    let context = CheckContext::of(snapshot, plan);
    let mut notes = Vec::new();
    if plan.checks.is_empty() {
        notes.push(context::block("checks", "no checks are defined for this action"));
    }
    for check in &plan.checks {
        check.examine(&context, &mut notes);
    }
    notes
}

/// What was asked besides the picture says of `plan`.
pub fn inspected(inspected: &Inspected, plan: &Plan) -> Vec<CheckNote> {
    let mut notes = match (&plan.intent, &inspected.drill) {
        (Intent::Drill { scenario, .. }, Some(survey)) => surveyed(survey, *scenario),
        _ => Vec::new(),
    };
    notes.extend(common::poolers::inspected(inspected.pooler_traffic.as_ref(), plan));
    notes.extend(common::pooler::inspected(inspected.pooler_traffic.as_ref(), plan));
    notes
}

/// What was asked besides the picture says of a drill.
pub fn surveyed(survey: &Survey, scenario: Scenario) -> Vec<CheckNote> {
    let mut notes = Vec::new();
    common::drill::surveyed(survey, scenario, &mut notes);
    notes
}

/// Every member that could lead instead of the present leader, best first: those that nothing blocks before the others,
/// then synchronous ones, then those that the least speaks against, then by lag and name.
pub fn candidates(snapshot: &Snapshot) -> Vec<Candidate> {
    common::candidate::ranked(snapshot)
}
