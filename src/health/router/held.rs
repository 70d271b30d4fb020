//! Servers that something other than their check keeps from traffic.

use std::collections::BTreeMap;

use super::super::draft::Draft;
use super::Scene;
use crate::model::finding::Severity;
use crate::model::router::{HeldBy, ProxyRow};

pub(super) fn examine(scene: &Scene<'_>, servers: &[&ProxyRow], drafts: &mut Vec<Draft>) {
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
        let title =
            format!("pool {} of {}: the name of {} does not resolve", scene.pool, scene.router.name, names.join(", "));
        let draft = scene.draft(Severity::Warning, "router-unresolved", title);
        drafts.push(scene.servers(draft, &rows).settling().advise(HeldBy::Resolver.ends()));
    }
    let Some(first) = held.keys().next().cloned() else { return };
    let words = held.iter().flat_map(|(by, rows)| {
        rows.iter().map(move |row| {
            format!("{} {} ({})", row.server, row.held_word().unwrap_or_else(|| row.status.word()), by.words())
        })
    });
    let words = words.collect::<Vec<_>>().join(", ");
    let rows: Vec<&ProxyRow> = held.values().flatten().copied().collect();
    let title = format!("pool {} of {}: {words}", scene.pool, scene.router.name);
    let draft = scene.draft(Severity::Note, "router-maintenance", title);
    drafts.push(scene.servers(draft, &rows).advise(first.ends()));
}
