//! The routers: whether clients will be led to whoever leads, and what a hand may do to a server.

use super::super::intent::ServerState;
use super::super::note::Note;
use super::super::order::RouterRequest;
use super::scene::{Scene, block, fresh, pass, unknown, warn};
use crate::model::name::{NodeName, RouterName};
use crate::model::observed::Reading;
use crate::model::router::{Bypass, HeldBy, Hold, PoolPurpose, ProxyKind, ProxyRow, ProxyStatus, Router, RuntimeLevel};
use crate::model::text::Text;

/// Every router must know the leader and the candidate, or clients are led nowhere.
pub(super) fn sees(scene: &Scene<'_>, candidate: Option<&NodeName>, notes: &mut Vec<Note>) {
    if scene.snapshot.routers.is_empty() {
        notes.push(unknown("router-answers", "no router is configured: where clients are led is not looked at"));
    }
    for router in &scene.snapshot.routers {
        one(scene, router, candidate, notes);
    }
}

fn one(scene: &Scene<'_>, router: &Router, candidate: Option<&NodeName>, notes: &mut Vec<Note>) {
    let now = scene.snapshot.now;
    let reading = router.reading(now);
    let Some(fact) = reading.and_then(|reading| fresh(reading.fact(now, Some))) else {
        let text = format!("{} does not answer: where clients are led is unknown", router.name);
        notes.push(warn("router-answers", text));
        return;
    };
    notes.push(pass("router-answers", format!("{} answers", router.name)).by(&fact));
    let servers: Vec<&ProxyRow> = fact
        .value
        .rows
        .iter()
        .filter(|row| row.kind == ProxyKind::Server && router.purpose(&row.proxy) == PoolPurpose::Write)
        .collect();
    if servers.is_empty() {
        notes.push(warn("router-leader", format!("{} shows no write backend", router.name)).by(&fact));
        return;
    }
    let server_of = |name: &NodeName| {
        servers.iter().find(|row| scene.snapshot.member_of(row).is_some_and(|member| member.name == *name))
    };
    if let Some(leader) = scene.leader() {
        let up: Vec<&str> = servers.iter().filter(|row| row.takes_traffic()).map(|row| row.server.as_str()).collect();
        let leads = server_of(&leader.value).filter(|row| row.takes_traffic());
        let note = match leads {
            Some(row) if up.len() == 1 => {
                pass("router-leader", format!("{} leads writes to {} alone", router.name, row.server))
            }
            Some(_) => warn("router-leader", format!("{} leads writes to {}", router.name, up.join(" and "))),
            None if up.is_empty() => {
                warn("router-leader", format!("{} leads writes nowhere, the leader is {}", router.name, leader.value))
            }
            None => {
                let text = format!("{} leads writes to {}, the leader is {}", router.name, up.join(", "), leader.value);
                warn("router-leader", text)
            }
        };
        notes.push(note.by(&fact));
    }
    let of_candidate = candidate.and_then(server_of);
    let candidates =
        |row: &ProxyRow| of_candidate.is_some_and(|own| own.proxy == row.proxy && own.server == row.server);
    let rows = fact.value.rows.iter().filter(|row| row.kind == ProxyKind::Server && !candidates(row));
    let held = rows.filter_map(|row| Some(format!("{}/{} is {}", row.proxy, row.server, held_words(row)?)));
    let held = held.collect::<Vec<_>>();
    if !held.is_empty() {
        let text = format!("at {} {}: it stays so, whoever is the leader", router.name, held.join(", "));
        notes.push(warn("router-held", text).by(&fact));
    }
    if let Some(candidate) = candidate {
        let note = match of_candidate {
            None => block("router-candidate", format!("{} has no server for {candidate}", router.name)).overridable(),
            Some(row) => match (held_words(row), &row.status) {
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
                    let text =
                        format!("{}/{} of {} is not checked: it cannot follow", row.proxy, row.server, router.name);
                    warn("router-candidate", text)
                }
                (None, other) => {
                    let text = format!("{} knows {candidate} as {}/{}", router.name, row.proxy, row.server);
                    pass("router-candidate", format!("{text}, {}", other.word()))
                }
            },
        };
        notes.push(note.about(candidate).by(&fact));
    }
}

/// The state that something other than its check keeps a server in, and who does; `None`: nothing does.
fn held_words(row: &ProxyRow) -> Option<String> {
    Some(format!("{} ({})", row.held_word()?, row.holder()?.words()))
}

fn held(row: &ProxyRow) -> String {
    held_words(row).unwrap_or_else(|| row.word())
}

