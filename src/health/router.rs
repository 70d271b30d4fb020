//! The router against the cluster: whether clients reach the leader, and only the leader.

use super::draft::Draft;
use crate::model::finding::{Severity, Subject};
use crate::model::moment::Moment;
use crate::model::observed::{Freshness, Reading};
use crate::model::router::{PoolPurpose, ProxyKind, ProxyRow, ProxyStatus, Router, RouterReport};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

pub(super) fn examine(snapshot: &Snapshot, drafts: &mut Vec<Draft>) {
    for router in &snapshot.routers {
        silence(snapshot, router, drafts);
        let Some(reading) = router.reading(snapshot.now).filter(|reading| reading.is_fresh(snapshot.now)) else {
            continue;
        };
        let Some(report) = reading.last() else { continue };
        for backend in report.rows.iter().filter(|row| row.kind == ProxyKind::Backend) {
            pool(snapshot, router, reading, report, backend, drafts);
        }
    }
}

fn silence(snapshot: &Snapshot, router: &Router, drafts: &mut Vec<Draft>) {
    let readings: Vec<&Reading<RouterReport>> = [&router.http, &router.runtime].into_iter().flatten().collect();
    let silent = |reading: &&&Reading<RouterReport>| {
        matches!(reading.freshness(snapshot.now), Freshness::Stale | Freshness::Lost)
    };
    let lost: Vec<_> = readings.iter().filter(silent).collect();
    if lost.is_empty() {
        return;
    }
    let subject = Subject::Router(router.name.clone());
    let all = lost.len() == readings.len();
    let (code, title) = if all {
        ("router-silent", format!("{} does not answer", router.name))
    } else {
        // An answer from before this silence does not tell that the other interface outlived it.
        let since = lost.iter().filter_map(|reading| reading.silent_since(snapshot.now)).max();
        let other =
            readings.iter().any(|reading| since.is_some_and(|since| reading.answered_since(since, snapshot.now)));
        let other = if other { ", the other does" } else { "" };
        ("router-half-silent", format!("one interface of {} does not answer{other}", router.name))
    };
    let mut draft = Draft::new(Severity::Warning, code, subject, title);
    let mut advice = "check that the router runs";
    for reading in lost {
        if let Some((words, _)) = reading.trouble(snapshot.now) {
            let at = reading.failure.as_ref().map(|failure| failure.at);
            draft = draft.evidence(words, Some(reading.source.clone()), at);
        }
        advice = reading.remedy().unwrap_or(advice);
    }
    drafts.push(draft.advise(advice));
}

fn pool(
    snapshot: &Snapshot,
    router: &Router,
    reading: &Reading<RouterReport>,
    report: &RouterReport,
    backend: &ProxyRow,
    drafts: &mut Vec<Draft>,
) {
    let servers: Vec<&ProxyRow> =
        report.rows.iter().filter(|row| row.kind == ProxyKind::Server && row.proxy == backend.proxy).collect();
    if servers.is_empty() {
        return;
    }
    let at = reading.answer.as_ref().map(|answer| answer.at);
    let scene = Scene { snapshot, router, reading, at, pool: &backend.proxy };
    let up: Vec<&ProxyRow> = servers.iter().copied().filter(|server| server.status.takes_traffic()).collect();
    match router.purpose(&backend.proxy) {
        PoolPurpose::Write => write_pool(&scene, &servers, &up, drafts),
        PoolPurpose::Read if up.is_empty() => {
            let title = format!("pool {} of {} leads nowhere: no replica is up", backend.proxy, router.name);
            drafts.push(
                scene
                    .servers(Draft::new(Severity::Warning, "router-no-replica", scene.subject(), title), &servers)
                    .settling()
                    .advise("bring a replica back, or point the read pool at the leader as a backup server"),
            );
        }
        PoolPurpose::Read | PoolPurpose::Any | PoolPurpose::Unknown => {}
    }
    maintenance(&scene, &servers, drafts);
    if let Some(queue) = backend.queue.filter(|queue| *queue > 0) {
        let title = format!("{queue} connections wait in pool {} of {}", backend.proxy, router.name);
        let draft = Draft::new(Severity::Warning, "router-queue", scene.subject(), title);
        drafts.push(
            draft
                .part(scene.pool)
                .evidence(format!("qcur {queue}"), Some(reading.source.clone()), at)
                .settling()
                .advise("the servers' maxconn is reached, or no server is up"),
        );
    }
}

