//! What a pooler's console can be asked.

use serde::{Deserialize, Serialize};

use crate::model::text::Text;

/// What a pooler's console can be asked to do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolerRequest {
    /// `PAUSE`: clients of a database wait once their transactions have ended.
    Pause {
        /// Database that clients ask for.
        database: Text,
    },
    /// `RESUME`: they go on.
    Resume {
        /// Database that clients ask for.
        database: Text,
    },
}

impl PoolerRequest {
    /// The statement, with its name quoted.
    pub fn statement(&self) -> String {
        let (word, name) = match self {
            Self::Pause { database } => ("PAUSE", database),
            Self::Resume { database } => ("RESUME", database),
        };
        format!("{word} \"{}\"", name.as_str().replace('"', "\"\""))
    }
}
