//! The routers.

use super::super::intent::ServerState;
use super::super::milestone::ServerLocation;
use super::MilestoneStatus;
use super::evidence::{EvaluationContext, FreshAnswer};
use crate::model::name::RouterName;
use crate::model::router::{ProxyRow, ProxyStatus, Router, RouterReport};
use crate::model::text::Text;

/// What a router has said since: the runtime API before the page.
fn fresh_answer<'a>(context: &EvaluationContext<'a>, router: &'a Router) -> Option<FreshAnswer<'a, RouterReport>> {
    context.asked(router.runtime.as_ref()).or_else(|| context.asked(router.http.as_ref()))
}

pub(super) fn router_follows(context: &EvaluationContext<'_>) -> MilestoneStatus {
    let Some(record) = context.record() else {
        return MilestoneStatus::not_yet("the DCS state has not been read since the action started");
    };
    let Some(key) = &record.value.leader else { return MilestoneStatus::not_yet("no member holds the leader key") };
    let leader = &key.holder;
    match context.sql(leader) {
        Ok(sql) if sql.value.in_recovery => return MilestoneStatus::not_yet(format!("{leader} is still in recovery")),
        Ok(_) => {}
        Err(doubt) => return doubt.reported(),
    }
    let mut seen = Vec::new();
    let mut silent = Vec::new();
    for router in &context.snapshot.routers {
        let Some(report) = fresh_answer(context, router) else {
            silent.push(router.name.as_str());
            continue;
        };
        let servers: Vec<&ProxyRow> = router.write_servers(report.value).collect();
        if servers.is_empty() {
            return MilestoneStatus::not_yet(format!("{} has no server in a write backend", report.source));
        }
        let mut pools: Vec<&Text> = servers.iter().map(|row| &row.proxy).collect();
        pools.dedup();
        for pool in pools {
            let of_pool: Vec<&ProxyRow> = servers.iter().copied().filter(|row| row.proxy == *pool).collect();
            if let Some(milestone_status) = unrouted(context, leader, &of_pool) {
                return milestone_status;
            }
            seen.push(format!("{}: {pool} routes to {leader} only", report.source));
        }
    }
    if seen.is_empty() {
        return MilestoneStatus::not_yet("no router has responded since");
    }
    if !silent.is_empty() {
        seen.push(format!("{} did not respond", silent.join(", ")));
    }
    MilestoneStatus::reached(seen.join("; "))
}

/// Write backends of routers that have answered since and do not lead to the leader alone: clients cannot write through
/// them. One that is silent says nothing.
pub(super) fn unrouted_pools(context: &EvaluationContext<'_>) -> Vec<String> {
    let leader = context.record().and_then(|record| record.value.leader.as_ref());
    let Some(leader) = leader.map(|key| &key.holder) else { return Vec::new() };
    let mut words = Vec::new();
    for router in &context.snapshot.routers {
        let Some(report) = fresh_answer(context, router) else { continue };
        let servers: Vec<&ProxyRow> = router.write_servers(report.value).collect();
        let mut pools: Vec<&Text> = servers.iter().map(|row| &row.proxy).collect();
        pools.dedup();
        for pool in pools {
            let of_pool: Vec<&ProxyRow> = servers.iter().copied().filter(|row| row.proxy == *pool).collect();
            if let Some(milestone_status) = unrouted(context, leader, &of_pool) {
                words.push(format!(
                    "{} does not route writes to {leader}: {}",
                    router.name,
                    milestone_status.describe()
                ));
            }
        }
    }
    words
}

/// What keeps one write backend from leading to `leader` alone; `None`: nothing.
fn unrouted(
    context: &EvaluationContext<'_>,
    leader: &crate::model::name::NodeName,
    servers: &[&ProxyRow],
) -> Option<MilestoneStatus> {
    let is_leader = |row: &ProxyRow| context.snapshot.member_of(row).is_some_and(|member| member.name == *leader);
    if let Some(row) = servers.iter().find(|row| row.status == ProxyStatus::NoCheck) {
        let why = format!("{}/{} has no health check: it cannot follow", row.proxy, row.server);
        return Some(MilestoneStatus::contradicted(why));
    }
    let own = servers.iter().find(|row| is_leader(row));
    if let Some(row) = own.filter(|row| is_out(&row.status)) {
        let why = format!("{}/{} is {}: it cannot follow", row.proxy, row.server, row.status.as_str());
        return Some(MilestoneStatus::contradicted(why));
    }
    let up: Vec<&&ProxyRow> = servers.iter().filter(|row| row.takes_traffic()).collect();
    match up.as_slice() {
        [] => Some(MilestoneStatus::not_yet(format!("{} has no server UP", servers.first()?.proxy))),
        [one] if is_leader(one) => None,
        [one] => {
            Some(MilestoneStatus::not_yet(format!("{} routes to {}, the leader is {leader}", one.proxy, one.server)))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|row| row.server.as_str()).collect();
            Some(MilestoneStatus::not_yet(format!("{} routes to {}", several.first()?.proxy, names.join(" and "))))
        }
    }
}

