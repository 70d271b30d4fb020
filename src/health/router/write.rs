//! Pools that lead to the leader: to it, and to nobody else.

use super::super::draft::Draft;
use super::Scene;
use crate::model::finding::Severity;
use crate::model::router::{Bypass, Hold, ProxyRow, ProxyStatus, Whose};

pub(super) fn examine(scene: &Scene<'_>, servers: &[&ProxyRow], drafts: &mut Vec<Draft>) {
    let (pool, router) = (scene.pool, &scene.router.name);
    if servers.is_empty() {
        let severity = if scene.is_configured() { Severity::Critical } else { Severity::Warning };
        let title = format!("backend {pool} of {router} has no server: writes through it fail");
        drafts.push(scene.draft(severity, "router-no-server", title).advise("add the members to it as servers"));
        return;
    }
    if servers.iter().all(|server| server.bypass == Some(Bypass::Unpublished)) {
        let title = format!("backend {pool} of {router} is unpublished: no frontend routes writes there");
        let draft = scene.draft(Severity::Critical, "router-unpublished", title);
        let advice =
            format!("`publish backend {pool}` on its runtime API at admin level, when whoever unpublished it is done");
        drafts.push(scene.servers(draft, servers).advise(advice));
        return;
    }
    let unchecked = servers.iter().filter(|server| server.status == ProxyStatus::NoCheck).count();
    if unchecked > 0 {
        let title =
            format!("pool {pool} of {router} has {unchecked} server(s) without checks: it cannot follow a failover");
        drafts.push(
            scene
                .servers(scene.draft(Severity::Warning, "router-no-check", title), servers)
                .advise("add `check port 8008` with `option httpchk OPTIONS /primary` to its servers"),
        );
        return;
    }
    let up: Vec<&ProxyRow> = servers.iter().copied().filter(|server| server.takes_traffic()).collect();
    match up.as_slice() {
        [] => nobody(scene, servers, drafts),
        [one] => alone(scene, one, servers, drafts),
        _ => several(scene, &up, servers, drafts),
    }
}

/// It leads nowhere.
fn nobody(scene: &Scene<'_>, servers: &[&ProxyRow], drafts: &mut Vec<Draft>) {
    let (pool, router) = (scene.pool, &scene.router.name);
    if let Some(odd) = servers.iter().find(|server| !server.status.is_known()) {
        let title = format!(
            "whether pool {pool} of {router} leads anywhere is unknown: it says \"{}\" of {}",
            odd.status.word(),
            odd.server
        );
        let draft = scene.draft(Severity::Warning, "router-status-unknown", title);
        drafts.push(scene.servers(draft, servers).settling().advise("look at its statistics page; this word is new"));
        return;
    }
    if scene.snapshot.is_standby_cluster() {
        let title = format!("pool {pool} of {router} leads nowhere: a standby cluster takes no writes");
        drafts.push(scene.servers(scene.draft(Severity::Note, "router-empty", title), servers));
        return;
    }
    let leader = scene.leader();
    let own = leader.and_then(|leader| {
        let is_own = |row: &&&ProxyRow| scene.snapshot.member_of(row).is_some_and(|member| member.name == leader.value);
        servers.iter().find(is_own).copied()
    });
    // A hand, a resolver, a weight: no check will end it.
    let kept = own.filter(|row| row.held() != Hold::None || row.bypass.is_some());
    let title = format!("pool {pool} of {router} leads nowhere: clients cannot write");
    let title = match kept {
        Some(row) => {
            let why = row.holder().map_or_else(|| row.word(), |by| by.words());
            format!("{title}; {} is the leader's, and {why}", row.server)
        }
        None => title,
    };
    let draft = scene.servers(scene.draft(Severity::Critical, "router-no-primary", title), servers);
    drafts.push(match kept.and_then(ProxyRow::holder) {
        Some(by) => draft.advise(by.ends()),
        None => draft
            .settling()
            .advise("if there is a leader, look at the check results; after a failover it takes rise × inter"),
    });
}

/// It leads to one server: the leader's, somebody else's, or nobody knows whose.
fn alone(scene: &Scene<'_>, one: &ProxyRow, servers: &[&ProxyRow], drafts: &mut Vec<Draft>) {
    let (pool, router) = (scene.pool, &scene.router.name);
    let Some(leader) = scene.leader() else { return };
    match scene.snapshot.whose(one) {
        Whose::Member { member, .. } if member.name != leader.value => {
            let title = format!("pool {pool} of {router} leads to {}, the leader is {}", one.server, leader.value);
            drafts.push(
                scene
                    .servers(scene.draft(Severity::Critical, "router-wrong-primary", title), servers)
                    .because(&leader, format!("leader {}", leader.value))
                    .settling()
                    .advise("the check may be slow, or go to another node's REST interface: compare addresses"),
            );
        }
        Whose::Nobody => {
            let at = one.address.as_ref().map(|address| format!(" ({address})")).unwrap_or_default();
            let title =
                format!("pool {pool} of {router} leads to {}{at}, and which member that is is unknown", one.server);
            drafts.push(
                scene
                    .servers(scene.draft(Severity::Note, "router-stranger", title), &[one])
                    .settling()
                    .advise("a runtime API at operator level tells addresses; else say it in the address_map"),
            );
        }
        Whose::Member { .. } | Whose::Contradicted(_) => {}
    }
}

fn several(scene: &Scene<'_>, up: &[&ProxyRow], servers: &[&ProxyRow], drafts: &mut Vec<Draft>) {
    let (pool, router) = (scene.pool, &scene.router.name);
    let names = up.iter().map(|server| server.server.as_str()).collect::<Vec<_>>().join(" and ");
    let title = format!("pool {pool} of {router} leads to {names}: writes may go to two nodes");
    let mut draft = scene.draft(Severity::Critical, "router-several-primaries", title);
    if let Some(leader) = &scene.leader() {
        draft = draft.because(leader, format!("leader {}", leader.value));
    }
    drafts.push(
        scene
            .servers(draft, servers)
            .settling()
            .advise("put the server that is not the leader into maintenance, then find out why its check passes"),
    );
}
