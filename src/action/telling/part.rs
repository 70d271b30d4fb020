//! The routers.

use super::super::intent::ServerState;
use super::super::milestone::ServerPlace;
use super::Telling;
use super::evidence::{Said, Scene};
use crate::model::name::RouterName;
use crate::model::router::{PoolPurpose, ProxyKind, ProxyRow, ProxyStatus, Router, RouterReport};
use crate::model::text::Text;

/// What a router has said since: the runtime API before the page.
fn said<'a>(scene: &Scene<'a>, router: &'a Router) -> Option<Said<'a, RouterReport>> {
    scene.asked(router.runtime.as_ref()).or_else(|| scene.asked(router.http.as_ref()))
}

pub(super) fn router_follows(scene: &Scene<'_>) -> Telling {
    let Some(record) = scene.record() else { return Telling::not_yet("the record has not been heard since") };
    let Some(key) = &record.value.leader else { return Telling::not_yet("nobody holds the leader lock") };
    let leader = &key.holder;
    match scene.sql(leader) {
        Ok(sql) if sql.value.in_recovery => return Telling::not_yet(format!("{leader} is still in recovery")),
        Ok(_) => {}
        Err(doubt) => return doubt.told(),
    }
    let mut seen = Vec::new();
    let mut silent = Vec::new();
    for router in &scene.snapshot.routers {
        let Some(report) = said(scene, router) else {
            silent.push(router.name.as_str());
            continue;
        };
        let servers: Vec<&ProxyRow> = report
            .value
            .rows
            .iter()
            .filter(|row| row.kind == ProxyKind::Server && router.purpose(&row.proxy) == PoolPurpose::Write)
            .collect();
        if servers.is_empty() {
            return Telling::not_yet(format!("{} shows no server of a write backend", report.source));
        }
        let mut pools: Vec<&Text> = servers.iter().map(|row| &row.proxy).collect();
        pools.dedup();
        for pool in pools {
            let of_pool: Vec<&ProxyRow> = servers.iter().copied().filter(|row| row.proxy == *pool).collect();
            if let Some(telling) = astray(scene, leader, &of_pool) {
                return telling;
            }
            seen.push(format!("{}: {pool} leads to {leader} alone", report.source));
        }
    }
    if seen.is_empty() {
        return Telling::not_yet("no router has answered since");
    }
    if !silent.is_empty() {
        seen.push(format!("{} did not answer", silent.join(", ")));
    }
    Telling::reached(seen.join("; "))
}

/// Write backends of routers that have answered since and do not lead to the leader alone: clients cannot write through
/// them. One that is silent says nothing.
pub(super) fn astray_pools(scene: &Scene<'_>) -> Vec<String> {
    let leader = scene.record().and_then(|record| record.value.leader.as_ref());
    let Some(leader) = leader.map(|key| &key.holder) else { return Vec::new() };
    let mut words = Vec::new();
    for router in &scene.snapshot.routers {
        let Some(report) = said(scene, router) else { continue };
        let is_written =
            |row: &&ProxyRow| row.kind == ProxyKind::Server && router.purpose(&row.proxy) == PoolPurpose::Write;
        let servers: Vec<&ProxyRow> = report.value.rows.iter().filter(is_written).collect();
        let mut pools: Vec<&Text> = servers.iter().map(|row| &row.proxy).collect();
        pools.dedup();
        for pool in pools {
            let of_pool: Vec<&ProxyRow> = servers.iter().copied().filter(|row| row.proxy == *pool).collect();
            if let Some(telling) = astray(scene, leader, &of_pool) {
                words.push(format!("{} does not lead writes to {leader}: {}", router.name, telling.words()));
            }
        }
    }
    words
}

/// What keeps one write backend from leading to `leader` alone; `None`: nothing.
fn astray(scene: &Scene<'_>, leader: &crate::model::name::NodeName, servers: &[&ProxyRow]) -> Option<Telling> {
    let is_leader = |row: &ProxyRow| scene.snapshot.member_of(row).is_some_and(|member| member.name == *leader);
    if let Some(row) = servers.iter().find(|row| row.status == ProxyStatus::NoCheck) {
        let why = format!("{}/{} is not checked: it cannot follow", row.proxy, row.server);
        return Some(Telling::contradicted(why));
    }
    let own = servers.iter().find(|row| is_leader(row));
    if let Some(row) = own.filter(|row| is_out(&row.status)) {
        let why = format!("{}/{} is {}: it cannot follow", row.proxy, row.server, row.status.word());
        return Some(Telling::contradicted(why));
    }
    let up: Vec<&&ProxyRow> = servers.iter().filter(|row| row.takes_traffic()).collect();
    match up.as_slice() {
        [] => Some(Telling::not_yet(format!("{} leads nowhere", servers.first()?.proxy))),
        [one] if is_leader(one) => None,
        [one] => Some(Telling::not_yet(format!("{} leads to {}, the leader is {leader}", one.proxy, one.server))),
        several => {
            let names: Vec<&str> = several.iter().map(|row| row.server.as_str()).collect();
            Some(Telling::not_yet(format!("{} leads to {}", several.first()?.proxy, names.join(" and "))))
        }
    }
}