struct Scene<'a> {
    snapshot: &'a Snapshot,
    router: &'a Router,
    reading: &'a Reading<RouterReport>,
    at: Option<Moment>,
    pool: &'a Text,
}

impl Scene<'_> {
    fn subject(&self) -> Subject {
        Subject::Router(self.router.name.clone())
    }

    /// Adds what the router says of each server.
    fn servers(&self, draft: Draft, servers: &[&ProxyRow]) -> Draft {
        servers.iter().take(6).fold(draft.part(self.pool), |draft, server| {
            let check = server.check.as_ref().map_or_else(String::new, |check| {
                let code = check.code.map_or_else(String::new, |code| format!("/{code}"));
                format!(", check {}{code}", check.result)
            });
            let words = format!("{}/{} {}{check}", self.pool, server.server, server.status.word());
            draft.evidence(words, Some(self.reading.source.clone()), self.at)
        })
    }
}

fn write_pool(scene: &Scene<'_>, servers: &[&ProxyRow], up: &[&ProxyRow], drafts: &mut Vec<Draft>) {
    let (pool, router) = (scene.pool, &scene.router.name);
    let names = || up.iter().map(|server| server.server.as_str()).collect::<Vec<_>>().join(" and ");
    let unchecked = servers.iter().filter(|server| server.status == ProxyStatus::NoCheck).count();
    if unchecked > 0 {
        let title =
            format!("pool {pool} of {router} has {unchecked} server(s) without checks: it cannot follow a failover");
        drafts.push(
            scene
                .servers(Draft::new(Severity::Warning, "router-no-check", scene.subject(), title), servers)
                .advise("add `check port 8008` with `option httpchk OPTIONS /primary` to its servers"),
        );
        return;
    }
    let leader = scene.snapshot.leader().filter(|leader| leader.fresh);
    match up {
        [] => {
            let title = format!("pool {pool} of {router} leads nowhere: clients cannot write");
            drafts.push(
                scene
                    .servers(Draft::new(Severity::Critical, "router-no-primary", scene.subject(), title), servers)
                    .settling()
                    .advise("if there is a leader, look at the check results; after a failover it takes rise × inter"),
            );
        }
        [one] => {
            let Some(leader) = leader else { return };
            let member = scene.snapshot.member_of(one);
            if member.is_some_and(|member| member.name != leader.value) {
                let title = format!("pool {pool} of {router} leads to {}, the leader is {}", one.server, leader.value);
                drafts.push(
                    scene
                        .servers(
                            Draft::new(Severity::Critical, "router-wrong-primary", scene.subject(), title),
                            servers,
                        )
                        .because(&leader, format!("leader {}", leader.value))
                        .settling()
                        .advise("the check may be slow, or go to another node's REST interface: compare addresses"),
                );
            }
        }
        _ => {
            let title = format!("pool {pool} of {router} leads to {}: writes may go to two nodes", names());
            let mut draft = Draft::new(Severity::Critical, "router-several-primaries", scene.subject(), title);
            if let Some(leader) = &leader {
                draft = draft.because(leader, format!("leader {}", leader.value));
            }
            drafts.push(
                scene.servers(draft, servers).settling().advise(
                    "put the server that is not the leader into maintenance, then find out why its check passes",
                ),
            );
        }
    }
}

fn maintenance(scene: &Scene<'_>, servers: &[&ProxyRow], drafts: &mut Vec<Draft>) {
    let out: Vec<&ProxyRow> = servers
        .iter()
        .copied()
        .filter(|server| matches!(server.status, ProxyStatus::Maintenance(_) | ProxyStatus::Drain))
        .collect();
    if out.is_empty() {
        return;
    }
    let names: Vec<String> = out.iter().map(|server| format!("{} {}", server.server, server.status.word())).collect();
    let title = format!("pool {} of {}: {}", scene.pool, scene.router.name, names.join(", "));
    let draft = Draft::new(Severity::Note, "router-maintenance", scene.subject(), title);
    drafts.push(
        scene.servers(draft, &out).advise("set them ready when the work is done; only a hand or a reload ends it"),
    );
}
