//! Checks that hold for any stack.

pub(super) mod archive;
pub(super) mod candidate;
pub(super) mod candidate_data;
pub(super) mod candidate_stream;
pub(super) mod cluster;
pub(super) mod drill;
pub(super) mod identity;
pub(super) mod leader;
pub(super) mod parameter_effects;
pub(super) mod parameters;
pub(super) mod pooler;
pub(super) mod poolers;
pub(super) mod restarts;
pub(super) mod router;
pub(super) mod session;
pub(super) mod standbys;
pub(super) mod swift;
pub(super) mod undo;
pub(super) mod walsenders;

use super::registry::CheckId;
use crate::action::intent::{AfterDrain, Intent, RouterIntent, SessionIntent};
use crate::action::plan::Plan;

/// What every plan that presumes a leader needs of the record.
pub(super) const LEADER_CHECKS: [CheckId; 4] =
    [CheckId::Record, CheckId::Leader, CheckId::Primaries, CheckId::Agreement];

/// The member who is to lead, as far as every stack has it.
pub(super) const CANDIDATE: [CheckId; 10] = [
    CheckId::CandidateKnown,
    CheckId::CandidateReachable,
    CheckId::CandidateState,
    CheckId::CandidateStreams,
    CheckId::CandidateLag,
    CheckId::CandidateTimeline,
    CheckId::CandidateSystem,
    CheckId::CandidatePendingRestart,
    CheckId::CandidateReplay,
    CheckId::CandidateConnections,
];

/// The checks of a plan that is the same for every stack; `None`: the stack itself says what its own plans need.
pub fn checks(plan: &Plan) -> Option<Vec<CheckId>> {
    let own: &[CheckId] = match &plan.intent {
        Intent::Router(RouterIntent::Server { .. }) => &[CheckId::RouterServer],
        Intent::Router(RouterIntent::Drain { then: AfterDrain::Leave, .. }) => &[CheckId::Drained],
        Intent::Router(RouterIntent::Undrain { .. }) => &[CheckId::Undrained],
        Intent::Pooler(_) => &[CheckId::Pooler],
        Intent::Session(SessionIntent::End { .. }) => &[CheckId::Session],
        // What was made must be unmade, wherever it was made.
        Intent::Undo { .. } => return Some(vec![CheckId::ReadOnly, CheckId::Undo, CheckId::RoutersAllow]),
        _ => return None,
    };
    Some(around(own))
}

/// Checks of a plan, between those that every plan has.
pub(super) fn around(own: &[CheckId]) -> Vec<CheckId> {
    let mut checks = vec![CheckId::ReadOnly, CheckId::RightCluster];
    checks.extend(own);
    checks.push(CheckId::RoutersAllow);
    checks
}
