//! What the runner asks of the rules: may it begin, is a state reached, how did it end. All from pictures.

use crate::action::before::StateBefore;
use crate::action::evaluation::{self, Attempt, Judgement, MilestoneStatus};
use crate::action::inspected::Inspected;
use crate::action::milestone::Milestone;
use crate::action::note::CheckNote;
use crate::action::plan::Plan;
use crate::action::preflight;
use crate::model::moment::Moment;
use crate::model::snapshot::Snapshot;

/// The rules by which an action is allowed and its outcome told. Apart from the runner, so that its own order of things
/// can be tested with rules that say what a test needs.
pub trait Judge: Send + Sync {
    /// Everything that is to be looked at before `plan`, never only the first that fails.
    /// `inspected` is what was asked besides.
    fn examine(&self, snapshot: &Snapshot, inspected: &Inspected, plan: &Plan) -> Vec<CheckNote>;

    /// What `snapshot` says of `milestone` by what was asked after `since`.
    fn evaluate(
        &self,
        milestone: &Milestone,
        snapshot: &Snapshot,
        before: &StateBefore,
        since: Moment,
    ) -> MilestoneStatus;

    /// What `snapshot` says of the whole action.
    fn judge(&self, plan: &Plan, before: &StateBefore, attempt: &Attempt, snapshot: &Snapshot) -> Judgement;
}

/// The rules of [`action`](crate::action).
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules;

impl Judge for Rules {
    fn examine(&self, snapshot: &Snapshot, inspected: &Inspected, plan: &Plan) -> Vec<CheckNote> {
        let mut notes = preflight::examine(snapshot, plan);
        notes.extend(preflight::inspected(inspected, plan));
        notes
    }

    fn evaluate(
        &self,
        milestone: &Milestone,
        snapshot: &Snapshot,
        before: &StateBefore,
        since: Moment,
    ) -> MilestoneStatus {
        evaluation::evaluate(milestone, snapshot, before, since)
    }

    fn judge(&self, plan: &Plan, before: &StateBefore, attempt: &Attempt, snapshot: &Snapshot) -> Judgement {
        evaluation::judge(plan, before, attempt, snapshot)
    }
}
