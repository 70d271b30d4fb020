//! Taking back what an action left: nothing is led to a server that must not be written to.

use crate::action::intent::{Intent, ServerState};
use crate::action::note::CheckNote;
use crate::action::order::{Order, RouterRequest};
use crate::action::preflight::context::{CheckContext, block, fresh, pass, unknown};
use crate::model::name::RouterName;
use crate::model::router::PoolPurpose;
use crate::model::text::Text;

const CHECK: &str = "undo-leads-to-leader";

/// Every order that is to be taken back.
pub(in crate::action::preflight) fn examine(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    let Some(Intent::Undo { pending_undo, .. }) = context.intent() else { return };
    for one in pending_undo {
        match &one.order {
            // A forced health is believed at once and survives some failed checks.
            Order::Router { router, request: RouterRequest::Health { backend, server, up: true } } => {
                notes.push(health(context, router, backend, server));
            }
            Order::Router { request: RouterRequest::State { backend, server, state: ServerState::Ready }, .. } => {
                notes.push(pass(
                    CHECK,
                    format!("{backend}/{server} gets traffic again only after its health check passes"),
                ));
            }
            Order::Router { .. }
            | Order::Pooler { .. }
            | Order::Ha(_)
            | Order::Sql { .. }
            | Order::RouterHandover(_)
            | Order::Drill { .. }
            | Order::Await { .. } => {}
        }
    }
}

/// A server of a write backend is forced up only where it leads, by the record and by its own SQL.
fn health(context: &CheckContext<'_>, name: &RouterName, backend: &Text, server: &Text) -> CheckNote {
    let place = format!("{backend}/{server} of {name}");
    let Some(router) = context.snapshot.router(name) else {
        return block(CHECK, format!("{name} is not a router of this cluster"));
    };
    if router.purpose(backend) == PoolPurpose::Read {
        return pass(CHECK, format!("{place} is in a backend for reads"));
    }
    let now = context.snapshot.now;
    let report = router.fresh_report(now);
    let Some(report) = report else {
        return block(CHECK, format!("{name} is unreachable: unknown which member {place} is"));
    };
    let Some(row) = report.server(backend, server) else { return unknown(CHECK, format!("{place} no longer exists")) };
    let Some(member) = context.snapshot.member_of(row) else {
        return block(CHECK, format!("unknown which member {place} is"));
    };
    let view = context.snapshot.view(member);
    let leads = context.leader().is_some_and(|leader| leader.value == member.name);
    let writes = fresh(view.sql_role()).is_some_and(|role| role.value.is_writable());
    if leads && writes {
        pass(CHECK, format!("{place} is {}, the leader", member.name)).about(&member.name)
    } else {
        block(
            CHECK,
            format!("{place} is {}, which is not verified as the leader: leave it to its health check", member.name),
        )
        .about(&member.name)
    }
}
