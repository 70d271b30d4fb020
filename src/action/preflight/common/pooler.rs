//! What asking one pooler by hand wants: that nobody else holds it, that a pause can come about, and that whoever waits or is
//! dropped is known beforehand.

use std::time::Duration;

use crate::action::intent::{Intent, PoolerIntent};
use crate::action::note::CheckNote;
use crate::action::plan::Plan;
use crate::action::pooler_traffic::PoolerTraffic;
use crate::action::preflight::context::{CheckContext, block, pass, unknown, warn};
use crate::model::pooler::{GiveUp, Pool, PoolMode, PoolerReport, PoolerState};
use crate::model::text::Text;
use crate::model::units;

/// A transaction that has been open for so long is not about to end.
const LONG: Duration = Duration::from_secs(2);
/// Clients that are named one by one.
const MAX_NAMED: usize = 3;
/// Where clients give up sooner, whoever pauses has hardly the time to do anything.
const SHORT_PATIENCE: Duration = Duration::from_secs(30);

/// Everything that the picture tells.
pub(in crate::action::preflight) fn examine(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    let Some(Intent::Pooler(intent)) = context.intent() else { return };
    let (name, snapshot) = (intent.pooler(), context.snapshot);
    let reading = snapshot.poolers.iter().find(|reading| reading.source.target == *name.text());
    let Some(report) = reading.and_then(|reading| reading.fresh(snapshot.now)) else {
        notes.push(block("pooler-answers", format!("the console of {name} is unreachable: nothing can be verified")));
        return;
    };
    notes.push(pass("pooler-answers", format!("the console of {name} responds")));
    match intent {
        PoolerIntent::Pause { .. } => {
            notes.push(paused_before(intent, report));
            notes.push(pooling(intent, report));
            notes.push(patience(intent, report));
        }
        PoolerIntent::Resume { .. } => notes.push(warn(
            "pooler-paused",
            format!("{name} is paused; unless this console has paused it, another user relies on it: ask them first"),
        )),
        PoolerIntent::Reconnect { .. } => notes.push(pooling(intent, report)),
        PoolerIntent::Kill { .. } => {
            notes.push(paused_before(intent, report));
            notes.push(dropped(intent, report));
        }
    }
}

/// What was asked of sessions and sockets says of `plan`.
pub(in crate::action::preflight) fn inspected(traffic: Option<&PoolerTraffic>, plan: &Plan) -> Vec<CheckNote> {
    const CHECK: &str = "pooler-held-servers";
    let Intent::Pooler(intent @ PoolerIntent::Pause { .. }) = &plan.intent else { return Vec::new() };
    // Where nobody asks, as in a rehearsal, there is nothing to tell.
    let Some(traffic) = traffic else { return Vec::new() };
    let name = intent.pooler();
    let Some(Ok(servers)) = traffic.poolers.get(name) else {
        return vec![unknown(CHECK, format!("unknown which clients of {name} hold servers"))];
    };
    let databases: Vec<Text> = match intent.database() {
        Some(database) => vec![database.clone()],
        None => servers.iter().map(|server| server.database.clone()).collect(),
    };
    let held = traffic.held(name, &databases);
    let long = held.filter_map(|(server, session)| {
        let session = session?;
        let age = session.transaction_age.filter(|age| *age >= LONG)?;
        let client = server.client.as_ref().map_or("a client", Text::as_str);
        Some(format!("{client}, {} for {}", session.state, units::duration(age)))
    });
    let long: Vec<String> = long.collect();
    vec![if long.is_empty() {
        pass(CHECK, format!("no client of {name} is known to hold a server for long"))
    } else {
        let more = long.len().saturating_sub(MAX_NAMED);
        let mut named: Vec<String> = long.into_iter().take(MAX_NAMED).collect();
        if more > 0 {
            named.push(format!("{more} more"));
        }
        let text = format!("PAUSE waits for transactions of {}: end them first, or override", named.join("; "));
        block(CHECK, text).overridable()
    }]
}

