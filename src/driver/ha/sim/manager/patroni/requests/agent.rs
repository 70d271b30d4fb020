//! Requests to an agent's REST interface, and what an ailing one makes of them.

use serde_json::{Map, Value};

use crate::action::order::AgentRequest;
use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::SECOND;
use crate::driver::ha::sim::core::faults::ApiDefect;
use crate::driver::ha::sim::core::node::Power;
use crate::driver::ha::sim::core::requests::{RequestResult, RequestState};
use crate::driver::ha::sim::manager::patroni::Patroni;
use crate::driver::ha::sim::manager::patroni::waits::Wait;
use crate::model::name::NodeName;

/// How long an agent that died is away before its supervisor has it back.
const MAX_RESPONSE_DELAY: u64 = 6 * SECOND;
/// When an agent gives up on what it has begun.
const MIN_RESPONSE_DELAY: u64 = 2 * SECOND;

impl Patroni {
    /// Asks the agent at `member`'s address. Whoever acts asks first who it is, so that another's gets nothing.
    pub(in crate::driver::ha::sim::manager::patroni) fn ask_agent(
        &mut self,
        world: &mut World,
        member: &NodeName,
        request: &AgentRequest,
    ) -> RequestState {
        let Some(index) = world.find(member) else { return RequestState::Now(RequestResult::Nobody) };
        let node = &world.nodes[index];
        match node.power {
            Power::On if world.clock.now() < self.agents[index].up_at => {
                return RequestState::Now(RequestResult::Refused);
            }
            Power::On => {}
            Power::Off => return RequestState::Now(RequestResult::Refused),
            // Who it is was not answered, so that nothing more was sent.
            Power::Frozen | Power::Cut => return RequestState::Now(RequestResult::Unreachable),
        }
        if self.agents[index].faults.wrong_address {
            let other = &world.nodes[(index + 1) % world.nodes.len()].name;
            return RequestState::Now(RequestResult::Another(format!("is the agent of {other}, not of {member}")));
        }
        match self.agents[index].faults.api {
            None => self.serve(world, index, request),
            Some(ApiDefect::Refuses) => RequestState::Now(refusal(request)),
            Some(defect) => {
                let taken = self.serve(world, index, request);
                self.inject_api_defect(world, index, request, defect, taken)
            }
        }
    }

    fn serve(&mut self, world: &mut World, index: usize, request: &AgentRequest) -> RequestState {
        match request {
            AgentRequest::Switchover { leader, candidate, at } => {
                self.ask_switchover(world, index, leader, candidate.as_ref(), *at)
            }
            AgentRequest::Failover { candidate } => self.ask_failover(world, index, candidate),
            AgentRequest::CancelSwitchover => RequestState::Now(self.ask_cancel_switchover()),
            AgentRequest::Restart { role, only_pending, at } => {
                self.ask_restart(world, index, role.as_ref(), *only_pending, *at)
            }
            AgentRequest::CancelRestart => RequestState::Now(self.ask_cancel_restart(world, index)),
            AgentRequest::Reload => {
                self.agents[index].reload_asked = true;
                self.speed_up(world, index);
                RequestState::Now(RequestResult::status(202, "reload scheduled"))
            }
            AgentRequest::Reinit { source: _, force } => RequestState::Now(self.ask_reinit(world, index, *force)),
            AgentRequest::Configure { changes } => RequestState::Now(self.ask_configure(world, changes)),
        }
    }

    fn ask_configure(&mut self, world: &mut World, changes: &Map<String, Value>) -> RequestResult {
        // Reading the record blocks while the store is away, and then the connection closes without an answer.
        if !self.etcd.serves() {
            return RequestResult::Closed;
        }
        if changes.is_empty() {
            return RequestResult::status(400, "Bad Request");
        }
        if !self.etcd.takes_writes() {
            return RequestResult::status(409, "Conflict");
        }
        self.patch_config(world, changes);
        // Patroni answers with the whole configuration, which may hold secrets.
        RequestResult::status(200, "configuration changed")
    }

    /// What becomes of an answer on its way out of an agent that ails. What was done is done.
    fn inject_api_defect(
        &mut self,
        world: &World,
        index: usize,
        request: &AgentRequest,
        defect: ApiDefect,
        taken: RequestState,
    ) -> RequestState {
        let accepted = match &taken {
            RequestState::Later(_) => true,
            RequestState::Now(RequestResult::Said { accepted, .. }) => *accepted,
            RequestState::Now(_) => false,
        };
        if !accepted {
            return taken;
        }
        if let RequestState::Later(request_id) = taken {
            self.open_requests.hang_up(request_id);
        }
        let now = world.clock.now();
        match defect {
            ApiDefect::Hangs => RequestState::Now(RequestResult::Silence),
            ApiDefect::Dies => {
                let agent = &mut self.agents[index];
                agent.up_at = now + MAX_RESPONSE_DELAY;
                agent.next_loop = agent.up_at;
                RequestState::Now(RequestResult::Closed)
            }
            ApiDefect::Alarms => self.hold(index, Wait::Until { at: now + MIN_RESPONSE_DELAY, answer: alarm(request) }),
            ApiDefect::Refuses => RequestState::Now(refusal(request)),
        }
    }
}

/// The words of an agent that says it failed.
fn alarm(request: &AgentRequest) -> RequestResult {
    let words = match request {
        AgentRequest::Switchover { .. } => "Switchover status unknown",
        AgentRequest::Failover { .. } => "Failover status unknown",
        AgentRequest::Restart { .. } => "restart failed",
        AgentRequest::CancelSwitchover
        | AgentRequest::CancelRestart
        | AgentRequest::Reload
        | AgentRequest::Reinit { .. }
        | AgentRequest::Configure { .. } => "Service Unavailable",
    };
    RequestResult::status(503, words)
}

/// The words of an agent that does not want to.
fn refusal(request: &AgentRequest) -> RequestResult {
    match request {
        AgentRequest::Switchover { .. } => {
            RequestResult::status(412, "switchover is not possible: no good candidates have been found")
        }
        AgentRequest::Failover { .. } => {
            RequestResult::status(412, "failover is not possible: no good candidates have been found")
        }
        AgentRequest::CancelSwitchover | AgentRequest::Configure { .. } => RequestResult::status(409, "Conflict"),
        AgentRequest::Restart { .. } => RequestResult::status(503, "restart conditions are not satisfied"),
        AgentRequest::CancelRestart => RequestResult::status(404, "no restarts are scheduled"),
        AgentRequest::Reinit { .. } => RequestResult::status(503, "restart already in progress"),
        AgentRequest::Reload => RequestResult::status(403, "Access is denied"),
    }
}
