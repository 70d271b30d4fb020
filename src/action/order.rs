//! What can be sent to a part of the cluster. An order is data: it is shown, hashed, confirmed and journalled before it
//! is sent, and drivers send nothing else.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::drill::DrillRequest;
use super::escort::Escort;
use super::intent::{CopySource, EndSession, ServerState};
use super::milestone::Milestone;
use crate::model::lsn::SystemId;
use crate::model::name::{NodeName, RouterName};
use crate::model::role::Role;
use crate::model::text::Text;

/// One thing to send or to wait for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// To the agent of a member.
    Agent {
        /// Member whose agent is asked.
        member: NodeName,
        /// What.
        request: AgentRequest,
    },
    /// To a router's runtime API.
    Router {
        /// Router.
        router: RouterName,
        /// What.
        request: RouterRequest,
    },
    /// To PostgreSQL on a member.
    Sql {
        /// Member.
        member: NodeName,
        /// The data the member must have: another system is not touched.
        system_id: Option<SystemId>,
        /// What.
        request: SqlRequest,
    },
    /// To the cluster's record in the DCS itself, past every agent. Written only while the operation lock and the leader
    /// are what they were.
    Record {
        /// What.
        request: RecordRequest,
    },
    /// Routers are told of the change of leader that the step before brings about, as it is proven. It begins with that
    /// step, not after it.
    Escort(Escort),
    /// What only drills do: the probe, the fault and its undo.
    Drill {
        /// What.
        request: DrillRequest,
    },
    /// Nothing is sent; the next step waits until observation shows the milestone.
    Await {
        /// What is awaited.
        milestone: Milestone,
        /// Longest wait; after it the action ends without the following steps.
        at_most: Duration,
    },
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
    Reinitialise {
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

/// What a router's runtime API can be asked to do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouterRequest {
    /// `set server B/S state ...`.
    State {
        /// Backend.
        backend: Text,
        /// Server.
        server: Text,
        /// State.
        state: ServerState,
    },
    /// `set server B/S state ready`, where the server is in drain by hand and nothing more: what another hand has set
    /// meanwhile stays.
    EndDrain {
        /// Backend.
        backend: Text,
        /// Server.
        server: Text,
    },
    /// `set server B/S health up|down`.
    Health {
        /// Backend.
        backend: Text,
        /// Server.
        server: Text,
        /// Up or down.
        up: bool,
    },
}

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

impl Order {
    /// Whether it may be sent again after no answer: it sets a state and does nothing where that holds already.
    pub fn is_repeatable(&self) -> bool {
        match self {
            Self::Router { .. } | Self::Drill { request: DrillRequest::Mend { .. } | DrillRequest::End } => true,
            Self::Agent { .. }
            | Self::Sql { .. }
            | Self::Record { .. }
            | Self::Escort(_)
            | Self::Drill { .. }
            | Self::Await { .. } => false,
        }
    }

    /// What it does, in words for an operator who sees it without a plan.
    pub fn words(&self) -> String {
        match self {
            Self::Agent { member, request } => format!("{} of {member}", request.words()),
            Self::Router { router, request: RouterRequest::State { backend, server, state } } => {
                format!("{router}: set server {backend}/{server} state {}", state.word())
            }
            Self::Router { router, request: RouterRequest::EndDrain { backend, server } } => {
                format!("{router}: set server {backend}/{server} state ready")
            }
            Self::Router { router, request: RouterRequest::Health { backend, server, up } } => {
                format!("{router}: set server {backend}/{server} health {}", if *up { "up" } else { "down" })
            }
            Self::Sql { member, request: SqlRequest::Checkpoint, .. } => format!("CHECKPOINT on {member}"),
            Self::Sql { member, request: SqlRequest::EndSession { pid, .. }, .. } => {
                format!("end session {pid} on {member}")
            }
            Self::Record { request: RecordRequest::ClearFailover { .. } } => "clear the failover key".to_owned(),
            Self::Record { request: RecordRequest::Configure { .. } } => {
                "change the configuration on record".to_owned()
            }
            Self::Escort(escort) => escort.words(),
            Self::Drill { request } => request.words(),
            Self::Await { milestone, .. } => format!("wait until seen: {}", milestone.words()),
        }
    }
}

impl AgentRequest {
    fn words(&self) -> &'static str {
        match self {
            Self::Switchover { .. } => "POST /switchover to the agent",
            Self::Failover { .. } => "POST /failover to the agent",
            Self::CancelSwitchover => "DELETE /switchover to the agent",
            Self::Restart { .. } => "POST /restart to the agent",
            Self::CancelRestart => "DELETE /restart to the agent",
            Self::Reload => "POST /reload to the agent",
            Self::Reinitialise { .. } => "POST /reinitialize to the agent",
            Self::Configure { .. } => "PATCH /config to the agent",
        }
    }
}