/// Whether a hand keeps the server from taking new connections.
fn is_out(status: &ProxyStatus) -> bool {
    status.is_maintenance() || status.is_drain()
}

pub(super) fn router_server(
    scene: &Scene<'_>,
    name: &RouterName,
    backend: &Text,
    server: &Text,
    state: ServerState,
) -> Telling {
    let Some(router) = scene.snapshot.routers.iter().find(|router| router.name == *name) else {
        return Telling::not_yet(format!("there is no router {name}"));
    };
    let Some(report) = said(scene, router) else {
        return Telling::not_yet(format!("{name} has not answered since"));
    };
    let wanted = |row: &&ProxyRow| row.kind == ProxyKind::Server && row.proxy == *backend && row.server == *server;
    let Some(row) = report.value.rows.iter().find(wanted) else {
        return Telling::contradicted(format!("{} has no server {backend}/{server}", report.source));
    };
    let reached = match state {
        ServerState::Ready => !is_out(&row.status) && !matches!(row.status, ProxyStatus::Unknown(_)),
        ServerState::Drain => row.status.is_drain(),
        ServerState::Maintenance => row.status.is_maintenance(),
    };
    let words = format!("{}: {backend}/{server} {}", report.source, row.status.word());
    if reached { Telling::reached(words) } else { Telling::not_yet(words) }
}

/// Whether the router has said anything since.
pub(super) fn heard(scene: &Scene<'_>, router: &Router) -> bool {
    said(scene, router).is_some()
}

/// What the router has said since of one of its servers. An error: nothing that counts.
fn server<'a>(scene: &Scene<'a>, place: &ServerPlace) -> Result<(&'a ProxyRow, Said<'a, RouterReport>), Telling> {
    let Some(router) = scene.snapshot.routers.iter().find(|router| router.name == place.router) else {
        return Err(Telling::not_yet(format!("there is no router {}", place.router)));
    };
    let Some(report) = said(scene, router) else {
        return Err(Telling::not_yet(format!("{} has not answered since", place.router)));
    };
    let wanted =
        |row: &&ProxyRow| row.kind == ProxyKind::Server && row.proxy == place.backend && row.server == place.server;
    let row = report.value.rows.iter().find(wanted);
    let row = row.ok_or_else(|| Telling::contradicted(format!("{} has no server {place}", report.source)))?;
    Ok((row, report))
}

pub(super) fn sessions_gone(scene: &Scene<'_>, places: &[ServerPlace]) -> Telling {
    let mut seen = Vec::with_capacity(places.len());
    for place in places {
        let (row, report) = match server(scene, place) {
            Ok(found) => found,
            Err(telling) => return telling,
        };
        let status = row.status.word();
        if row.takes_traffic() {
            return Telling::not_yet(format!("{place} is {status}: new sessions still come"));
        }
        match row.sessions {
            Some(0) => seen.push(format!("{}: {}/{} {status}, no sessions", report.source, row.proxy, row.server)),
            Some(1) => return Telling::not_yet(format!("1 session left through {place}")),
            Some(left) => return Telling::not_yet(format!("{left} sessions left through {place}")),
            None => return Telling::not_yet(format!("{} does not count the sessions through {place}", report.source)),
        }
    }
    if seen.is_empty() { Telling::not_yet("no server is named") } else { Telling::reached(seen.join("; ")) }
}

pub(super) fn serving(scene: &Scene<'_>, place: &ServerPlace) -> Telling {
    let (row, report) = match server(scene, place) {
        Ok(found) => found,
        Err(telling) => return telling,
    };
    let words = format!("{}: {}/{} {}", report.source, row.proxy, row.server, row.status.word());
    // A spare serves as soon as it is needed.
    if row.status.takes_traffic() { Telling::reached(words) } else { Telling::not_yet(words) }
}
