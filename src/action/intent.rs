//! What an operator can want done to a cluster.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::drill::Scenario;
use super::order::Order;
use super::record::ActionId;
use crate::model::name::{NodeName, RouterName};
use crate::model::role::Role;
use crate::model::text::Text;

/// What is wanted, as far as the operator has decided it. Everything else follows in the plan.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Intent {
    /// Hand the lead over in good order.
    Switchover {
        /// The new leader; `None`: whichever the manager finds best.
        candidate: Option<NodeName>,
        /// When; `None`: now.
        at: Option<Timestamp>,
        /// Tell the routers at once instead of leaving it to their checks, where the conditions hold.
        swift: bool,
    },
    /// Take back a scheduled switchover.
    CancelSwitchover,
    /// Make a member the leader although there is none.
    Failover {
        /// The new leader.
        candidate: NodeName,
    },
    /// Throw a member's data away and copy it anew.
    Reinitialise {
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
    /// Switch automatic failover off.
    Pause,
    /// Switch it on again.
    Resume,
    /// Change the dynamic configuration.
    Configure {
        /// Keys to set; `null` removes one. Nested as the configuration is.
        changes: Map<String, Value>,
    },
    /// Restart every member with a setting that waits for it: replicas, switchover, the old leader.
    RollingRestart,
    /// Set the state of one server of a router by hand.
    RouterServer {
        /// Router.
        router: RouterName,
        /// Backend.
        backend: Text,
        /// Server.
        server: Text,
        /// State.
        state: ServerState,
    },
    /// Have every router lead no new sessions to a node, and wait until those it has are gone.
    Drain {
        /// The node.
        member: NodeName,
        /// What is done then.
        then: AfterDrain,
        /// Longest wait for its sessions to go.
        wait: Duration,
    },
    /// Have the routers lead sessions to a node again that was left drained.
    Undrain {
        /// The node.
        member: NodeName,
    },
    /// Prove who leads, and have every router lead writes there: what a swift switchover may have left undone.
    SettleRouters,
    /// End what a session does, or the session.
    EndSession {
        /// Node the session is on.
        member: NodeName,
        /// Process.
        pid: u32,
        /// When its backend started: a number alone may belong to somebody else by now.
        started: Timestamp,
        /// How.
        how: EndSession,
    },
    /// Take back the temporary steps of an action whose process died.
    Undo {
        /// That action.
        action: ActionId,
        /// What its book says is owed, in the order in which it is to be taken back.
        owed: Vec<Owed>,
    },
    /// Break something on purpose and measure what the users notice.
    Drill {
        /// What is practised.
        scenario: Scenario,
        /// The longest outage wished for.
        target: Option<Duration>,
    },
}

/// A temporary step that stands, or may.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Owed {
    /// Index of the step in the plan of its action.
    pub step: usize,
    /// What takes it back.
    pub order: Order,
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

/// A router's server as an operator can set it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerState {
    /// Takes traffic as its check says.
    Ready,
    /// Keeps the sessions it has, gets no new ones.
    Drain,
    /// Out of service.
    Maintenance,
}

impl ServerState {
    /// HAProxy's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Drain => "drain",
            Self::Maintenance => "maint",
        }
    }
}

/// What is done with a node whose sessions are gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterDrain {
    /// Nothing: it stays drained until it is taken back.
    #[default]
    Leave,
    /// PostgreSQL is restarted; then it serves as before.
    Restart,
    /// Its data is copied anew; then it serves as before.
    Reinitialise,
}

/// How long the sessions of a drained node are waited for where nothing else is said.
pub const DRAIN_WAIT: Duration = Duration::from_secs(60);

/// How a session is ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndSession {
    /// Its running statement (`pg_cancel_backend`).
    Cancel,
    /// The session (`pg_terminate_backend`).
    Terminate,
}

impl Intent {
    /// The verb that ends what the action is meant to leave, and no undo takes back: a drain that stays, maintenance mode.
    /// `None`: it leaves nothing of the kind.
    pub fn ended_by(&self) -> Option<String> {
        match self {
            Self::Drain { member, then: AfterDrain::Leave, .. } => Some(format!("undrain {member}")),
            Self::Pause => Some("resume".to_owned()),
            _ => None,
        }
    }

    /// Whether it can be ended at any time by taking back what was temporary, also past its point of no return.
    pub fn can_be_cut_short(&self) -> bool {
        matches!(self, Self::Drill { .. })
    }

    /// The verb by which command line, palette and journal call it.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Switchover { .. } => "switchover",
            Self::CancelSwitchover => "cancel-switchover",
            Self::Failover { .. } => "failover",
            Self::Reinitialise { .. } => "reinit",
            Self::Restart { .. } => "restart",
            Self::CancelRestart { .. } => "cancel-restart",
            Self::Reload { .. } => "reload",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Configure { .. } => "configure",
            Self::RollingRestart => "rolling-restart",
            Self::RouterServer { .. } => "router-server",
            Self::Drain { .. } => "drain",
            Self::Undrain { .. } => "undrain",
            Self::SettleRouters => "settle",
            Self::EndSession { .. } => "end-session",
            Self::Undo { .. } => "undo",
            Self::Drill { .. } => "drill",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_to_stay_has_a_verb_that_ends_it() {
        let drain = |then| Intent::Drain { member: "pg-1".into(), then, wait: DRAIN_WAIT };
        assert_eq!(drain(AfterDrain::Leave).ended_by().as_deref(), Some("undrain pg-1"));
        assert_eq!(drain(AfterDrain::Restart).ended_by(), None, "it takes back itself");
        assert_eq!(Intent::Pause.ended_by().as_deref(), Some("resume"));
    }
}
