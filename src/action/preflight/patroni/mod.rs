//! Checks that are Patroni's own, and which checks its plans need.

pub(super) mod agents;
pub(super) mod appointed;
pub(super) mod configure;
pub(super) mod dcs;
pub(super) mod drill;
pub(super) mod handover;
pub(super) mod lock;
pub(super) mod maintenance;
pub(super) mod order;
pub(super) mod synchronous;

use super::common::{self, LEADER_CHECKS, around};
use super::context::CheckContext;
use super::registry::CheckId;
use crate::action::drill::Scenario;
use crate::action::intent::{
    AfterDrain, ConfigurationIntent, Intent, LeadIntent, NodeIntent, RouterIntent, SessionIntent,
};
use crate::action::plan::Plan;

/// The member who is to lead.
pub(super) const CANDIDATE: [CheckId; 13] = [
    CheckId::CandidateKnown,
    CheckId::CandidateReachable,
    CheckId::CandidateState,
    CheckId::CandidateStreams,
    CheckId::CandidateLag,
    CheckId::CandidateTimeline,
    CheckId::CandidateSystem,
    CheckId::CandidateTags,
    CheckId::CandidateSynchronous,
    CheckId::CandidateWatchdog,
    CheckId::CandidatePendingRestart,
    CheckId::CandidateReplay,
    CheckId::CandidateConnections,
];

/// What restarting members needs.
const RESTARTS: [CheckId; 2] = [CheckId::AgentsOfRestarts, CheckId::Restarts];

/// The checks of `plan`, in the order in which they are shown.
pub fn checks(plan: &Plan) -> Vec<CheckId> {
    if let Some(shared) = common::checks(plan) {
        return shared;
    }
    let mut own = Vec::new();
    match &plan.intent {
        Intent::Lead(LeadIntent::Switchover { .. }) => {
            own.extend(LEADER_CHECKS);
            own.extend([CheckId::Dcs, CheckId::NoOrder, CheckId::MaintenanceOfSwitchover]);
            own.extend(CANDIDATE);
            own.extend([CheckId::SomebodyCanLead, CheckId::LeaderStops, CheckId::LeaderArchiver, CheckId::RoutersSee]);
            own.extend([CheckId::Swift, CheckId::Poolers, CheckId::StandbysThatStay]);
        }
        Intent::Lead(LeadIntent::Failover { .. }) => {
            own.extend([CheckId::Record, CheckId::Primaries, CheckId::Dcs, CheckId::LockIsFree, CheckId::NoOrder]);
            own.extend(CANDIDATE);
            own.extend([CheckId::NobodyAhead, CheckId::LostArchive, CheckId::RoutersSee]);
        }
        Intent::Node(NodeIntent::Reinit { .. }) => own.extend(copy()),
        Intent::Node(NodeIntent::Restart { .. }) => {
            own.extend([CheckId::Record, CheckId::Primaries]);
            own.extend(RESTARTS);
        }
        Intent::Node(NodeIntent::CancelRestart { .. }) => own.push(CheckId::ScheduledRestart),
        Intent::Node(NodeIntent::Reload { .. }) => own.push(CheckId::Agents),
        Intent::Node(NodeIntent::RollingRestart) => {
            own.extend(LEADER_CHECKS);
            own.extend([CheckId::Dcs, CheckId::NoOrder]);
            own.extend(RESTARTS);
            if CheckContext::has_handover(plan) {
                own.push(CheckId::MaintenanceOfSwitchover);
                own.extend(CANDIDATE);
                own.extend([CheckId::LeaderStops, CheckId::LeaderArchiver, CheckId::Swift]);
            }
            own.push(CheckId::Poolers);
            own.push(CheckId::RoutersSee);
        }
        Intent::Lead(LeadIntent::CancelSwitchover) => {
            own.extend([CheckId::Record, CheckId::Dcs, CheckId::ScheduledSwitchover]);
        }
        Intent::Lead(LeadIntent::Pause | LeadIntent::Resume) => {
            own.extend([CheckId::Record, CheckId::Primaries, CheckId::Dcs]);
            own.extend([CheckId::MaintenanceChanges, CheckId::Agents]);
        }
        Intent::Configuration(ConfigurationIntent::Configure { .. }) => {
            own.extend([CheckId::Record, CheckId::Primaries, CheckId::Dcs]);
            own.extend([CheckId::Configuration, CheckId::Parameters]);
        }
        Intent::Router(RouterIntent::Drain { then, .. }) => {
            match then {
                AfterDrain::Leave => {}
                AfterDrain::Restart => {
                    own.extend([CheckId::Record, CheckId::Primaries]);
                    own.extend(RESTARTS);
                }
                AfterDrain::Reinit => own.extend(copy()),
            }
            own.push(CheckId::Drained);
        }
        Intent::Router(RouterIntent::Settle) => {
            own.extend(LEADER_CHECKS);
            own.extend([CheckId::Dcs, CheckId::NoOrderUnderWay, CheckId::RoutersSee]);
        }
        Intent::Drill { scenario, .. } => {
            own.extend(LEADER_CHECKS);
            own.extend([CheckId::Dcs, CheckId::NoOrder]);
            if *scenario == Scenario::Switchover || scenario.takes_leader() {
                own.push(CheckId::SomebodyCanLead);
            }
            own.extend([CheckId::LeaderStops, CheckId::LeaderArchiver, CheckId::RoutersSee]);
            own.extend([CheckId::DrillMaintenance, CheckId::DrillDataLoss, CheckId::Drill]);
        }
        Intent::Router(RouterIntent::Server { .. } | RouterIntent::Undrain { .. })
        | Intent::Pooler(_)
        | Intent::Session(SessionIntent::End { .. })
        | Intent::Undo { .. } => {}
    }
    around(&own)
}

/// What copying a member anew needs.
fn copy() -> Vec<CheckId> {
    let mut checks = LEADER_CHECKS.to_vec();
    checks.extend([CheckId::Dcs, CheckId::Copy, CheckId::LeaderConnections, CheckId::LeaderBaseBackup]);
    checks
}