/// A pause of somebody else would end with ours.
fn paused_before(intent: &PoolerIntent, report: &PoolerReport) -> CheckNote {
    const CHECK: &str = "pooler-paused";
    let name = intent.pooler();
    let whole = match report.state {
        PoolerState::Paused | PoolerState::Suspended => Some(true),
        PoolerState::Active => Some(false),
        PoolerState::Unknown => None,
    };
    let its = report.databases.iter().filter(|known| intent.database().is_none_or(|database| known.name == *database));
    let by_itself: Vec<&str> =
        its.filter(|known| known.paused == Some(true)).map(|known| known.name.as_str()).collect();
    match whole {
        Some(true) => block(CHECK, format!("all of {name} is {} already, by another user", report.state.as_str())),
        _ if !by_itself.is_empty() => {
            block(CHECK, format!("{} of {name} is paused already, by another user", by_itself.join(", ")))
        }
        Some(false) => pass(CHECK, format!("no user has paused {}", intent.describe_scope())),
        None => unknown(CHECK, format!("{name} does not report whether everything is paused")),
    }
}

fn pools<'a>(intent: &'a PoolerIntent, report: &'a PoolerReport) -> impl Iterator<Item = &'a Pool> {
    report.pools.iter().filter(|pool| intent.database().is_none_or(|database| pool.database == *database))
}

/// Where a client keeps its server until it leaves, a pause waits for it to leave, and so does a server that is opened anew.
fn pooling(intent: &PoolerIntent, report: &PoolerReport) -> CheckNote {
    const CHECK: &str = "pooler-session-pooling";
    let name = intent.pooler();
    let mode = |pool: &'_ Pool| {
        pool.mode.clone().or_else(|| report.database(&pool.database).and_then(|known| report.mode_of(known)).cloned())
    };
    let kept = pools(intent, report).filter(|pool| mode(pool) == Some(PoolMode::Session));
    let kept: Option<u32> = kept.map(|pool| pool.servers_active).sum();
    match kept {
        Some(0) => pass(CHECK, format!("{name} gets servers back with each transaction")),
        Some(kept) => {
            let text = format!(
                "{} clients of {} keep their servers until they disconnect (pool_mode session)",
                units::exact(kept.into()),
                intent.describe_scope()
            );
            match intent {
                PoolerIntent::Pause { .. } => block(CHECK, format!("{text}: a pause waits for them")).overridable(),
                _ => warn(CHECK, text),
            }
        }
        None => unknown(CHECK, format!("{name} does not report its servers")),
    }
}

/// After how long clients get an error after all.
fn patience(intent: &PoolerIntent, report: &PoolerReport) -> CheckNote {
    const CHECK: &str = "pooler-wait-timeout";
    let name = intent.pooler();
    match report.settings.query_wait_timeout {
        Some(GiveUp::Never) => pass(CHECK, format!("waiting clients of {name} are not disconnected")),
        Some(GiveUp::After(span)) => {
            let text = format!(
                "waiting clients of {name} are disconnected after {} (query_wait_timeout)",
                units::duration(span)
            );
            if span < SHORT_PATIENCE { warn(CHECK, text) } else { pass(CHECK, text) }
        }
        None => unknown(CHECK, format!("unknown after how long waiting clients of {name} are disconnected")),
    }
}

/// Who is disconnected.
fn dropped(intent: &PoolerIntent, report: &PoolerReport) -> CheckNote {
    const CHECK: &str = "pooler-clients";
    let scope = intent.describe_scope();
    let clients: Option<u32> =
        pools(intent, report).map(|pool| Some(pool.clients_active?.saturating_add(pool.clients_waiting?))).sum();
    match clients {
        Some(0) => pass(CHECK, format!("{scope} has no clients")),
        Some(clients) => warn(CHECK, format!("{} clients of {scope} are disconnected", units::exact(clients.into()))),
        None => unknown(CHECK, format!("the number of clients of {scope} is unknown")),
    }
}
