//! What poolers are to do with their clients and servers.

use serde::{Deserialize, Serialize};

use crate::model::name::PoolerName;
use crate::model::text::Text;

/// What can be wanted of one pooler. Without a database it is about everything that it pools.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolerIntent {
    /// Have clients wait.
    #[serde(rename = "pooler-pause")]
    Pause {
        /// Pooler.
        pooler: PoolerName,
        /// Database that clients ask for.
        database: Option<Text>,
    },
    /// Let them go on.
    #[serde(rename = "pooler-resume")]
    Resume {
        /// Pooler.
        pooler: PoolerName,
        /// Database that clients ask for.
        database: Option<Text>,
    },
    /// Open servers anew.
    #[serde(rename = "pooler-reconnect")]
    Reconnect {
        /// Pooler.
        pooler: PoolerName,
        /// Database that clients ask for.
        database: Option<Text>,
    },
    /// Drop clients and servers of a database, and have new clients wait.
    #[serde(rename = "pooler-kill")]
    Kill {
        /// Pooler.
        pooler: PoolerName,
        /// Database that clients ask for; `None`: the only one that there is.
        database: Option<Text>,
    },
}

impl PoolerIntent {
    /// The pooler.
    pub fn pooler(&self) -> &PoolerName {
        match self {
            Self::Pause { pooler, .. }
            | Self::Resume { pooler, .. }
            | Self::Reconnect { pooler, .. }
            | Self::Kill { pooler, .. } => pooler,
        }
    }

    /// The database, where one is named.
    pub fn database(&self) -> Option<&Text> {
        match self {
            Self::Pause { database, .. }
            | Self::Resume { database, .. }
            | Self::Reconnect { database, .. }
            | Self::Kill { database, .. } => database.as_ref(),
        }
    }

    /// Whether what it leaves is there until somebody takes it back: clients wait.
    pub fn leaves_a_pause(&self) -> bool {
        matches!(self, Self::Pause { .. } | Self::Kill { .. })
    }

    /// `app of edge`, or the pooler alone.
    pub fn describe_scope(&self) -> String {
        match self.database() {
            Some(database) => format!("{database} of {}", self.pooler()),
            None => self.pooler().to_string(),
        }
    }

    pub(super) fn verb(&self) -> &'static str {
        match self {
            Self::Pause { .. } => "pooler-pause",
            Self::Resume { .. } => "pooler-resume",
            Self::Reconnect { .. } => "pooler-reconnect",
            Self::Kill { .. } => "pooler-kill",
        }
    }
}
