//! How an action ended.

use serde::{Deserialize, Serialize};

use crate::model::text::Text;

/// The four ways an action can end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// Observed to have happened.
    Done,
    /// Refused by a guard, before anything was sent.
    Refused,
    /// Tried, and proven not to have happened.
    Failed,
    /// Sent, answered well, but not seen to have happened within the time.
    Unverified,
    /// It may have happened or may happen yet.
    Unknown,
}

impl OutcomeKind {
    /// The word shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unverified => "not verified",
            Self::Unknown => "unknown",
        }
    }
}

/// How an action ended, and what is to be said of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// The way.
    pub ending: OutcomeKind,
    /// Why, in one line.
    pub text: Text,
    /// What to do next, where something is left to do.
    pub next: Vec<Text>,
}

impl Outcome {
    /// An outcome with nothing left to do.
    pub fn new(ending: OutcomeKind, text: impl AsRef<str>) -> Self {
        Self { ending, text: Text::redacted(text), next: Vec::new() }
    }

    /// Says what to do next.
    #[must_use]
    pub fn next(mut self, step: impl AsRef<str>) -> Self {
        self.next.push(Text::redacted(step));
        self
    }
}
