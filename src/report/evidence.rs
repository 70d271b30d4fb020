//! The evidence bundle for a ticket, as data: what is in it, not where it goes. Nothing in it holds a secret or the
//! text of a query.

use serde_json::Value;

use super::findings::row_id;
use super::text::lines;
use super::{detail, topology};
use crate::model::event::Event;
use crate::model::snapshot::Snapshot;
use crate::model::text::{Text, redact};

/// One file of the bundle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BundleFile {
    /// File name, without folders.
    pub name: &'static str,
    /// Contents.
    pub contents: String,
}

/// What stands where the text of a query stood: it may hold customers' data.
const NO_QUERY: &str = "(query text omitted)";

/// The bundle: the picture, what happened, what is wrong, versions and configuration.
///
/// `versions` are names with versions that the picture does not tell, such as this program's; `configuration` comes
/// already redacted.
///
/// # Errors
/// Where a part cannot be written as JSON.
pub fn bundle(
    snapshot: &Snapshot,
    events: &[Event],
    versions: &[(Text, Text)],
    configuration: &str,
) -> Result<Vec<BundleFile>, serde_json::Error> {
    let mut picture = serde_json::to_value(snapshot)?;
    mask_secrets(&mut picture);
    let mut history = String::new();
    for event in events {
        let mut event = serde_json::to_value(event)?;
        mask_secrets(&mut event);
        history.push_str(&serde_json::to_string(&event)?);
        history.push('\n');
    }
    let picture = serde_json::to_string_pretty(&picture)? + "\n";
    Ok(vec![
        BundleFile { name: "topology.txt", contents: redact(&overview(snapshot)) },
        BundleFile { name: "findings.txt", contents: redact(&findings(snapshot)) },
        BundleFile { name: "sources.txt", contents: redact(&sources(snapshot)) },
        BundleFile { name: "events.jsonl", contents: history },
        BundleFile { name: "snapshot.json", contents: picture },
        BundleFile { name: "versions.txt", contents: all_versions(snapshot, versions) },
        BundleFile { name: "configuration.toml", contents: configuration.to_owned() },
    ])
}

/// Masks secrets in every text and leaves out every query.
fn mask_secrets(value: &mut Value) {
    match value {
        Value::String(text) => *text = redact(text),
        Value::Array(items) => items.iter_mut().for_each(mask_secrets),
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(query) if name == "query" && !query.is_empty() => NO_QUERY.clone_into(query),
                    other => mask_secrets(other),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn overview(snapshot: &Snapshot) -> String {
    let head = super::summary::summary(snapshot, snapshot.now);
    let mut out = vec![format!("{} at {}", snapshot.identity.name, snapshot.wall), head.line().text(), String::new()];
    out.extend(lines(&topology::table(snapshot), None).iter().map(super::line::Line::text));
    out.push(String::new());
    out.extend(topology::footer_lines(snapshot).iter().map(super::line::Line::text));
    out.join("\n") + "\n"
}

fn findings(snapshot: &Snapshot) -> String {
    if snapshot.findings.is_empty() {
        let empty = super::findings::table(snapshot).empty;
        return format!("{}\n", empty.reason);
    }
    let mut out = Vec::new();
    for finding in &snapshot.findings {
        for group in detail::finding(snapshot, &row_id(finding)) {
            for fact in group.facts {
                let label = if fact.label.is_empty() { group.title.clone() } else { fact.label.clone() };
                let origin = fact.origin();
                let origin = if origin.is_empty() { String::new() } else { format!("  ({origin})") };
                out.push(format!("{label:<10}{}{origin}", fact.value));
            }
        }
        out.push(String::new());
    }
    out.join("\n")
}

fn sources(snapshot: &Snapshot) -> String {
    lines(&super::sources::table(snapshot), None).iter().map(|line| line.text() + "\n").collect()
}

fn all_versions(snapshot: &Snapshot, given: &[(Text, Text)]) -> String {
    let mut out: Vec<String> = given.iter().map(|(name, version)| format!("{name}: {version}")).collect();
    for view in snapshot.views() {
        if let Some(version) = view.version_name() {
            out.push(format!("PostgreSQL {}: {}", view.name(), version.value));
        }
        if let Some(version) = view.member.agent.as_ref().and_then(|agent| agent.last()?.agent_version.clone()) {
            out.push(format!("agent {}: {version}", view.name()));
        }
    }
    for reading in &snapshot.dcs.members {
        if let Some(member) = reading.last() {
            out.push(format!("DCS {}: {}", reading.source.target, member.version));
        }
    }
    for router in &snapshot.routers {
        let readings = [router.runtime.as_ref(), router.http.as_ref()];
        if let Some(info) = readings.into_iter().flatten().find_map(|reading| reading.last()?.info.as_ref()) {
            out.push(format!("HAProxy {}: {}", router.name, info.version));
        }
    }
    out.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{findings, healthy, now, record, session, sql, wall};
    use super::*;
    use crate::model::event::EventKind;
    use crate::model::finding::{Severity, Subject};

    #[test]
    fn no_secret_and_no_query_is_in_any_piece() {
        let mut snapshot = healthy();
        snapshot.findings = findings();
        snapshot.findings[0].title = "cannot connect: password=hunter2".into();
        sql(&mut snapshot, "pg-0", |report| report.sessions = vec![session(1, "shop", &[], None)]);
        record(&mut snapshot, |content| content.patroni_mut().keys[0].value = "postgres://app:hunter2@h/db".into());
        let event = Event {
            number: 1,
            at: now(),
            wall: wall(),
            kind: EventKind::Dcs,
            severity: Severity::Note,
            subject: Subject::Cluster,
            text: "conninfo password=hunter2 host=a".into(),
            source: None,
        };
        let pieces =
            bundle(&snapshot, &[event], &[("pgctl-tui".into(), "0.1.0".into())], "read_only = true\n").unwrap();
        for piece in &pieces {
            assert!(!piece.contents.contains("hunter2"), "{}", piece.name);
            assert!(!piece.contents.contains("UPDATE stock"), "{}", piece.name);
            assert!(piece.contents.ends_with('\n'), "{}", piece.name);
        }
        let contents = |name| &pieces.iter().find(|piece| piece.name == name).unwrap().contents;
        assert!(contents("snapshot.json").contains(NO_QUERY));
        assert_eq!(contents("events.jsonl").lines().count(), 1);
        assert!(contents("findings.txt").contains("pg_stat_replication on pg-0 says 1.2 GB  (SQL pg-0, 1 s ago)"));
        insta::assert_snapshot!(contents("versions.txt"), @r"
        pgctl-tui: 0.1.0
        PostgreSQL pg-0: 17.2
        agent pg-0: 4.0.4
        PostgreSQL pg-1: 17.2
        agent pg-1: 4.0.4
        PostgreSQL pg-2: 17.2
        agent pg-2: 4.0.4
        DCS etcd-1:2379: 3.5.16
        DCS etcd-2:2379: 3.5.16
        DCS etcd-3:2379: 3.5.16
        HAProxy pg-router: 3.0.11
        ");
    }
}
