//! A pooler that does not answer, or answers that this console may not look.

use super::super::finding_draft::FindingDraft;
use super::super::router::undecided;
use crate::model::finding::{Severity, Subject};
use crate::model::observed::{Freshness, Reading};
use crate::model::pooler::PoolerReport;
use crate::model::snapshot::Snapshot;
use crate::model::source::FailureKind;

pub(super) fn examine(snapshot: &Snapshot, reading: &Reading<PoolerReport>, drafts: &mut Vec<FindingDraft>) {
    if !is_silent(snapshot, reading) {
        return;
    }
    let name = &reading.source.target;
    let (severity, code, title) = if !is_gone(reading) {
        let title = undecided(&format!("pooler {name}"), reading.failure.as_ref());
        (Severity::Warning, "pooler-refuses", title)
    } else if !snapshot.knows_the_cluster() {
        // Where nothing of the cluster answers either, it is this host that sees nothing.
        (Severity::Warning, "pooler-silent", format!("pooler {name} is unreachable"))
    } else if snapshot.poolers.iter().all(|other| is_silent(snapshot, other) && is_gone(other)) {
        let title = if snapshot.poolers.len() == 1 {
            format!("pooler {name} is unreachable and is the only pooler: its clients cannot connect")
        } else {
            format!("pooler {name} is unreachable, and so is every other pooler: their clients cannot connect")
        };
        (Severity::Critical, "pooler-silent", title)
    } else {
        (Severity::Warning, "pooler-silent", format!("pooler {name} is unreachable: its clients cannot connect"))
    };
    let mut draft = FindingDraft::new(severity, code, Subject::Source(reading.source.clone()), title);
    if let Some((words, _)) = reading.failure_kind(snapshot.now) {
        let at = reading.failure.as_ref().map(|failure| failure.at);
        draft = draft.evidence(words, Some(reading.source.clone()), at);
    }
    drafts.push(draft.advise(reading.remedy().unwrap_or("check that the pooler is running")));
}

fn is_silent(snapshot: &Snapshot, reading: &Reading<PoolerReport>) -> bool {
    matches!(reading.freshness(snapshot.now), Freshness::Stale | Freshness::Lost)
}

/// Whether it is down as far as anybody can tell: one that refuses the login, say, runs.
fn is_gone(reading: &Reading<PoolerReport>) -> bool {
    reading.failure.as_ref().is_none_or(|failure| {
        matches!(
            failure.error.failure_kind,
            FailureKind::Refused
                | FailureKind::TimedOut
                | FailureKind::Unreachable
                | FailureKind::Closed
                | FailureKind::NotReady
        )
    })
}
