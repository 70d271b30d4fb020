//! Who leads, and whether the manager may change that by itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::name::NodeName;

/// What can be wanted of the lead.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeadIntent {
    /// Hand the lead over in good order.
    Switchover {
        /// The new leader; `None`: whichever the manager finds best.
        candidate: Option<NodeName>,
        /// When; `None`: now.
        at: Option<Timestamp>,
        /// Tell the routers at once instead of leaving it to their checks, where the conditions hold.
        swift: bool,
        /// Pause the poolers meanwhile, so that their clients wait instead of failing; `None`: where every writer is known
        /// to come through poolers that can be paused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        through_poolers: Option<bool>,
    },
    /// Take back a scheduled switchover.
    CancelSwitchover,
    /// Make a member the leader although there is none.
    Failover {
        /// The new leader.
        candidate: NodeName,
    },
    /// Switch automatic failover off.
    Pause,
    /// Switch it on again.
    Resume,
}

impl LeadIntent {
    pub(super) fn verb(&self) -> &'static str {
        match self {
            Self::Switchover { .. } => "switchover",
            Self::CancelSwitchover => "cancel-switchover",
            Self::Failover { .. } => "failover",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }

    pub(super) fn changes_leader(&self) -> bool {
        match self {
            Self::Switchover { at: None, .. } | Self::Failover { .. } => true,
            Self::Switchover { at: Some(_), .. } | Self::CancelSwitchover | Self::Pause | Self::Resume => false,
        }
    }
}
