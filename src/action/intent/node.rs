//! PostgreSQL on the nodes: restarted, reloaded, copied anew.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::name::NodeName;
use crate::model::role::Role;

/// What can be wanted of nodes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeIntent {
    /// Throw a member's data away and copy it anew.
    #[serde(rename = "reinitialise")]
    Reinit {
        /// The member.
        member: NodeName,
        /// Where the copy comes from.
        source: CopySource,
        /// End a copy that is under way and begin again.
        again: bool,
    },
    /// Restart PostgreSQL.
    Restart {
        /// Where.
        target: Target,
        /// Only where a setting waits for it.
        only_pending: bool,
        /// When; `None`: now.
        at: Option<Timestamp>,
    },
    /// Take back a scheduled restart.
    CancelRestart {
        /// The member.
        member: NodeName,
    },
    /// Read the configuration files anew.
    Reload {
        /// Where.
        target: Target,
    },
    /// Restart every member with a setting that waits for it: replicas, switchover, the old leader.
    RollingRestart,
}

/// Members an intent is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// One.
    Member(NodeName),
    /// Those of a role.
    Role(Role),
    /// Every one.
    All,
}

/// Where a copy comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CopySource {
    /// As the manager chooses.
    #[default]
    Any,
    /// The leader.
    Leader,
}

impl NodeIntent {
    pub(super) fn verb(&self) -> &'static str {
        match self {
            Self::Reinit { .. } => "reinit",
            Self::Restart { .. } => "restart",
            Self::CancelRestart { .. } => "cancel-restart",
            Self::Reload { .. } => "reload",
            Self::RollingRestart => "rolling-restart",
        }
    }

    pub(super) fn shows_at_once(&self) -> bool {
        match self {
            Self::Reinit { .. } | Self::CancelRestart { .. } => true,
            Self::Restart { .. } | Self::Reload { .. } | Self::RollingRestart => false,
        }
    }

    pub(super) fn answers_when_done(&self) -> bool {
        match self {
            Self::Restart { .. } | Self::RollingRestart => true,
            Self::Reinit { .. } | Self::CancelRestart { .. } | Self::Reload { .. } => false,
        }
    }
}
