//! An action that runs, or ran, as this console sees it.

use crate::action::outcome::Outcome;
use crate::action::plan::Plan;
use crate::action::record::{ActionId, Operator};
use crate::model::name::ClusterName;
use crate::operate::{Event, Progress};
use crate::report::units;
use crate::tui::event::Ticket;

/// The action.
#[derive(Clone, Debug)]
pub(in crate::tui) struct Watch {
    /// By what this console calls it, before it has a name.
    pub(in crate::tui) ticket: Ticket,
    /// Its name, once it is begun.
    pub(in crate::tui) action: Option<ActionId>,
    pub(in crate::tui) cluster: ClusterName,
    pub(in crate::tui) plan: Box<Plan>,
    /// Who began it; `None`: this console.
    pub(in crate::tui) by: Option<Operator>,
    pub(in crate::tui) news: Vec<Progress>,
    pub(in crate::tui) outcome: Option<Outcome>,
    /// It was asked to end.
    pub(in crate::tui) asked: bool,
}

impl Watch {
    /// An action of which nothing is known yet but what is to be done. `by`: who began it; `None`: this console.
    pub(in crate::tui) fn new(ticket: Ticket, plan: Plan, by: Option<Operator>) -> Self {
        let (cluster, plan) = (plan.cluster.clone(), Box::new(plan));
        Self { ticket, action: None, cluster, plan, by, news: Vec::new(), outcome: None, asked: false }
    }

    /// Takes in what happened.
    pub(in crate::tui) fn take(&mut self, news: Vec<Progress>) {
        for progress in news {
            if let Event::Ended { outcome } = &progress.event {
                self.outcome = Some(outcome.clone());
            }
            self.news.push(progress);
        }
    }

    /// Whether nothing more comes.
    pub(in crate::tui) fn is_over(&self) -> bool {
        self.outcome.is_some()
    }

    /// Whether it has gone past the point where it could still be ended.
    pub(in crate::tui) fn is_past_no_return(&self) -> bool {
        self.news.iter().any(|progress| match &progress.event {
            Event::StepBegan { step, .. } => *step >= self.plan.no_return,
            _ => false,
        })
    }

    /// Whether it can still be ended: before the point of no return, and a drill at any time.
    pub(in crate::tui) fn can_be_ended(&self) -> bool {
        !self.is_past_no_return() || self.plan.intent.can_be_cut_short()
    }

    /// How it stands, in a few words.
    pub(in crate::tui) fn standing(&self) -> String {
        if let Some(outcome) = &self.outcome {
            return outcome.ending.word().to_owned();
        }
        let told = self.news.iter().rev().find_map(|progress| {
            let after = progress.after.map(|after| format!(" {}", units::latency(after))).unwrap_or_default();
            Some(match &progress.event {
                Event::Looking { again: false } => "looking".to_owned(),
                Event::Looking { again: true } => "looking under the lock".to_owned(),
                Event::Locked => "locked".to_owned(),
                Event::Checked { .. } | Event::Started => "checked".to_owned(),
                Event::Reached { milestone, .. } => format!("{}{after}", milestone.words()),
                Event::StepBegan { step, .. } => format!("step {} of {}", step + 1, self.plan.steps.len()),
                Event::Waiting { milestone, .. } => format!("waiting: {}", milestone.words()),
                Event::Told { told, .. } => told.words(),
                Event::StepEnded { .. } | Event::Undone { .. } | Event::Remark { .. } | Event::Ended { .. } => {
                    return None;
                }
            })
        });
        told.unwrap_or_else(|| "beginning".to_owned())
    }

    /// The same with what is done, for the line at the top.
    pub(in crate::tui) fn short(&self) -> String {
        format!("{} {}: {}", self.plan.intent.verb(), self.cluster, self.standing())
    }
}
