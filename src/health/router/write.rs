//! Pools that lead to the leader: to it, and to nobody else.

use super::super::finding_draft::FindingDraft;
use super::PoolContext;
use crate::model::finding::Severity;
use crate::model::router::{AdminState, Bypass, ProxyRow, ProxyStatus, ServerOwner};

pub(super) fn examine(pool_context: &PoolContext<'_>, servers: &[&ProxyRow], drafts: &mut Vec<FindingDraft>) {
    let (pool, router) = (pool_context.pool, &pool_context.router.name);
    if servers.is_empty() {
        let severity = if pool_context.is_configured() { Severity::Critical } else { Severity::Warning };
        let title = format!("backend {pool} of {router} has no server: writes through it fail");
        drafts.push(pool_context.draft(severity, "router-no-server", title).advise("add the members to it as servers"));
        return;
    }
    if servers.iter().all(|server| server.bypass == Some(Bypass::Unpublished)) {
        let title = format!("backend {pool} of {router} is unpublished: no frontend routes writes there");
        let draft = pool_context.draft(Severity::Critical, "router-unpublished", title);
        let advice =
            format!("find out who unpublished it, then run `publish backend {pool}` on its runtime API (admin level)");
        drafts.push(pool_context.servers(draft, servers).advise(advice));
        return;
    }
    let unchecked = servers.iter().filter(|server| server.status == ProxyStatus::NoCheck).count();
    if unchecked > 0 {
        let unchecked = crate::model::units::plural(unchecked, "server");
        let title =
            format!("backend {pool} of {router} has {unchecked} without health checks: it cannot follow a failover");
        drafts.push(
            pool_context
                .servers(pool_context.draft(Severity::Warning, "router-no-check", title), servers)
                .advise("add `check port 8008` with `option httpchk OPTIONS /primary` to its servers"),
        );
        return;
    }
    let up: Vec<&ProxyRow> = servers.iter().copied().filter(|server| server.takes_traffic()).collect();
    match up.as_slice() {
        [] => nobody(pool_context, servers, drafts),
        [one] => alone(pool_context, one, servers, drafts),
        _ => several(pool_context, &up, servers, drafts),
    }
}

/// It leads nowhere.
fn nobody(pool_context: &PoolContext<'_>, servers: &[&ProxyRow], drafts: &mut Vec<FindingDraft>) {
    let (pool, router) = (pool_context.pool, &pool_context.router.name);
    if let Some(odd) = servers.iter().find(|server| !server.status.is_known()) {
        let title = format!(
            "unknown whether backend {pool} of {router} routes writes: unknown status \"{}\" of {}",
            odd.status.as_str(),
            odd.server
        );
        let draft = pool_context.draft(Severity::Warning, "router-status-unknown", title);
        drafts.push(
            pool_context
                .servers(draft, servers)
                .settling()
                .advise("check its statistics page; this status is not known to this version"),
        );
        return;
    }
    if pool_context.snapshot.is_standby_cluster() {
        let title = format!("backend {pool} of {router} has no server UP: a standby cluster accepts no writes");
        drafts.push(pool_context.servers(pool_context.draft(Severity::Note, "router-empty", title), servers));
        return;
    }
    let leader = pool_context.leader();
    let own = leader.and_then(|leader| {
        let is_own =
            |row: &&&ProxyRow| pool_context.snapshot.member_of(row).is_some_and(|member| member.name == leader.value);
        servers.iter().find(is_own).copied()
    });
    // A hand, a resolver, a weight: no check will end it.
    let kept = own.filter(|row| row.effective_admin_state() != AdminState::None || row.bypass.is_some());
    let title = format!("backend {pool} of {router} has no server UP: writes fail");
    let title = match kept {
        Some(row) => {
            let why = row.holder().map_or_else(|| row.as_str(), |by| by.describe());
            format!("{title}; {} is the server of the leader, and {why}", row.server)
        }
        None => title,
    };
    let draft = pool_context.servers(pool_context.draft(Severity::Critical, "router-no-primary", title), servers);
    drafts.push(match kept.and_then(ProxyRow::holder) {
        Some(by) => draft.advise(by.ends()),
        None => draft.settling().advise(
            "if there is a leader, see the check results; after a failover a server needs rise × inter to go UP",
        ),
    });
}

/// It leads to one server: the leader's, somebody else's, or nobody knows whose.
fn alone(pool_context: &PoolContext<'_>, one: &ProxyRow, servers: &[&ProxyRow], drafts: &mut Vec<FindingDraft>) {
    let (pool, router) = (pool_context.pool, &pool_context.router.name);
    let Some(leader) = pool_context.leader() else { return };
    match pool_context.snapshot.server_owner(one) {
        ServerOwner::Member { member, .. } if member.name != leader.value => {
            let title = format!(
                "backend {pool} of {router} routes writes to {}, but the leader is {}",
                one.server, leader.value
            );
            drafts.push(
                pool_context
                    .servers(pool_context.draft(Severity::Critical, "router-wrong-primary", title), servers)
                    .because(&leader, format!("leader {}", leader.value))
                    .settling()
                    .advise("the check may be slow, or query the REST API of another node: compare addresses"),
            );
        }
        ServerOwner::Nobody => {
            let at = one.address.as_ref().map(|address| format!(" ({address})")).unwrap_or_default();
            let title = format!(
                "backend {pool} of {router} routes writes to {}{at}, which matches no known member",
                one.server
            );
            drafts
                .push(pool_context.servers(pool_context.draft(Severity::Note, "router-stranger", title), &[one]).settling().advise(
                "give the router a runtime API at operator level, which shows addresses, or map it in the address_map",
            ));
        }
        ServerOwner::Member { .. } | ServerOwner::Contradicted(_) => {}
    }
}

fn several(pool_context: &PoolContext<'_>, up: &[&ProxyRow], servers: &[&ProxyRow], drafts: &mut Vec<FindingDraft>) {
    let (pool, router) = (pool_context.pool, &pool_context.router.name);
    let names = up.iter().map(|server| server.server.as_str()).collect::<Vec<_>>().join(" and ");
    let title = format!("backend {pool} of {router} routes to {names}: writes may go to two nodes");
    let mut draft = pool_context.draft(Severity::Critical, "router-several-primaries", title);
    if let Some(leader) = &pool_context.leader() {
        draft = draft.because(leader, format!("leader {}", leader.value));
    }
    drafts.push(
        pool_context
            .servers(draft, servers)
            .settling()
            .advise("set the server that is not the leader to MAINT, then find out why its check passes"),
    );
}
