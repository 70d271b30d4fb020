//! To whom each order goes, and what SQL, the router and the store answer.

use crate::action::generation::Generation;
use crate::action::intent::{EndSession, ServerState};
use crate::action::order::{Order, RecordRequest, RouterRequest, SqlRequest};
use crate::driver::ha::sim::cluster::ROUTER;
use crate::driver::ha::sim::sources::section_name;
use crate::driver::ha::sim::world::World;
use crate::driver::ha::sim::world::calls::{Answer, Taken};
use crate::driver::ha::sim::world::node::{Phase, Power};
use crate::driver::ha::sim::world::router::Admin;
use crate::model::lsn::SystemId;
use crate::model::name::NodeName;
use crate::model::record::Counter;

impl World {
    /// Sends one order at the world's present time.
    pub(crate) fn take(&mut self, order: &Order, generation: &Generation) -> Taken {
        match order {
            Order::Agent { member, request } => self.ask_agent(member, request),
            Order::Sql { member, system_id, request } => {
                self.ask_sql(member, system_id.or(generation.system_id), request)
            }
            Order::Router { router, .. } if *router != *ROUTER => Taken::Now(Answer::Nobody),
            Order::Router { request, .. } => Taken::Now(self.ask_router(request)),
            Order::Record { request } => Taken::Now(self.ask_record(request, generation)),
            Order::Escort(_) => Taken::Now(Answer::Unsupported("an escort is no single order")),
            Order::Drill { .. } => Taken::Now(Answer::Unsupported("only a drill breaks anything, and this is none")),
            Order::Await { .. } => Taken::Now(Answer::Unsupported("waiting is not an order to be sent")),
        }
    }

    fn ask_router(&mut self, request: &RouterRequest) -> Answer {
        if !self.router.up {
            return Answer::Refused;
        }
        let (RouterRequest::State { backend, server, .. }
        | RouterRequest::EndDrain { backend, server }
        | RouterRequest::Health { backend, server, .. }) = request;
        let sections = &self.router.sections;
        let Some(section) = sections.iter().position(|section| section_name(section.purpose) == backend) else {
            return Answer::said(false, "No such backend.");
        };
        let Some(index) = self.nodes.iter().position(|node| node.name.text() == server) else {
            return Answer::said(false, "No such server.");
        };
        // HAProxy says nothing to a setter; what the server reads back as is all that can be told.
        let (words, holds) = match request {
            RouterRequest::State { state, .. } => {
                self.set_server_state(section, index, *state);
                (format!("state {}", state.word()), true)
            }
            RouterRequest::EndDrain { .. } => {
                let server = &self.router.sections[section].servers[index];
                if server.admin != Admin::Drain {
                    let words = format!("not in drain by hand any more, left as it is: {}", server.words());
                    return Answer::said(true, words);
                }
                self.set_server_state(section, index, ServerState::Ready);
                ("state ready".to_owned(), true)
            }
            RouterRequest::Health { up, .. } => {
                let holds = self.set_server_health(section, index, *up);
                (format!("health {}", if *up { "up" } else { "down" }), holds)
            }
        };
        let state = self.router.sections[section].servers[index].words();
        if holds {
            Answer::said(true, format!("{words}; it reads back as {state}"))
        } else {
            Answer::said(false, format!("HAProxy ignored \"{words}\": it reads back as {state}"))
        }
    }

    fn ask_sql(&mut self, member: &NodeName, system_id: Option<SystemId>, request: &SqlRequest) -> Taken {
        let Some(index) = self.find(member) else { return Taken::Now(Answer::Nobody) };
        if let Some(answer) = self.sql_trouble(index) {
            return Taken::Now(answer);
        }
        if system_id.is_some_and(|expected| expected != self.system_id_of(index)) {
            return Taken::Now(Answer::said(false, "another system answers there: nothing was done"));
        }
        let weak = self.nodes[index].ails.weak_role;
        match request {
            SqlRequest::Checkpoint if weak => {
                Taken::Now(Answer::said(false, "permission denied to execute CHECKPOINT command (42501)"))
            }
            SqlRequest::Checkpoint => self.begin_checkpoint(index),
            SqlRequest::EndSession { pid, started, how } => {
                let clients = self.clients(index);
                let same = |session: &&crate::model::postgres::Session| {
                    u32::try_from(session.pid) == Ok(*pid) && session.started == Some(*started)
                };
                let Some(session) = clients.sessions.iter().find(same) else {
                    let words = "the session has ended by itself: nothing was done";
                    return Taken::Now(Answer::said(false, words));
                };
                if weak {
                    let what = match how {
                        EndSession::Cancel => "cancel query",
                        EndSession::Terminate => "terminate process",
                    };
                    return Taken::Now(Answer::said(false, format!("permission denied to {what} (42501)")));
                }
                self.end_session(index, session.pid, *how);
                let words = match how {
                    EndSession::Cancel => format!("{pid} was told to cancel its statement"),
                    EndSession::Terminate => format!("{pid} was told to end"),
                };
                Taken::Now(Answer::said(true, words))
            }
        }
    }

    /// Why PostgreSQL of a node does not even take a statement.
    pub(super) fn sql_trouble(&self, index: usize) -> Option<Answer> {
        let node = &self.nodes[index];
        match node.power {
            Power::On => {}
            Power::Off => return Some(Answer::Refused),
            // No greeting comes, and before it no statement is sent.
            Power::Frozen | Power::Cut => return Some(Answer::Unreachable),
        }
        if node.shut {
            return Some(Answer::Unreachable);
        }
        match node.phase {
            Phase::Running | Phase::Promoting { .. } => node.ails.sql_silent.then_some(Answer::Unreachable),
            Phase::Starting { .. } | Phase::Restarting { .. } => {
                Some(Answer::NotReady("FATAL: the database system is starting up"))
            }
            Phase::Stopping { .. } => Some(Answer::NotReady("FATAL: the database system is shutting down")),
            Phase::Stopped | Phase::Crashed | Phase::Rewinding { .. } | Phase::Creating { .. } | Phase::StartFailed => {
                Some(Answer::Refused)
            }
        }
    }

    /// A write to the record itself: only under the lock, with the leader of the plan, and of the very revision.
    fn ask_record(&mut self, request: &RecordRequest, generation: &Generation) -> Answer {
        if !self.etcd.takes_writes() {
            return Answer::Unreachable;
        }
        let Ok(Some(_)) = self.claim() else { return Answer::Unsupported("the operation lock is not held") };
        let lock = self.record.leader;
        let holder = lock.map(|lock| &self.nodes[lock.holder].name);
        let same = holder == generation.leader.as_ref()
            && lock.map_or(0, |lock| lock.created) == generation.count(Counter::Lead);
        let moved = || Answer::said(false, "not written: the lock, the leader or the key has moved");
        match request {
            RecordRequest::ClearFailover { revision } if same && *revision == self.failover_revision() => {
                self.clear_failover();
                Answer::said(true, "failover key cleared")
            }
            RecordRequest::Configure { changes, revision } if same && *revision == self.record.config_modified => {
                self.patch_config(changes);
                Answer::said(true, "configuration changed")
            }
            RecordRequest::ClearFailover { .. } | RecordRequest::Configure { .. } => moved(),
        }
    }
}
