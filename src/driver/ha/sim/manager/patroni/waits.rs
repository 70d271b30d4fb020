//! Requests to an agent whose answer takes time.

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::{SECOND, Time};
use crate::driver::ha::sim::core::node::{Phase, Power};
use crate::driver::ha::sim::core::requests::{OpenRequests, RequestLine, RequestOwner, RequestResult, RequestState};

use super::Patroni;

/// What an open request waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Wait {
    /// Another leader than `leader`: looked for once a second, as Patroni does, `left` times more.
    Lead { leader: Option<usize>, candidate: Option<usize>, verb: Verb, next: Time, left: u64 },
    /// PostgreSQL of the node being up again.
    Restart { since: Time },
    /// A time at which this is said, whatever has happened.
    Until { at: Time, answer: RequestResult },
}

/// Which of the two it is, for the words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verb {
    Switchover,
    Failover,
}

impl Verb {
    /// As in `switchover is not possible`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Switchover => "switchover",
            Self::Failover => "failover",
        }
    }

    /// As in `Switchover failed`.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Switchover => "Switchover",
            Self::Failover => "Failover",
        }
    }
}

impl Patroni {
    /// Keeps a request open at a node's agent.
    pub(super) fn hold(&mut self, at: usize, wait: Wait) -> RequestState {
        self.open_requests.hold(at, wait)
    }

    /// One step of every open request.
    pub(super) fn answer_open(&mut self, world: &World) {
        let mut open_requests = std::mem::replace(&mut self.open_requests, OpenRequests::at(RequestOwner::Manager));
        open_requests.poll(|at| self.line(world, at), |at, wait| self.poll(world, at, wait));
        self.open_requests = open_requests;
    }

    /// How the connection to a node's agent stands.
    fn line(&self, world: &World, at: usize) -> RequestLine {
        match world.nodes[at].power {
            Power::Off => RequestLine::Closed,
            Power::Frozen | Power::Cut => RequestLine::Silent,
            Power::On if world.clock.now() < self.agents[at].up_at => RequestLine::Closed,
            Power::On => RequestLine::Up,
        }
    }

    fn poll(&self, world: &World, at: usize, wait: &mut Wait) -> Option<RequestResult> {
        let now = world.clock.now();
        match wait {
            Wait::Lead { leader, candidate, verb, next, left } => {
                if now < *next {
                    return None;
                }
                *next = now + SECOND;
                *left = left.saturating_sub(1);
                // While the store cannot be read, nothing is learned.
                let seen = self.etcd.serves().then(|| self.lead_reported(world, *leader, *candidate, *verb)).flatten();
                let unknown = || RequestResult::status(503, format!("{} status unknown", verb.title()));
                seen.or_else(|| (*left == 0).then(unknown))
            }
            Wait::Restart { since } => match world.nodes[at].phase {
                Phase::Running if world.nodes[at].started > *since => {
                    Some(RequestResult::status(200, "restarted successfully"))
                }
                Phase::StartFailed | Phase::Crashed | Phase::Stopped => {
                    Some(RequestResult::status(503, "restart failed"))
                }
                Phase::Running
                | Phase::Starting { .. }
                | Phase::Restarting { .. }
                | Phase::Promoting { .. }
                | Phase::Stopping { .. }
                | Phase::Rewinding { .. }
                | Phase::Creating { .. } => None,
            },
            Wait::Until { at, answer } => (now >= *at).then(|| answer.clone()),
        }
    }

    /// What Patroni makes of the record: another leader, or an order that is gone without one.
    fn lead_reported(
        &self,
        world: &World,
        before: Option<usize>,
        candidate: Option<usize>,
        verb: Verb,
    ) -> Option<RequestResult> {
        let passed = match verb {
            Verb::Switchover => "switched",
            Verb::Failover => "failed",
        };
        if let Some(holder) = self.record.holder().filter(|holder| Some(*holder) != before) {
            let name = &world.nodes[holder].name;
            return Some(match candidate.filter(|candidate| *candidate != holder) {
                None => RequestResult::status(200, format!("Successfully {passed} over to \"{name}\"")),
                Some(other) => {
                    let title = if verb == Verb::Switchover { "Switched" } else { "Failed" };
                    let wanted = &world.nodes[other].name;
                    RequestResult::status(200, format!("{title} over to \"{name}\" instead of \"{wanted}\""))
                }
            });
        }
        let gone = self.record.failover.is_none();
        gone.then(|| RequestResult::status(503, format!("{} failed", verb.title())))
    }
}
