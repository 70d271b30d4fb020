//! The routers: whether clients will be led to whoever leads, and what a hand may do to a server.

use crate::action::intent::{Intent, RouterIntent, ServerState};
use crate::action::note::CheckNote;
use crate::action::order::RouterRequest;
use crate::action::preflight::context::{CheckContext, block, fresh, pass, unknown, warn};
use crate::model::name::{NodeName, RouterName};
use crate::model::observed::Reading;
use crate::model::router::{AdminState, Bypass, HeldBy, PoolPurpose, ProxyRow, ProxyStatus, Router, RuntimeLevel};
use crate::model::text::Text;

/// Every router must know the leader and the candidate, or clients are led nowhere.
pub(in crate::action::preflight) fn sees(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    let candidate = context.candidate();
    if context.snapshot.routers.is_empty() {
        notes.push(unknown("router-answers", "no router is configured: client routing is not checked"));
    }
    for router in &context.snapshot.routers {
        one(context, router, candidate.as_ref(), notes);
    }
}

fn one(context: &CheckContext<'_>, router: &Router, candidate: Option<&NodeName>, notes: &mut Vec<CheckNote>) {
    let now = context.snapshot.now;
    let reading = router.reading(now);
    let Some(fact) = reading.and_then(|reading| fresh(reading.fact(now, Some))) else {
        let text = format!("{} is unreachable: client routing is unknown", router.name);
        notes.push(warn("router-answers", text));
        return;
    };
    notes.push(pass("router-answers", format!("{} is up", router.name)).by(&fact));
    let servers: Vec<&ProxyRow> = router.write_servers(fact.value).collect();
    if servers.is_empty() {
        let text = format!("{} has no server in a backend for writes", router.name);
        notes.push(warn("router-leader", text).by(&fact));
        return;
    }
    let server_of = |name: &NodeName| {
        servers.iter().find(|row| context.snapshot.member_of(row).is_some_and(|member| member.name == *name))
    };
    if let Some(leader) = context.leader() {
        let up: Vec<&str> = servers.iter().filter(|row| row.takes_traffic()).map(|row| row.server.as_str()).collect();
        let leads = server_of(&leader.value).filter(|row| row.takes_traffic());
        let note = match leads {
            Some(row) if up.len() == 1 => {
                pass("router-leader", format!("{} routes writes to {} only", router.name, row.server))
            }
            Some(_) => warn("router-leader", format!("{} routes writes to {}", router.name, up.join(" and "))),
            None if up.is_empty() => warn(
                "router-leader",
                format!("{} routes writes to no server, the leader is {}", router.name, leader.value),
            ),
            None => {
                let text =
                    format!("{} routes writes to {}, the leader is {}", router.name, up.join(", "), leader.value);
                warn("router-leader", text)
            }
        };
        notes.push(note.by(&fact));
    }
    let of_candidate = candidate.and_then(server_of);
    let candidates =
        |row: &ProxyRow| of_candidate.is_some_and(|own| own.proxy == row.proxy && own.server == row.server);
    let rows = fact.value.servers().filter(|row| !candidates(row));
    let held = rows.filter_map(|row| Some(format!("{}/{} is {}", row.proxy, row.server, held_text(row)?)));
    let held = held.collect::<Vec<_>>();
    if !held.is_empty() {
        let text = format!("at {} {}: this does not change with the leader", router.name, held.join(", "));
        notes.push(warn("router-held", text).by(&fact));
    }
    if let Some(candidate) = candidate {
        let note = match of_candidate {
            None => block("router-candidate", format!("{} has no server for {candidate}", router.name)).overridable(),
            Some(row) => match (held_text(row), &row.status) {
                (Some(words), _) => {
                    let text = format!(
                        "{}/{} of {} is {words}: clients will not follow to {candidate}",
                        row.proxy, row.server, router.name,
                    );
                    block("router-candidate", text).overridable()
                }
                (None, _) if row.bypass == Some(Bypass::Unpublished) => {
                    let text = format!(
                        "backend {} of {} is unpublished: clients will not reach {candidate}",
                        row.proxy, router.name
                    );
                    block("router-candidate", text).overridable()
                }
                (None, ProxyStatus::NoCheck) => {
                    let text = format!(
                        "{}/{} of {} has no health check: it cannot follow",
                        row.proxy, row.server, router.name
                    );
                    warn("router-candidate", text)
                }
                (None, other) => {
                    let text = format!("{candidate} is server {}/{} at {}", row.proxy, row.server, router.name);
                    pass("router-candidate", format!("{text}, {}", other.as_str()))
                }
            },
        };
        notes.push(note.about(candidate).by(&fact));
    }
}

/// The state that something other than its check keeps a server in, and who does; `None`: nothing does.
fn held_text(row: &ProxyRow) -> Option<String> {
    Some(format!("{} ({})", row.admin_state_name()?, row.holder()?.describe()))
}

fn held(row: &ProxyRow) -> String {
    held_text(row).unwrap_or_else(|| row.as_str())
}

/// Every router that the plan tells something must let itself be told: that is asked beforehand, since it would show only
/// in the middle of the action.
pub(in crate::action::preflight) fn can_be_updated(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    for name in context.updated_routers() {
        let router = context.snapshot.router(name);
        let Some(acting) = router.and_then(|router| router.acting.as_ref()) else { continue };
        notes.push(level(context, name, acting));
    }
}

