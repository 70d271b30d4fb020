//! What tags say of how a member replicates: an upstream that is not there, tags against each other.

use super::super::finding_draft::FindingDraft;
use super::subject;
use crate::model::finding::Severity;
use crate::model::view::MemberView;

/// A tag that names an upstream which is not there.
pub(super) fn upstream(view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
    let Some(tags) = view.tags() else { return };
    let Some(from) = tags.value.replicatefrom.clone() else { return };
    let there = view.snapshot.views().any(|other| *other.name() == from && !other.is_missing());
    if !there {
        drafts.push(
            FindingDraft::new(
                Severity::Warning,
                "cascade-without-upstream",
                subject(view),
                format!("{} has the tag replicatefrom {from}, which is not a member", view.name()),
            )
            .because(&tags, format!("replicatefrom {from}"))
            .advise("correct the tag; meanwhile it follows the leader"),
        );
    }
}

/// Two tags that contradict each other: whoever wrote them meant one thing, and Patroni does the other.
pub(super) fn conflicts(view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
    let Some(tags) = view.tags().filter(|tags| tags.fresh) else { return };
    let conflicts = tags.value.conflicts();
    let mistaken = tags.value.as_written.iter().map(|(name, written)| format!("{name}: {written} is read as true"));
    let all: Vec<String> = conflicts.into_iter().chain(mistaken).collect();
    if all.is_empty() {
        return;
    }
    let title = format!("the tags of {} may not take effect as written: {}", view.name(), all.join("; "));
    drafts.push(
        FindingDraft::new(Severity::Note, "tags-conflict", subject(view), title)
            .because(&tags, tags.value.to_string())
            .advise(
                "in patroni.yml write flags as true or false without quotes, and use only one of the two tags; then reload",
            ),
    );
}
