//! Exit codes: a contract with scripts.

use std::process::ExitCode;

use crate::action::outcome::OutcomeKind;

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Exit {
    /// Done, or a picture was shown.
    Done = 0,
    /// Something is wrong with the cluster (`status --check`, `doctor`).
    Findings = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// Refused by a guard.
    Refused = 3,
    /// Executed, but not verified.
    Unverified = 4,
    /// The outcome is unknown, or nothing is known of the cluster.
    Unknown = 5,
    /// Tried, and proven not to have happened.
    Failed = 6,
}

impl Exit {
    /// How an action ended, as an exit code.
    pub fn of(ending: OutcomeKind) -> Self {
        match ending {
            OutcomeKind::Done => Self::Done,
            OutcomeKind::Refused => Self::Refused,
            OutcomeKind::Unverified => Self::Unverified,
            OutcomeKind::Unknown => Self::Unknown,
            OutcomeKind::Failed => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
