//! The states on the way, told from pictures while a drill runs, and which member each server is.

use tokio_util::sync::CancellationToken;

use super::probing::Notes;
use crate::action::before::Before;
use crate::action::drill::Scenario;
use crate::action::drill_report::Phase;
use crate::action::milestone::Milestone;
use crate::action::telling::{Telling, tell};
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::snapshot::Snapshot;
use crate::observe::picture::Handle;

/// Notes what pictures show until `stop`.
pub(super) async fn watch(
    mut handle: Handle,
    scenario: Scenario,
    before: Before,
    notes: Notes,
    stop: CancellationToken,
) {
    let changes_lead = scenario == Scenario::Switchover || scenario.takes_leader();
    loop {
        let snapshot = handle.pictures.borrow_and_update().snapshot.clone();
        learn_members(&snapshot, &notes);
        if let Some(broken) = notes.with(|log| log.broken).filter(|_| changes_lead) {
            look(&snapshot, &before, broken, &notes);
        }
        let changed = stop.run_until_cancelled(handle.pictures.changed()).await;
        if !matches!(changed, Some(Ok(()))) {
            return;
        }
    }
}

fn learn_members(snapshot: &Snapshot, notes: &Notes) {
    for view in snapshot.views() {
        if let Some(started) = view.member.sql.as_ref().and_then(|sql| sql.fresh(snapshot.now)) {
            let started = started.postmaster_started;
            notes.with(|log| log.members.insert(started, view.name().clone()));
        }
    }
}

fn look(snapshot: &Snapshot, before: &Before, broken: Moment, notes: &Notes) {
    let Some(old) = &before.generation.leader else { return };
    let (known, mended) = notes.with(|log| (log.phases.clone(), log.mended));
    let note = |phase: Phase, at: Moment| {
        notes.with(|log| {
            log.phases.entry(phase).or_insert(at);
        });
    };
    if !known.contains_key(&Phase::KeyReleased)
        && let Some(at) = released(snapshot, old, broken)
    {
        note(Phase::KeyReleased, at);
    }
    let reached = |milestone: &Milestone, since: Moment| -> bool {
        matches!(tell(milestone, snapshot, before, since), Telling::Reached { .. })
    };
    let Some(promoted) = known.get(&Phase::Promoted).copied() else {
        if reached(&Milestone::Promoted { member: None }, broken) {
            note(Phase::Promoted, snapshot.now);
        }
        return;
    };
    if !known.contains_key(&Phase::RouterUp) && reached(&Milestone::RouterFollows, promoted) {
        note(Phase::RouterUp, snapshot.now);
    }
    // Before a fault is taken back, its node is not back, whatever an old answer says.
    let back_since = mended.unwrap_or(promoted).max(promoted);
    if !known.contains_key(&Phase::OldLeaderBack) && reached(&Milestone::Streaming { member: old.clone() }, back_since)
    {
        note(Phase::OldLeaderBack, snapshot.now);
    }
}

/// When the record first showed that `old` no longer holds the leader key.
fn released(snapshot: &Snapshot, old: &NodeName, broken: Moment) -> Option<Moment> {
    let answers = snapshot.dcs.content.iter().filter_map(|reading| reading.answer.as_ref());
    let gone = answers
        .filter(|answer| answer.at > broken)
        .filter(|answer| answer.value.leader.as_ref().is_none_or(|leader| leader.holder != *old));
    gone.map(|answer| answer.at).min()
}
