//! A pooler, or one of its databases, that holds its clients. Who paused it the console does not tell.

use super::super::finding_draft::FindingDraft;
use super::{PoolerContext, clients};
use crate::model::finding::Severity;
use crate::model::pooler::PoolerState;

pub(super) fn examine(context: &PoolerContext<'_>, drafts: &mut Vec<FindingDraft>) {
    let (report, name) = (context.report, context.name());
    if matches!(report.state, PoolerState::Paused | PoolerState::Suspended) {
        let word = report.state.as_str();
        let waiting = report.clients_waiting().unwrap_or(0);
        let title = format!("pooler {name} is {word}: {}", held(waiting));
        let draft = context.draft(severity(waiting), "pooler-paused", title);
        drafts.push(
            evidence(context, draft, format!("SHOW STATE: {word}"))
                .advise("find out who paused it and why; if it was left so, run RESUME on its admin console"),
        );
        return;
    }
    for database in report.databases.iter().filter(|database| database.paused == Some(true)) {
        let waiting = context.waiting(database);
        let title = format!("database {} of pooler {name} is paused: {}", database.name, held(waiting));
        let draft = context.draft(severity(waiting), "pooler-paused", title).part(&database.name);
        let advice = format!(
            "find out who paused it and why; if it was left so, run RESUME {} on its admin console",
            database.name
        );
        drafts.push(evidence(context, draft, "SHOW DATABASES: paused 1").advise(advice));
    }
}

fn severity(waiting: u32) -> Severity {
    if waiting > 0 { Severity::Critical } else { Severity::Warning }
}

fn held(waiting: u32) -> String {
    if waiting == 0 { "its clients would wait".to_owned() } else { format!("{} waiting", clients(waiting)) }
}

/// Where an operation holds the lock of the cluster, the pause may be its.
fn evidence(context: &PoolerContext<'_>, draft: FindingDraft, words: impl AsRef<str>) -> FindingDraft {
    let draft = context.told(draft, words).settling();
    match context.snapshot.operation_lock() {
        Some(lock) => {
            let words = format!("{} of {} is under way", lock.value.verb, lock.value.holder);
            draft.evidence(words, Some(lock.source.clone()), Some(lock.at))
        }
        None => draft,
    }
}
