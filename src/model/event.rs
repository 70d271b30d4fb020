//! Things that changed.

use jiff::Timestamp;
use serde::Serialize;

use super::finding::{Severity, Subject};
use super::moment::Moment;
use super::source::Source;
use super::text::Text;

/// What kind of change it was, for filters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// Another leader, or none.
    Leader,
    /// A node's role, state, timeline, or tags.
    Node,
    /// A member appeared or vanished.
    Membership,
    /// The DCS's own members or keys.
    Dcs,
    /// A router's servers.
    Router,
    /// What a pooler does with its clients, and where it leads.
    Pooler,
    /// Replication: streams, slots, synchronous set.
    Replication,
    /// Maintenance mode, configuration, schedules.
    Configuration,
    /// A source went silent or came back.
    Source,
    /// A finding began or ended.
    Finding,
}

impl EventKind {
    /// The word shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Node => "node",
            Self::Membership => "membership",
            Self::Dcs => "dcs",
            Self::Router => "router",
            Self::Pooler => "pooler",
            Self::Replication => "replication",
            Self::Configuration => "configuration",
            Self::Source => "source",
            Self::Finding => "finding",
        }
    }
}

/// One change, as seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Event {
    /// Its number among all events of this cluster since the observer began, from 1: what a row keeps while others come
    /// and go.
    pub number: u64,
    /// When it was seen, on the observer's clock.
    pub at: Moment,
    /// The same on the wall clock.
    pub wall: Timestamp,
    /// What kind.
    pub kind: EventKind,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// One line, old and new value named.
    pub text: Text,
    /// Who said so; `None` where it follows from several.
    pub source: Option<Source>,
}
