//! The administrative state of one server of a router.

use std::time::Duration;

use super::context::{PlanContext, PlanDraft, quoted, refuse};
use crate::action::expectation::Expectation;
use crate::action::intent::ServerState;
use crate::action::milestone::Milestone;
use crate::action::order::{Order, RouterRequest};
use crate::action::plan::{Confirm, Danger, Infeasible, Plan, Step};
use crate::model::name::RouterName;
use crate::model::router::{AdminState, HeldBy, PoolPurpose, ProxyRow, Router};
use crate::model::text::Text;
use crate::model::units;

/// Time for the runtime API to answer.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for the state to show in the statistics.
pub(super) const VISIBLE_DEADLINE: Duration = Duration::from_secs(15);

pub(super) fn plan(
    context: &PlanContext<'_>,
    router: &RouterName,
    backend: &Text,
    server: &Text,
    state: ServerState,
) -> Result<Plan, Infeasible> {
    let found = known(context, router)?;
    let Some(address) = context.acting_access.runtimes.get(router) else {
        return Err(refuse(format!(
            "the runtime API of {router} is not configured for acting: set acting.runtime of this router"
        )));
    };
    let report = found.fresh_report(context.snapshot.now);
    let Some(report) = report else {
        return Err(refuse(format!("{router} is unreachable: its current state cannot be saved for a revert")));
    };
    let servers: Vec<_> = report.servers_of(backend).collect();
    let Some(row) = servers.iter().find(|row| row.server == *server) else {
        let names = report.servers().map(|row| format!("{}/{}", row.proxy, row.server)).collect::<Vec<_>>().join(", ");
        return Err(refuse(format!("{router} has no server {backend}/{server}; available: {names}")));
    };
    let before = present(row)?;
    if before == Some(state) {
        return Err(refuse(format!("{backend}/{server} is already {}: nothing to do", state.as_str())));
    }

    let others = servers.iter().filter(|other| other.server != *server && other.status.takes_traffic()).count();
    let last = state != ServerState::Ready && row.status.takes_traffic() && others == 0;
    let purpose = found.purpose(backend);
    let words = format!("set server {backend}/{server} state {}", state.as_str());
    let milestone =
        Milestone::RouterServer { router: router.clone(), backend: backend.clone(), server: server.clone(), state };
    let step = Step {
        text: Text::new(format!("{router}: {words}")),
        order: Order::Router {
            router: router.clone(),
            request: RouterRequest::State { backend: backend.clone(), server: server.clone(), state },
        },
        // What an operator sets by hand stays until a hand takes it back; only a drain within another action is undone.
        undo: None,
        deadline: ANSWER_TIMEOUT,
    };
    Ok(context.plan(PlanDraft {
        title: format!("set {backend}/{server} of {router} to {} in {}", state.as_str(), context.cluster()),
        danger: if last || state == ServerState::Maintenance { Danger::Disruptive } else { Danger::Reversible },
        confirm: if last { context.type_cluster() } else { Confirm::Yes },
        steps: vec![step],
        no_return: 0,
        impact: impact(row, state, last, purpose),
        equivalent: vec![format!("echo {} | socat stdio {}", quoted(&words), quoted(address.as_str()))],
        expectation: Expectation::of([milestone], VISIBLE_DEADLINE),
    }))
}

fn known<'a>(context: &PlanContext<'a>, name: &RouterName) -> Result<&'a Router, Infeasible> {
    context.snapshot.router(name).ok_or_else(|| {
        let names = context.snapshot.routers.iter().map(|router| router.name.to_string()).collect::<Vec<_>>();
        let known =
            if names.is_empty() { "none is configured".to_owned() } else { format!("available: {}", names.join(", ")) };
        refuse(format!("{name} is not a router of {}; {known}", context.cluster()))
    })
}

/// The administrative state now. `None`: not told.
fn present(row: &ProxyRow) -> Result<Option<ServerState>, Infeasible> {
    let place = format!("{}/{}", row.proxy, row.server);
    match (row.effective_admin_state(), row.holder()) {
        (AdminState::Maintenance, Some(HeldBy::Server(other))) => Err(refuse(format!(
            "{place} is in maintenance because it tracks {other}: change the state of that server instead"
        ))),
        (AdminState::Maintenance, Some(HeldBy::Resolver)) => Err(refuse(format!(
            "{place} is in maintenance because its name does not resolve: setting its state has no effect; check the name and \
                the nameservers of the router"
        ))),
        (AdminState::Maintenance, _) => Ok(Some(ServerState::Maintenance)),
        (AdminState::Drain, Some(HeldBy::Weight)) => Ok(Some(ServerState::Ready)),
        (AdminState::Drain, _) => Ok(Some(ServerState::Drain)),
        (AdminState::None, _) if row.admin_state.is_some() || row.status.takes_traffic() => {
            Ok(Some(ServerState::Ready))
        }
        // A drained server whose check fails looks like any other that is down.
        (AdminState::None, _) => Ok(None),
    }
}

fn impact(row: &ProxyRow, state: ServerState, last: bool, purpose: PoolPurpose) -> Vec<String> {
    let place = format!("{}/{}", row.proxy, row.server);
    let sessions = row.sessions.map_or_else(|| "number unknown".to_owned(), units::exact);
    let mut lines = vec![format!("{place} is currently {}", row.status.as_str())];
    lines.push(match state {
        ServerState::Ready => format!("{place} gets sessions again as soon as its health check passes"),
        ServerState::Drain => format!("no new sessions; current sessions stay until they end: {sessions}"),
        ServerState::Maintenance => {
            format!(
                "no new sessions; current sessions ({sessions}) are disconnected if on-marked-down shutdown-sessions is set, else they stay"
            )
        }
    });
    if last {
        let what = match purpose {
            PoolPurpose::Write => "writes",
            PoolPurpose::Read => "reads",
            PoolPurpose::Any | PoolPurpose::Unknown => "new sessions",
        };
        lines
            .push(format!("it is the last server of {} that gets traffic: {what} through this router fail", row.proxy));
    }
    if row.status.is_maintenance() && state == ServerState::Ready {
        lines.push("it was taken out of service: make sure that the maintenance is done".to_owned());
    }
    lines.push("a reload of the router resets it".to_owned());
    lines
}
