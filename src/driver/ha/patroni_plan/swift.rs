//! Whether the routers can be told of a change of leader, and what of. Where a condition does not hold, it is said which,
//! and the routers are left to their own checks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::ground::{Ground, Sketch, no};
use super::impact;
use crate::action::escort::{Escort, Route};
use crate::action::expectation::Expectation;
use crate::action::milestone::Milestone;
use crate::action::order::Order;
use crate::action::plan::{Confirm, Danger, Impossible, Plan, Step};
use crate::config::address::HostPort;
use crate::model::name::NodeName;
use crate::model::router::{Hold, OwnCheck, ProxyKind, ProxyRow, Router};
use crate::model::text::Text;

/// Time for HAProxy's own checks to agree, where nobody is to step down: a check every few seconds, and one that hangs.
const AGREED: Duration = Duration::from_secs(30);
/// On top of the time that a change of leader may take.
const MARGIN: Duration = Duration::from_secs(10);

/// Every condition for telling the routers.
///
/// # Errors
/// The first one that does not hold, in words.
pub(super) fn escort(ground: &Ground<'_>, from: Option<&NodeName>, to: Option<&NodeName>) -> Result<Escort, String> {
    let snapshot = ground.snapshot;
    if snapshot.routers.is_empty() {
        return Err("no router is configured".to_owned());
    }
    if !ground.manager.reads_etcd {
        return Err("the lead cannot be proven without etcd: set etcd.endpoints".to_owned());
    }
    if ground.generation.system_id.is_none() || ground.generation.timeline.is_none() {
        return Err("system identifier and timeline of before are not known".to_owned());
    }
    // Whoever may come to lead must be provable.
    for view in ground.present() {
        let name = view.name();
        let concerned = match (from, to) {
            (Some(from), Some(to)) => name == from || name == to,
            _ => !Ground::tags(view).forbids_failover(),
        };
        let sql = view.member.sql.as_ref().and_then(|sql| sql.fresh(snapshot.now));
        match sql {
            _ if !concerned => {}
            None => return Err(format!("SQL of {name} does not answer: nobody can prove what it does")),
            Some(report) if report.system_id.is_none() => {
                return Err(format!("SQL of {name} does not tell its system identifier: grant pg_control_system()"));
            }
            Some(_) => {}
        }
    }
    let mut routes = Vec::new();
    for router in &snapshot.routers {
        routes.extend(of_router(ground, router)?);
    }
    let at_most = if from.is_some() { ground.timing.takeover() + MARGIN } else { AGREED };
    Ok(Escort { from: from.cloned(), to: to.cloned(), routes, at_most })
}

fn of_router(ground: &Ground<'_>, router: &Router) -> Result<Vec<Route>, String> {
    let name = &router.name;
    if !ground.manager.runtimes.contains_key(name) {
        return Err(format!(
            "the runtime API of {name} is not configured for acting: set acting.runtime of this router"
        ));
    }
    if let Some(acting) = &router.acting {
        match acting.fresh(ground.snapshot.now) {
            None => return Err(format!("the runtime API of {name} for acting does not answer")),
            Some(level) if level.can_set() == Some(false) => {
                let level = level.word();
                return Err(format!("the runtime API of {name} for acting is at level {level}, and needs admin"));
            }
            Some(_) => {}
        }
    }
    if router.write_backends.is_empty() {
        return Err(format!("which backend of {name} takes writes is a guess: set write_backends of this router"));
    }
    let report = router.runtime.as_ref().and_then(|runtime| runtime.fresh(ground.snapshot.now));
    let Some(report) = report else {
        return Err(format!("the runtime API of {name} does not answer, or is not configured for looking"));
    };
    let mut found = Vec::new();
    for backend in &router.write_backends {
        let of_backend = |row: &&ProxyRow| row.kind == ProxyKind::Server && row.proxy == *backend;
        let rows: Vec<&ProxyRow> = report.rows.iter().filter(of_backend).collect();
        if rows.is_empty() {
            return Err(format!("{name} has no backend {backend} with servers"));
        }
        let mut servers = BTreeMap::new();
        for row in rows {
            let place = format!("{backend}/{} of {name}", row.server);
            sound(row).map_err(|why| format!("{place} {why}"))?;
            let member = member_at(ground, row).ok_or_else(|| {
                let address = row.address.as_ref().map_or("an address that it does not tell", Text::as_str);
                format!("{place} leads to {address}, which is no member's: add it to the address_map")
            })?;
            if servers.insert(member.clone(), row.server.clone()).is_some() {
                return Err(format!("{backend} of {name} has two servers of {member}"));
            }
        }
        let all: BTreeSet<&NodeName> = ground.present().map(|view| view.name()).collect();
        if let Some(lacking) = all.into_iter().find(|member| !servers.contains_key(*member)) {
            return Err(format!("{backend} of {name} has no server of {lacking}"));
        }
        found.push(Route { router: name.clone(), backend: backend.clone(), servers });
    }
    Ok(found)
}

