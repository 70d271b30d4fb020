//! Restarts as they are asked for over REST, and what a scheduled one comes to.

use jiff::Timestamp;

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::node::Phase;
use crate::driver::ha::sim::core::requests::{RequestResult, RequestState};
use crate::driver::ha::sim::manager::patroni::waits::Wait;
use crate::driver::ha::sim::manager::patroni::{Patroni, PlannedRestart};
use crate::model::role::Role;

/// Under which conditions a restart is made.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Conditions {
    /// Only while the node writes, or does not.
    pub(crate) writes: Option<bool>,
    /// Only if a setting waits for it.
    pub(crate) only_pending: bool,
}

impl Patroni {
    /// `POST /restart`: scheduled, or blocking until it is over.
    pub(super) fn ask_restart(
        &mut self,
        world: &mut World,
        index: usize,
        role: Option<&Role>,
        only_pending: bool,
        when: Option<Timestamp>,
    ) -> RequestState {
        if self.record.paused && when.is_some() {
            return RequestState::Now(RequestResult::status(500, "Can't schedule restart in the paused state"));
        }
        let writes = match role {
            None => None,
            Some(Role::Primary | Role::Leader) => Some(true),
            Some(Role::Replica) => Some(false),
            Some(Role::StandbyLeader | Role::Demoted | Role::Uninitialized | Role::Unknown(_)) => {
                let words = "PostgreSQL role should be either primary, standby_leader, or replica";
                return RequestState::Now(RequestResult::status(400, words));
            }
        };
        let conditions = Conditions { writes, only_pending };
        if let Some(when) = when {
            if let Some(refusal) = Self::in_the_past(world, when, "restart") {
                return RequestState::Now(refusal);
            }
            if self.agents[index].restart_at.is_some() {
                return RequestState::Now(RequestResult::status(409, "Another restart is already scheduled"));
            }
            let at = world.clock.at_wall(when);
            self.agents[index].restart_at = Some(PlannedRestart { at, conditions });
            self.speed_up(world, index);
            self.bump();
            return RequestState::Now(RequestResult::status(202, "Restart scheduled"));
        }
        let refuse = |words: &str| RequestState::Now(RequestResult::status(503, words));
        if !Self::may_restart(world, index, &conditions) {
            return refuse("restart conditions are not satisfied");
        }
        let since = world.clock.now();
        match world.nodes[index].phase {
            Phase::Running => {
                world.begin_restart(self, index);
                self.hold(index, Wait::Restart { since })
            }
            Phase::Starting { .. } => refuse("postgres is still starting"),
            Phase::Restarting { .. } => refuse("restart already in progress"),
            Phase::Promoting { .. } => refuse("promote already in progress"),
            Phase::Creating { .. } => refuse("reinitialize already in progress"),
            Phase::Rewinding { .. } | Phase::Stopping { .. } => refuse("running pg_rewind already in progress"),
            Phase::Stopped | Phase::Crashed | Phase::StartFailed => refuse("restart failed"),
        }
    }

    /// `DELETE /restart`.
    pub(super) fn ask_cancel_restart(&mut self, world: &mut World, index: usize) -> RequestResult {
        if self.agents[index].restart_at.take().is_none() {
            return RequestResult::status(404, "no restarts are scheduled");
        }
        self.speed_up(world, index);
        self.bump();
        RequestResult::status(200, "scheduled restart deleted")
    }

    pub(in crate::driver::ha::sim::manager::patroni) fn may_restart(
        world: &World,
        index: usize,
        conditions: &Conditions,
    ) -> bool {
        let node = &world.nodes[index];
        conditions.writes.is_none_or(|writes| writes == node.writable)
            && !(conditions.only_pending && node.pending.is_empty())
    }
}
