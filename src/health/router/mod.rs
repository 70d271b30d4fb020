//! The router against the cluster: whether clients reach the leader, and only the leader.

mod agreement;
mod held;
mod read;
mod silence;
#[cfg(test)]
mod tests;
mod write;

use super::draft::Draft;
use crate::model::finding::{Severity, Subject};
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::observed::{Observed, Reading};
use crate::model::router::{PoolPurpose, ProxyKind, ProxyRow, Router, RouterReport};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

pub(super) fn examine(snapshot: &Snapshot, drafts: &mut Vec<Draft>) {
    for router in &snapshot.routers {
        silence::examine(snapshot, router, drafts);
        let Some(reading) = router.reading(snapshot.now).filter(|reading| reading.is_fresh(snapshot.now)) else {
            continue;
        };
        let Some(report) = reading.last() else { continue };
        let at = reading.answer.as_ref().map(|answer| answer.at);
        let scene = |pool| Scene { snapshot, router, reading, report, at, pool };
        for backend in report.rows.iter().filter(|row| row.kind == ProxyKind::Backend) {
            examine_pool(&scene(&backend.proxy), backend, drafts);
        }
        for pool in router.write_backends.iter().chain(&router.read_backends) {
            if !report.rows.iter().any(|row| row.kind == ProxyKind::Backend && row.proxy == *pool) {
                let title = format!("{} shows no backend {pool}, which the configuration names", router.name);
                let draft = scene(pool).draft(Severity::Warning, "router-no-backend", title);
                drafts.push(draft.advise("mend write_backends or read_backends of this router, or look at HAProxy's"));
            }
        }
    }
    agreement::of_routers(snapshot, drafts);
}

fn examine_pool(scene: &Scene<'_>, backend: &ProxyRow, drafts: &mut Vec<Draft>) {
    let is_own = |row: &&ProxyRow| row.kind == ProxyKind::Server && row.proxy == backend.proxy;
    let servers: Vec<&ProxyRow> = scene.report.rows.iter().filter(is_own).collect();
    match scene.router.purpose(&backend.proxy) {
        PoolPurpose::Write => write::examine(scene, &servers, drafts),
        PoolPurpose::Read => read::examine(scene, &servers, drafts),
        PoolPurpose::Any | PoolPurpose::Unknown => {}
    }
    if matches!(scene.router.purpose(&backend.proxy), PoolPurpose::Write | PoolPurpose::Read) {
        agreement::of_signs(scene, &servers, drafts);
    }
    held::examine(scene, &servers, drafts);
    if let Some(queue) = backend.queue.filter(|queue| *queue > 0) {
        let noun = if queue == 1 { "connection" } else { "connections" };
        let title = format!("{queue} {noun} queued on backend {} of {}", backend.proxy, scene.router.name);
        drafts.push(
            scene
                .draft(Severity::Warning, "router-queue", title)
                .part(scene.pool)
                .evidence(format!("qcur {queue}"), Some(scene.reading.source.clone()), scene.at)
                .settling()
                .advise("the servers' maxconn is reached, or no server is up"),
        );
    }
}

/// One pool of one router, as it was told last.
struct Scene<'a> {
    snapshot: &'a Snapshot,
    router: &'a Router,
    reading: &'a Reading<RouterReport>,
    report: &'a RouterReport,
    at: Option<Moment>,
    pool: &'a Text,
}

impl Scene<'_> {
    fn draft(&self, severity: Severity, code: &'static str, title: String) -> Draft {
        Draft::new(severity, code, Subject::Router(self.router.name.clone()), title).part(self.pool)
    }

    /// Who leads, by a fresh word.
    fn leader(&self) -> Option<Observed<NodeName>> {
        self.snapshot.leader().filter(|leader| leader.fresh)
    }

    /// Whether the configuration names the pool, so that its purpose is no guess.
    fn is_configured(&self) -> bool {
        self.router.write_backends.contains(self.pool) || self.router.read_backends.contains(self.pool)
    }

    /// Adds what the router says of each server.
    fn servers(&self, draft: Draft, servers: &[&ProxyRow]) -> Draft {
        servers.iter().take(6).fold(draft, |draft, server| {
            let check = server.check.as_ref().map_or_else(String::new, |check| {
                let code = check.code.map_or_else(String::new, |code| format!("/{code}"));
                format!(", check {}{code}", check.result)
            });
            let words = format!("{}/{} {}{check}", self.pool, server.server, server.word());
            draft.evidence(words, Some(self.reading.source.clone()), self.at)
        })
    }
}
