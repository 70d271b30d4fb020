//! The rules of a drill: those of every action, and what was asked besides.

use crate::action::Intent;
use crate::action::before::Before;
use crate::action::drill::Survey;
use crate::action::milestone::Milestone;
use crate::action::note::Note;
use crate::action::plan::Plan;
use crate::action::preflight;
use crate::action::telling::{Attempt, Judgement, Telling};
use crate::model::moment::Moment;
use crate::model::snapshot::Snapshot;
use crate::operate::judge::{Judge, Rules};

/// The rules, with the answers of the survey.
#[derive(Clone, Debug)]
pub struct DrillRules {
    /// What was asked.
    pub survey: Survey,
}

impl Judge for DrillRules {
    fn examine(&self, snapshot: &Snapshot, plan: &Plan) -> Vec<Note> {
        let mut notes = Rules.examine(snapshot, plan);
        if let Intent::Drill { scenario, .. } = &plan.intent {
            notes.extend(preflight::surveyed(&self.survey, *scenario));
        }
        notes
    }

    fn tell(&self, milestone: &Milestone, snapshot: &Snapshot, before: &Before, since: Moment) -> Telling {
        Rules.tell(milestone, snapshot, before, since)
    }

    fn judge(&self, plan: &Plan, before: &Before, attempt: &Attempt, snapshot: &Snapshot) -> Judgement {
        Rules.judge(plan, before, attempt, snapshot)
    }
}
