//! Where a face draws up what it is about to ask: plan and checks of an intent, from the picture of the moment. It
//! cannot begin anything.

use std::sync::Arc;

use super::judge::Judge;
use crate::action::Intent;
use crate::action::note::Note;
use crate::action::plan::{Impossible, Plan};
use crate::driver::port::Manage;
use crate::model::snapshot::Snapshot;

/// Draws up plans for one cluster.
#[derive(Clone)]
pub struct Desk {
    manager: Arc<dyn Manage>,
    judge: Arc<dyn Judge>,
    /// What this host adds to every action's checks.
    here: Vec<Note>,
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
        Self { manager, judge, here: Vec::new() }
    }

    /// The same, with what is to be known of this host before any action.
    #[must_use]
    pub fn noting(self, here: Vec<Note>) -> Self {
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
        notes.extend(self.here.iter().cloned());
        Ok(Drawn { plan, notes })
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}
