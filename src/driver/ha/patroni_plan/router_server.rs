//! The administrative state of one server of a router.

use std::time::Duration;

use super::ground::{Ground, Sketch, no, quoted};
use crate::action::expectation::Expectation;
use crate::action::intent::ServerState;
use crate::action::milestone::Milestone;
use crate::action::order::{Order, RouterRequest};
use crate::action::plan::{Confirm, Danger, Impossible, Plan, Step};
use crate::model::name::RouterName;
use crate::model::router::{HeldBy, Hold, PoolPurpose, ProxyKind, ProxyRow, Router};
use crate::model::text::Text;
use crate::model::units;

/// Time for the runtime API to answer.
pub(super) const ANSWER: Duration = Duration::from_secs(5);
/// Time for the state to show in the statistics.
pub(super) const SHOWN: Duration = Duration::from_secs(15);

pub(super) fn plan(
    ground: &Ground<'_>,
    router: &RouterName,
    backend: &Text,
    server: &Text,
    state: ServerState,
) -> Result<Plan, Impossible> {
    let found = known(ground, router)?;
    let Some(address) = ground.manager.runtimes.get(router) else {
        return Err(no(format!(
            "the runtime API of {router} is not configured for acting: set acting.runtime of this router"
        )));
    };
    let report = found.reading(ground.snapshot.now).and_then(|reading| reading.fresh(ground.snapshot.now));
    let Some(report) = report else {
        return Err(no(format!("{router} does not answer: its present state cannot be kept for the way back")));
    };
    let servers: Vec<_> =
        report.rows.iter().filter(|row| row.kind == ProxyKind::Server && row.proxy == *backend).collect();
    let Some(row) = servers.iter().find(|row| row.server == *server) else {
        let names = report.rows.iter().filter(|row| row.kind == ProxyKind::Server);
        let names = names.map(|row| format!("{}/{}", row.proxy, row.server)).collect::<Vec<_>>().join(", ");
        return Err(no(format!("{router} has no server {backend}/{server}: there are {names}")));
    };
    let before = present(row)?;
    if before == Some(state) {
        return Err(no(format!("{backend}/{server} is in the state {} already: nothing to do", state.word())));
    }

    let others = servers.iter().filter(|other| other.server != *server && other.status.takes_traffic()).count();
    let last = state != ServerState::Ready && row.status.takes_traffic() && others == 0;
    let purpose = found.purpose(backend);
    let words = format!("set server {backend}/{server} state {}", state.word());
    let milestone =
        Milestone::RouterServer { router: router.clone(), backend: backend.clone(), server: server.clone(), state };
    let step = Step {
        words: Text::new(format!("{router}: {words}")),
        order: Order::Router {
            router: router.clone(),
            request: RouterRequest::State { backend: backend.clone(), server: server.clone(), state },
        },
        // What an operator sets by hand stays until a hand takes it back; only a drain within another action is undone.
        undo: None,
        deadline: ANSWER,
    };
    Ok(ground.plan(Sketch {
        title: format!("set {backend}/{server} of {router} to {} in {}", state.word(), ground.cluster()),
        danger: if last || state == ServerState::Maintenance { Danger::Disruptive } else { Danger::Reversible },
        confirm: if last { ground.type_cluster() } else { Confirm::Yes },
        steps: vec![step],
        no_return: 0,
        impact: impact(row, state, last, purpose),
        equivalent: vec![format!("echo {} | socat stdio {}", quoted(&words), quoted(address.as_str()))],
        expectation: Expectation::of([milestone], SHOWN),
    }))
}

fn known<'a>(ground: &Ground<'a>, name: &RouterName) -> Result<&'a Router, Impossible> {
    ground.snapshot.routers.iter().find(|router| router.name == *name).ok_or_else(|| {
        let names = ground.snapshot.routers.iter().map(|router| router.name.to_string()).collect::<Vec<_>>();
        let known =
            if names.is_empty() { "none is configured".to_owned() } else { format!("there are {}", names.join(", ")) };
        no(format!("{name} is no router of {}: {known}", ground.cluster()))
    })
}

/// The administrative state now. `None`: not told.
fn present(row: &ProxyRow) -> Result<Option<ServerState>, Impossible> {
    let place = format!("{}/{}", row.proxy, row.server);
    match (row.held(), row.holder()) {
        (Hold::Maintenance, Some(HeldBy::Server(other))) => Err(no(format!(
            "{place} is in maintenance with {other}, whose state it follows: its own has no effect, change that one"
        ))),
        (Hold::Maintenance, Some(HeldBy::Resolver)) => Err(no(format!(
            "{place} is in maintenance since its name does not resolve: its own state has no effect; look at the router's \
             nameservers and at the name"
        ))),
        (Hold::Maintenance, _) => Ok(Some(ServerState::Maintenance)),
        (Hold::Drain, Some(HeldBy::Weight)) => Ok(Some(ServerState::Ready)),
        (Hold::Drain, _) => Ok(Some(ServerState::Drain)),
        (Hold::None, _) if row.control.is_some() || row.status.takes_traffic() => Ok(Some(ServerState::Ready)),
        // A drained server whose check fails looks like any other that is down.
        (Hold::None, _) => Ok(None),
    }
}

fn impact(row: &ProxyRow, state: ServerState, last: bool, purpose: PoolPurpose) -> Vec<String> {
    let place = format!("{}/{}", row.proxy, row.server);
    let sessions = row.sessions.map_or_else(|| "an unknown number of".to_owned(), units::exact);
    let mut lines = vec![format!("{place} is {} now", row.status.word())];
    lines.push(match state {
        ServerState::Ready => format!("{place} gets sessions again as soon as its check passes"),
        ServerState::Drain => format!("{sessions} sessions stay until they end; no new ones come"),
        ServerState::Maintenance => {
            format!(
                "no new sessions come; {sessions} are cut where on-marked-down shutdown-sessions is set, else they stay"
            )
        }
    });
    if last {
        let what = match purpose {
            PoolPurpose::Write => "writes",
            PoolPurpose::Read => "reads",
            PoolPurpose::Any | PoolPurpose::Unknown => "new sessions",
        };
        lines.push(format!(
            "it is the last server of {} that takes traffic: {what} through this router fail",
            row.proxy
        ));
    }
    if row.status.is_maintenance() && state == ServerState::Ready {
        lines.push("somebody took it out of service: make sure that they are done".to_owned());
    }
    lines.push("a reload of the router forgets it".to_owned());
    lines
}
