//! Replicas that do not stream, and those of which nobody tells.

use super::super::finding_draft::FindingDraft;
use super::subject;
use crate::model::finding::Severity;
use crate::model::role::MemberState;
use crate::model::units;
use crate::model::view::MemberView;

pub(super) fn examine(view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
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
    let how = if archive { "restores WAL from the archive: it is not streaming" } else { "is not streaming" };
    let draft = FindingDraft::new(Severity::Warning, "not-streaming", subject(view), format!("{} {how}", view.name()));
    let draft = draft.because(&streams, "no active WAL receiver");
    drafts.push(draft.settling().advise(
        "check its PostgreSQL log for a lost slot, a rejected login, or a timeline it cannot follow; reinit is the last resort",
    ));
}

/// Nobody tells whether it streams: an old agent, a role that may not see, a receiver that has heard nothing for long.
fn unknown(view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
    if let Some(silent) = view.stands_still() {
        let title = format!(
            "unknown whether {} is streaming: no message from its WAL receiver for {}",
            view.name(),
            units::duration(silent)
        );
        let mut draft = FindingDraft::new(Severity::Warning, "streaming-unknown", subject(view), title);
        if let Some(state) = view.state() {
            draft = draft.because(
                &state,
                format!("state {}, no message and no reply for {}", state.value, units::duration(silent)),
            );
        }
        let advice = "check its walreceiver process and the network to the upstream: it may hang although both ends still show streaming";
        drafts.push(draft.settling().advise(advice));
        return;
    }
    let title = format!("unknown whether {} is streaming", view.name());
    let mut draft = FindingDraft::new(Severity::Note, "streaming-unknown", subject(view), title);
    if let Some(state) = view.state() {
        draft = draft.because(&state, format!("state {}", state.value));
    }
    let silent = view.member.sql.is_none();
    drafts.push(draft.settling().advise(if silent {
        "its Patroni is older than 3.0.4, and no upstream lists it: configure a PostgreSQL login with pg_monitor for the cluster"
    } else {
        "GRANT pg_monitor TO the monitoring role, so that its WAL receiver is visible"
    }));
}
