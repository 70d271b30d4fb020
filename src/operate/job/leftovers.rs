//! How it stands with a job, and what one that died has left.

use super::Job;
use super::error::JobError;
use super::liveness::{Liveness, Process};
use crate::action::account::{StepResult, action_histories};
use crate::action::evaluation::is_principal;
use crate::action::order::Order;
use crate::action::outcome::Outcome;
use crate::action::router_handover::RouterUpdate;
use crate::audit::Journal;
use crate::model::text::Text;
use crate::operate::progress::Event;

/// News after which an end is not looked for any further.
const LINES_FROM_END: usize = 20;

/// How it stands with a job.
#[derive(Clone, PartialEq, Debug)]
pub enum JobState {
    /// Its process has not taken it yet, or never will: nothing was done.
    Waiting,
    /// It runs.
    Running(Option<Process>),
    /// Its process is another host's, and whether it lives cannot be told from here.
    Elsewhere(Process),
    /// It is over.
    Ended {
        /// How it ended.
        outcome: Outcome,
        /// Temporary steps that it could not take back, with what does; the last one first, as they are to be undone.
        pending_undo: Vec<(usize, Order)>,
    },
    /// Its process is gone without having told an end.
    Died(Box<Leftovers>),
}

/// What a job that died had done, and what is left.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Leftovers {
    /// The process that died.
    pub process: Option<Process>,
    /// Something may have been sent.
    pub started: bool,
    /// Something of what the action is about was sent, or may have been; not only what prepares it.
    pub acted: bool,
    /// Steps that were answered, by index, with their words: whether they were accepted (`None`: no answer).
    pub answered: Vec<(usize, Text, Option<bool>)>,
    /// The step that had begun and was not answered: it may have happened, or may happen yet.
    pub open: Option<(usize, Text)>,
    /// Steps that were not begun, by index, with their words.
    pub not_begun: Vec<(usize, Text)>,
    /// The point of no return was reached, or may have been.
    pub past_no_return: bool,
    /// What routers were told last of each server, and may have been told more since. No undo is owed for it: whoever leads
    /// is proven anew, and the routers' own checks are on.
    pub reported: Vec<RouterUpdate>,
    /// An escort was under way: routers may have been told.
    pub router_handover: bool,
    /// Temporary steps that stand, or may, with what takes them back; the last one first, as they are to be undone.
    pub pending_undo: Vec<(usize, Order)>,
}

impl JobState {
    /// What is to be taken back by whoever finds it: temporary steps that stand, or may, and that no process takes back any
    /// more; the last one first.
    pub fn pending_undo(&self) -> &[(usize, Order)] {
        match self {
            Self::Waiting | Self::Running(_) | Self::Elsewhere(_) => &[],
            Self::Ended { pending_undo, .. } => pending_undo,
            Self::Died(leftovers) => &leftovers.pending_undo,
        }
    }

    /// Leaves out of what is owed each step that is seen to be `gone`.
    pub fn mark_reverted(&mut self, gone: impl Fn(usize) -> bool) {
        match self {
            Self::Waiting | Self::Running(_) | Self::Elsewhere(_) => {}
            Self::Ended { pending_undo, .. } => pending_undo.retain(|(step, _)| !gone(*step)),
            Self::Died(leftovers) => leftovers.pending_undo.retain(|(step, _)| !gone(*step)),
        }
    }
}

impl Job {
    /// How it stands with it. What one that died had done is told by `journal`, which was written before anything was sent;
    /// the news may lag behind.
    ///
    /// # Errors
    /// When its files or the journal cannot be read.
    pub fn state(&self, journal: &Journal) -> Result<JobState, JobError> {
        // The pulse first: a job that ends between the two looks has ended, and has not died.
        let liveness = self.liveness()?;
        if let Some(outcome) = self.outcome()? {
            return self.ended(outcome);
        }
        Ok(match liveness {
            Liveness::NeverStarted => JobState::Waiting,
            Liveness::Running(process) => JobState::Running(process),
            Liveness::Elsewhere(process) => JobState::Elsewhere(process),
            Liveness::Exited(process) => self.dead(process, journal)?,
        })
    }

    fn outcome(&self) -> Result<Option<Outcome>, JobError> {
        // It is the last piece of news, or close to it: what was before is not read.
        let ended = self.last_progress(LINES_FROM_END)?.into_iter().find_map(|progress| match progress.event {
            Event::Ended { outcome } => Some(outcome),
            _ => None,
        });
        Ok(ended)
    }

    fn ended(&self, outcome: Outcome) -> Result<JobState, JobError> {
        Ok(JobState::Ended { outcome, pending_undo: self.pending_undo()?.into_iter().rev().collect() })
    }

    fn dead(&self, process: Option<Process>, journal: &Journal) -> Result<JobState, JobError> {
        let spec = self.spec()?;
        let plan = spec.request.plan;
        let words = |step: usize| plan.steps.get(step).map_or_else(Text::default, |step| step.text.clone());
        let records = journal.records_of(&self.action, spec.at)?;
        let account = action_histories(&records).pop();
        if let Some((outcome, _)) = account.as_ref().and_then(|account| account.outcome.clone()) {
            // It died between the journal's end and the news of it.
            return self.ended(outcome);
        }
        let mut leftovers = Leftovers {
            process,
            pending_undo: self.pending_undo()?.into_iter().rev().collect(),
            ..Leftovers::default()
        };
        let mut begun = 0;
        for (step, fate) in account.iter().flat_map(|account| &account.steps) {
            begun = begun.max(step + 1);
            leftovers.past_no_return |= *step >= plan.no_return;
            leftovers.acted |= *step >= plan.no_return || plan.steps.get(*step).is_none_or(is_principal);
            match fate {
                StepResult::Begun => {
                    leftovers.router_handover |=
                        plan.steps.get(*step).is_some_and(|step| matches!(step.order, Order::RouterHandover(_)));
                    leftovers.open = Some((*step, words(*step)));
                }
                StepResult::Ended { accepted, .. } => leftovers.answered.push((*step, words(*step), *accepted)),
            }
        }
        for reported in account.iter().flat_map(|account| &account.reported) {
            let same = |known: &RouterUpdate| {
                (&known.router, &known.backend, &known.server)
                    == (&reported.router, &reported.backend, &reported.server)
            };
            leftovers.reported.retain(|known| !same(known));
            leftovers.reported.push(reported.clone());
        }
        leftovers.started = account.is_some_and(|account| account.started);
        leftovers.not_begun = (begun..plan.steps.len()).map(|step| (step, words(step))).collect();
        Ok(JobState::Died(Box::new(leftovers)))
    }
}
