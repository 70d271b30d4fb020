//! Where a face draws up what it is about to ask: plan and checks of an intent, from the picture of the moment. It
//! cannot begin anything.

use std::sync::{Arc, OnceLock};

use super::judge::Judge;
use crate::action::Intent;
use crate::action::note::Note;
use crate::action::plan::{Impossible, Plan};
use crate::driver::port::Manage;
use crate::model::snapshot::Snapshot;

/// What is to be known of this host before any action. A console is given it empty, since no first frame waits for a
/// login manager, and is told when the answer is there: long before anybody can have confirmed anything.
#[derive(Clone, Default, Debug)]
pub struct HostNotes(Arc<OnceLock<Vec<Note>>>);

impl HostNotes {
    /// These, known from the start.
    pub fn known(notes: Vec<Note>) -> Self {
        Self(Arc::new(OnceLock::from(notes)))
    }

    /// These, from now on; what was told before stays.
    pub fn tell(&self, notes: Vec<Note>) {
        // A host is as it is: the first answer holds.
        let _ = self.0.set(notes);
    }

    fn notes(&self) -> &[Note] {
        self.0.get().map(Vec::as_slice).unwrap_or_default()
    }
}

/// Draws up plans for one cluster.
#[derive(Clone)]
pub struct Desk {
    manager: Arc<dyn Manage>,
    judge: Arc<dyn Judge>,
    /// What this host adds to every action's checks.
    here: HostNotes,
}

/// A plan with what the checks say of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Drawn {
    /// Plan.
    pub plan: Plan,
    /// Every check.
    pub notes: Vec<Note>,
}

impl Desk {
    /// A desk with this manager's plans and these rules.
    pub fn new(manager: Arc<dyn Manage>, judge: Arc<dyn Judge>) -> Self {
        Self { manager, judge, here: HostNotes::default() }
    }

    /// The same, with what is to be known of this host before any action.
    #[must_use]
    pub fn noting(self, here: HostNotes) -> Self {
        Self { here, ..self }
    }

    /// Whether `intent` can be planned from `snapshot` at all.
    ///
    /// # Errors
    /// As [`Desk::draw_up`].
    pub fn can_plan(&self, snapshot: &Snapshot, intent: &Intent) -> Result<(), Impossible> {
        self.manager.plan(snapshot, intent).map(drop)
    }

    /// The plan for `intent` as seen from `snapshot`, with its checks.
    ///
    /// # Errors
    /// What this cluster cannot do, or what is missing to plan it.
    pub fn draw_up(&self, snapshot: &Snapshot, intent: &Intent) -> Result<Drawn, Impossible> {
        let plan = self.manager.plan(snapshot, intent)?;
        let mut notes = self.judge.examine(snapshot, &plan);
        notes.extend(self.here.notes().iter().cloned());
        Ok(Drawn { plan, notes })
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::note::Verdict;

    #[test]
    fn what_a_host_answers_late_is_known_to_every_desk_that_was_given_it() {
        let here = HostNotes::default();
        let given = here.clone();
        assert!(given.notes().is_empty());
        here.tell(vec![Note::new("logout", Verdict::Warn, "stay logged in")]);
        here.tell(Vec::new());
        assert_eq!(given.notes().len(), 1, "the first answer holds");
    }
}
