//! What a router's runtime API can be asked.

use serde::{Deserialize, Serialize};

use super::super::intent::ServerState;
use crate::model::text::Text;

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

impl RouterRequest {
    pub(super) fn describe(&self) -> String {
        match self {
            Self::State { backend, server, state } => format!("set server {backend}/{server} state {}", state.as_str()),
            Self::EndDrain { backend, server } => format!("set server {backend}/{server} state ready"),
            Self::Health { backend, server, up } => {
                format!("set server {backend}/{server} health {}", if *up { "up" } else { "down" })
            }
        }
    }
}
