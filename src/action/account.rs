//! What the journal tells of one action: its records put together.

use std::time::Duration;

use jiff::Timestamp;

use super::before::StateBefore;
use super::note::CheckNote;
use super::outcome::{Outcome, OutcomeKind};
use super::permit::Confirmation;
use super::plan::Plan;
use super::record::{ActionId, Entry, Operator, Record};
use super::router_handover::RouterUpdate;
use super::work::Artefact;
use crate::model::name::ClusterName;
use crate::model::text::Text;

/// What became of one step.
#[derive(Clone, PartialEq, Debug)]
pub enum StepResult {
    /// It began, and nothing more is on record: it may have been sent.
    Begun,
    /// It was answered, or its time ran out.
    Ended {
        /// How long it took.
        took: Duration,
        /// The far end's own words.
        reply: Text,
        /// Whether it was accepted; `None`: no answer.
        accepted: Option<bool>,
    },
}

/// One action as the journal has it.
#[derive(Clone, PartialEq, Debug)]
pub struct ActionHistory {
    /// Action.
    pub action: ActionId,
    /// Cluster.
    pub cluster: ClusterName,
    /// Who; `None`: the record that tells it is missing.
    pub operator: Option<Operator>,
    /// What was planned.
    pub plan: Option<Box<Plan>>,
    /// What the checks found.
    pub notes: Vec<CheckNote>,
    /// How it was confirmed.
    pub confirmation: Option<Confirmation>,
    /// When the first record was written.
    pub first: Timestamp,
    /// When the last one was.
    pub last: Timestamp,
    /// The cluster before.
    pub before: Option<Box<StateBefore>>,
    /// It began: something may have been sent.
    pub started: bool,
    /// Steps that began, by index in the plan, in the order in which they did.
    pub steps: Vec<(usize, StepResult)>,
    /// States seen: when since the first step, and which.
    pub reached: Vec<(Duration, Text)>,
    /// What routers were told by escorts, in order.
    pub reported: Vec<RouterUpdate>,
    /// What its steps have made that stays, by index in the plan.
    pub artefacts: Vec<(usize, Artefact)>,
    /// Temporary steps that were taken back, by index, and whether the far end accepted it.
    pub reverted_steps: Vec<(usize, Option<bool>)>,
    /// The end with its time since the first step; `None`: none is on record.
    pub outcome: Option<(Outcome, Duration)>,
    /// The cluster after.
    pub after: Option<Box<StateBefore>>,
}

impl ActionHistory {
    fn new(record: &Record) -> Self {
        Self {
            action: record.action.clone(),
            cluster: record.cluster.clone(),
            operator: None,
            plan: None,
            notes: Vec::new(),
            confirmation: None,
            first: record.at,
            last: record.at,
            before: None,
            started: false,
            steps: Vec::new(),
            reached: Vec::new(),
            reported: Vec::new(),
            artefacts: Vec::new(),
            reverted_steps: Vec::new(),
            outcome: None,
            after: None,
        }
    }

    /// How it ended; `None`: it runs, or died.
    pub fn ending(&self) -> Option<OutcomeKind> {
        self.outcome.as_ref().map(|(outcome, _)| outcome.ending)
    }

    /// Whether it was started and has no end on record: it runs, or its process died.
    pub fn is_open(&self) -> bool {
        self.started && self.outcome.is_none()
    }

    fn apply_record(&mut self, record: &Record) {
        self.first = self.first.min(record.at);
        self.last = self.last.max(record.at);
        match record.entry.clone() {
            Entry::Refused { operator, plan, why } => {
                self.operator = Some(operator);
                self.plan = Some(plan);
                self.outcome =
                    Some((Outcome { ending: OutcomeKind::Refused, text: why, next: Vec::new() }, Duration::ZERO));
            }
            Entry::Started { operator, plan, notes, confirmation, before, .. } => {
                self.operator = Some(operator);
                self.plan = Some(plan);
                self.notes = notes;
                self.confirmation = Some(confirmation);
                self.before = Some(before);
                self.started = true;
            }
            Entry::StepBegan { step } => self.steps.push((step, StepResult::Begun)),
            Entry::StepEnded { step, took, reply, accepted, artefact } => {
                self.artefacts.extend(artefact.map(|artefact| (step, artefact)));
                let step_result = StepResult::Ended { took, reply, accepted };
                match self.steps.iter_mut().rev().find(|(index, _)| *index == step) {
                    Some((_, known)) => *known = step_result,
                    None => self.steps.push((step, step_result)),
                }
            }
            Entry::Reached { milestone, after, .. } => self.reached.push((after, milestone)),
            Entry::Reported { reported, .. } => self.reported.push(reported),
            Entry::Undone { step, accepted, artefact, .. } => {
                self.artefacts.extend(artefact.map(|artefact| (step, artefact)));
                self.reverted_steps.push((step, accepted));
            }
            Entry::Ended { outcome, after, left } => {
                self.outcome = Some((outcome, after));
                self.after = left;
            }
        }
    }
}

/// One account an action, in the order in which they began. Records of several actions may be mixed.
pub fn action_histories(records: &[Record]) -> Vec<ActionHistory> {
    let mut indices = std::collections::HashMap::new();
    let mut histories: Vec<ActionHistory> = Vec::new();
    for record in records {
        let index = *indices.entry(&record.action).or_insert(histories.len());
        if index == histories.len() {
            histories.push(ActionHistory::new(record));
        }
        if let Some(history) = histories.get_mut(index) {
            history.apply_record(record);
        }
    }
    histories
}
