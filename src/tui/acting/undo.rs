//! Taking back what an action has left: its process died, or could not.

use crate::action::Intent;
use crate::action::intent::Owed;
use crate::action::record::ActionId;
use crate::operate::job::{JobState, elsewhere};
use crate::tui::app::App;
use crate::tui::effect::Effect;
use crate::tui::event::Notice;

impl App {
    /// Opens the dialog that takes back what `action` has left.
    pub(in crate::tui) fn undo(&mut self, action: &ActionId) -> Vec<Effect> {
        match self.wish_to_undo(action) {
            Ok((cluster, intent)) => {
                self.go(self.view, cluster);
                if let Err(why) = self.may_act() {
                    self.tell(Notice::failed(why));
                    return Vec::new();
                }
                self.draft(cluster, intent)
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
            all.find(|one| !one.state.owed().is_empty())
        };
        match named.or_else(|| newest().map(|one| one.action().clone())) {
            Some(action) => self.undo(&action),
            None => {
                self.tell(Notice::failed("no action has left anything to be taken back"));
                Vec::new()
            }
        }
    }

    /// Actions that died and have left something.
    pub(in crate::tui) fn owing(&self) -> Vec<String> {
        let listed = self.acting.listed.as_ref().and_then(|listed| listed.as_ref().ok()).into_iter().flatten();
        let owes = |one: &&crate::operate::hand::Listed| !one.state.owed().is_empty();
        listed.filter(owes).map(|one| one.action().to_string()).collect()
    }

    /// Whether there is something of `action` that can be taken back here.
    pub(super) fn can_take_back(&self, action: &ActionId) -> bool {
        let by_guard = self.acting.listed(action).is_some_and(super::remains::is_for_its_guard);
        !by_guard && self.wish_to_undo(action).is_ok_and(|(cluster, _)| self.may_act_on(cluster).is_ok())
    }

    fn wish_to_undo(&self, action: &ActionId) -> Result<(usize, Intent), String> {
        let one = self.acting.listed(action).ok_or_else(|| format!("there is no action {action} on this host"))?;
        if let JobState::Elsewhere(process) = &one.state {
            return Err(format!("{action}: {}", elsewhere(process)));
        }
        if matches!(one.state, JobState::Running(_)) {
            return Err(format!("{action} still runs, and takes back itself"));
        }
        if one.state.owed().is_empty() {
            let way = one.request.plan.intent.ended_by().map(|verb| format!("; what it was to leave ends by {verb}"));
            return Err(format!("{action} has left nothing to be taken back{}", way.unwrap_or_default()));
        }
        let cluster = &one.request.plan.cluster;
        let index = self.clusters.iter().position(|known| known.name == *cluster);
        let index = index.ok_or_else(|| format!("{cluster} is not among the clusters of this console"))?;
        let owed = one.state.owed().iter().map(|(step, order)| Owed { step: *step, order: order.clone() }).collect();
        Ok((index, Intent::Undo { action: action.clone(), owed }))
    }
}
