//! Taking back what an action left: nothing is led to a server that must not be written to.

use super::super::intent::{Owed, ServerState};
use super::super::note::Note;
use super::super::order::{Order, RouterRequest};
use super::scene::{Scene, block, fresh, pass, unknown};
use crate::model::name::RouterName;
use crate::model::router::{PoolPurpose, ProxyKind};
use crate::model::text::Text;

const CHECK: &str = "undo-leads-to-leader";

pub(super) fn examine(scene: &Scene<'_>, owed: &[Owed], notes: &mut Vec<Note>) {
    for one in owed {
        match &one.order {
            // A forced health is believed at once and survives some failed checks.
            Order::Router { router, request: RouterRequest::Health { backend, server, up: true } } => {
                notes.push(health(scene, router, backend, server));
            }
            Order::Router { request: RouterRequest::State { backend, server, state: ServerState::Ready }, .. } => {
                notes
                    .push(pass(CHECK, format!("{backend}/{server} gets traffic again only once its own check passes")));
            }
            Order::Router { .. }
            | Order::Agent { .. }
            | Order::Sql { .. }
            | Order::Record { .. }
            | Order::Escort(_)
            | Order::Drill { .. }
            | Order::Await { .. } => {}
        }
    }
}

/// A server of a write backend is forced up only where it leads, by the record and by its own SQL.
fn health(scene: &Scene<'_>, name: &RouterName, backend: &Text, server: &Text) -> Note {
    let place = format!("{backend}/{server} of {name}");
    let Some(router) = scene.snapshot.routers.iter().find(|router| router.name == *name) else {
        return block(CHECK, format!("{name} is no router of this cluster"));
    };
    if router.purpose(backend) == PoolPurpose::Read {
        return pass(CHECK, format!("{place} takes reads alone"));
    }
    let now = scene.snapshot.now;
    let report = router.reading(now).and_then(|reading| reading.fresh(now));
    let Some(report) = report else {
        return block(CHECK, format!("{name} does not answer: whom {place} leads to is unknown"));
    };
    let row =
        report.rows.iter().find(|row| row.kind == ProxyKind::Server && row.proxy == *backend && row.server == *server);
    let Some(row) = row else { return unknown(CHECK, format!("{place} is not there any more")) };
    let Some(member) = scene.snapshot.member_of(row) else {
        return block(CHECK, format!("whom {place} leads to is unknown"));
    };
    let view = scene.snapshot.view(member);
    let leads = scene.leader().is_some_and(|leader| leader.value == member.name);
    let writes = fresh(view.sql_role()).is_some_and(|role| role.value.is_writable());
    if leads && writes {
        pass(CHECK, format!("{place} leads to {}, which leads", member.name)).about(&member.name)
    } else {
        block(CHECK, format!("{place} leads to {}, which is not proven to lead: leave it to its check", member.name))
            .about(&member.name)
    }
}
