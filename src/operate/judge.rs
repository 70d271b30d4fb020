//! What the runner asks of the rules: may it begin, is a state reached, how did it end. All from pictures.

use crate::action::before::Before;
use crate::action::milestone::Milestone;
use crate::action::note::Note;
use crate::action::plan::Plan;
use crate::action::preflight;
use crate::action::telling::{self, Attempt, Judgement, Telling};
use crate::model::moment::Moment;
use crate::model::snapshot::Snapshot;

/// The rules by which an action is allowed and its outcome told. Apart from the runner, so that its own order of things
/// can be tested with rules that say what a test needs.
pub trait Judge: Send + Sync {
    /// Everything that is to be looked at before `plan`, never only the first that fails.
    fn examine(&self, snapshot: &Snapshot, plan: &Plan) -> Vec<Note>;

    /// What `snapshot` says of `milestone` by what was asked after `since`.
    fn tell(&self, milestone: &Milestone, snapshot: &Snapshot, before: &Before, since: Moment) -> Telling;

    /// What `snapshot` says of the whole action.
    fn judge(&self, plan: &Plan, before: &Before, attempt: &Attempt, snapshot: &Snapshot) -> Judgement;
}

/// The rules of [`action`](crate::action).
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules;

impl Judge for Rules {
    fn examine(&self, snapshot: &Snapshot, plan: &Plan) -> Vec<Note> {
        preflight::examine(snapshot, plan)
    }

    fn tell(&self, milestone: &Milestone, snapshot: &Snapshot, before: &Before, since: Moment) -> Telling {
        telling::tell(milestone, snapshot, before, since)
    }

    fn judge(&self, plan: &Plan, before: &Before, attempt: &Attempt, snapshot: &Snapshot) -> Judgement {
        telling::judge(plan, before, attempt, snapshot)
    }
}
