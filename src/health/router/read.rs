//! Pools that lead to replicas, and why they may be empty.

use super::super::draft::Draft;
use super::Scene;
use crate::model::finding::Severity;
use crate::model::router::ProxyRow;

pub(super) fn examine(scene: &Scene<'_>, servers: &[&ProxyRow], drafts: &mut Vec<Draft>) {
    let (pool, router) = (scene.pool, &scene.router.name);
    if servers.is_empty() {
        if scene.is_configured() {
            let title = format!("backend {pool} of {router} has no server: reads through it fail");
            let draft = scene.draft(Severity::Warning, "router-no-server", title);
            drafts.push(draft.advise("add the members to it as servers"));
        }
        return;
    }
    if servers.iter().any(|server| server.takes_traffic() || !server.status.is_known()) {
        return;
    }
    if let Some(why) = scene.snapshot.empty_by_design(scene.router, scene.report, scene.pool) {
        let title = format!("pool {pool} of {router} serves nobody: {why}");
        let draft = scene.draft(Severity::Note, "router-empty", title);
        drafts.push(scene.servers(draft, servers).settling());
        return;
    }
    let title = format!("pool {pool} of {router} leads nowhere: reads through it fail");
    drafts.push(
        scene
            .servers(scene.draft(Severity::Warning, "router-no-replica", title), servers)
            .settling()
            .advise("bring a replica back, or point the read pool at the leader as a backup server"),
    );
}
