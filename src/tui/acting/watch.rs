//! An action that runs, or ran, as this console sees it.

use crate::action::outcome::Outcome;
use crate::action::plan::Plan;
use crate::action::record::{ActionId, Operator};
use crate::action::work::OrderProgress;
use crate::model::name::ClusterName;
use crate::operate::{Event, Progress};
use crate::report::units;
use crate::tui::event::ActionTicket;

/// The action.
#[derive(Clone, Debug)]
pub(in crate::tui) struct Watch {
    /// By what this console calls it, before it has a name.
    pub(in crate::tui) ticket: ActionTicket,
    /// Its name, once it is begun.
    pub(in crate::tui) action: Option<ActionId>,
    pub(in crate::tui) cluster: ClusterName,
    pub(in crate::tui) plan: Box<Plan>,
    /// Who began it; `None`: this console.
    pub(in crate::tui) by: Option<Operator>,
    pub(in crate::tui) updates: Vec<Progress>,
    pub(in crate::tui) outcome: Option<Outcome>,
    /// It was asked to end.
    pub(in crate::tui) asked: bool,
}

impl Watch {
    /// An action of which nothing is known yet but what is to be done. `by`: who began it; `None`: this console.
    pub(in crate::tui) fn new(ticket: ActionTicket, plan: Plan, by: Option<Operator>) -> Self {
        let (cluster, plan) = (plan.cluster.clone(), Box::new(plan));
        Self { ticket, action: None, cluster, plan, by, updates: Vec::new(), outcome: None, asked: false }
    }

    /// Takes in what happened.
    pub(in crate::tui) fn take(&mut self, updates: Vec<Progress>) {
        for progress in updates {
            if let Event::Ended { outcome } = &progress.event {
                self.outcome = Some(outcome.clone());
            }
            // Of how far a step has come, the newest word counts alone: what takes hours must not fill the memory.
            if let (
                Event::Progressed { step, .. },
                Some(Progress { event: Event::Progressed { step: before, .. }, .. }),
            ) = (&progress.event, self.updates.last())
                && step == before
            {
                self.updates.pop();
            }
            self.updates.push(progress);
        }
    }

    /// Whether nothing more comes.
    pub(in crate::tui) fn is_over(&self) -> bool {
        self.outcome.is_some()
    }

    /// Whether it has gone past the point where it could still be ended.
    pub(in crate::tui) fn is_past_no_return(&self) -> bool {
        self.updates.iter().any(|progress| match &progress.event {
            Event::StepBegan { step, .. } => *step >= self.plan.no_return,
            _ => false,
        })
    }

    /// Whether it can still be ended: before the point of no return, and a drill at any time.
    pub(in crate::tui) fn can_be_ended(&self) -> bool {
        !self.is_past_no_return() || self.plan.intent.can_be_cut_short()
    }

    /// How far the step at `index` has come, by its newest word.
    pub(super) fn progress_of(&self, index: usize) -> Option<&OrderProgress> {
        self.updates.iter().rev().find_map(|updates| match &updates.event {
            Event::Progressed { step, progress } if *step == index => Some(progress),
            _ => None,
        })
    }

    /// Whether the step at `index` is being taken back, by its newest word: how far that has come is told after its end.
    pub(super) fn is_reverting(&self, index: usize) -> bool {
        let newest = self.updates.iter().rev().find_map(|progress| match &progress.event {
            Event::Progressed { step, .. } if *step == index => Some(true),
            Event::StepEnded { step, .. } | Event::Undone { step, .. } if *step == index => Some(false),
            _ => None,
        });
        newest == Some(true) && !self.is_over()
    }

    /// How it stands, in a few words.
    pub(in crate::tui) fn status_line(&self) -> String {
        if let Some(outcome) = &self.outcome {
            return outcome.ending.as_str().to_owned();
        }
        let reported = self.updates.iter().rev().find_map(|progress| {
            let after = progress.after.map(|after| format!(" {}", units::latency(after))).unwrap_or_default();
            Some(match &progress.event {
                Event::Looking { again: false } => "checking".to_owned(),
                Event::Looking { again: true } => "checking under the lock".to_owned(),
                Event::Locked => "locked".to_owned(),
                Event::Checked { .. } | Event::Started => "checked".to_owned(),
                Event::Reached { milestone, .. } => format!("{}{after}", milestone.describe()),
                Event::StepBegan { step, .. } => format!("step {} of {}", step + 1, self.plan.steps.len()),
                Event::Waiting { milestone, .. } => format!("waiting for: {}", milestone.describe()),
                Event::Reported { reported, .. } => reported.describe(),
                Event::Progressed { progress, .. } => progress.describe(),
                Event::Made { artefact, .. } => format!("created {}", artefact.describe()),
                Event::StepEnded { .. } | Event::Undone { .. } | Event::Remark { .. } | Event::Ended { .. } => {
                    return None;
                }
            })
        });
        reported.unwrap_or_else(|| "starting".to_owned())
    }

    /// The same with what is done, for the line at the top.
    pub(in crate::tui) fn short(&self) -> String {
        format!("{} {}: {}", self.plan.intent.verb(), self.cluster, self.status_line())
    }
}
