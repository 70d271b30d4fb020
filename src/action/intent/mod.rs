//! What an operator can want done to a cluster, by family. The families of routers and sessions are the same whatever manages
//! the cluster; what is wanted of the lead, of nodes and of the configuration is planned by the stack, in its own way.

mod configuration;
mod lead;
mod node;
mod pooler;
mod router;
mod session;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::drill::Scenario;
use super::order::Order;
use super::record::ActionId;
pub use configuration::ConfigurationIntent;
pub use lead::LeadIntent;
pub use node::{CopySource, NodeIntent, Target};
pub use pooler::PoolerIntent;
pub use router::{AfterDrain, DRAIN_WAIT, RouterIntent, ServerState};
pub use session::{EndSession, SessionIntent};

/// What is wanted, as far as the operator has decided it. Everything else follows in the plan. Written down by the name of
/// the verb alone, without its family.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Intent {
    /// Take back the temporary steps of an action whose process died.
    Undo {
        /// That action.
        action: ActionId,
        /// What its book says is owed, in the order in which it is to be taken back.
        #[serde(rename = "owed")]
        pending_undo: Vec<PendingUndo>,
    },
    /// Break something on purpose and measure what the users notice.
    Drill {
        /// What is practised.
        scenario: Scenario,
        /// The longest outage wished for.
        target: Option<Duration>,
    },
    /// Something of the lead.
    #[serde(untagged)]
    Lead(LeadIntent),
    /// Something of nodes.
    #[serde(untagged)]
    Node(NodeIntent),
    /// Something of the configuration.
    #[serde(untagged)]
    Configuration(ConfigurationIntent),
    /// Something of routers.
    #[serde(untagged)]
    Router(RouterIntent),
    /// Something of a pooler.
    #[serde(untagged)]
    Pooler(PoolerIntent),
    /// Something of a session.
    #[serde(untagged)]
    Session(SessionIntent),
}

/// A temporary step that stands, or may.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PendingUndo {
    /// Index of the step in the plan of its action.
    pub step: usize,
    /// What takes it back.
    pub order: Order,
}

impl Intent {
    /// The verb by which journal and messages call it.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Lead(intent) => intent.verb(),
            Self::Node(intent) => intent.verb(),
            Self::Configuration(ConfigurationIntent::Configure { .. }) => "configure",
            Self::Router(intent) => intent.verb(),
            Self::Pooler(intent) => intent.verb(),
            Self::Session(SessionIntent::End { .. }) => "end-session",
            Self::Undo { .. } => "undo",
            Self::Drill { .. } => "drill",
        }
    }

    /// The verb that ends what the action is meant to leave, and no undo takes back: a drain that stays, maintenance mode.
    /// `None`: it leaves nothing of the kind.
    pub fn ended_by(&self) -> Option<String> {
        match self {
            Self::Router(RouterIntent::Drain { member, then: AfterDrain::Leave, .. }) => {
                Some(format!("undrain {member}"))
            }
            Self::Lead(LeadIntent::Pause) => Some("resume".to_owned()),
            Self::Pooler(intent) if intent.leaves_a_pause() => Some(match intent.database() {
                Some(database) => format!("pooler resume {} --database {database}", intent.pooler()),
                None => format!("pooler resume {}", intent.pooler()),
            }),
            _ => None,
        }
    }

    /// Whether what its steps made is meant to stay once it has succeeded, and is nevertheless owed: it stays in the book until
    /// somebody takes it back.
    pub fn leaves_pending_undo(&self) -> bool {
        matches!(self, Self::Pooler(intent) if intent.leaves_a_pause())
    }

    /// Whether it can be ended at any time by taking back what was temporary, also past its point of no return.
    pub fn can_be_cut_short(&self) -> bool {
        matches!(self, Self::Drill { .. })
    }

    /// Whether another member is to lead as soon as it is begun.
    pub fn changes_leader(&self) -> bool {
        matches!(self, Self::Lead(intent) if intent.changes_leader())
    }

    /// Whether what was taken shows soon after, so that nothing will come of what does not. A restart waits for its checkpoint
    /// for minutes.
    pub fn shows_at_once(&self) -> bool {
        match self {
            Self::Lead(_) | Self::Configuration(_) | Self::Pooler(_) => true,
            Self::Node(intent) => intent.shows_at_once(),
            Self::Router(intent) => intent.shows_at_once(),
            Self::Session(_) | Self::Undo { .. } | Self::Drill { .. } => false,
        }
    }

    /// Whether it is accepted only once it has happened, or has begun.
    pub fn answers_when_done(&self) -> bool {
        match self {
            Self::Node(intent) => intent.answers_when_done(),
            Self::Router(intent) => intent.answers_when_done(),
            Self::Pooler(_) => true,
            Self::Lead(_) | Self::Configuration(_) | Self::Session(_) | Self::Undo { .. } | Self::Drill { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_meant_to_stay_has_a_verb_that_ends_it() {
        let drain = |then| Intent::Router(RouterIntent::Drain { member: "pg-1".into(), then, wait: DRAIN_WAIT });
        assert_eq!(drain(AfterDrain::Leave).ended_by().as_deref(), Some("undrain pg-1"));
        assert_eq!(drain(AfterDrain::Restart).ended_by(), None, "it takes back itself");
        assert_eq!(Intent::Lead(LeadIntent::Pause).ended_by().as_deref(), Some("resume"));
    }

    /// Journals and jobs of earlier versions are read.
    #[rstest]
    #[case(json!("pause"), "pause")]
    #[case(json!("rolling-restart"), "rolling-restart")]
    #[case(json!("settle-routers"), "fix-routing")]
    #[case(json!({"switchover": {"candidate": "pg-1", "at": null, "swift": true}}), "switchover")]
    #[case(json!({"reinitialise": {"member": "pg-1", "source": "leader", "again": false}}), "reinit")]
    #[case(json!({"restart": {"target": {"role": "replica"}, "only_pending": true, "at": null}}), "restart")]
    #[case(json!({"configure": {"changes": {"ttl": 30, "x": 0.1}}}), "configure")]
    #[case(
        json!({"router-server": {"router": "r", "backend": "b", "server": "s", "state": "maintenance"}}),
        "router-server"
    )]
    #[case(json!({"drain": {"member": "pg-1", "then": "restart", "wait": {"secs": 60, "nanos": 0}}}), "drain")]
    #[case(
        json!({"end-session": {"member": "pg-1", "pid": 7, "started": "2026-11-21T01:00:00Z", "how": "cancel"}}),
        "end-session"
    )]
    #[case(json!({"pooler-pause": {"pooler": "edge", "database": "app"}}), "pooler-pause")]
    #[case(json!({"pooler-kill": {"pooler": "edge", "database": null}}), "pooler-kill")]
    #[case(json!({"undo": {"action": "a", "owed": []}}), "undo")]
    fn intents_are_written_down_as_they_always_were(#[case] written: serde_json::Value, #[case] verb: &str) {
        let intent: Intent = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(intent.verb(), verb);
        assert_eq!(serde_json::to_value(&intent).unwrap(), written);
    }
}
