//! Whether what is known of a router's servers agrees: sign with sign, and router with router.

use std::collections::BTreeSet;

use super::super::draft::Draft;
use super::Scene;
use crate::model::finding::{Severity, Subject};
use crate::model::name::NodeName;
use crate::model::router::{PoolPurpose, ProxyKind, ProxyRow, Whose, contradiction};
use crate::model::snapshot::Snapshot;

/// Servers of whom sure signs name two different members.
pub(super) fn of_signs(scene: &Scene<'_>, servers: &[&ProxyRow], drafts: &mut Vec<Draft>) {
    for row in servers {
        let Whose::Contradicted(claims) = scene.snapshot.whose(row) else { continue };
        let title = format!(
            "which member {}/{} of {} is, is contradictory: {}",
            scene.pool,
            row.server,
            scene.router.name,
            contradiction(&claims)
        );
        let draft = scene.draft(Severity::Warning, "router-unclear", title);
        drafts.push(
            scene.servers(draft, &[row]).settling().advise(
                "a node changed its address and the router has not followed: look at its resolvers, or reload it",
            ),
        );
    }
}

/// Routers that lead writes to different members. Where a leader is known, each is judged by it instead.
pub(super) fn of_routers(snapshot: &Snapshot, drafts: &mut Vec<Draft>) {
    if snapshot.leader().is_some_and(|leader| leader.fresh) {
        return;
    }
    let mut led = Vec::new();
    for router in &snapshot.routers {
        let Some(reading) = router.reading(snapshot.now).filter(|reading| reading.is_fresh(snapshot.now)) else {
            continue;
        };
        let rows = reading.last().into_iter().flat_map(|report| &report.rows);
        let up = rows.filter(|row| {
            row.kind == ProxyKind::Server && router.purpose(&row.proxy) == PoolPurpose::Write && row.takes_traffic()
        });
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
    let mut draft = Draft::new(Severity::Critical, "routers-disagree", subject, title);
    for (_, reading, members) in &led {
        let at = reading.answer.as_ref().map(|answer| answer.at);
        draft = draft.evidence(format!("writes to {}", words(members)), Some(reading.source.clone()), at);
    }
    drafts.push(
        draft.settling().advise("find out which of them takes writes, and put the other's server into maintenance"),
    );
}
