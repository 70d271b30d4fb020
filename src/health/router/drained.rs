//! Servers that something other than their check keeps from traffic.

use std::collections::BTreeMap;

use super::super::finding_draft::FindingDraft;
use super::PoolContext;
use crate::model::finding::Severity;
use crate::model::router::{HeldBy, ProxyRow};

pub(super) fn examine(pool_context: &PoolContext<'_>, servers: &[&ProxyRow], drafts: &mut Vec<FindingDraft>) {
    let mut held: BTreeMap<HeldBy, Vec<&ProxyRow>> = BTreeMap::new();
    for server in servers {
        if let Some(by) = server.holder() {
            held.entry(by).or_default().push(server);
        }
    }
    let unresolved = held.remove(&HeldBy::Resolver);
    // A weight of nothing is how some pools keep a spare.
    held.remove(&HeldBy::Weight);
    if let Some(rows) = unresolved {
        let names: Vec<String> = rows
            .iter()
            .map(|row| match &row.fqdn {
                Some(fqdn) => format!("{} ({fqdn})", row.server),
                None => row.server.to_string(),
            })
            .collect();
        let title = format!(
            "backend {} of {}: the host name of {} does not resolve",
            pool_context.pool,
            pool_context.router.name,
            names.join(", ")
        );
        let draft = pool_context.draft(Severity::Warning, "router-unresolved", title);
        drafts.push(pool_context.servers(draft, &rows).settling().advise(HeldBy::Resolver.ends()));
    }
    let Some(first) = held.keys().next().cloned() else { return };
    let words = held.iter().flat_map(|(by, rows)| {
        rows.iter().map(move |row| {
            format!(
                "{} {} ({})",
                row.server,
                row.admin_state_name().unwrap_or_else(|| row.status.as_str()),
                by.describe()
            )
        })
    });
    let words = words.collect::<Vec<_>>().join(", ");
    let rows: Vec<&ProxyRow> = held.values().flatten().copied().collect();
    let title = format!("backend {} of {}: {words}", pool_context.pool, pool_context.router.name);
    let draft = pool_context.draft(Severity::Note, "router-maintenance", title);
    drafts.push(pool_context.servers(draft, &rows).advise(first.ends()));
}
