//! Where routers lead their clients.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::name::{NodeName, RouterName};
use crate::model::text::Text;

/// What can be wanted of routers.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouterIntent {
    /// Set the state of one server of a router by hand.
    #[serde(rename = "router-server")]
    Server {
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
    #[serde(rename = "settle-routers")]
    Settle,
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
    pub fn as_str(self) -> &'static str {
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
    #[serde(rename = "reinitialise")]
    Reinit,
}

/// How long the sessions of a drained node are waited for where nothing else is said.
pub const DRAIN_WAIT: Duration = Duration::from_secs(60);

impl RouterIntent {
    pub(super) fn verb(&self) -> &'static str {
        match self {
            Self::Server { .. } => "router-server",
            Self::Drain { .. } => "drain",
            Self::Undrain { .. } => "undrain",
            Self::Settle => "fix-routing",
        }
    }

    pub(super) fn shows_at_once(&self) -> bool {
        match self {
            Self::Server { .. } => true,
            Self::Drain { .. } | Self::Undrain { .. } | Self::Settle => false,
        }
    }

    pub(super) fn answers_when_done(&self) -> bool {
        match self {
            Self::Drain { then, .. } => *then != AfterDrain::Leave,
            Self::Server { .. } | Self::Undrain { .. } | Self::Settle => false,
        }
    }
}
