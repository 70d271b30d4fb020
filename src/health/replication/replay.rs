//! Replay that is paused, or late on purpose.

use super::super::draft::Draft;
use super::subject;
use crate::model::finding::Severity;
use crate::model::units;
use crate::model::view::MemberView;

pub(super) fn examine(view: &MemberView<'_>, drafts: &mut Vec<Draft>) {
    if let Some(paused) = view.replay_paused().filter(|paused| paused.fresh && paused.value) {
        drafts.push(
            Draft::new(
                Severity::Warning,
                "replay-paused",
                subject(view),
                format!("replay is paused on {}", view.name()),
            )
            .because(&paused, "pg_is_wal_replay_paused")
            .advise("resume it with pg_wal_replay_resume() once whoever paused it is done"),
        );
    }
    let Some(sql) = view.member.sql.as_ref() else { return };
    let Some(replay) = sql.fact(view.snapshot.now, |report| report.replay).filter(|replay| replay.fresh) else {
        return;
    };
    if !replay.value.delay.is_zero() {
        let title = format!("{} replays {} late on purpose", view.name(), units::duration(replay.value.delay));
        drafts.push(
            Draft::new(Severity::Note, "replay-delayed", subject(view), title)
                .because(&replay, "recovery_min_apply_delay"),
        );
    }
}
