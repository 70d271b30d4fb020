//! What pausing poolers wants: that each of them can be paused within seconds, that nobody else holds a pause there, and that
//! no client gives up meanwhile.

use std::time::Duration;

use crate::action::note::CheckNote;
use crate::action::order::Order;
use crate::action::plan::{Plan, Step};
use crate::action::pooler_release::{PAUSE_LIMIT, PAUSE_TIMEOUT, PoolerRelease};
use crate::action::pooler_traffic::{PoolerTraffic, WritersWay};
use crate::action::preflight::context::{CheckContext, block, pass, unknown, warn};
use crate::model::pooler::{GiveUp, PoolMode, PoolerReport};
use crate::model::text::Text;
use crate::model::units;

/// A transaction that has been open for so long is not about to end.
const LONG: Duration = Duration::from_secs(2);
/// Clients that are named one by one.
const MAX_NAMED: usize = 3;

/// Everything, for a plan that pauses poolers.
pub(in crate::action::preflight) fn examine(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    for release in context.steps().flat_map(releases) {
        of_pooler(context, release, notes);
    }
}

/// What was asked of sessions and sockets says of `plan`.
pub(in crate::action::preflight) fn inspected(traffic: Option<&PoolerTraffic>, plan: &Plan) -> Vec<CheckNote> {
    let releases: Vec<&PoolerRelease> = plan.steps.iter().flat_map(releases).collect();
    if releases.is_empty() {
        return Vec::new();
    }
    let held = releases.iter().filter_map(|release| held(traffic, release));
    held.chain([writers(traffic, &releases)]).collect()
}

fn releases(step: &Step) -> &[PoolerRelease] {
    match &step.order {
        Order::RouterHandover(router_handover) => &router_handover.poolers,
        _ => &[],
    }
}

fn of_pooler(context: &CheckContext<'_>, release: &PoolerRelease, notes: &mut Vec<CheckNote>) {
    let name = &release.pooler;
    let snapshot = context.snapshot;
    let reading = snapshot.poolers.iter().find(|reading| reading.source.target == *name.text());
    let Some(report) = reading.and_then(|reading| reading.fresh(snapshot.now)) else {
        notes.push(block("pooler-answers", format!("the console of {name} does not answer: it cannot be paused")));
        return;
    };
    notes.push(paused(release, report));
    notes.push(pooling(release, report));
    notes.push(patience(release, report));
}

/// A pause of somebody else would be ended with ours.
fn paused(release: &PoolerRelease, report: &PoolerReport) -> CheckNote {
    const CHECK: &str = "pooler-paused";
    let name = &release.pooler;
    match release.flows(report) {
        Some(true) => pass(CHECK, format!("nobody has paused {name}")),
        Some(false) => block(CHECK, format!("{name} is paused by somebody else: resume it first")),
        None => unknown(CHECK, format!("{name} does not tell whether it is paused")),
    }
}

/// Where a client keeps its server until it leaves, a pause waits for it to leave.
fn pooling(release: &PoolerRelease, report: &PoolerReport) -> CheckNote {
    const CHECK: &str = "pooler-session-pooling";
    let name = &release.pooler;
    let modes = release.databases.iter().map(|wanted| {
        let mode = report.database(wanted).and_then(|database| report.mode_of(database));
        let pools = report.pools.iter().filter(|pool| pool.database == *wanted);
        (wanted, mode, pools.filter_map(|pool| pool.servers_active).sum::<u32>())
    });
    let mut unknowns = None;
    for (database, mode, active) in modes {
        match mode {
            Some(PoolMode::Session) if active > 0 => {
                let text = format!(
                    "{database} of {name} pools sessions: PAUSE waits until {} disconnected, and is given up after {} s",
                    if active == 1 { "1 client has".to_owned() } else { format!("{active} clients have") },
                    PAUSE_TIMEOUT.as_secs()
                );
                return block(CHECK, text).overridable();
            }
            Some(PoolMode::Session | PoolMode::Transaction | PoolMode::Statement) => {}
            Some(PoolMode::Unknown(_)) | None => unknowns = Some(database),
        }
    }
    match unknowns {
        Some(database) => unknown(CHECK, format!("the pool mode of {database} of {name} is unknown")),
        None => pass(CHECK, format!("{name} lets go of servers with each transaction")),
    }
}

/// Clients that have had a server for long: a pause waits for them.
fn held(traffic: Option<&PoolerTraffic>, release: &PoolerRelease) -> Option<CheckNote> {
    const CHECK: &str = "pooler-held-servers";
    let name = &release.pooler;
    let long = traffic?.held(name, &release.databases).filter_map(|(server, session)| {
        let session = session?;
        let age = session.transaction_age.filter(|age| *age >= LONG)?;
        let client = server.client.as_ref().map_or("a client", Text::as_str);
        Some(format!("{client}, {} for {}", session.state, units::duration(age)))
    });
    let long: Vec<String> = long.collect();
    Some(if long.is_empty() {
        pass(CHECK, format!("no client of {name} holds a server for long"))
    } else {
        let text = format!(
            "PAUSE of {name} waits for {}, and is given up after {} s: end it first, or override",
            few(&long),
            PAUSE_TIMEOUT.as_secs()
        );
        block(CHECK, text).overridable()
    })
}

/// A client that gives up before it is let on gets an error after all.
fn patience(release: &PoolerRelease, report: &PoolerReport) -> CheckNote {
    const CHECK: &str = "pooler-wait-timeout";
    let name = &release.pooler;
    let limit = units::duration(PAUSE_LIMIT);
    match report.settings.query_wait_timeout {
        Some(GiveUp::After(after)) if after <= PAUSE_LIMIT => {
            let after = units::duration(after);
            warn(
                CHECK,
                format!("{name} disconnects clients after {after} (query_wait_timeout), a pause may last {limit}"),
            )
        }
        Some(GiveUp::After(_) | GiveUp::Never) => pass(CHECK, format!("clients of {name} may wait for {limit}")),
        None => unknown(
            CHECK,
            format!("query_wait_timeout of {name} is unknown: clients may be disconnected before {limit}"),
        ),
    }
}

fn writers(traffic: Option<&PoolerTraffic>, releases: &[&PoolerRelease]) -> CheckNote {
    const CHECK: &str = "pooler-bypass";
    let paused = releases.iter().map(|release| (&release.pooler, release.databases.as_slice()));
    match traffic.map(|traffic| traffic.writers(paused)) {
        Some(WritersWay::Through) => pass(CHECK, "every writer comes through the paused poolers"),
        Some(WritersWay::Past(sessions)) => {
            let names: Vec<String> = sessions.iter().map(|session| session.describe()).collect();
            warn(CHECK, format!("come past the poolers and get errors: {}", few(&names)))
        }
        Some(WritersWay::Unknown(why)) => warn(CHECK, format!("which writers come past the poolers is unknown: {why}")),
        None => warn(CHECK, "which writers come past the poolers is unknown"),
    }
}

fn few(names: &[String]) -> String {
    let shown = names.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join("; ");
    match names.len().checked_sub(MAX_NAMED) {
        Some(more) if more > 0 => format!("{shown}; {more} more"),
        _ => shown,
    }
}
