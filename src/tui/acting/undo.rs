//! Taking back what an action has left: its process died, or could not.

use crate::action::Intent;
use crate::action::intent::PendingUndo;
use crate::action::record::ActionId;
use crate::operate::job::{JobState, elsewhere};
use crate::tui::app::App;
use crate::tui::effect::Effect;
use crate::tui::event::Notice;

impl App {
    /// Opens the dialog that takes back what `action` has left.
    pub(in crate::tui) fn undo(&mut self, action: &ActionId) -> Vec<Effect> {
        match self.request_undo(action) {
            Ok((cluster, intent)) => {
                self.go(self.view, cluster);
                if let Err(why) = self.may_act() {
                    self.tell(Notice::failed(why));
                    return Vec::new();
                }
                self.pending_action(cluster, intent)
            }
            Err(why) => {
                self.tell(Notice::failed(why));
                Vec::new()
            }
        }
    }

    /// The same for the action of this name; without one, for the newest that has left something.
    pub(in crate::tui) fn undo_named(&mut self, name: Option<&str>) -> Vec<Effect> {
        let named = name.map(str::trim).filter(|name| !name.is_empty()).map(|name| ActionId(name.to_owned()));
        let listed = self.acting.listed.as_ref().and_then(|listed| listed.as_ref().ok());
        let newest = || {
            let mut all = listed.into_iter().flatten();
            all.find(|one| !one.state.pending_undo().is_empty())
        };
        match named.or_else(|| newest().map(|one| one.action().clone())) {
            Some(action) => self.undo(&action),
            None => {
                self.tell(Notice::failed("no action has left anything to undo"));
                Vec::new()
            }
        }
    }

    /// Actions that died and have left something.
    pub(in crate::tui) fn has_pending_undo(&self) -> Vec<String> {
        let listed = self.acting.listed.as_ref().and_then(|listed| listed.as_ref().ok()).into_iter().flatten();
        let owes = |one: &&crate::operate::ports::JobSummary| !one.state.pending_undo().is_empty();
        listed.filter(owes).map(|one| one.action().to_string()).collect()
    }

    /// Whether there is something of `action` that can be taken back here.
    pub(super) fn can_revert(&self, action: &ActionId) -> bool {
        let by_guard = self.acting.listed(action).is_some_and(super::leftovers::is_for_its_guard);
        !by_guard && self.request_undo(action).is_ok_and(|(cluster, _)| self.may_act_on(cluster).is_ok())
    }

    fn request_undo(&self, action: &ActionId) -> Result<(usize, Intent), String> {
        let one = self.acting.listed(action).ok_or_else(|| format!("there is no action {action} on this host"))?;
        if let JobState::Elsewhere(process) = &one.state {
            return Err(format!("{action}: {}", elsewhere(process)));
        }
        if matches!(one.state, JobState::Running(_)) {
            return Err(format!("{action} is still running and reverts its changes itself"));
        }
        if one.state.pending_undo().is_empty() {
            let way =
                one.request.plan.intent.ended_by().map(|verb| format!("; to end what it left in place, use {verb}"));
            return Err(format!("{action} has left nothing to undo{}", way.unwrap_or_default()));
        }
        let cluster = &one.request.plan.cluster;
        let index = self.clusters.iter().position(|known| known.name == *cluster);
        let index = index.ok_or_else(|| format!("{cluster} is not a cluster of this console"))?;
        let pending_undo = one
            .state
            .pending_undo()
            .iter()
            .map(|(step, order)| PendingUndo { step: *step, order: order.clone() })
            .collect();
        Ok((index, Intent::Undo { action: action.clone(), pending_undo }))
    }
}
