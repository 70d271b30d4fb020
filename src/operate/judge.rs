//! What the runner asks of the rules: may it begin, is a state reached, how did it end. All from pictures.

use crate::action::before::Before;
use crate::action::milestone::Milestone;
use crate::action::note::Note;
use crate::action::outcome::Outcome;
use crate::action::plan::Plan;
use crate::model::moment::Moment;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// What became of a step that was begun.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The far end took it.
    Accepted(Text),
    /// The far end answered that it did not. It may have begun all the same.
    Refused(Text),
    /// Proven that nothing reached the far end.
    NotSent(Text),
    /// Nobody answered: it may have happened, or may happen yet.
    NoAnswer(Text),
    /// The awaited state was seen.
    Shown(Text),
    /// The awaited state was not seen in time.
    NotShown,
}

/// One step that was begun.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tried {
    /// Index in the plan.
    pub step: usize,
    /// When it began, on the observer's clock.
    pub began: Moment,
    /// When it was over.
    pub ended: Moment,
    /// What became of it.
    pub answer: Answer,
}

/// What has been tried so far.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// When the first step began: evidence from before proves nothing.
    pub began: Moment,
    /// Steps that were begun, in order.
    pub tried: Vec<Tried>,
    /// Observation ends: an outcome must be called now.
    pub is_over: bool,
}

/// A state that was seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sighting {
    /// When the observation was made that proves it.
    pub at: Moment,
    /// That observation in one line.
    pub evidence: Text,
}

/// The rules by which an action is allowed and its outcome told.
pub trait Judge: Send + Sync {
    /// Everything that is to be looked at before `plan`, never only the first that fails.
    fn examine(&self, snapshot: &Snapshot, plan: &Plan) -> Vec<Note>;

    /// Whether `milestone` is reached by observations made after `since`.
    fn reached(
        &self,
        milestone: &Milestone,
        plan: &Plan,
        before: &Before,
        since: Moment,
        snapshot: &Snapshot,
    ) -> Option<Sighting>;

    /// How the action ended; `None`: that cannot be told yet. Where `attempt.is_over`, it is told as far as it is known.
    fn judge(&self, plan: &Plan, before: &Before, attempt: &Attempt, snapshot: &Snapshot) -> Option<Outcome>;
}
