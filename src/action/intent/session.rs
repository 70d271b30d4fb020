//! Sessions of clients.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::name::NodeName;

/// What can be wanted of a session.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionIntent {
    /// End what a session does, or the session.
    #[serde(rename = "end-session")]
    End {
        /// Node the session is on.
        member: NodeName,
        /// Process.
        pid: u32,
        /// When its backend started: a number alone may belong to somebody else by now.
        started: Timestamp,
        /// How.
        how: EndSession,
    },
}

/// How a session is ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndSession {
    /// Its running statement (`pg_cancel_backend`).
    Cancel,
    /// The session (`pg_terminate_backend`).
    Terminate,
}
