//! Whether what is known of a router's servers agrees: sign with sign, and router with router.

use std::collections::BTreeSet;

use super::super::finding_draft::FindingDraft;
use super::PoolContext;
use crate::model::finding::{Severity, Subject};
use crate::model::name::NodeName;
use crate::model::router::{ProxyRow, ServerOwner, contradiction};
use crate::model::snapshot::Snapshot;

/// Servers of whom sure signs name two different members.
pub(super) fn of_evidence(pool_context: &PoolContext<'_>, servers: &[&ProxyRow], drafts: &mut Vec<FindingDraft>) {
    for row in servers {
        let ServerOwner::Contradicted(claims) = pool_context.snapshot.server_owner(row) else { continue };
        let title = format!(
            "server {}/{} of {} cannot be matched to one member: {}",
            pool_context.pool,
            row.server,
            pool_context.router.name,
            contradiction(&claims)
        );
        let draft = pool_context.draft(Severity::Warning, "router-unclear", title);
        drafts.push(pool_context.servers(draft, &[row]).settling().advise(
            "a node may have changed its address without the router noticing: check its resolvers, or reload it",
        ));
    }
}

/// Routers that lead writes to different members. Where a leader is known, each is judged by it instead.
pub(super) fn of_routers(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    if snapshot.leader().is_some_and(|leader| leader.fresh) {
        return;
    }
    let mut led = Vec::new();
    for router in &snapshot.routers {
        let Some(reading) = router.reading(snapshot.now).filter(|reading| reading.is_fresh(snapshot.now)) else {
            continue;
        };
        let servers = reading.last().into_iter().flat_map(|report| router.write_servers(report));
        let up = servers.filter(|row| row.takes_traffic());
        let members: BTreeSet<NodeName> =
            up.filter_map(|row| snapshot.member_of(row)).map(|member| member.name.clone()).collect();
        if !members.is_empty() {
            led.push((router, reading, members));
        }
    }
    let Some((first, _, of_first)) = led.first() else { return };
    if led.iter().all(|(_, _, members)| members == of_first) {
        return;
    }
    let words = |members: &BTreeSet<NodeName>| members.iter().map(NodeName::as_str).collect::<Vec<_>>().join(" and ");
    let sides = led.iter().map(|(router, _, members)| format!("{} to {}", router.name, words(members)));
    let title = format!("the routers route writes to different members: {}", sides.collect::<Vec<_>>().join(", "));
    let subject = Subject::Router(first.name.clone());
    let mut draft = FindingDraft::new(Severity::Critical, "routers-disagree", subject, title);
    for (_, reading, members) in &led {
        let at = reading.answer.as_ref().map(|answer| answer.at);
        draft = draft.evidence(format!("routes writes to {}", words(members)), Some(reading.source.clone()), at);
    }
    drafts.push(draft.settling().advise("find out which member accepts writes, and set the other server to MAINT"));
}
