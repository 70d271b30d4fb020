//! Restarts as they are asked for over REST, and what a scheduled one comes to.

use jiff::Timestamp;

use crate::driver::ha::sim::world::World;
use crate::driver::ha::sim::world::calls::{Answer, Taken, Wait};
use crate::driver::ha::sim::world::clock::MILLISECOND;
use crate::driver::ha::sim::world::node::{Phase, PlannedRestart};
use crate::model::role::Role;

/// Under which conditions a restart is made.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Conditions {
    /// Only while the node writes, or does not.
    pub(crate) writes: Option<bool>,
    /// Only if a setting waits for it.
    pub(crate) only_pending: bool,
}

impl World {
    /// `POST /restart`: scheduled, or blocking until it is over.
    pub(super) fn ask_restart(
        &mut self,
        index: usize,
        role: Option<&Role>,
        only_pending: bool,
        when: Option<Timestamp>,
    ) -> Taken {
        if self.record.paused && when.is_some() {
            return Taken::Now(Answer::status(500, "Can't schedule restart in the paused state"));
        }
        let writes = match role {
            None => None,
            Some(Role::Primary | Role::Leader) => Some(true),
            Some(Role::Replica) => Some(false),
            Some(Role::StandbyLeader | Role::Demoted | Role::Uninitialized | Role::Unknown(_)) => {
                let words = "PostgreSQL role should be either primary, standby_leader, or replica";
                return Taken::Now(Answer::status(400, words));
            }
        };
        let conditions = Conditions { writes, only_pending };
        if let Some(when) = when {
            if let Some(refusal) = self.in_the_past(when, "restart") {
                return Taken::Now(refusal);
            }
            if self.nodes[index].restart_at.is_some() {
                return Taken::Now(Answer::status(409, "Another restart is already scheduled"));
            }
            let at = self.clock.at_wall(when);
            self.nodes[index].restart_at = Some(PlannedRestart { at, conditions });
            self.hurry(index);
            self.bump();
            return Taken::Now(Answer::status(202, "Restart scheduled"));
        }
        let refuse = |words: &str| Taken::Now(Answer::status(503, words));
        if !self.may_restart(index, &conditions) {
            return refuse("restart conditions are not satisfied");
        }
        let since = self.clock.now();
        match self.nodes[index].phase {
            Phase::Running => {
                self.begin_restart(index);
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
    pub(super) fn ask_cancel_restart(&mut self, index: usize) -> Answer {
        if self.nodes[index].restart_at.take().is_none() {
            return Answer::status(404, "no restarts are scheduled");
        }
        self.hurry(index);
        self.bump();
        Answer::status(200, "scheduled restart deleted")
    }

    pub(in crate::driver::ha::sim::world) fn may_restart(&self, index: usize, conditions: &Conditions) -> bool {
        let node = &self.nodes[index];
        conditions.writes.is_none_or(|writes| writes == node.writable)
            && !(conditions.only_pending && node.pending.is_empty())
    }

    /// PostgreSQL of a node that is up goes down and comes back.
    pub(in crate::driver::ha::sim::world) fn begin_restart(&mut self, index: usize) {
        let now = self.clock.now();
        let until = now + self.dice.between(2_000, 4_500) * MILLISECOND;
        let node = &mut self.nodes[index];
        if node.phase == Phase::Running {
            node.phase = Phase::Restarting { until };
            node.stream = None;
            node.agent.next_loop = node.agent.next_loop.min(now + 200 * MILLISECOND);
        }
    }
}
