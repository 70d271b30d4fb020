//! To whom each order goes, and what SQL, the router and the store answer.

use crate::action::generation::Generation;
use crate::action::intent::{EndSession, ServerState};
use crate::action::order::{Order, RouterRequest, SqlRequest};
use crate::driver::ha::sim::cluster::{POOLER, ROUTER};
use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::node::{Phase, Power};
use crate::driver::ha::sim::core::requests::{RequestResult, RequestState};
use crate::driver::ha::sim::core::router::Admin;
use crate::driver::ha::sim::sources::section_name;
use crate::model::lsn::SystemId;
use crate::model::name::NodeName;

impl World {
    /// Sends one order to PostgreSQL or HAProxy at the world's present time.
    pub(crate) fn take(&mut self, order: &Order, generation: &Generation) -> RequestState {
        match order {
            Order::Sql { member, system_id, request } => {
                self.ask_sql(member, system_id.or(generation.system_id), request)
            }
            Order::Router { router, .. } if *router != *ROUTER => RequestState::Now(RequestResult::Nobody),
            Order::Router { request, .. } => RequestState::Now(self.ask_router(request)),
            Order::Ha(_) => RequestState::Now(RequestResult::Unsupported("not a request to PostgreSQL or HAProxy")),
            Order::Pooler { pooler, .. } if *pooler != *POOLER => RequestState::Now(RequestResult::Nobody),
            Order::Pooler { request, .. } => RequestState::Now(self.ask_pooler(request)),
            Order::RouterHandover(_) => {
                RequestState::Now(RequestResult::Unsupported("router updates are not a single request"))
            }
            Order::Drill { .. } => {
                RequestState::Now(RequestResult::Unsupported("only a drill can inject faults, and this is not one"))
            }
            Order::Await { .. } => RequestState::Now(RequestResult::Unsupported("a wait step cannot be sent")),
        }
    }

    fn ask_router(&mut self, request: &RouterRequest) -> RequestResult {
        if !self.router.up {
            return RequestResult::Refused;
        }
        let (RouterRequest::State { backend, server, .. }
        | RouterRequest::EndDrain { backend, server }
        | RouterRequest::Health { backend, server, .. }) = request;
        let sections = &self.router.sections;
        let Some(section) = sections.iter().position(|section| section_name(section.purpose) == backend) else {
            return RequestResult::result(false, "No such backend.");
        };
        let Some(index) = self.nodes.iter().position(|node| node.name.text() == server) else {
            return RequestResult::result(false, "No such server.");
        };
        // HAProxy says nothing to a setter; what the server reads back as is all that can be told.
        let (words, holds) = match request {
            RouterRequest::State { state, .. } => {
                self.set_server_state(section, index, *state);
                (format!("state {}", state.as_str()), true)
            }
            RouterRequest::EndDrain { .. } => {
                let server = &self.router.sections[section].servers[index];
                if server.admin != Admin::Drain {
                    let words = format!("no longer manually in DRAIN, left unchanged: {}", server.describe());
                    return RequestResult::result(true, words);
                }
                self.set_server_state(section, index, ServerState::Ready);
                ("state ready".to_owned(), true)
            }
            RouterRequest::Health { up, .. } => {
                let holds = self.set_server_health(section, index, *up);
                (format!("health {}", if *up { "up" } else { "down" }), holds)
            }
        };
        let state = self.router.sections[section].servers[index].describe();
        if holds {
            RequestResult::result(true, format!("{words}, verified: {state}"))
        } else {
            RequestResult::result(false, format!("HAProxy ignored \"{words}\": the state is {state}"))
        }
    }

    fn ask_sql(&mut self, member: &NodeName, system_id: Option<SystemId>, request: &SqlRequest) -> RequestState {
        let Some(index) = self.find(member) else { return RequestState::Now(RequestResult::Nobody) };
        if let Some(answer) = self.sql_trouble(index) {
            return RequestState::Now(answer);
        }
        if system_id.is_some_and(|expected| expected != self.system_id_of(index)) {
            return RequestState::Now(RequestResult::result(
                false,
                "a server with another system identifier responded: nothing was done",
            ));
        }
        let weak = self.nodes[index].faults.weak_role;
        match request {
            SqlRequest::Checkpoint if weak => RequestState::Now(RequestResult::result(
                false,
                "permission denied to execute CHECKPOINT command (42501)",
            )),
            SqlRequest::Checkpoint => self.begin_checkpoint(index),
            SqlRequest::EndSession { pid, started, how } => {
                let clients = self.clients(index);
                let same = |session: &&crate::model::postgres::Session| {
                    u32::try_from(session.pid) == Ok(*pid) && session.started == Some(*started)
                };
                let Some(session) = clients.sessions.iter().find(same) else {
                    let words = "the session has already ended: nothing was done";
                    return RequestState::Now(RequestResult::result(false, words));
                };
                if weak {
                    let what = match how {
                        EndSession::Cancel => "cancel query",
                        EndSession::Terminate => "terminate process",
                    };
                    return RequestState::Now(RequestResult::result(
                        false,
                        format!("permission denied to {what} (42501)"),
                    ));
                }
                self.end_session(index, session.pid, *how);
                let words = match how {
                    EndSession::Cancel => format!("pg_cancel_backend({pid}) sent"),
                    EndSession::Terminate => format!("pg_terminate_backend({pid}) sent"),
                };
                RequestState::Now(RequestResult::result(true, words))
            }
        }
    }

    /// Why PostgreSQL of a node does not even take a statement.
    pub(super) fn sql_trouble(&self, index: usize) -> Option<RequestResult> {
        let node = &self.nodes[index];
        match node.power {
            Power::On => {}
            Power::Off => return Some(RequestResult::Refused),
            // No greeting comes, and before it no statement is sent.
            Power::Frozen | Power::Cut => return Some(RequestResult::Unreachable),
        }
        if node.shut {
            return Some(RequestResult::Unreachable);
        }
        match node.phase {
            Phase::Running | Phase::Promoting { .. } => node.faults.sql_silent.then_some(RequestResult::Unreachable),
            Phase::Starting { .. } | Phase::Restarting { .. } => {
                Some(RequestResult::NotReady("FATAL: the database system is starting up"))
            }
            Phase::Stopping { .. } => Some(RequestResult::NotReady("FATAL: the database system is shutting down")),
            Phase::Stopped | Phase::Crashed | Phase::Rewinding { .. } | Phase::Creating { .. } | Phase::StartFailed => {
                Some(RequestResult::Refused)
            }
        }
    }
}
