//! The poolers, by what their consoles say.

use super::MilestoneStatus;
use super::evidence::{EvaluationContext, FreshAnswer};
use crate::model::name::PoolerName;
use crate::model::pooler::{PoolerDatabase, PoolerReport, PoolerRoute, PoolerState, ServerAddress};
use crate::model::text::Text;

fn fresh_answer<'a>(
    context: &EvaluationContext<'a>,
    pooler: &PoolerName,
) -> Result<FreshAnswer<'a, PoolerReport>, MilestoneStatus> {
    let known = context.snapshot.poolers.iter().find(|reading| reading.source.target == *pooler.text());
    let answer = context.asked(known);
    answer.ok_or_else(|| MilestoneStatus::not_yet(format!("{pooler} has not responded since")))
}

/// Whether traffic is held. A pause of everything is told by the process alone: its databases say that they are not paused.
pub(super) fn flow(
    context: &EvaluationContext<'_>,
    pooler: &PoolerName,
    database: Option<&Text>,
    paused: bool,
) -> MilestoneStatus {
    let answer = match fresh_answer(context, pooler) {
        Ok(answer) => answer,
        Err(status) => return status,
    };
    let report = answer.value;
    let (is_held, what) = match database {
        None => {
            let held = match report.state {
                PoolerState::Paused | PoolerState::Suspended => Some(true),
                PoolerState::Active => Some(false),
                PoolerState::Unknown => None,
            };
            (held, "it".to_owned())
        }
        Some(name) => match report.database(name) {
            Some(known) => (report.is_paused(known).or(known.paused), name.to_string()),
            None => return MilestoneStatus::not_yet(format!("{pooler} has no database {name} any more")),
        },
    };
    let says = |held: bool| format!("{}: {what} is {}", answer.source, if held { "paused" } else { "not paused" });
    match is_held {
        None => MilestoneStatus::not_yet(format!("{pooler} does not report whether {what} is paused")),
        Some(held) if held != paused => MilestoneStatus::not_yet(says(held)),
        Some(true) => match in_use(report, database) {
            Some(0) => MilestoneStatus::reached(format!("{}, none of its servers is in use", says(true))),
            Some(used) => MilestoneStatus::not_yet(format!("{}, but {used} of its servers are in use", says(true))),
            None => MilestoneStatus::not_yet(format!("{pooler} does not report its servers")),
        },
        Some(false) => MilestoneStatus::reached(says(false)),
    }
}

/// Servers that somebody has; `None`: a pool does not tell.
fn in_use(report: &PoolerReport, database: Option<&Text>) -> Option<u32> {
    let its = report.pools.iter().filter(|pool| database.is_none_or(|name| pool.database == *name));
    its.map(|pool| {
        let others = pool.servers_canceling.unwrap_or(0).saturating_add(pool.servers_being_canceled.unwrap_or(0));
        Some(pool.servers_active?.saturating_add(others))
    })
    .sum()
}

/// Whether servers of before are left. What the configuration says by now tells nothing of those that clients still have.
pub(super) fn moved(context: &EvaluationContext<'_>, pooler: &PoolerName, database: Option<&Text>) -> MilestoneStatus {
    let answer = match fresh_answer(context, pooler) {
        Ok(answer) => answer,
        Err(status) => return status,
    };
    let report = answer.value;
    if report.sockets_asked.is_some_and(|asked| asked < context.since) {
        return MilestoneStatus::not_yet(format!("{pooler} has not reported its servers since"));
    }
    let Some(servers) = &report.servers else {
        return MilestoneStatus::not_yet(format!("{pooler} does not report its servers"));
    };
    let mut seen = 0;
    for server in servers.iter().filter(|server| database.is_none_or(|name| server.database == *name)) {
        if server.closing > 0 {
            return MilestoneStatus::not_yet(format!(
                "{}: {} connections of {} to {} close once their clients let go",
                answer.source, server.closing, server.database, server.address
            ));
        }
        match report.database(&server.database) {
            Some(known) if is_elsewhere(context, known, server) => {
                return MilestoneStatus::not_yet(format!(
                    "{}: {} still has connections to {}",
                    answer.source, server.database, server.address
                ));
            }
            Some(_) | None => seen += server.connections,
        }
    }
    MilestoneStatus::reached(format!("{}: none of {seen} server connections is of before", answer.source))
}

/// Whether the real address of `server` is known to be another than the one that `database` is configured with.
fn is_elsewhere(context: &EvaluationContext<'_>, database: &PoolerDatabase, server: &ServerAddress) -> bool {
    let owner = context.snapshot.server_address_owner(server);
    let Some(owner) = owner.name() else { return false };
    let routes = context.snapshot.pooler_routes(database);
    let is_known = |route: &PoolerRoute<'_>| route.name().is_some();
    !routes.is_empty() && routes.iter().all(is_known) && routes.iter().all(|route| route.name() != Some(owner))
}
