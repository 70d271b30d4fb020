//! Requests to an agent's REST interface, and what an ailing one makes of them.

use serde_json::{Map, Value};

use crate::action::order::AgentRequest;
use crate::driver::ha::sim::world::World;
use crate::driver::ha::sim::world::calls::{Answer, Taken, Wait};
use crate::driver::ha::sim::world::clock::SECOND;
use crate::driver::ha::sim::world::faults::ApiDefect;
use crate::driver::ha::sim::world::node::Power;
use crate::model::name::NodeName;

/// How long an agent that died is away before its supervisor has it back.
const AWAY: u64 = 6 * SECOND;
/// When an agent gives up on what it has begun.
const TOO_EARLY: u64 = 2 * SECOND;

impl World {
    /// Asks the agent at `member`'s address. Whoever acts asks first who it is, so that another's gets nothing.
    pub(crate) fn ask_agent(&mut self, member: &NodeName, request: &AgentRequest) -> Taken {
        let Some(index) = self.find(member) else { return Taken::Now(Answer::Nobody) };
        let node = &self.nodes[index];
        match node.power {
            Power::On if self.clock.now() < node.agent.up_at => return Taken::Now(Answer::Refused),
            Power::On => {}
            Power::Off => return Taken::Now(Answer::Refused),
            // Who it is was not answered, so that nothing more was sent.
            Power::Frozen | Power::Cut => return Taken::Now(Answer::Unreachable),
        }
        if node.ails.wrong_address {
            let other = &self.nodes[(index + 1) % self.nodes.len()].name;
            return Taken::Now(Answer::Another(format!("is the agent of {other}, not of {member}")));
        }
        match node.ails.api {
            None => self.serve(index, request),
            Some(ApiDefect::Refuses) => Taken::Now(refusal(request)),
            Some(defect) => {
                let taken = self.serve(index, request);
                self.spoil(index, request, defect, taken)
            }
        }
    }

    fn serve(&mut self, index: usize, request: &AgentRequest) -> Taken {
        match request {
            AgentRequest::Switchover { leader, candidate, at } => {
                self.ask_switchover(index, leader, candidate.as_ref(), *at)
            }
            AgentRequest::Failover { candidate } => self.ask_failover(index, candidate),
            AgentRequest::CancelSwitchover => Taken::Now(self.ask_cancel_switchover()),
            AgentRequest::Restart { role, only_pending, at } => {
                self.ask_restart(index, role.as_ref(), *only_pending, *at)
            }
            AgentRequest::CancelRestart => Taken::Now(self.ask_cancel_restart(index)),
            AgentRequest::Reload => {
                self.nodes[index].reload_asked = true;
                self.hurry(index);
                Taken::Now(Answer::status(202, "reload scheduled"))
            }
            AgentRequest::Reinitialise { source: _, force } => Taken::Now(self.ask_reinitialise(index, *force)),
            AgentRequest::Configure { changes } => Taken::Now(self.ask_configure(changes)),
        }
    }

    fn ask_configure(&mut self, changes: &Map<String, Value>) -> Answer {
        // Reading the record blocks while the store is away, and then the connection closes without an answer.
        if !self.etcd.serves() {
            return Answer::Closed;
        }
        if changes.is_empty() {
            return Answer::status(400, "Bad Request");
        }
        if !self.etcd.takes_writes() {
            return Answer::status(409, "Conflict");
        }
        self.patch_config(changes);
        // Patroni answers with the whole configuration, which may hold secrets.
        Answer::status(200, "configuration changed")
    }

    /// What becomes of an answer on its way out of an agent that ails. What was done is done.
    fn spoil(&mut self, index: usize, request: &AgentRequest, defect: ApiDefect, taken: Taken) -> Taken {
        let accepted = match &taken {
            Taken::Later(_) => true,
            Taken::Now(Answer::Said { accepted, .. }) => *accepted,
            Taken::Now(_) => false,
        };
        if !accepted {
            return taken;
        }
        if let Taken::Later(number) = taken {
            self.hang_up(number);
        }
        let now = self.clock.now();
        match defect {
            ApiDefect::Hangs => Taken::Now(Answer::Silence),
            ApiDefect::Dies => {
                let agent = &mut self.nodes[index].agent;
                agent.up_at = now + AWAY;
                agent.next_loop = agent.up_at;
                Taken::Now(Answer::Closed)
            }
            ApiDefect::Alarms => self.hold(index, Wait::Until { at: now + TOO_EARLY, answer: alarm(request) }),
            ApiDefect::Refuses => Taken::Now(refusal(request)),
        }
    }

    pub(crate) fn find(&self, name: &NodeName) -> Option<usize> {
        self.nodes.iter().position(|node| node.name == *name)
    }
}

/// The words of an agent that says it failed.
fn alarm(request: &AgentRequest) -> Answer {
    let words = match request {
        AgentRequest::Switchover { .. } => "Switchover status unknown",
        AgentRequest::Failover { .. } => "Failover status unknown",
        AgentRequest::Restart { .. } => "restart failed",
        AgentRequest::CancelSwitchover
        | AgentRequest::CancelRestart
        | AgentRequest::Reload
        | AgentRequest::Reinitialise { .. }
        | AgentRequest::Configure { .. } => "Service Unavailable",
    };
    Answer::status(503, words)
}

/// The words of an agent that does not want to.
fn refusal(request: &AgentRequest) -> Answer {
    match request {
        AgentRequest::Switchover { .. } => {
            Answer::status(412, "switchover is not possible: no good candidates have been found")
        }
        AgentRequest::Failover { .. } => {
            Answer::status(412, "failover is not possible: no good candidates have been found")
        }
        AgentRequest::CancelSwitchover | AgentRequest::Configure { .. } => Answer::status(409, "Conflict"),
        AgentRequest::Restart { .. } => Answer::status(503, "restart conditions are not satisfied"),
        AgentRequest::CancelRestart => Answer::status(404, "no restarts are scheduled"),
        AgentRequest::Reinitialise { .. } => Answer::status(503, "restart already in progress"),
        AgentRequest::Reload => Answer::status(403, "Access is denied"),
    }
}
