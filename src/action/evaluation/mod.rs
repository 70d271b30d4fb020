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
mod pooler;
mod router;
mod shortfall;
mod streams;
mod unchanged;
mod undo;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use judge::{Attempt, Judgement, Reply, ReplyStatus, RunStage, is_principal, judge};

use super::before::StateBefore;
use super::milestone::Milestone;
use crate::model::moment::Moment;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// What observation says of one milestone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MilestoneStatus {
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

impl MilestoneStatus {
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
    pub fn describe(&self) -> &Text {
        match self {
            Self::Reached { evidence: words } | Self::NotYet { why: words } | Self::Contradicted { why: words } => {
                words
            }
        }
    }
}

/// What `snapshot` says of `milestone`, told only from what was asked, or for pushed sources said, after `since`.
pub fn evaluate(milestone: &Milestone, snapshot: &Snapshot, before: &StateBefore, since: Moment) -> MilestoneStatus {
    let context = evidence::EvaluationContext { snapshot, before, since };
    match milestone {
        Milestone::SteppedDown { member } => lead::stepped_down(&context, member),
        Milestone::Promoted { member } => lead::promoted(&context, member.as_ref()),
        Milestone::RouterFollows => router::router_follows(&context),
        Milestone::Streaming { member } => streams::streaming(&context, member),
        Milestone::AllStreaming => streams::all_streaming(&context),
        Milestone::Restarted { member } => node::restarted(&context, member),
        Milestone::Reloaded { member } => node::reloaded(&context, member),
        Milestone::Copying { member } => node::copying(&context, member),
        Milestone::Maintenance { on } => order::maintenance(&context, *on),
        Milestone::SwitchoverScheduled { scheduled } => order::switchover_scheduled(&context, *scheduled),
        Milestone::RestartScheduled { member, scheduled } => order::restart_scheduled(&context, member, *scheduled),
        Milestone::Configured { changes } => order::configured(&context, changes),
        Milestone::ParametersInForce { parameters } => parameters::in_force(&context, parameters),
        Milestone::Slots { wanted } => parameters::slots(&context, wanted),
        Milestone::NothingPending { members } => parameters::nothing_pending(&context, members),
        Milestone::RouterServer { router, backend, server, state } => {
            router::router_server(&context, router, backend, server, *state)
        }
        Milestone::SessionsGone { servers } => router::sessions_gone(&context, servers),
        Milestone::Serving { server } => router::serving(&context, server),
        Milestone::CaughtUp { member } => streams::caught_up(&context, member),
        Milestone::PoolerFlow { pooler, database, paused } => {
            pooler::flow(&context, pooler, database.as_ref(), *paused)
        }
        Milestone::PoolerMoved { pooler, database } => pooler::moved(&context, pooler, database.as_ref()),
        Milestone::SessionEnded { member, pid, started, how } => {
            node::session_ended(&context, member, *pid, *started, *how)
        }
    }
}