/// Every router that the plan tells something must let itself be told: that is asked beforehand, since it would show only
/// in the middle of the action.
pub(super) fn can_be_told(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    for name in scene.told_routers() {
        let router = scene.snapshot.routers.iter().find(|router| router.name == *name);
        let Some(acting) = router.and_then(|router| router.acting.as_ref()) else { continue };
        notes.push(level(scene, name, acting));
    }
}

fn level(scene: &Scene<'_>, name: &RouterName, acting: &Reading<RuntimeLevel>) -> Note {
    const CHECK: &str = "router-level";
    let now = scene.snapshot.now;
    let Some(fact) = fresh(acting.fact(now, Some)) else {
        let why = acting.trouble(now).map_or_else(|| "no answer yet".to_owned(), |(why, _)| why.clone());
        return block(CHECK, format!("the runtime API of {name} for acting does not answer: {why}")).overridable();
    };
    let level = fact.value.word();
    match fact.value.can_set() {
        Some(true) => pass(CHECK, format!("{name} can be told: its runtime API for acting is at level {level}")),
        Some(false) => {
            let text = format!(
                "{name} cannot be told: its runtime API for acting is at level {level}; acting.runtime must be at admin"
            );
            block(CHECK, text)
        }
        None => unknown(CHECK, format!("at which level the runtime API of {name} for acting is, it does not tell")),
    }
    .by(&fact)
}

/// What a hand is about to do to one server.
pub(super) fn server(
    scene: &Scene<'_>,
    name: &RouterName,
    backend: &Text,
    server: &Text,
    state: ServerState,
    notes: &mut Vec<Note>,
) {
    let now = scene.snapshot.now;
    let Some(router) = scene.snapshot.routers.iter().find(|router| router.name == *name) else {
        notes.push(block("router-answers", format!("there is no router {name}")));
        return;
    };
    let runtime = router.runtime.as_ref().and_then(|reading| fresh(reading.fact(now, Some)));
    let Some(fact) = runtime else {
        let why = if router.runtime.is_some() { "does not answer" } else { "is not configured" };
        notes.push(block("router-answers", format!("the runtime API of {name} {why}")));
        return;
    };
    notes.push(pass("router-answers", format!("the runtime API of {name} answers")).by(&fact));
    let of_pool: Vec<&ProxyRow> =
        fact.value.rows.iter().filter(|row| row.kind == ProxyKind::Server && row.proxy == *backend).collect();
    let Some(row) = of_pool.iter().find(|row| row.server == *server) else {
        notes.push(block("router-server", format!("{name} has no server {backend}/{server}")).by(&fact));
        return;
    };
    notes.push(
        match (row.holder(), row.held(), state) {
            (Some(HeldBy::Resolver | HeldBy::Server(_)), Hold::Maintenance, _) => {
                let text = format!("{backend}/{server} is {}: that is for another to change", held(row));
                block("router-server", text)
            }
            (Some(_), Hold::Maintenance | Hold::Drain, ServerState::Ready) => {
                let text = format!("{backend}/{server} is {}: if somebody else set it, that work may go on", held(row));
                block("router-server", text).overridable()
            }
            (_, Hold::Maintenance, ServerState::Drain) => {
                let text = format!("{backend}/{server} is MAINT: draining lets its sessions go on");
                block("router-server", text).overridable()
            }
            (_, _, _) => pass("router-server", format!("{backend}/{server} is {}", row.word())),
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
                let text = format!("{server} is the last server up in {backend}: nobody can write through {name}");
                block("router-last-server", text).overridable()
            }
            (true, _) => {
                let text = format!("{server} is the last server up in {backend}: it leads nowhere then");
                block("router-last-server", text).overridable()
            }
            (false, _) => pass("router-last-server", format!("{others} other servers of {backend} are up")),
        }
        .by(&fact),
    );
}

/// Every server that the plan drains.
pub(super) fn drained(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    for (router, request) in scene.router_requests() {
        if let RouterRequest::State { backend, server: name, state } = request {
            server(scene, router, backend, name, *state, notes);
        }
    }
}

/// Every server that the plan takes back from its drain. Whoever wants that knows that it is drained; by whom, nobody
/// can tell.
pub(super) fn undrained(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    for (name, request) in scene.router_requests() {
        let RouterRequest::EndDrain { backend, server } = request else { continue };
        let router = scene.snapshot.routers.iter().find(|router| router.name == *name);
        let runtime = router.and_then(|router| router.runtime.as_ref());
        notes.push(match runtime.and_then(|reading| fresh(reading.fact(scene.snapshot.now, Some))) {
            Some(fact) => {
                let text = format!("{backend}/{server} is in drain: if another hand set it, that work may go on");
                warn("router-server", text).by(&fact)
            }
            None => block("router-answers", format!("the runtime API of {name} does not answer")),
        });
    }
}
