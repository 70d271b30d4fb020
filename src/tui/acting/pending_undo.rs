//! What actions have left, asked anew of the world: what another hand has taken back by now is struck out and offered to
//! nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::leftovers::is_for_its_guard;
use crate::action::intent::PendingUndo;
use crate::action::pending_undo;
use crate::action::record::ActionId;
use crate::model::moment::Moment;
use crate::operate::ports::JobSummary;
use crate::tui::app::App;
use crate::tui::effect::Effect;

/// How long the world is waited for before what is owed by the book alone is told at the start.
const RECHECK_INTERVAL: Duration = Duration::from_secs(5);

/// What the console knows of debts beyond the books.
#[derive(Clone, Debug, Default)]
pub(super) struct PendingUndos {
    /// From when on, by the clock of its cluster, an answer tells of an action that is over.
    since: BTreeMap<ActionId, Moment>,
    /// Steps whose effect was seen to be gone, whatever a list that was read before still says.
    gone: BTreeSet<(ActionId, usize)>,
}

impl App {
    /// Strikes what is seen to be gone from the list, and has it struck out of the books.
    pub(in crate::tui) fn request_pending_undos(&mut self) -> Vec<Effect> {
        let Some(Ok(listed)) = &mut self.acting.listed else { return Vec::new() };
        let pending_undos = &mut self.acting.pending_undos;
        pending_undos.since.retain(|action, _| listed.iter().any(|one| one.action() == action));
        let mut effects = Vec::new();
        for one in listed {
            let action = one.action().clone();
            let known = |step: usize| pending_undos.gone.contains(&(action.clone(), step));
            one.mark_reverted(known);
            let Some(cluster) = self.clusters.iter().find(|known| known.name == one.request.plan.cluster) else {
                continue;
            };
            if one.state.pending_undo().is_empty() || is_for_its_guard(one) {
                continue;
            }
            let snapshot = &cluster.live().snapshot;
            let now = snapshot.now + cluster.since_live(self.at);
            let since = *pending_undos.since.entry(action.clone()).or_insert(now);
            let gone = pending_undo::reverted_already(&pending_undo(one), snapshot, since);
            if gone.is_empty() {
                continue;
            }
            let steps: Vec<usize> = gone.into_iter().map(|(step, _)| step).collect();
            pending_undos.gone.extend(steps.iter().map(|step| (action.clone(), *step)));
            one.mark_reverted(|step| steps.contains(&step));
            if self.acting.has_launcher {
                effects.push(Effect::Strike { action, steps });
            }
        }
        effects
    }

    /// Whether the world has not been heard yet on what `one` owes, and is worth waiting for.
    pub(super) fn is_not_received(&self, one: &JobSummary) -> bool {
        let cluster = self.clusters.iter().find(|known| known.name == one.request.plan.cluster);
        let (Some(cluster), Some(since)) = (cluster, self.acting.pending_undos.since.get(one.action())) else {
            return false;
        };
        let waited = self.at.saturating_sub(self.acting.first_read.unwrap_or(self.at));
        let snapshot = &cluster.live().snapshot;
        let not_reasked = |pending_undo: PendingUndo| {
            pending_undo::effect(&pending_undo.order, snapshot, *since) == pending_undo::Effect::NotReceived
        };
        waited < RECHECK_INTERVAL && pending_undo(one).into_iter().any(not_reasked)
    }
}

fn pending_undo(one: &JobSummary) -> Vec<PendingUndo> {
    one.state.pending_undo().iter().map(|(step, order)| PendingUndo { step: *step, order: order.clone() }).collect()
}
