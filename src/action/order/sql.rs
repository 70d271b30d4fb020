//! What PostgreSQL can be asked.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::effect::Effect;
use super::super::intent::EndSession;
use crate::model::name::NodeName;

/// What PostgreSQL can be asked to do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SqlRequest {
    /// `CHECKPOINT`.
    Checkpoint,
    /// `pg_cancel_backend` or `pg_terminate_backend`, of the backend that started then.
    EndSession {
        /// Process.
        pid: u32,
        /// Start of the backend.
        started: Timestamp,
        /// How.
        how: EndSession,
    },
}

impl SqlRequest {
    pub(super) fn effect<'a>(&'a self, member: &'a NodeName) -> Effect<'a> {
        match self {
            Self::Checkpoint => Effect::None,
            Self::EndSession { .. } => Effect::EndsSession { member },
        }
    }

    pub(super) fn describe(&self, member: &NodeName) -> String {
        match self {
            Self::Checkpoint => format!("CHECKPOINT on {member}"),
            Self::EndSession { pid, .. } => format!("terminate session {pid} on {member}"),
        }
    }
}
