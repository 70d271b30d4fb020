//! Whether the routers can be told of a change of leader, and what of. Where a condition does not hold, it is said which,
//! and the routers are left to their own checks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::context::{PlanContext, PlanDraft, refuse, tags};
use super::ha_operations::HaOperations;
use super::impact;
use crate::action::expectation::Expectation;
use crate::action::milestone::Milestone;
use crate::action::order::Order;
use crate::action::plan::{Confirm, Danger, Infeasible, Plan, Step};
use crate::action::router_handover::{RouterHandover, RouterRoute};
use crate::model::name::NodeName;
use crate::model::router::{
    AdminState, Bypass, CheckState, IdentifiedBy, ProxyRow, Router, ServerOwner, contradiction,
};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// Time for HAProxy's own checks to agree, where nobody is to step down: a check every few seconds, and one that hangs.
const AGREEMENT_DEADLINE: Duration = Duration::from_secs(30);
/// On top of the time that a change of leader may take.
const MARGIN: Duration = Duration::from_secs(10);

/// Every condition for telling the routers.
///
/// # Errors
/// The first one that does not hold, in words.
pub(in crate::driver) fn router_handover(
    ha_operations: &dyn HaOperations<'_>,
    from: Option<&NodeName>,
    to: Option<&NodeName>,
) -> Result<RouterHandover, String> {
    let context = ha_operations.context();
    let snapshot = context.snapshot;
    if snapshot.routers.is_empty() {
        return Err("no router is configured".to_owned());
    }
    provable(ha_operations, from, to)?;
    let mut routes = Vec::new();
    for router in &snapshot.routers {
        routes.extend(of_router(context, router)?);
    }
    Ok(RouterHandover {
        from: from.cloned(),
        to: to.cloned(),
        routes,
        poolers: Vec::new(),
        at_most: at_most(context, from),
    })
}

/// How long what goes along with a change of leader may last.
pub(in crate::driver) fn at_most(context: &PlanContext<'_>, from: Option<&NodeName>) -> Duration {
    if from.is_some() { context.periods.takeover + MARGIN } else { AGREEMENT_DEADLINE }
}

