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
    /// `PAUSE` of the process: clients of every database wait.
    PauseAll,
    /// `RESUME` of the process. A database that is paused by itself stays so.
    ResumeAll,
    /// `RECONNECT`: each server connection is closed as soon as its client lets go, and opened anew.
    Reconnect {
        /// Database that clients ask for; `None`: all of them.
        database: Option<Text>,
    },
    /// `KILL`: clients and servers are dropped at once, and the database is paused.
    Kill {
        /// Database that clients ask for.
        database: Text,
    },
}

impl PoolerRequest {
    /// The statement, with its name quoted.
    pub fn statement(&self) -> String {
        let (word, name) = match self {
            Self::Pause { database } => ("PAUSE", Some(database)),
            Self::Resume { database } => ("RESUME", Some(database)),
            Self::PauseAll => ("PAUSE", None),
            Self::ResumeAll => ("RESUME", None),
            Self::Reconnect { database } => ("RECONNECT", database.as_ref()),
            Self::Kill { database } => ("KILL", Some(database)),
        };
        match name {
            Some(name) => format!("{word} \"{}\"", name.as_str().replace('"', "\"\"")),
            None => word.to_owned(),
        }
    }

    /// Whether it holds a state that is there already: a resume that another hand has made, servers that are marked.
    pub(super) fn is_repeatable(&self) -> bool {
        match self {
            Self::Resume { .. } | Self::ResumeAll | Self::Reconnect { .. } => true,
            Self::Pause { .. } | Self::PauseAll | Self::Kill { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(PoolerRequest::Kill { database: "a\"; SHUTDOWN".into() }, "KILL \"a\"\"; SHUTDOWN\"")]
    #[case(PoolerRequest::Reconnect { database: None }, "RECONNECT")]
    #[case(PoolerRequest::Reconnect { database: Some("App".into()) }, "RECONNECT \"App\"")]
    #[case(PoolerRequest::PauseAll, "PAUSE")]
    fn a_name_is_quoted_and_ends_no_statement(#[case] request: PoolerRequest, #[case] statement: &str) {
        assert_eq!(request.statement(), statement);
    }

    #[rstest]
    #[case(json!({"pause": {"database": "app"}}))]
    #[case(json!({"resume": {"database": "app"}}))]
    #[case(json!("pause-all"))]
    #[case(json!({"reconnect": {"database": null}}))]
    fn requests_are_written_down_as_they_are(#[case] written: serde_json::Value) {
        let request: PoolerRequest = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(&request).unwrap(), written);
    }
}