/// Whether a hand keeps the server from taking new connections.
fn is_out(status: &ProxyStatus) -> bool {
    status.is_maintenance() || status.is_drain()
}

pub(super) fn router_server(
    context: &EvaluationContext<'_>,
    name: &RouterName,
    backend: &Text,
    server: &Text,
    state: ServerState,
) -> MilestoneStatus {
    let Some(router) = context.snapshot.router(name) else {
        return MilestoneStatus::not_yet(format!("there is no router {name}"));
    };
    let Some(report) = fresh_answer(context, router) else {
        return MilestoneStatus::not_yet(format!("{name} has not responded since"));
    };
    let Some(row) = report.value.server(backend, server) else {
        return MilestoneStatus::contradicted(format!("{} has no server {backend}/{server}", report.source));
    };
    let reached = match state {
        ServerState::Ready => !is_out(&row.status) && !matches!(row.status, ProxyStatus::Unknown(_)),
        ServerState::Drain => row.status.is_drain(),
        ServerState::Maintenance => row.status.is_maintenance(),
    };
    let words = format!("{}: {backend}/{server} {}", report.source, row.status.as_str());
    if reached { MilestoneStatus::reached(words) } else { MilestoneStatus::not_yet(words) }
}

/// Whether the router has said anything since.
pub(super) fn received(context: &EvaluationContext<'_>, router: &Router) -> bool {
    fresh_answer(context, router).is_some()
}

/// What the router has said since of one of its servers. An error: nothing that counts.
fn server<'a>(
    context: &EvaluationContext<'a>,
    place: &ServerLocation,
) -> Result<(&'a ProxyRow, FreshAnswer<'a, RouterReport>), MilestoneStatus> {
    let Some(router) = context.snapshot.router(&place.router) else {
        return Err(MilestoneStatus::not_yet(format!("there is no router {}", place.router)));
    };
    let Some(report) = fresh_answer(context, router) else {
        return Err(MilestoneStatus::not_yet(format!("{} has not responded since", place.router)));
    };
    let row = report.value.server(&place.backend, &place.server);
    let row = row.ok_or_else(|| MilestoneStatus::contradicted(format!("{} has no server {place}", report.source)))?;
    Ok((row, report))
}

pub(super) fn sessions_gone(context: &EvaluationContext<'_>, places: &[ServerLocation]) -> MilestoneStatus {
    let mut seen = Vec::with_capacity(places.len());
    for place in places {
        let (row, report) = match server(context, place) {
            Ok(found) => found,
            Err(milestone_status) => return milestone_status,
        };
        let status = row.status.as_str();
        if row.takes_traffic() {
            return MilestoneStatus::not_yet(format!("{place} is {status}: it still gets new sessions"));
        }
        match row.sessions {
            Some(0) => seen.push(format!("{}: {}/{} {status}, no sessions", report.source, row.proxy, row.server)),
            Some(1) => return MilestoneStatus::not_yet(format!("1 session left on {place}")),
            Some(left) => return MilestoneStatus::not_yet(format!("{left} sessions left on {place}")),
            None => {
                return MilestoneStatus::not_yet(format!("{} reports no session count for {place}", report.source));
            }
        }
    }
    if seen.is_empty() {
        MilestoneStatus::not_yet("no server is given")
    } else {
        MilestoneStatus::reached(seen.join("; "))
    }
}

pub(super) fn serving(context: &EvaluationContext<'_>, place: &ServerLocation) -> MilestoneStatus {
    let (row, report) = match server(context, place) {
        Ok(found) => found,
        Err(milestone_status) => return milestone_status,
    };
    let words = format!("{}: {}/{} {}", report.source, row.proxy, row.server, row.status.as_str());
    // A spare serves as soon as it is needed.
    if row.status.takes_traffic() { MilestoneStatus::reached(words) } else { MilestoneStatus::not_yet(words) }
}
