//! What the runner tells while it runs. Serialisable, so that any console can follow a job of another.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::action::milestone::Milestone;
use crate::action::note::CheckNote;
use crate::action::outcome::Outcome;
use crate::action::router_handover::RouterUpdate;
use crate::action::work::{Artefact, OrderProgress};
use crate::model::text::Text;

/// One piece of news.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Progress {
    /// Wall clock.
    pub at: Timestamp,
    /// Time since the first step began; `None`: none has.
    pub after: Option<Duration>,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// The cluster is looked at; `again`: after the lock was taken.
    Looking {
        /// After the lock was taken.
        again: bool,
    },
    /// What the checks found.
    Checked {
        /// Notes.
        notes: Vec<CheckNote>,
    },
    /// The operation lock is held.
    Locked,
    /// The journal has it: from here on something may be sent.
    Started,
    /// A step begins.
    StepBegan {
        /// Index in the plan.
        step: usize,
        /// Its words.
        #[serde(rename = "words")]
        text: Text,
    },
    /// A state is awaited.
    Waiting {
        /// What.
        milestone: Milestone,
        /// Longest wait.
        at_most: Duration,
    },
    /// A step has come so far. Told no more often than every two seconds.
    Progressed {
        /// Index in the plan.
        step: usize,
        /// How far.
        progress: OrderProgress,
    },
    /// A step has made something that stays.
    Made {
        /// Index in the plan.
        step: usize,
        /// What.
        artefact: Artefact,
    },
    /// A step was answered, or its time ran out.
    StepEnded {
        /// Index in the plan.
        step: usize,
        /// How long it took.
        took: Duration,
        /// The far end's own words.
        reply: Text,
        /// Whether it was accepted; `None`: no answer.
        accepted: Option<bool>,
    },
    /// A state was seen.
    Reached {
        /// Which.
        milestone: Milestone,
        /// The observation it was told from.
        evidence: Text,
    },
    /// A router was told of a server's health, or was tried to be.
    #[serde(rename = "told")]
    Reported {
        /// Index of the escort in the plan.
        step: usize,
        /// What was told.
        #[serde(rename = "told")]
        reported: RouterUpdate,
    },
    /// A temporary step was taken back, or was tried to.
    Undone {
        /// Index in the plan of the step that was taken back.
        step: usize,
        /// The far end's own words.
        reply: Text,
        /// Whether it was accepted; `None`: no answer.
        accepted: Option<bool>,
    },
    /// Something the operator should know.
    Remark {
        /// In one line.
        text: Text,
    },
    /// The end. Nothing follows.
    Ended {
        /// How.
        outcome: Outcome,
    },
}
