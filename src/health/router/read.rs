//! Pools that lead to replicas, and why they may be empty.

use super::super::finding_draft::FindingDraft;
use super::PoolContext;
use crate::model::finding::Severity;
use crate::model::router::ProxyRow;

pub(super) fn examine(pool_context: &PoolContext<'_>, servers: &[&ProxyRow], drafts: &mut Vec<FindingDraft>) {
    let (pool, router) = (pool_context.pool, &pool_context.router.name);
    if servers.is_empty() {
        if pool_context.is_configured() {
            let title = format!("backend {pool} of {router} has no server: reads through it fail");
            let draft = pool_context.draft(Severity::Warning, "router-no-server", title);
            drafts.push(draft.advise("add the members to it as servers"));
        }
        return;
    }
    if servers.iter().any(|server| server.takes_traffic() || !server.status.is_known()) {
        return;
    }
    if let Some(why) =
        pool_context.snapshot.empty_by_design(pool_context.router, pool_context.report, pool_context.pool)
    {
        let title = format!("backend {pool} of {router} has no server UP: {why}");
        let draft = pool_context.draft(Severity::Note, "router-empty", title);
        drafts.push(pool_context.servers(draft, servers).settling());
        return;
    }
    let title = format!("backend {pool} of {router} has no server UP: reads through it fail");
    drafts.push(
        pool_context
            .servers(pool_context.draft(Severity::Warning, "router-no-replica", title), servers)
            .settling()
            .advise("restore a replica, or add the leader to the read backend as a backup server"),
    );
}
