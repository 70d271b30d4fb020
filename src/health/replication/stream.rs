//! Replicas that do not stream, and those of which nobody tells.

use super::super::draft::Draft;
use super::subject;
use crate::model::finding::Severity;
use crate::model::role::MemberState;
use crate::model::units;
use crate::model::view::MemberView;

pub(super) fn examine(view: &MemberView<'_>, drafts: &mut Vec<Draft>) {
    let up = view.state().is_some_and(|state| state.fresh && state.value.is_up());
    // One that is meant to live on the archive is told by its lag.
    if !up || view.is_archive_fed() {
        return;
    }
    // Nobody streams from a node that is gone: that one is the finding.
    if view.upstream_is_gone() && view.snapshot.leader_is_gone() {
        return;
    }
    let Some(streams) = view.streams().filter(|streams| streams.fresh) else { return unknown(view, drafts) };
    if streams.value {
        return;
    }
    let archive = view.state().is_some_and(|state| state.value == MemberState::InArchiveRecovery);
    let how = if archive { "reads WAL from the archive: it does not stream" } else { "does not stream from anybody" };
    let draft = Draft::new(Severity::Warning, "not-streaming", subject(view), format!("{} {how}", view.name()));
    let draft = draft.because(&streams, "no live WAL receiver");
    drafts.push(draft.settling().advise(
        "look at its PostgreSQL log: a lost slot, a refused login, or a timeline it cannot follow; reinit is the last resort",
    ));
}

/// Nobody tells whether it streams: an old agent, a role that may not see, a receiver that has heard nothing for long.
fn unknown(view: &MemberView<'_>, drafts: &mut Vec<Draft>) {
    if let Some(silent) = view.stands_still() {
        let title = format!(
            "it is unknown whether {} streams: its WAL receiver has given no sign of life for {}",
            view.name(),
            units::duration(silent)
        );
        let mut draft = Draft::new(Severity::Warning, "streaming-unknown", subject(view), title);
        if let Some(state) = view.state() {
            draft = draft.because(
                &state,
                format!("state {}, no message and no reply for {}", state.value, units::duration(silent)),
            );
        }
        let advice = "look at its walreceiver process and at the network between: it may hang, though both ends still say streaming";
        drafts.push(draft.settling().advise(advice));
        return;
    }
    let title = format!("it is unknown whether {} streams", view.name());
    let mut draft = Draft::new(Severity::Note, "streaming-unknown", subject(view), title);
    if let Some(state) = view.state() {
        draft = draft.because(&state, format!("state {}", state.value));
    }
    let silent = view.member.sql.is_none();
    drafts.push(draft.settling().advise(if silent {
        "its agent is older than 3.0.4, and no upstream lists it: give the cluster a PostgreSQL login with pg_monitor"
    } else {
        "GRANT pg_monitor TO the looking role, so that its WAL receiver can be seen"
    }));
}