/// What keeps a server from being told, or from healing by itself should nobody be left to tell it.
fn sound(row: &ProxyRow) -> Result<(), &'static str> {
    if row.tracks.is_some() {
        return Err("takes its state over from another server (track)");
    }
    let Some(control) = row.control else {
        return Err("does not show how it is checked: the runtime API needs level operator or admin");
    };
    if control.agent {
        return Err("is under an agent check, which has a say too");
    }
    match control.hold {
        Hold::Maintenance => return Err("is in maintenance: what it is told would be ignored"),
        Hold::Drain => return Err("is draining by somebody's hand"),
        Hold::None => {}
    }
    match control.check {
        OwnCheck::Off => Err("is not checked: what it is told would stand for ever"),
        OwnCheck::Unknown | OwnCheck::Failed | OwnCheck::Passed => Ok(()),
    }
}

/// The member that a server leads to, by address and port alone: a name proves nothing.
fn member_at(ground: &Ground<'_>, row: &ProxyRow) -> Option<NodeName> {
    let written = row.address.as_ref()?;
    let parsed = HostPort::parse(written.as_str())?;
    let (host, port) = ground.manager.address_map.apply(&parsed.host, parsed.port?);
    let mut found = ground.present().filter(|view| {
        let advertised = ground.record.member(view.name()).and_then(|member| member.postgres.as_ref());
        let reached = view.member.postgres_address.as_ref();
        advertised.is_some_and(|address| address.to_string() == written.as_str())
            || reached.is_some_and(|address| *address.host.as_str() == *host && address.port == port)
    });
    let member = found.next()?.name().clone();
    // Two members at one address: nobody can tell which.
    found.next().is_none().then_some(member)
}

/// The escort as a step. Its deadline is its own longest time.
pub(super) fn step(escort: Escort) -> Step {
    Step { words: Text::redacted(escort.words()), deadline: escort.at_most, order: Order::Escort(escort), undo: None }
}

/// What the operator should know of it beforehand.
pub(super) fn impact(escort: &Escort) -> Vec<String> {
    let names: BTreeSet<&str> = escort.routes.iter().map(|route| route.router.as_str()).collect();
    let names = names.into_iter().collect::<Vec<_>>().join(", ");
    vec![
        format!("{names} is told at once, and follows within some 0.1 s of the promotion instead of by its own checks"),
        format!(
            "HAProxy's own checks stay on: should this console die meanwhile, {names} follows by them as it always does"
        ),
    ]
}

/// The plan that proves who leads and leads every write backend there, whatever was told before.
pub(super) fn settle(ground: &Ground<'_>) -> Result<Plan, Impossible> {
    ground.no_standby_cluster("telling the routers")?;
    let leader = ground.leader("there is nobody to lead clients to")?;
    ground.nothing_under_way()?;
    let name = leader.name();
    let escort = escort(ground, None, Some(name)).map_err(|why| no(format!("the routers cannot be told: {why}")))?;
    let mut lines = vec![format!("writes are led to {name} where they are not yet, once it is proven to lead")];
    lines.extend(impact::write_sessions_elsewhere(ground.snapshot, name));
    let equivalent = escort.routes.iter().filter_map(|route| {
        let server = route.servers.get(name)?;
        let address = ground.manager.runtimes.get(&route.router)?;
        Some(format!("echo 'set server {}/{server} health up' | socat stdio {address}", route.backend))
    });
    Ok(ground.plan(Sketch {
        title: format!("settle the routers of {} on {name}", ground.cluster()),
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        equivalent: equivalent.collect(),
        steps: vec![step(escort)],
        no_return: 0,
        impact: lines,
        expectation: Expectation::of([Milestone::RouterFollows], MARGIN),
    }))
}
