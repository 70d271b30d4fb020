//! Clients that wait: for a server in a pool that is full, or for one that cannot be had.

use std::time::Duration;

use super::super::finding_draft::FindingDraft;
use super::{PoolerContext, clients};
use crate::model::finding::Severity;
use crate::model::pooler::{GiveUp, LoginWait, Pool};
use crate::model::units;

/// A wait that a client notices.
const LONG_WAIT: Duration = Duration::from_secs(5);

pub(super) fn examine(context: &PoolerContext<'_>, drafts: &mut Vec<FindingDraft>) {
    for pool in &context.report.pools {
        let database = context.report.database(&pool.database);
        // Who is held by a pause waits because of it.
        if database.is_some_and(|database| context.report.is_paused(database) == Some(true)) {
            continue;
        }
        if pool.has_no_server() == Some(true) {
            without_server(context, pool, drafts);
        } else if pool.longest_wait.is_some_and(|longest| longest >= LONG_WAIT) {
            for_long(context, pool, drafts);
        }
    }
}

/// No server is there. `maxwait` may be 0 all the while: who is not let in yet has asked for none.
fn without_server(context: &PoolerContext<'_>, pool: &Pool, drafts: &mut Vec<FindingDraft>) {
    // Where nobody leads no pool can have one: that is told already.
    if context.leader().is_none() {
        return;
    }
    let report = context.report;
    let waiting = pool.clients_waiting.unwrap_or(0);
    let is_own = |wait: &&LoginWait| wait.database == pool.database && wait.user == pool.user;
    let login = report.login_waits.as_ref().and_then(|waits| waits.iter().find(is_own));
    let longest = pool.longest_wait.max(login.and_then(|wait| wait.longest));
    let title = format!(
        "pool {}/{} of pooler {} has no server connection: {} waiting",
        pool.database,
        pool.user,
        context.name(),
        clients(waiting)
    );
    let draft = context.draft(Severity::Critical, "pooler-no-server", title).part(&part(pool));
    let mut draft = context.told(draft, format!("SHOW POOLS: cl_waiting {waiting}, no server active or idle"));
    if let Some(wait) = login {
        let for_long = longest.map(|longest| format!(" for {}", units::duration(longest))).unwrap_or_default();
        draft = context.told_of_sockets(
            draft,
            format!("{} waiting for a login{for_long}, which maxwait does not count", clients(wait.clients)),
        );
    }
    let retry = report.settings.server_login_retry.map(|retry| {
        format!("; after a failed login the next is tried after {} (server_login_retry)", units::duration(retry))
    });
    drafts.push(
        draft
            .settling()
            .advise(format!("check the pooler's log for failed logins to the server{}", retry.unwrap_or_default())),
    );
}

/// Every server is taken.
fn for_long(context: &PoolerContext<'_>, pool: &Pool, drafts: &mut Vec<FindingDraft>) {
    let Some(longest) = pool.longest_wait else { return };
    let waiting = pool.clients_waiting.unwrap_or(0);
    let limit = match context.report.settings.query_wait_timeout {
        Some(GiveUp::After(limit)) => Some(limit),
        Some(GiveUp::Never) | None => None,
    };
    let is_near = limit.is_some_and(|limit| longest * 2 >= limit);
    let severity = if is_near { Severity::Critical } else { Severity::Warning };
    let title = format!(
        "{} of pool {}/{} of pooler {} waiting for a server, the longest for {}",
        clients(waiting),
        pool.database,
        pool.user,
        context.name(),
        units::duration(longest)
    );
    let draft = context.draft(severity, "pooler-clients-waiting", title).part(&part(pool));
    let size = context.report.database(&pool.database).and_then(|database| database.pool_size);
    let servers = pool.servers_active.map_or_else(|| "?".to_owned(), |count| count.to_string());
    let of = size.map(|size| format!(" of {size}")).unwrap_or_default();
    let draft = context.told(draft, format!("{servers}{of} servers active, maxwait {}", units::duration(longest)));
    let advice = match limit {
        Some(limit) => format!(
            "find out which transactions hold the servers, or raise the pool size; after {} (query_wait_timeout) clients are disconnected",
            units::duration(limit)
        ),
        None => "find out which transactions hold the servers, or raise the pool size".to_owned(),
    };
    drafts.push(draft.settling().advise(advice));
}

fn part(pool: &Pool) -> crate::model::text::Text {
    crate::model::text::Text::new(format!("{}/{}", pool.database, pool.user))
}