fn level(context: &CheckContext<'_>, name: &RouterName, acting: &Reading<RuntimeLevel>) -> CheckNote {
    const CHECK: &str = "router-level";
    let now = context.snapshot.now;
    let Some(fact) = fresh(acting.fact(now, Some)) else {
        let why = acting.failure_kind(now).map_or_else(|| "no response yet".to_owned(), |(why, _)| why.clone());
        return block(CHECK, format!("the runtime API of {name} for acting is unreachable: {why}")).overridable();
    };
    let level = fact.value.as_str();
    match fact.value.can_set() {
        Some(true) => pass(CHECK, format!("{name} can be changed: its runtime API for acting is at level {level}")),
        Some(false) => {
            let text = format!(
                "{name} cannot be changed: its runtime API for acting is at level {level}; acting.runtime must be at admin"
            );
            block(CHECK, text)
        }
        None => unknown(CHECK, format!("the level of the runtime API of {name} for acting is unknown")),
    }
    .by(&fact)
}

/// The one server that is set.
pub(in crate::action::preflight) fn one_server(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    if let Some(Intent::Router(RouterIntent::Server { router, backend, server: name, state })) = context.intent() {
        server(context, router, backend, name, *state, notes);
    }
}

/// What a hand is about to do to one server.
fn server(
    context: &CheckContext<'_>,
    name: &RouterName,
    backend: &Text,
    server: &Text,
    state: ServerState,
    notes: &mut Vec<CheckNote>,
) {
    let now = context.snapshot.now;
    let Some(router) = context.snapshot.router(name) else {
        notes.push(block("router-answers", format!("there is no router {name}")));
        return;
    };
    let runtime = router.runtime.as_ref().and_then(|reading| fresh(reading.fact(now, Some)));
    let Some(fact) = runtime else {
        let why = if router.runtime.is_some() { "is unreachable" } else { "is not configured" };
        notes.push(block("router-answers", format!("the runtime API of {name} {why}")));
        return;
    };
    notes.push(pass("router-answers", format!("the runtime API of {name} is up")).by(&fact));
    let of_pool: Vec<&ProxyRow> = fact.value.servers_of(backend).collect();
    let Some(row) = of_pool.iter().find(|row| row.server == *server) else {
        notes.push(block("router-server", format!("{name} has no server {backend}/{server}")).by(&fact));
        return;
    };
    notes.push(
        match (row.holder(), row.effective_admin_state(), state) {
            (Some(HeldBy::Resolver | HeldBy::Server(_)), AdminState::Maintenance, _) => {
                let text = format!("{backend}/{server} is {}: this must be changed where it was set", held(row));
                block("router-server", text)
            }
            (Some(_), AdminState::Maintenance | AdminState::Drain, ServerState::Ready) => {
                let text = format!(
                    "{backend}/{server} is {}: if another operator set it, their maintenance may still be in progress",
                    held(row)
                );
                block("router-server", text).overridable()
            }
            (_, AdminState::Maintenance, ServerState::Drain) => {
                let text = format!("{backend}/{server} is MAINT: DRAIN lets its sessions continue");
                block("router-server", text).overridable()
            }
            (_, _, _) => pass("router-server", format!("{backend}/{server} is {}", row.as_str())),
        }
        .by(&fact),
    );
    if state == ServerState::Ready {
        return;
    }
    let others = of_pool.iter().filter(|other| other.server != *server && other.status.takes_traffic()).count();
    let last = row.status.takes_traffic() && others == 0;
    let purpose = router.purpose(backend);
    notes.push(
        match (last, purpose) {
            (true, PoolPurpose::Write) => {
                let text = format!("{server} is the last server UP in {backend}: writes through {name} would fail");
                block("router-last-server", text).overridable()
            }
            (true, _) => {
                let text = format!("{server} is the last server UP in {backend}: no server would be left");
                block("router-last-server", text).overridable()
            }
            (false, _) => pass("router-last-server", format!("other servers of {backend} that are UP: {others}")),
        }
        .by(&fact),
    );
}

/// Every server that the plan drains.
pub(in crate::action::preflight) fn drained(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    for (router, request) in context.router_requests() {
        if let RouterRequest::State { backend, server: name, state } = request {
            server(context, router, backend, name, *state, notes);
        }
    }
}

/// Every server that the plan takes back from its drain. Whoever wants that knows that it is drained; by whom, nobody
/// can tell.
pub(in crate::action::preflight) fn undrained(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    for (name, request) in context.router_requests() {
        let RouterRequest::EndDrain { backend, server } = request else { continue };
        let router = context.snapshot.router(name);
        let runtime = router.and_then(|router| router.runtime.as_ref());
        notes.push(match runtime.and_then(|reading| fresh(reading.fact(context.snapshot.now, Some))) {
            Some(fact) => {
                let text = format!("{backend}/{server} is DRAIN: if another operator set it, their maintenance may still be in progress");
                warn("router-server", text).by(&fact)
            }
            None => block("router-answers", format!("the runtime API of {name} is unreachable")),
        });
    }
}
