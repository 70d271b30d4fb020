//! What the journal tells of one action: its records put together.

use std::time::Duration;

use jiff::Timestamp;

use super::before::Before;
use super::escort::Told;
use super::note::Note;
use super::outcome::{Ending, Outcome};
use super::permit::Confirmation;
use super::plan::Plan;
use super::record::{ActionId, Entry, Operator, Record};
use crate::model::name::ClusterName;
use crate::model::text::Text;

/// What became of one step.
#[derive(Clone, PartialEq, Debug)]
pub enum StepFate {
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
pub struct Account {
    /// Action.
    pub action: ActionId,
    /// Cluster.
    pub cluster: ClusterName,
    /// Who; `None`: the record that tells it is missing.
    pub operator: Option<Operator>,
    /// What was planned.
    pub plan: Option<Box<Plan>>,
    /// What the checks found.
    pub notes: Vec<Note>,
    /// How it was confirmed.
    pub confirmation: Option<Confirmation>,
    /// When the first record was written.
    pub first: Timestamp,
    /// When the last one was.
    pub last: Timestamp,
    /// The cluster before.
    pub before: Option<Box<Before>>,
    /// It began: something may have been sent.
    pub started: bool,
    /// Steps that began, by index in the plan, in the order in which they did.
    pub steps: Vec<(usize, StepFate)>,
    /// States seen: when since the first step, and which.
    pub reached: Vec<(Duration, Text)>,
    /// What routers were told by escorts, in order.
    pub told: Vec<Told>,
    /// Temporary steps that were taken back, by index, and whether the far end accepted it.
    pub undone: Vec<(usize, Option<bool>)>,
    /// The end with its time since the first step; `None`: none is on record.
    pub outcome: Option<(Outcome, Duration)>,
    /// The cluster after.
    pub after: Option<Box<Before>>,
}

impl Account {
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
            told: Vec::new(),
            undone: Vec::new(),
            outcome: None,
            after: None,
        }
    }

    /// How it ended; `None`: it runs, or died.
    pub fn ending(&self) -> Option<Ending> {
        self.outcome.as_ref().map(|(outcome, _)| outcome.ending)
    }

    /// Whether it was started and has no end on record: it runs, or its process died.
    pub fn is_open(&self) -> bool {
        self.started && self.outcome.is_none()
    }

    fn take(&mut self, record: &Record) {
        self.first = self.first.min(record.at);
        self.last = self.last.max(record.at);
        match record.entry.clone() {
            Entry::Refused { operator, plan, why } => {
                self.operator = Some(operator);
                self.plan = Some(plan);
                self.outcome = Some((Outcome { ending: Ending::Refused, text: why, next: Vec::new() }, Duration::ZERO));
            }
            Entry::Started { operator, plan, notes, confirmation, before, .. } => {
                self.operator = Some(operator);
                self.plan = Some(plan);
                self.notes = notes;
                self.confirmation = Some(confirmation);
                self.before = Some(before);
                self.started = true;
            }
            Entry::StepBegan { step } => self.steps.push((step, StepFate::Begun)),
            Entry::StepEnded { step, took, reply, accepted } => {
                let fate = StepFate::Ended { took, reply, accepted };
                match self.steps.iter_mut().rev().find(|(index, _)| *index == step) {
                    Some((_, known)) => *known = fate,
                    None => self.steps.push((step, fate)),
                }
            }
            Entry::Reached { milestone, after, .. } => self.reached.push((after, milestone)),
            Entry::Told { told, .. } => self.told.push(told),
            Entry::Undone { step, accepted, .. } => self.undone.push((step, accepted)),
            Entry::Ended { outcome, after, left } => {
                self.outcome = Some((outcome, after));
                self.after = left;
            }
        }
    }
}

/// One account an action, in the order in which they began. Records of several actions may be mixed.
pub fn accounts(records: &[Record]) -> Vec<Account> {
    let mut places = std::collections::HashMap::new();
    let mut accounts: Vec<Account> = Vec::new();
    for record in records {
        let place = *places.entry(&record.action).or_insert(accounts.len());
        if place == accounts.len() {
            accounts.push(Account::new(record));
        }
        if let Some(account) = accounts.get_mut(place) {
            account.take(record);
        }
    }
    accounts
}
