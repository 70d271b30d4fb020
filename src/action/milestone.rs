//! States of the cluster that an action leads through, told from observation alone.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::intent::EndSession;
use crate::model::name::{NodeName, PoolerName, RouterName};
use crate::model::text::Text;

/// A server of a router.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServerLocation {
    /// Router.
    pub router: RouterName,
    /// Backend.
    pub backend: Text,
    /// Server.
    pub server: Text,
}

impl fmt::Display for ServerLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} of {}", self.backend, self.server, self.router)
    }
}

/// A state to be reached.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Milestone {
    /// The old leader no longer takes writes: in recovery by its own SQL, or its SQL is shutting down or gone and the
    /// lock is not its own.
    SteppedDown {
        /// Old leader.
        member: NodeName,
    },
    /// A new leader holds the lock, is not in recovery by its own SQL, on a higher timeline, with the same data.
    Promoted {
        /// Which; `None`: any but the old one.
        member: Option<NodeName>,
    },
    /// Every router that answers leads writes to the leader alone.
    RouterFollows,
    /// A member streams again, seen from both sides.
    Streaming {
        /// Which.
        member: NodeName,
    },
    /// Every member but the leader streams on the leader's timeline.
    AllStreaming,
    /// PostgreSQL on a member has started anew since the action began.
    Restarted {
        /// Which.
        member: NodeName,
    },
    /// PostgreSQL on a member has read its configuration files since the action began.
    Reloaded {
        /// Which.
        member: NodeName,
    },
    /// A member's data is being copied.
    Copying {
        /// Which.
        member: NodeName,
    },
    /// Maintenance mode is on, or off, by the word of the record and of every agent that answers.
    Maintenance {
        /// On.
        on: bool,
    },
    /// A switchover is on record for later; or none is.
    SwitchoverScheduled {
        /// One is.
        scheduled: bool,
    },
    /// A restart of a member is scheduled; or none is.
    RestartScheduled {
        /// Which member.
        member: NodeName,
        /// One is.
        scheduled: bool,
    },
    /// The dynamic configuration holds these values.
    Configured {
        /// Values; `null`: absent.
        changes: Map<String, Value>,
    },
    /// PostgreSQL of every member has these parameters in force, or tells that they are pending a restart.
    ParametersInForce {
        /// Values; `null`: no longer configured.
        parameters: Map<String, Value>,
    },
    /// The leader has these replication slots, or has them no more.
    Slots {
        /// Whether each is there.
        wanted: BTreeMap<Text, bool>,
    },
    /// No setting of these members is pending a restart, by their agents' word and by their own.
    NothingPending {
        /// Which.
        members: Vec<NodeName>,
    },
    /// A router's server has the administrative state that was asked for.
    RouterServer {
        /// Router.
        router: RouterName,
        /// Backend.
        backend: Text,
        /// Server.
        server: Text,
        /// HAProxy's word for the state.
        state: super::intent::ServerState,
    },
    /// A router's servers take no new sessions and have none any more.
    SessionsGone {
        /// Servers.
        servers: Vec<ServerLocation>,
    },
    /// A router leads new sessions to a server.
    Serving {
        /// Server.
        server: ServerLocation,
    },
    /// A member streams and has replayed all there is, or is less than a second behind.
    CaughtUp {
        /// Which.
        member: NodeName,
    },
    /// Traffic of a pooler's database is held by a pause, or of everything by one; or flows.
    PoolerFlow {
        /// Pooler.
        pooler: PoolerName,
        /// Database; `None`: everything by one pause.
        database: Option<Text>,
        /// Held.
        paused: bool,
    },
    /// No server of a pooler's database is left at an address of before, and none is about to be closed.
    PoolerMoved {
        /// Pooler.
        pooler: PoolerName,
        /// Database; `None`: each of them.
        database: Option<Text>,
    },
    /// A session is gone; or, where only its statement was cancelled, it no longer runs the one that it ran.
    SessionEnded {
        /// Node.
        member: NodeName,
        /// Process.
        pid: u32,
        /// Start of the backend: a later one with the same number is another session.
        started: Timestamp,
        /// What was asked for.
        how: EndSession,
    },
}

