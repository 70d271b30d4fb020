//! Poolers that are paused while the leader changes, so that their clients wait and get no errors: which of them can be, what
//! lets their clients on, and whether every writer comes that way. Where a pooler is left out, it is said which and why.

use std::collections::BTreeMap;

use super::context::{PlanContext, refuse};
use super::ha_operations::HaOperations;
use super::pooler::manually;
use super::swift;
use crate::action::order::Order;
use crate::action::plan::{Infeasible, Step};
use crate::action::pooler_release::{PAUSE_LIMIT, PAUSE_TIMEOUT, PoolerRelease, PoolerTarget, PoolerWay};
use crate::action::pooler_traffic::{ClientSession, WritersWay};
use crate::model::name::{NodeName, PoolerName};
use crate::model::observed::Reading;
use crate::model::pooler::{PoolerDatabase, PoolerReport, PoolerRoute};
use crate::model::router::PoolPurpose;
use crate::model::text::Text;
use crate::model::units;

/// Sessions past the poolers that are named one by one.
const MAX_NAMED: usize = 3;

/// What is done about poolers around a change of leader.
#[derive(Debug, Default)]
pub(in crate::driver) struct PoolerPauses {
    /// The pauses, to be made right before the leader is asked to step down.
    pub(in crate::driver) steps: Vec<Step>,
    /// What lets their clients on.
    pub(in crate::driver) releases: Vec<PoolerRelease>,
    /// What the operator should know of it.
    pub(in crate::driver) impact: Vec<String>,
    /// The pauses by psql.
    pub(in crate::driver) equivalent: Vec<String>,
}

/// The pauses around a handover from `from` to `to`, as far as they are wanted; `None`: where every writer is known to come
/// through poolers that can be paused.
///
/// # Errors
/// They are wanted, and none is possible.
pub(in crate::driver) fn pauses(
    ha_operations: &dyn HaOperations<'_>,
    from: &NodeName,
    to: Option<&NodeName>,
    wanted: Option<bool>,
) -> Result<PoolerPauses, Infeasible> {
    let context = ha_operations.context();
    if wanted == Some(false) || context.snapshot.poolers.is_empty() {
        return match wanted {
            Some(true) => {
                Err(refuse("no pooler is configured that could be paused: add one under [clusters.NAME.poolers]"))
            }
            Some(false) | None => Ok(PoolerPauses::default()),
        };
    }
    let mut releases: Vec<PoolerRelease> = Vec::new();
    let mut left_out = Vec::new();
    match swift::provable(ha_operations, Some(from), to) {
        Ok(()) => {
            for reading in &context.snapshot.poolers {
                match of_pooler(context, reading, from) {
                    Ok(found) => releases.extend(found),
                    Err(why) => left_out.push(format!("{}: {why}", reading.source.target)),
                }
            }
        }
        Err(why) => left_out.push(why),
    }
    // Those behind a router go on a little later, after the router itself: they are paused last.
    releases.sort_by_key(|release| matches!(release.way, PoolerWay::Router(_)));
    let reasons = left_out.join("; ");
    if releases.is_empty() {
        return match wanted {
            Some(_) => Err(refuse(format!("no pooler can be paused: {reasons}"))),
            None => Ok(only_said(format!("poolers are not paused, so their clients get errors: {reasons}"))),
        };
    }
    let paused = releases.iter().map(|release| (&release.pooler, release.databases.as_slice()));
    let way = match &context.inspected.pooler_traffic {
        Some(traffic) => traffic.writers(paused),
        None => WritersWay::Unknown(Text::new("the sessions were not queried")),
    };
    let past = match &way {
        WritersWay::Through => None,
        WritersWay::Past(sessions) => Some(named(sessions.iter().map(ClientSession::describe))),
        WritersWay::Unknown(why) => Some(format!("unknown: {why}")),
    };
    if let (None, Some(past)) = (wanted, &past) {
        return Ok(only_said(format!(
            "poolers are not paused, since not every writer is known to come through them ({past}): choose it by \
                --through-poolers yes"
        )));
    }
    let mut impact = vec![format!(
        "clients of {} wait instead of failing: paused right before, resumed once the new leader is verified, after {} s in \
            any case",
        releases.iter().map(|release| release.pooler.as_str()).collect::<Vec<_>>().join(", "),
        PAUSE_LIMIT.as_secs()
    )];
    impact.extend(past.map(|past| format!("writers past the poolers get errors: {past}")));
    impact.extend(left_out.iter().map(|why| format!("not paused, so its clients get errors: {why}")));
    let each = releases.iter().flat_map(|release| release.databases.iter().map(move |name| (&release.pooler, name)));
    let (steps, equivalent) = each
        .map(|(pooler, database)| (step(pooler, database), manually(&Order::pause_pooler(pooler, database))))
        .unzip();
    Ok(PoolerPauses { steps, releases, impact, equivalent })
}

fn only_said(text: String) -> PoolerPauses {
    PoolerPauses { impact: vec![text], ..PoolerPauses::default() }
}

