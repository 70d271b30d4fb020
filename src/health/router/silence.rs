//! A router that does not answer, judged by what its clients have left.

use super::super::finding_draft::FindingDraft;
use crate::model::finding::{Severity, Subject};
use crate::model::observed::{Failure, Freshness, Reading};
use crate::model::router::{ProxyRow, Router, RouterReport};
use crate::model::snapshot::Snapshot;
use crate::model::source::FailureKind;

pub(super) fn examine(snapshot: &Snapshot, router: &Router, drafts: &mut Vec<FindingDraft>) {
    let readings: Vec<&Reading<RouterReport>> = [&router.http, &router.runtime].into_iter().flatten().collect();
    let silent = |reading: &&&Reading<RouterReport>| {
        matches!(reading.freshness(snapshot.now), Freshness::Stale | Freshness::Lost)
    };
    let lost: Vec<_> = readings.iter().filter(silent).copied().collect();
    if lost.is_empty() {
        return;
    }
    let (severity, code, title, otherwise) = if lost.len() == readings.len() {
        is_whole(snapshot, router, &lost)
    } else {
        // An answer from before this silence does not tell that the other interface outlived it.
        let since = lost.iter().filter_map(|reading| reading.silent_since(snapshot.now)).max();
        let other =
            readings.iter().any(|reading| since.is_some_and(|since| reading.answered_since(since, snapshot.now)));
        let other = if other { ", the other is up" } else { "" };
        let title = format!("one interface of {} is unreachable{other}", router.name);
        (Severity::Warning, "router-half-silent", title, "")
    };
    let mut draft = FindingDraft::new(severity, code, Subject::Router(router.name.clone()), title);
    let mut advice = "check that the router is running";
    for reading in lost {
        if let Some((words, _)) = reading.failure_kind(snapshot.now) {
            let at = reading.failure.as_ref().map(|failure| failure.at);
            draft = draft.evidence(words, Some(reading.source.clone()), at);
        }
        advice = reading.remedy().unwrap_or(advice);
    }
    drafts.push(draft.advise(format!("{advice}{otherwise}")));
}

/// What is said of `name` where `failure` does not say that it is gone: it answered something, or nobody could ask it.
pub(in crate::health) fn undecided(name: &str, failure: Option<&Failure>) -> String {
    match failure.map(|failure| failure.error.failure_kind) {
        Some(failure_kind) if !failure_kind.is_an_answer() => {
            format!("the state of {name} is unknown: {}", failure_kind.describe())
        }
        Some(_) | None => format!("{name} is up, but its state cannot be read"),
    }
}

/// No interface of it answers. It is down as far as anybody can tell where none takes a connection; one that refuses the
/// login, say, runs.
fn is_whole(
    snapshot: &Snapshot,
    router: &Router,
    lost: &[&Reading<RouterReport>],
) -> (Severity, &'static str, String, &'static str) {
    let name = &router.name;
    let is_gone = |reading: &&Reading<RouterReport>| {
        reading.failure.as_ref().is_none_or(|failure| {
            matches!(
                failure.error.failure_kind,
                FailureKind::Refused | FailureKind::TimedOut | FailureKind::Unreachable | FailureKind::Closed
            )
        })
    };
    let others: Vec<&str> = snapshot
        .routers
        .iter()
        .filter(|other| leads_writes(snapshot, other))
        .map(|other| other.name.as_str())
        .collect();
    if let Some(other) = lost.iter().find(|reading| !is_gone(reading)) {
        return (Severity::Warning, "router-silent", undecided(name.as_str(), other.failure.as_ref()), "");
    }
    // Where nothing of the cluster answers either, it is this host that sees nothing.
    match (others.as_slice(), snapshot.knows_the_cluster()) {
        ([], true) => {
            let title = format!("{name} is unreachable and is the only router: clients cannot connect");
            (
                Severity::Critical,
                "router-silent",
                title,
                "; until then clients can only connect to the members directly",
            )
        }
        ([], false) => (Severity::Warning, "router-silent", format!("{name} is unreachable"), ""),
        (others, _) => {
            let title = format!("{name} is unreachable; {} still routes writes", others.join(", "));
            (Severity::Warning, "router-one-silent", title, "")
        }
    }
}

/// Whether a router answers and sends writes somewhere.
fn leads_writes(snapshot: &Snapshot, router: &Router) -> bool {
    let report = router.fresh_report(snapshot.now);
    report.is_some_and(|report| router.write_servers(report).any(ProxyRow::takes_traffic))
}
