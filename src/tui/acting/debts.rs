//! What actions have left, asked anew of the world: what another hand has taken back by now is struck out and offered to
//! nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::remains::is_for_its_guard;
use crate::action::debt;
use crate::action::intent::Owed;
use crate::action::record::ActionId;
use crate::model::moment::Moment;
use crate::operate::hand::Listed;
use crate::tui::app::App;
use crate::tui::effect::Effect;

/// How long the world is waited for before what is owed by the book alone is told at the start.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the console knows of debts beyond the books.
#[derive(Clone, Debug, Default)]
pub(super) struct Debts {
    /// From when on, by the clock of its cluster, an answer tells of an action that is over.
    since: BTreeMap<ActionId, Moment>,
    /// Steps whose effect was seen to be gone, whatever a list that was read before still says.
    gone: BTreeSet<(ActionId, usize)>,
}

impl App {
    /// Strikes what is seen to be gone from the list, and has it struck out of the books.
    pub(in crate::tui) fn ask_debts(&mut self) -> Vec<Effect> {
        let Some(Ok(listed)) = &mut self.acting.listed else { return Vec::new() };
        let debts = &mut self.acting.debts;
        debts.since.retain(|action, _| listed.iter().any(|one| one.action() == action));
        let mut effects = Vec::new();
        for one in listed {
            let action = one.action().clone();
            let known = |step: usize| debts.gone.contains(&(action.clone(), step));
            one.strike(known);
            let Some(cluster) = self.clusters.iter().find(|known| known.name == one.request.plan.cluster) else {
                continue;
            };
            if one.state.owed().is_empty() || is_for_its_guard(one) {
                continue;
            }
            let snapshot = &cluster.live().snapshot;
            let now = snapshot.now + cluster.since_live(self.at);
            let since = *debts.since.entry(action.clone()).or_insert(now);
            let gone = debt::gone(&owed(one), snapshot, since);
            if gone.is_empty() {
                continue;
            }
            let steps: Vec<usize> = gone.into_iter().map(|(step, _)| step).collect();
            debts.gone.extend(steps.iter().map(|step| (action.clone(), *step)));
            one.strike(|step| steps.contains(&step));
            if self.acting.has_hand {
                effects.push(Effect::Strike { action, steps });
            }
        }
        effects
    }

    /// Whether the world has not been heard yet on what `one` owes, and is worth waiting for.
    pub(super) fn is_unheard(&self, one: &Listed) -> bool {
        let cluster = self.clusters.iter().find(|known| known.name == one.request.plan.cluster);
        let (Some(cluster), Some(since)) = (cluster, self.acting.debts.since.get(one.action())) else { return false };
        let waited = self.at.saturating_sub(self.acting.first_read.unwrap_or(self.at));
        let snapshot = &cluster.live().snapshot;
        let unheard = |owed: Owed| debt::effect(&owed.order, snapshot, *since) == debt::Effect::Unheard;
        waited < PATIENCE && owed(one).into_iter().any(unheard)
    }
}

fn owed(one: &Listed) -> Vec<Owed> {
    one.state.owed().iter().map(|(step, order)| Owed { step: *step, order: order.clone() }).collect()
}