impl Milestone {
    /// Whether it tells what happened, and stays true: a copy ends, a reload is over. The others are states of the cluster,
    /// and are reached only for as long as they hold.
    pub fn is_event(&self) -> bool {
        match self {
            Self::Restarted { .. } | Self::Reloaded { .. } | Self::Copying { .. } | Self::SessionEnded { .. } => true,
            Self::SteppedDown { .. }
            | Self::Promoted { .. }
            | Self::RouterFollows
            | Self::Streaming { .. }
            | Self::AllStreaming
            | Self::Maintenance { .. }
            | Self::SwitchoverScheduled { .. }
            | Self::RestartScheduled { .. }
            | Self::Configured { .. }
            | Self::ParametersInForce { .. }
            | Self::Slots { .. }
            | Self::NothingPending { .. }
            | Self::RouterServer { .. }
            | Self::SessionsGone { .. }
            | Self::Serving { .. }
            | Self::PoolerFlow { .. }
            | Self::PoolerMoved { .. }
            | Self::CaughtUp { .. } => false,
        }
    }

    /// The words shown while it is awaited and when it is reached.
    pub fn describe(&self) -> String {
        match self {
            Self::SteppedDown { member } => format!("{member} stepped down"),
            Self::Promoted { member: Some(member) } => format!("{member} promoted"),
            Self::Promoted { member: None } => "a new leader promoted".to_owned(),
            Self::RouterFollows => "router follows".to_owned(),
            Self::Streaming { member } => format!("{member} streaming"),
            Self::AllStreaming => "all standbys streaming".to_owned(),
            Self::Restarted { member } => format!("{member} restarted"),
            Self::Reloaded { member } => format!("{member} reloaded"),
            Self::Copying { member } => format!("{member} reinit running"),
            Self::Maintenance { on: true } => "paused".to_owned(),
            Self::Maintenance { on: false } => "resumed".to_owned(),
            Self::SwitchoverScheduled { scheduled: true } => "switchover scheduled".to_owned(),
            Self::SwitchoverScheduled { scheduled: false } => "no switchover scheduled".to_owned(),
            Self::RestartScheduled { member, scheduled: true } => format!("restart of {member} scheduled"),
            Self::RestartScheduled { member, scheduled: false } => format!("no restart of {member} scheduled"),
            Self::Configured { .. } => "configuration in the DCS".to_owned(),
            Self::ParametersInForce { .. } => "parameters active on every member".to_owned(),
            Self::Slots { wanted } => {
                let names = wanted.keys().map(ToString::to_string).collect::<Vec<_>>();
                format!("slots on the leader as configured: {}", names.join(", "))
            }
            Self::NothingPending { members } => {
                let names = members.iter().map(ToString::to_string).collect::<Vec<_>>();
                format!("no pending restart on {}", names.join(", "))
            }
            Self::RouterServer { backend, server, state, .. } => format!("{backend}/{server} {}", state.as_str()),
            Self::SessionsGone { servers } => {
                let names = servers.iter().map(ToString::to_string).collect::<Vec<_>>();
                format!("no sessions left on {}", names.join(", "))
            }
            Self::Serving { server } => format!("{server} accepts sessions"),
            Self::CaughtUp { member } => format!("{member} caught up"),
            Self::PoolerFlow { pooler, database, paused } => {
                let state = if *paused { "paused" } else { "not paused" };
                format!("{} {state}", of_pooler(pooler, database.as_ref()))
            }
            Self::PoolerMoved { pooler, database } => {
                format!("no old server connections of {}", of_pooler(pooler, database.as_ref()))
            }
            Self::SessionEnded { member, pid, how: EndSession::Terminate, .. } => {
                format!("session {pid} on {member} ended")
            }
            Self::SessionEnded { member, pid, how: EndSession::Cancel, .. } => {
                format!("statement of session {pid} on {member} ended")
            }
        }
    }
}

fn of_pooler(pooler: &PoolerName, database: Option<&Text>) -> String {
    database.map_or_else(|| pooler.to_string(), |database| format!("{database} of {pooler}"))
}
