//! What is written down of an action: one record a line, each whole by itself.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::before::StateBefore;
use super::note::CheckNote;
use super::outcome::Outcome;
use super::permit::Confirmation;
use super::plan::{Plan, PlanHash};
use super::router_handover::RouterUpdate;
use super::work::Artefact;
use crate::model::name::ClusterName;
use crate::model::text::Text;

/// One action, wherever it is mentioned: in the journal, in the lock, in its job's files.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionId(pub String);

impl ActionId {
    /// A name for an action that process `pid` begins at `at`: sorts by time, and is a good file name.
    pub fn new(at: Timestamp, pid: u32) -> Self {
        let at = at.to_zoned(jiff::tz::TimeZone::UTC);
        Self(format!("{}-{:03}-{pid}", at.strftime("%Y%m%d-%H%M%S"), at.millisecond()))
    }
}

impl std::fmt::Display for ActionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// Who acts, as far as the system can tell.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Operator {
    /// Login name of the process.
    pub user: Text,
    /// Who became that user by sudo.
    pub behind_sudo: Option<Text>,
    /// Address the SSH session came from.
    pub from: Option<Text>,
    /// Host the console runs on.
    pub host: Text,
    /// Process.
    pub pid: u32,
}

impl std::fmt::Display for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let person = self.behind_sudo.as_ref().unwrap_or(&self.user);
        write!(f, "{person}@{}", self.host)
    }
}

/// One line of the journal.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Version of this form.
    pub schema: u32,
    /// Action.
    pub action: ActionId,
    /// Wall clock.
    pub at: Timestamp,
    /// Cluster.
    pub cluster: ClusterName,
    /// What is recorded.
    pub entry: Entry,
}

/// The version written.
pub const SCHEMA: u32 = 1;

/// What one record tells.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Entry {
    /// Refused by a guard: nothing was sent.
    Refused {
        /// Who.
        operator: Operator,
        /// Plan; boxed, since it is by far the largest part.
        plan: Box<Plan>,
        /// Why.
        why: Text,
    },
    /// On disk before the first step.
    Started {
        /// Who.
        operator: Operator,
        /// Plan.
        plan: Box<Plan>,
        /// Its fingerprint.
        hash: PlanHash,
        /// What the checks found.
        notes: Vec<CheckNote>,
        /// How it was confirmed.
        confirmation: Confirmation,
        /// The cluster before.
        before: Box<StateBefore>,
    },
    /// A step is about to be made.
    StepBegan {
        /// Index in the plan.
        step: usize,
    },
    /// A step was answered, or was not.
    StepEnded {
        /// Index in the plan.
        step: usize,
        /// How long it took.
        took: Duration,
        /// The far end's own words, cleaned.
        reply: Text,
        /// Whether it was accepted; `None`: no answer.
        accepted: Option<bool>,
        /// What it has made that stays.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        artefact: Option<Artefact>,
    },
    /// A state was seen.
    Reached {
        /// In words.
        milestone: Text,
        /// Time since the first step began.
        after: Duration,
        /// The observation it was told from.
        evidence: Text,
    },
    /// A router was told of a server's health by an escort.
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
        /// The far end's own words, cleaned.
        reply: Text,
        /// Whether it was accepted; `None`: no answer.
        accepted: Option<bool>,
        /// What taking it back has made that stays.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        artefact: Option<Artefact>,
    },
    /// The end.
    Ended {
        /// How.
        outcome: Outcome,
        /// Time since the first step began.
        after: Duration,
        /// The cluster after, where it could be seen.
        left: Option<Box<StateBefore>>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_actions_sort_by_time_and_differ_by_process() {
        let at = |text: &str, pid| ActionId::new(text.parse().unwrap(), pid);
        let first = at("2026-11-21T14:02:07.005Z", 4711);
        assert_eq!(first.to_string(), "20261121-140207-005-4711");
        assert!(first < at("2026-11-21T14:02:07.020Z", 12));
        assert_ne!(first, at("2026-11-21T14:02:07.005Z", 4712));
    }

    #[test]
    fn a_step_of_a_journal_that_knew_of_no_artefacts_is_read() {
        let written =
            r#"{"kind":"step-ended","step":2,"took":{"secs":3,"nanos":0},"reply":"CHECKPOINT","accepted":true}"#;
        let entry: Entry = serde_json::from_str(written).unwrap();
        let Entry::StepEnded { step: 2, artefact: None, .. } = &entry else { panic!("{entry:?}") };
        assert_eq!(serde_json::to_string(&entry).unwrap(), written, "and written as it was where nothing was made");
        let written = r#"{"kind":"undone","step":0,"reply":"done","accepted":null}"#;
        assert!(matches!(serde_json::from_str(written), Ok(Entry::Undone { artefact: None, .. })));
    }
}
