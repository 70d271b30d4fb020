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
use crate::model::name::NodeName;
use crate::model::router::{Bypass, Hold, KnownBy, OwnCheck, ProxyKind, ProxyRow, Router, Whose, contradiction};
use crate::model::snapshot::Snapshot;
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
            let member = member_at(ground, row).map_err(|why| format!("{place} {why}"))?;
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
fn sound(row: &ProxyRow) -> Result<(), String> {
    if row.tracks.is_some() {
        return Err("takes its state over from another server (track)".to_owned());
    }
    let Some(control) = row.control else {
        return Err("does not show how it is checked: the runtime API needs level operator or admin".to_owned());
    };
    if control.agent {
        return Err("is under an agent check, which has a say too".to_owned());
    }
    if row.bypass == Some(Bypass::Unpublished) {
        return Err("is in a backend that is unpublished: nobody is led there, whoever is the leader".to_owned());
    }
    let by = || row.holder().map(|by| format!(" ({})", by.words())).unwrap_or_default();
    match control.hold {
        Hold::Maintenance => return Err(format!("is in maintenance{}: what it is told would be ignored", by())),
        Hold::Drain => return Err(format!("is draining{}", by())),
        Hold::None => {}
    }
    match control.check {
        OwnCheck::Off => Err("is not checked: what it is told would stand for ever".to_owned()),
        OwnCheck::Unknown | OwnCheck::Failed | OwnCheck::Passed => Ok(()),
    }
}

/// The member that a server leads to, and by what that is known: a name alone proves nothing.
fn member_at(ground: &Ground<'_>, row: &ProxyRow) -> Result<NodeName, String> {
    let address = row.address.as_ref().or(row.fqdn.as_ref());
    let address = address.map_or("an address that it does not tell", Text::as_str);
    match ground.snapshot.whose(row) {
        Whose::Member { member, by } if by.is_proof() => {
            if ground.present().any(|view| *view.name() == member.name) {
                Ok(member.name.clone())
            } else {
                Err(format!("leads to {}, which is not in the DCS", member.name))
            }
        }
        Whose::Member { member, by } => {
            let name = &member.name;
            Err(format!("leads to {address}, which is {name} by {}: add it to the address_map", by.words()))
        }
        Whose::Contradicted(claims) => {
            Err(format!("is {}: one of them has changed, and the router has not followed", contradiction(&claims)))
        }
        Whose::Nobody => Err(format!("leads to {address}, which is no member's: add it to the address_map")),
    }
}

/// By what it is known which server is which member's, one line a router.
fn known_by(snapshot: &Snapshot, escort: &Escort) -> Vec<String> {
    let mut lines = Vec::new();
    for route in &escort.routes {
        let report = snapshot.routers.iter().find(|router| router.name == route.router);
        let report = report.and_then(|router| router.runtime.as_ref()).and_then(|runtime| runtime.last());
        let mut known: BTreeMap<KnownBy, Vec<String>> = BTreeMap::new();
        for (member, server) in &route.servers {
            let row = report
                .and_then(|report| report.rows.iter().find(|row| row.proxy == route.backend && row.server == *server));
            if let Some(Whose::Member { by, .. }) = row.map(|row| snapshot.whose(row)) {
                known.entry(by).or_default().push(format!("{server} is {member}"));
            }
        }
        let known = known.into_iter().map(|(by, servers)| format!("{} by {}", servers.join(", "), by.words()));
        lines.push(format!("in {} of {} {}", route.backend, route.router, known.collect::<Vec<_>>().join("; ")));
    }
    lines
}

/// The escort as a step. Its deadline is its own longest time.
pub(super) fn step(escort: Escort) -> Step {
    Step { words: Text::redacted(escort.words()), deadline: escort.at_most, order: Order::Escort(escort), undo: None }
}

/// What the operator should know of it beforehand.
pub(super) fn impact(snapshot: &Snapshot, escort: &Escort) -> Vec<String> {
    let names: BTreeSet<&str> = escort.routes.iter().map(|route| route.router.as_str()).collect();
    let names = names.into_iter().collect::<Vec<_>>().join(", ");
    let mut lines = vec![
        format!("{names} is told at once, and follows within some 0.1 s of the promotion instead of by its own checks"),
        format!(
            "HAProxy's own checks stay on: should this console die meanwhile, {names} follows by them as it always does"
        ),
    ];
    lines.extend(known_by(snapshot, escort));
    lines
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
    lines.extend(known_by(ground.snapshot, &escort));
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