/// Whether whoever comes to lead can be proven to, many times a second.
///
/// # Errors
/// What is missing for that.
pub(in crate::driver) fn provable(
    ha_operations: &dyn HaOperations<'_>,
    from: Option<&NodeName>,
    to: Option<&NodeName>,
) -> Result<(), String> {
    let context = ha_operations.context();
    let snapshot = context.snapshot;
    ha_operations.proves_lead()?;
    if context.generation.system_id.is_none() || context.generation.timeline.is_none() {
        return Err("previous system identifier and timeline are unknown".to_owned());
    }
    // Whoever may come to lead must be provable.
    for view in context.present() {
        let name = view.name();
        let concerned = match (from, to) {
            (Some(from), Some(to)) => name == from || name == to,
            _ => !tags(view).forbids_failover(),
        };
        let sql = view.member.sql.as_ref().and_then(|sql| sql.fresh(snapshot.now));
        match sql {
            _ if !concerned => {}
            None => return Err(format!("SQL of {name} is unreachable: its state cannot be verified")),
            Some(report) if report.system_id.is_none() => {
                return Err(format!("SQL of {name} does not report its system identifier: grant pg_control_system()"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn of_router(context: &PlanContext<'_>, router: &Router) -> Result<Vec<RouterRoute>, String> {
    let name = &router.name;
    if !context.acting_access.runtimes.contains_key(name) {
        return Err(format!(
            "the runtime API of {name} is not configured for acting: set acting.runtime of this router"
        ));
    }
    if let Some(acting) = &router.acting {
        match acting.fresh(context.snapshot.now) {
            None => return Err(format!("the runtime API of {name} for acting is unreachable")),
            Some(level) if level.can_set() == Some(false) => {
                let level = level.as_str();
                return Err(format!("the runtime API of {name} for acting is at level {level}, and needs admin"));
            }
            Some(_) => {}
        }
    }
    routes_of(context, router, check_server_controllable)
}

/// The write backends of a router with the server of each member, as far as `is_fit` has nothing against a server.
///
/// # Errors
/// Which of them cannot be told, and why.
pub(in crate::driver) fn routes_of(
    context: &PlanContext<'_>,
    router: &Router,
    is_fit: fn(&ProxyRow) -> Result<(), String>,
) -> Result<Vec<RouterRoute>, String> {
    let name = &router.name;
    if router.write_backends.is_empty() {
        return Err(format!("the write backend of {name} is only guessed: set write_backends of this router"));
    }
    let report = router.runtime.as_ref().and_then(|runtime| runtime.fresh(context.snapshot.now));
    let Some(report) = report else {
        return Err(format!("the runtime API of {name} is unreachable, or not configured for monitoring"));
    };
    let mut found = Vec::new();
    for backend in &router.write_backends {
        let rows: Vec<&ProxyRow> = report.servers_of(backend).collect();
        if rows.is_empty() {
            return Err(format!("{name} has no backend {backend} with servers"));
        }
        let mut servers = BTreeMap::new();
        for row in rows {
            let place = format!("{backend}/{} of {name}", row.server);
            is_fit(row).map_err(|why| format!("{place} {why}"))?;
            let member = member_at(context, row).map_err(|why| format!("{place} {why}"))?;
            if servers.insert(member.clone(), row.server.clone()).is_some() {
                return Err(format!("{backend} of {name} has two servers of {member}"));
            }
        }
        let all: BTreeSet<&NodeName> = context.present().map(|view| view.name()).collect();
        if let Some(missing) = all.into_iter().find(|member| !servers.contains_key(*member)) {
            return Err(format!("{backend} of {name} has no server of {missing}"));
        }
        found.push(RouterRoute { router: name.clone(), backend: backend.clone(), servers });
    }
    Ok(found)
}

/// What keeps a server from being told, or from healing by itself should nobody be left to tell it.
fn check_server_controllable(row: &ProxyRow) -> Result<(), String> {
    if row.tracks.is_some() {
        return Err("tracks another server (track)".to_owned());
    }
    let Some(control) = row.admin_state else {
        return Err("does not show its health check: the runtime API needs level operator or admin".to_owned());
    };
    if control.has_agent_check {
        return Err("has an agent check, which also changes its state".to_owned());
    }
    if row.bypass == Some(Bypass::Unpublished) {
        return Err("is in an unpublished backend: no traffic is routed there".to_owned());
    }
    let by = || row.holder().map(|by| format!(" ({})", by.describe())).unwrap_or_default();
    match control.admin_state {
        AdminState::Maintenance => {
            return Err(format!("is in maintenance{}: set server health would be ignored", by()));
        }
        AdminState::Drain => return Err(format!("is draining{}", by())),
        AdminState::None => {}
    }
    match control.check {
        CheckState::Off => Err("has no health check: set server health would be permanent".to_owned()),
        CheckState::Unknown | CheckState::Failed | CheckState::Passed => Ok(()),
    }
}

/// The member that a server leads to, and by what that is known: a name alone proves nothing.
fn member_at(context: &PlanContext<'_>, row: &ProxyRow) -> Result<NodeName, String> {
    let address = row.address.as_ref().or(row.fqdn.as_ref());
    let address = address.map_or("an unknown address", Text::as_str);
    match context.snapshot.server_owner(row) {
        ServerOwner::Member { member, by } if by.is_proof() => {
            if context.present().any(|view| *view.name() == member.name) {
                Ok(member.name.clone())
            } else {
                Err(format!("is {}, which is not in the DCS", member.name))
            }
        }
        ServerOwner::Member { member, by } => {
            let name = &member.name;
            Err(format!("has the address {address}, which is {name} by {}: add it to the address_map", by.describe()))
        }
        ServerOwner::Contradicted(claims) => {
            Err(format!("is {}: one of them has changed without the router noticing", contradiction(&claims)))
        }
        ServerOwner::Nobody => {
            Err(format!("has the address {address}, which is not that of a member: add it to the address_map"))
        }
    }
}

/// By what it is known which server is which member's, one line a router.
fn identified_by(snapshot: &Snapshot, router_handover: &RouterHandover) -> Vec<String> {
    let mut lines = Vec::new();
    for route in &router_handover.routes {
        let report = snapshot.router(&route.router);
        let report = report.and_then(|router| router.runtime.as_ref()).and_then(|runtime| runtime.last());
        let mut known: BTreeMap<IdentifiedBy, Vec<String>> = BTreeMap::new();
        for (member, server) in &route.servers {
            let row = report
                .and_then(|report| report.rows.iter().find(|row| row.proxy == route.backend && row.server == *server));
            if let Some(ServerOwner::Member { by, .. }) = row.map(|row| snapshot.server_owner(row)) {
                known.entry(by).or_default().push(format!("{server} is {member}"));
            }
        }
        let known = known.into_iter().map(|(by, servers)| format!("{} by {}", servers.join(", "), by.describe()));
        lines.push(format!("in {} of {} {}", route.backend, route.router, known.collect::<Vec<_>>().join("; ")));
    }
    lines
}

/// The escort as a step. Its deadline is its own longest time.
pub(in crate::driver) fn step(router_handover: RouterHandover) -> Step {
    Step {
        text: Text::redacted(router_handover.describe()),
        deadline: router_handover.at_most,
        order: Order::RouterHandover(router_handover),
        undo: None,
    }
}

/// What the operator should know of it beforehand.
pub(in crate::driver) fn impact(snapshot: &Snapshot, router_handover: &RouterHandover) -> Vec<String> {
    let names: BTreeSet<&str> = router_handover.routes.iter().map(|route| route.router.as_str()).collect();
    let names = names.into_iter().collect::<Vec<_>>().join(", ");
    let mut lines = vec![
        format!(
            "{names} is updated directly and follows within about 0.1 s of the promotion instead of by its own health checks"
        ),
        format!(
            "HAProxy's own health checks stay on: if this console dies meanwhile, {names} follows by them as usual"
        ),
    ];
    lines.extend(identified_by(snapshot, router_handover));
    lines
}

/// The plan that proves who leads and leads every write backend there, whatever was told before.
pub(super) fn fix_routing(ha_operations: &dyn HaOperations<'_>) -> Result<Plan, Infeasible> {
    let context = ha_operations.context();
    ha_operations.can_verify("updating the routers")?;
    let leader = context.leader("there is no leader to route writes to")?;
    ha_operations.is_at_rest()?;
    let name = leader.name();
    let router_handover = router_handover(ha_operations, None, Some(name))
        .map_err(|why| refuse(format!("the routers cannot be updated: {why}")))?;
    let mut lines = vec![format!("writes are routed to {name} once it is verified as the leader")];
    lines.extend(impact::write_sessions_elsewhere(context.snapshot, name));
    lines.extend(identified_by(context.snapshot, &router_handover));
    let equivalent = router_handover.routes.iter().filter_map(|route| {
        let server = route.servers.get(name)?;
        let address = context.acting_access.runtimes.get(&route.router)?;
        Some(format!("echo 'set server {}/{server} health up' | socat stdio {address}", route.backend))
    });
    Ok(context.plan(PlanDraft {
        title: format!("route the writes of {} to {name}", context.cluster()),
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        equivalent: equivalent.collect(),
        steps: vec![step(router_handover)],
        no_return: 0,
        impact: lines,
        expectation: Expectation::of([Milestone::RouterFollows], MARGIN),
    }))
}
