//! Where a face draws up what it is about to ask: plan and checks of an intent, from the picture of the moment. It
//! cannot begin anything.

use std::sync::{Arc, OnceLock};

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::judge::Judge;
use crate::action::Intent;
use crate::action::inspected::Inspected;
use crate::action::note::CheckNote;
use crate::action::plan::{Infeasible, Plan};
use crate::action::verb::Verb;
use crate::driver::port::{Inspect, NothingToAsk, Planner};
use crate::model::snapshot::Snapshot;

/// What is to be known of this host before any action. A console is given it empty, since no first frame waits for a
/// login manager, and is told when the answer is there: long before anybody can have confirmed anything.
#[derive(Clone, Default, Debug)]
pub struct HostNotes(Arc<OnceLock<Vec<CheckNote>>>);

impl HostNotes {
    /// These, known from the start.
    pub fn known(notes: Vec<CheckNote>) -> Self {
        Self(Arc::new(OnceLock::from(notes)))
    }

    /// These, from now on; what was told before stays.
    pub fn tell(&self, notes: Vec<CheckNote>) {
        // A host is as it is: the first answer holds.
        let _ = self.0.set(notes);
    }

    fn notes(&self) -> &[CheckNote] {
        self.0.get().map(Vec::as_slice).unwrap_or_default()
    }
}

/// Draws up plans for one cluster.
#[derive(Clone)]
pub struct PlanService {
    planner: Arc<dyn Planner>,
    judge: Arc<dyn Judge>,
    /// Asks beforehand what no picture shows.
    inspector: Arc<dyn Inspect>,
    /// What it has told; nothing, where it was not asked.
    inspected: Arc<Inspected>,
    /// What this host adds to every action's checks.
    here: HostNotes,
}

/// A plan with what the checks say of it.
#[derive(Clone, PartialEq, Debug)]
pub struct CheckedPlan {
    /// Plan.
    pub plan: Plan,
    /// Every check.
    pub notes: Vec<CheckNote>,
}

impl PlanService {
    /// A desk with this planner's plans and these rules, which asks nothing beforehand.
    pub fn new(planner: Arc<dyn Planner>, judge: Arc<dyn Judge>) -> Self {
        let (inspector, inspected) = (Arc::new(NothingToAsk), Arc::default());
        Self { planner, judge, inspector, inspected, here: HostNotes::default() }
    }

    /// The same, which asks beforehand by `inspector`.
    #[must_use]
    pub fn asking(self, inspector: Arc<dyn Inspect>) -> Self {
        Self { inspector, ..self }
    }

    /// The same, by what is known already besides pictures.
    #[must_use]
    pub fn knowing(self, inspected: Inspected) -> Self {
        Self { inspected: Arc::new(inspected), ..self }
    }

    /// Whether anything must be asked before `intent` can be planned: then [`PlanService::inspect`] comes first, which takes time.
    pub fn asks(&self, intent: &Intent) -> bool {
        self.inspector.asks(intent)
    }

    /// Asks what `intent` needs to know, and gives the desk that plans and judges by it. The error is one line.
    pub fn inspect(&self, snapshot: Arc<Snapshot>, intent: Intent) -> BoxFuture<'static, Result<Self, String>> {
        let plan_service = self.clone();
        async move {
            let inspected = plan_service.inspector.inspect(&snapshot, &intent).await.map_err(|why| why.to_string())?;
            Ok(plan_service.knowing(inspected))
        }
        .boxed()
    }

    /// The same, with what is to be known of this host before any action.
    #[must_use]
    pub fn noting(self, here: HostNotes) -> Self {
        Self { here, ..self }
    }

    /// Whether this kind of cluster has `verb` at all, whatever the picture shows.
    ///
    /// # Errors
    /// Why not, and what to do instead.
    pub fn permit(&self, verb: &Verb) -> Result<(), Infeasible> {
        self.planner.capabilities().permit(verb)
    }

    /// Whether `intent` can be planned from `snapshot` at all.
    ///
    /// # Errors
    /// As [`PlanService::make_plan`].
    pub fn can_plan(&self, snapshot: &Snapshot, intent: &Intent) -> Result<(), Infeasible> {
        self.planner.plan(snapshot, &self.inspected, intent).map(drop)
    }

    /// The plan for `intent` as seen from `snapshot`, with its checks.
    ///
    /// # Errors
    /// What this cluster cannot do, or what is missing to plan it.
    pub fn make_plan(&self, snapshot: &Snapshot, intent: &Intent) -> Result<CheckedPlan, Infeasible> {
        let plan = self.planner.plan(snapshot, &self.inspected, intent)?;
        let mut notes = self.judge.examine(snapshot, &self.inspected, &plan);
        notes.extend(self.here.notes().iter().cloned());
        Ok(CheckedPlan { plan, notes })
    }
}

impl std::fmt::Debug for PlanService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::note::CheckVerdict;

    #[test]
    fn what_a_host_answers_late_is_known_to_every_desk_that_was_given_it() {
        let here = HostNotes::default();
        let given = here.clone();
        assert!(given.notes().is_empty());
        here.tell(vec![CheckNote::new("logout", CheckVerdict::Warn, "stay logged in")]);
        here.tell(Vec::new());
        assert_eq!(given.notes().len(), 1, "the first answer holds");
    }
}
