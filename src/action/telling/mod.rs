//! How an outcome is told: which states of a plan's sequence observation shows, and what follows for the whole action.
//!
//! Nothing is told from an answer to a question that was asked before the action, from a source that has gone silent, or
//! from one place alone where two can disagree. The far end's own reply decides nothing by itself.

mod evidence;
mod judge;
mod lead;
mod node;
mod order;
mod parameters;
mod part;
mod short;
mod streams;
mod unchanged;
mod undone;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use judge::{Attempt, Heard, Judgement, Reply, Stage, is_principal, judge};

use super::before::Before;
use super::milestone::Milestone;
use crate::model::moment::Moment;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// What observation says of one milestone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Telling {
    /// Seen.
    Reached {
        /// The observations it was told from, with their sources.
        evidence: Text,
    },
    /// Not seen, or not yet by enough sources.
    NotYet {
        /// What is missing.
        why: Text,
    },
    /// Something was seen that rules it out.
    Contradicted {
        /// What.
        why: Text,
    },
}

impl Telling {
    pub(super) fn reached(evidence: impl AsRef<str>) -> Self {
        Self::Reached { evidence: Text::redacted(evidence) }
    }

    pub(super) fn not_yet(why: impl AsRef<str>) -> Self {
        Self::NotYet { why: Text::redacted(why) }
    }

    pub(super) fn contradicted(why: impl AsRef<str>) -> Self {
        Self::Contradicted { why: Text::redacted(why) }
    }

    /// Whether it was seen.
    pub fn is_reached(&self) -> bool {
        matches!(self, Self::Reached { .. })
    }

    /// The words of it, whichever way.
    pub fn words(&self) -> &Text {
        match self {
            Self::Reached { evidence: words } | Self::NotYet { why: words } | Self::Contradicted { why: words } => {
                words
            }
        }
    }
}

/// What `snapshot` says of `milestone`, told only from what was asked, or for pushed sources said, after `since`.
pub fn tell(milestone: &Milestone, snapshot: &Snapshot, before: &Before, since: Moment) -> Telling {
    let scene = evidence::Scene { snapshot, before, since };
    match milestone {
        Milestone::SteppedDown { member } => lead::stepped_down(&scene, member),
        Milestone::Promoted { member } => lead::promoted(&scene, member.as_ref()),
        Milestone::RouterFollows => part::router_follows(&scene),
        Milestone::Streaming { member } => streams::streaming(&scene, member),
        Milestone::AllStreaming => streams::all_streaming(&scene),
        Milestone::Restarted { member } => node::restarted(&scene, member),
        Milestone::Reloaded { member } => node::reloaded(&scene, member),
        Milestone::Copying { member } => node::copying(&scene, member),
        Milestone::Maintenance { on } => order::maintenance(&scene, *on),
        Milestone::SwitchoverScheduled { scheduled } => order::switchover_scheduled(&scene, *scheduled),
        Milestone::RestartScheduled { member, scheduled } => order::restart_scheduled(&scene, member, *scheduled),
        Milestone::Configured { changes } => order::configured(&scene, changes),
        Milestone::ParametersInForce { parameters } => parameters::in_force(&scene, parameters),
        Milestone::Slots { wanted } => parameters::slots(&scene, wanted),
        Milestone::NothingPending { members } => parameters::nothing_pending(&scene, members),
        Milestone::RouterServer { router, backend, server, state } => {
            part::router_server(&scene, router, backend, server, *state)
        }
        Milestone::SessionsGone { servers } => part::sessions_gone(&scene, servers),
        Milestone::Serving { server } => part::serving(&scene, server),
        Milestone::CaughtUp { member } => streams::caught_up(&scene, member),
        Milestone::SessionEnded { member, pid, started, how } => {
            node::session_ended(&scene, member, *pid, *started, *how)
        }
    }
}
