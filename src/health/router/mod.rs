//! The router against the cluster: whether clients reach the leader, and only the leader.

mod agreement;
mod drained;
mod read;
mod silence;

pub(super) use silence::undecided;
#[cfg(test)]
mod tests;
mod write;

use super::finding_draft::FindingDraft;
use crate::model::finding::{Severity, Subject};
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::observed::{Observed, Reading};
use crate::model::router::{PoolPurpose, ProxyRow, Router, RouterReport};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

pub(super) fn examine(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    for router in &snapshot.routers {
        silence::examine(snapshot, router, drafts);
        let Some(reading) = router.reading(snapshot.now).filter(|reading| reading.is_fresh(snapshot.now)) else {
            continue;
        };
        let Some(report) = reading.last() else { continue };
        let at = reading.answer.as_ref().map(|answer| answer.at);
        let pool_context = |pool| PoolContext { snapshot, router, reading, report, at, pool };
        for backend in report.backends() {
            examine_pool(&pool_context(&backend.proxy), backend, drafts);
        }
        for pool in router.write_backends.iter().chain(&router.read_backends) {
            if !report.backends().any(|row| row.proxy == *pool) {
                let title = format!("{} has no backend {pool}, which is in the configuration", router.name);
                let draft = pool_context(pool).draft(Severity::Warning, "router-no-backend", title);
                drafts
                    .push(draft.advise(
                        "correct write_backends or read_backends of this router, or the HAProxy configuration",
                    ));
            }
        }
    }
    agreement::of_routers(snapshot, drafts);
}

fn examine_pool(pool_context: &PoolContext<'_>, backend: &ProxyRow, drafts: &mut Vec<FindingDraft>) {
    let servers: Vec<&ProxyRow> = pool_context.report.servers_of(&backend.proxy).collect();
    match pool_context.router.purpose(&backend.proxy) {
        PoolPurpose::Write => write::examine(pool_context, &servers, drafts),
        PoolPurpose::Read => read::examine(pool_context, &servers, drafts),
        PoolPurpose::Any | PoolPurpose::Unknown => {}
    }
    if matches!(pool_context.router.purpose(&backend.proxy), PoolPurpose::Write | PoolPurpose::Read) {
        agreement::of_evidence(pool_context, &servers, drafts);
    }
    drained::examine(pool_context, &servers, drafts);
    if let Some(queue) = backend.queue.filter(|queue| *queue > 0) {
        let noun = if queue == 1 { "connection" } else { "connections" };
        let title = format!("{queue} {noun} queued on backend {} of {}", backend.proxy, pool_context.router.name);
        drafts.push(
            pool_context
                .draft(Severity::Warning, "router-queue", title)
                .part(pool_context.pool)
                .evidence(format!("qcur {queue}"), Some(pool_context.reading.source.clone()), pool_context.at)
                .settling()
                .advise("maxconn of the servers is reached, or no server is UP"),
        );
    }
}

/// One pool of one router, as it was told last.
struct PoolContext<'a> {
    snapshot: &'a Snapshot,
    router: &'a Router,
    reading: &'a Reading<RouterReport>,
    report: &'a RouterReport,
    at: Option<Moment>,
    pool: &'a Text,
}

impl PoolContext<'_> {
    fn draft(&self, severity: Severity, code: &'static str, title: String) -> FindingDraft {
        FindingDraft::new(severity, code, Subject::Router(self.router.name.clone()), title).part(self.pool)
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
    fn servers(&self, draft: FindingDraft, servers: &[&ProxyRow]) -> FindingDraft {
        servers.iter().take(6).fold(draft, |draft, server| {
            let check = server.check.as_ref().map_or_else(String::new, |check| {
                let code = check.code.map_or_else(String::new, |code| format!("/{code}"));
                format!(", check {}{code}", check.result)
            });
            let words = format!("{}/{} {}{check}", self.pool, server.server, server.as_str());
            draft.evidence(words, Some(self.reading.source.clone()), self.at)
        })
    }
}
