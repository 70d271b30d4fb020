//! Where a database leads, and where its server connections really are.

use super::super::finding_draft::FindingDraft;
use super::PoolerContext;
use crate::model::finding::Severity;
use crate::model::pooler::{PoolerDatabase, PoolerRoute};
use crate::model::router::PoolPurpose;

pub(super) fn examine(context: &PoolerContext<'_>, database: &PoolerDatabase, drafts: &mut Vec<FindingDraft>) {
    if !is_for_writes(database) {
        return;
    }
    leads_elsewhere(context, database, drafts);
    left_behind(context, database, drafts);
}

/// Whether it is to lead to the primary: by configuration, else unless its name says otherwise.
fn is_for_writes(database: &PoolerDatabase) -> bool {
    database.is_configured
        || matches!(PoolPurpose::guess(database.name.as_str()), PoolPurpose::Write | PoolPurpose::Unknown)
}

fn leads_elsewhere(context: &PoolerContext<'_>, database: &PoolerDatabase, drafts: &mut Vec<FindingDraft>) {
    let (snapshot, name) = (context.snapshot, context.name());
    let Some(leader) = context.leader() else { return };
    let routes = snapshot.pooler_routes(database);
    let address = database.address().unwrap_or_default();
    let strays: Vec<_> = routes
        .iter()
        .filter_map(|route| match route {
            PoolerRoute::Member { member, .. } if member.name != leader.value => Some(&member.name),
            _ => None,
        })
        .collect();
    if let Some(stray) = strays.first() {
        let severity = if database.is_configured { Severity::Critical } else { Severity::Warning };
        let title = format!(
            "database {} of pooler {name} routes to {stray}, but the leader is {}",
            database.name, leader.value
        );
        let by: Vec<String> = routes.iter().map(PoolerRoute::describe).collect();
        let draft = context.draft(severity, "pooler-wrong-primary", title).part(&database.name);
        let draft = context.told(draft, format!("{} at {address} ({})", database.name, by.join(", ")));
        let advice = if database.is_configured {
            "point it at the leader in pgbouncer.ini, then RELOAD"
        } else {
            "point it at the leader in pgbouncer.ini, then RELOAD; if it is meant for reads, name the others in databases"
        };
        drafts.push(draft.because(&leader, format!("leader {}", leader.value)).settling().advise(advice));
        return;
    }
    let is_strange = |route: &PoolerRoute<'_>| matches!(route, PoolerRoute::Unknown | PoolerRoute::Contradicted(_));
    if routes.iter().any(is_strange) && !snapshot.members.is_empty() {
        let title = format!(
            "database {} of pooler {name} routes to {address}, which matches no known member or router",
            database.name
        );
        let draft = context.draft(Severity::Note, "pooler-stranger", title).part(&database.name);
        drafts.push(
            draft.settling().advise("name the router behind this address as the pooler does, or map the address"),
        );
    }
}

/// RELOAD shows the new host at once; connections that a client holds stay where they are.
fn left_behind(context: &PoolerContext<'_>, database: &PoolerDatabase, drafts: &mut Vec<FindingDraft>) {
    let (snapshot, name) = (context.snapshot, context.name());
    let (Some(leader), Some(leaving)) = (context.leader(), context.report.leaving(&database.name)) else { return };
    for server in leaving {
        // After RECONNECT they are about to leave an address to come back to it.
        let owner = match snapshot.server_address_owner(server) {
            PoolerRoute::Member { member, .. } if member.name != leader.value => member.name.to_string(),
            _ => continue,
        };
        let count =
            crate::model::units::plural(usize::try_from(server.closing).unwrap_or(usize::MAX), "server connection");
        let title = format!(
            "{count} of database {} of pooler {name} still connected to {owner}, but the leader is {}",
            database.name, leader.value
        );
        let draft = context.draft(Severity::Warning, "pooler-old-address", title).part(&database.name);
        let draft =
            context.told_of_sockets(draft, format!("SHOW SERVERS: {} at {}, close_needed 1", count, server.address));
        let advice = "end the transactions or sessions that hold them; in session pooling disconnect these clients";
        drafts.push(draft.settling().advise(advice));
    }
}
