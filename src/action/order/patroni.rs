//! What Patroni can be asked: its agents over REST, and its record in the DCS by compare-and-set.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::effect::Effect;
use super::super::intent::CopySource;
use crate::model::name::NodeName;
use crate::model::role::Role;

/// One thing that Patroni is asked.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PatroniOrder {
    /// To the agent of a member.
    Agent {
        /// Member whose agent is asked.
        member: NodeName,
        /// What.
        request: AgentRequest,
    },
    /// To the cluster's record in the DCS itself, past every agent. Written only while the operation lock and the leader
    /// are what they were.
    Record {
        /// What.
        request: RecordRequest,
    },
}

impl PatroniOrder {
    pub(super) fn effect(&self) -> Effect<'_> {
        match self {
            Self::Agent { member, request } => request.effect(member),
            Self::Record { request: RecordRequest::ClearFailover { .. } } => Effect::ClearsHandover,
            Self::Record { request: RecordRequest::Configure { .. } } => Effect::Configures { only_if_unchanged: true },
        }
    }

    pub(super) fn describe(&self) -> String {
        match self {
            Self::Agent { member, request } => format!("{} of {member}", request.describe()),
            Self::Record { request: RecordRequest::ClearFailover { .. } } => "clear the failover key".to_owned(),
            Self::Record { request: RecordRequest::Configure { .. } } => {
                "change the configuration in the DCS".to_owned()
            }
        }
    }
}

/// What a Patroni agent can be asked to do.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentRequest {
    /// `POST /switchover`.
    Switchover {
        /// The leader that must lead.
        leader: NodeName,
        /// The new leader.
        candidate: Option<NodeName>,
        /// When; `None`: now.
        at: Option<Timestamp>,
    },
    /// `POST /failover`.
    Failover {
        /// The new leader.
        candidate: NodeName,
    },
    /// `DELETE /switchover`.
    CancelSwitchover,
    /// `POST /restart`.
    Restart {
        /// Only while the member has this role.
        role: Option<Role>,
        /// Only if a setting waits for it.
        only_pending: bool,
        /// When; `None`: now.
        at: Option<Timestamp>,
    },
    /// `DELETE /restart`.
    CancelRestart,
    /// `POST /reload`.
    Reload,
    /// `POST /reinitialize`.
    #[serde(rename = "reinitialise")]
    Reinit {
        /// Where the copy comes from.
        source: CopySource,
        /// End a copy that is under way.
        force: bool,
    },
    /// `PATCH /config`.
    Configure {
        /// Keys to set; `null` removes one.
        changes: Map<String, Value>,
    },
}

/// What can be written to the cluster's record, by compare-and-set.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordRequest {
    /// Empties the failover key (`{}`), so that an order that was given up does not fire later.
    ClearFailover {
        /// Revision of the key that is cleared, and of no later one.
        revision: i64,
    },
    /// Changes keys of the dynamic configuration.
    Configure {
        /// Keys to set; `null` removes one.
        changes: Map<String, Value>,
        /// Revision of the configuration that is changed, and of no later one.
        revision: i64,
    },
}

impl AgentRequest {
    fn effect<'a>(&'a self, member: &'a NodeName) -> Effect<'a> {
        match self {
            Self::Switchover { candidate, at, .. } => Effect::Handover { to: candidate.as_ref(), at: *at },
            Self::Failover { candidate } => Effect::Promotes { member: candidate },
            Self::CancelSwitchover => Effect::ClearsHandover,
            Self::Restart { at, .. } => Effect::Restarts { member, at: *at },
            Self::CancelRestart => Effect::CancelsRestart { member },
            Self::Reload => Effect::Reloads { member },
            Self::Reinit { .. } => Effect::Copies { member },
            Self::Configure { .. } => Effect::Configures { only_if_unchanged: false },
        }
    }
    fn describe(&self) -> &'static str {
        match self {
            Self::Switchover { .. } => "POST /switchover to the agent",
            Self::Failover { .. } => "POST /failover to the agent",
            Self::CancelSwitchover => "DELETE /switchover to the agent",
            Self::Restart { .. } => "POST /restart to the agent",
            Self::CancelRestart => "DELETE /restart to the agent",
            Self::Reload => "POST /reload to the agent",
            Self::Reinit { .. } => "POST /reinitialize to the agent",
            Self::Configure { .. } => "PATCH /config to the agent",
        }
    }
}
