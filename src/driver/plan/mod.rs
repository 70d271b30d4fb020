//! Planning that is the same whatever manages the cluster: routers, sessions, drills, and taking back. A stack's planner makes
//! the rest, and says of itself what these plans need ([`HaOperations`]). Pure, as all planning is.

mod acting_access;
pub(in crate::driver) mod context;
mod drain;
mod drill;
mod end_session;
mod ha_operations;
pub(in crate::driver) mod impact;
mod pooler;
pub(in crate::driver) mod pooler_pause;
mod router_server;
pub(in crate::driver) mod swift;
mod undo;

pub use acting_access::ActingAccess;
pub(in crate::driver) use ha_operations::HaOperations;

use crate::action::Intent;
use crate::action::intent::{RouterIntent, SessionIntent};
use crate::action::plan::{Infeasible, Plan};

/// The plan of `intent`: made here where it is the same for every stack, else by the stack itself.
///
/// # Errors
/// What this cluster cannot do, or what is missing to plan it.
pub(in crate::driver) fn plan(ha_operations: &dyn HaOperations<'_>, intent: &Intent) -> Result<Plan, Infeasible> {
    match intent {
        Intent::Router(RouterIntent::Server { router, backend, server, state }) => {
            router_server::plan(ha_operations.context(), router, backend, server, *state)
        }
        Intent::Router(RouterIntent::Drain { member, then, wait }) => drain::plan(ha_operations, member, *then, *wait),
        Intent::Router(RouterIntent::Undrain { member }) => drain::revert(ha_operations.context(), member),
        Intent::Router(RouterIntent::Settle) => {
            pooler::with_paused(ha_operations.context(), swift::fix_routing(ha_operations))
        }
        Intent::Pooler(intent) => pooler::plan(ha_operations.context(), intent),
        Intent::Drill { scenario, target } => drill::plan(ha_operations, *scenario, *target),
        Intent::Session(SessionIntent::End { member, pid, started, how }) => {
            end_session::plan(ha_operations.context(), member, *pid, *started, *how)
        }
        Intent::Undo { action, pending_undo } => undo::plan(ha_operations.context(), action, pending_undo),
        Intent::Lead(_) | Intent::Node(_) | Intent::Configuration(_) => ha_operations.own(intent),
    }
}
