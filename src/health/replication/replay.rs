//! Replay that is paused, or late on purpose.

use super::super::finding_draft::FindingDraft;
use super::subject;
use crate::model::finding::Severity;
use crate::model::units;
use crate::model::view::MemberView;

pub(super) fn examine(view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
    if let Some(paused) = view.replay_paused().filter(|paused| paused.fresh && paused.value) {
        drafts.push(
            FindingDraft::new(
                Severity::Warning,
                "replay-paused",
                subject(view),
                format!("WAL replay is paused on {}", view.name()),
            )
            .because(&paused, "pg_is_wal_replay_paused")
            .advise("find out who paused it, then resume with pg_wal_replay_resume()"),
        );
    }
    let Some(sql) = view.member.sql.as_ref() else { return };
    let Some(replay) = sql.fact(view.snapshot.now, |report| report.replay).filter(|replay| replay.fresh) else {
        return;
    };
    if !replay.value.delay.is_zero() {
        let title = format!(
            "{} delays replay by {} (recovery_min_apply_delay)",
            view.name(),
            units::duration(replay.value.delay)
        );
        drafts.push(
            FindingDraft::new(Severity::Note, "replay-delayed", subject(view), title)
                .because(&replay, "recovery_min_apply_delay"),
        );
    }
}