fn named(sessions: impl ExactSizeIterator<Item = String>) -> String {
    let count = sessions.len();
    let mut names: Vec<String> = sessions.take(MAX_NAMED).collect();
    if count > MAX_NAMED {
        names.push(format!("{} more", units::exact((count - MAX_NAMED) as u64)));
    }
    names.join(", ")
}

fn step(pooler: &PoolerName, database: &Text) -> Step {
    Step {
        text: Text::redacted(format!("PAUSE {database} of {pooler}, at most {} s", PAUSE_TIMEOUT.as_secs())),
        order: Order::pause_pooler(pooler, database),
        undo: Some(Order::resume_pooler(pooler, database)),
        deadline: PAUSE_TIMEOUT,
    }
}

/// What is paused of one pooler, and what lets its clients on.
///
/// # Errors
/// Why nothing of it is.
fn of_pooler(
    context: &PlanContext<'_>,
    reading: &Reading<PoolerReport>,
    from: &NodeName,
) -> Result<Vec<PoolerRelease>, String> {
    let snapshot = context.snapshot;
    let pooler = PoolerName::new(reading.source.target.as_str());
    let Some(report) = reading.fresh(snapshot.now) else { return Err("its console is unreachable".to_owned()) };
    if !context.acting_access.poolers.contains(&pooler) {
        return Err("no login for acting is configured".to_owned());
    }
    if report.settings.shares_port == Some(true) {
        return Err("several processes share its port (so_reuseport), and a pause reaches only one of them".to_owned());
    }
    let (mut by_router, mut straight) = (Vec::new(), Vec::new());
    let mut routes = Vec::new();
    let mut why = "none of its databases is known to route to the primary".to_owned();
    for database in &report.databases {
        match way(context, &pooler, database, from) {
            Ok(Some(Way::Router(found))) => {
                by_router.push(database.name.clone());
                routes.extend(found.into_iter().filter(|route| !routes.contains(route)).collect::<Vec<_>>());
            }
            Ok(Some(Way::Straight)) => straight.push(database.name.clone()),
            Ok(None) => {}
            Err(reason) => why = format!("{}: {reason}", database.name),
        }
    }
    let mut releases = Vec::new();
    if !by_router.is_empty() {
        let way = PoolerWay::Router(routes);
        releases.push(PoolerRelease { pooler: pooler.clone(), databases: by_router, way });
    }
    if !straight.is_empty() {
        let way = PoolerWay::Repointed(targets(context));
        releases.push(PoolerRelease { pooler, databases: straight, way });
    }
    if releases.is_empty() { Err(why) } else { Ok(releases) }
}

enum Way {
    Router(Vec<crate::action::router_handover::RouterRoute>),
    Straight,
}

/// By which way `database` reaches the leader; `None`: it does not lead there, and is none of this.
fn way(
    context: &PlanContext<'_>,
    pooler: &PoolerName,
    database: &PoolerDatabase,
    from: &NodeName,
) -> Result<Option<Way>, String> {
    if context.snapshot.leads_to_primary(database) != Some(true) {
        return if database.is_configured {
            Err("it is not known to route to the primary".to_owned())
        } else {
            Ok(None)
        };
    }
    let routes = context.snapshot.pooler_routes(database);
    let [route] = routes.as_slice() else { return Err("it has several hosts, and may choose any of them".to_owned()) };
    match route {
        PoolerRoute::Router { router, purpose: PoolPurpose::Write } => {
            let routes = swift::routes_of(context, router, |_| Ok(()))?;
            Ok(Some(Way::Router(routes)))
        }
        PoolerRoute::Member { member, .. } if member.name == *from => {
            if context.acting_access.repoints.contains(pooler) {
                Ok(Some(Way::Straight))
            } else {
                Err(format!("it routes straight to {from}, and no command re-points it (repoint)"))
            }
        }
        PoolerRoute::Member { .. }
        | PoolerRoute::Router { .. }
        | PoolerRoute::Contradicted(_)
        | PoolerRoute::Unknown => Err(format!("it routes to {}", route.describe())),
    }
}

/// Where each member is, as it advertises itself. A host that could be taken for an option of the command is none.
fn targets(context: &PlanContext<'_>) -> BTreeMap<NodeName, PoolerTarget> {
    let is_plain = |host: &str| {
        host.chars().next().is_some_and(|first| first.is_ascii_alphanumeric() || first == ':')
            && host.chars().all(|c| c.is_ascii_alphanumeric() || ".:-_%".contains(c))
    };
    let target = |view: crate::model::view::MemberView<'_>| {
        let address = view.member.postgres_address.as_ref()?;
        if !is_plain(address.host.as_str()) || view.name().as_str().starts_with('-') {
            return None;
        }
        let member = view.name().clone();
        Some((member.clone(), PoolerTarget { member, host: address.host.clone(), port: address.port }))
    };
    context.present().filter_map(target).collect()
}
