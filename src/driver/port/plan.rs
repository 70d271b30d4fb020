//! Making plans.

use crate::action::Intent;
use crate::action::capability::Capabilities;
use crate::action::inspected::Inspected;
use crate::action::plan::{Infeasible, Plan};
use crate::model::snapshot::Snapshot;

/// Makes plans for one kind of cluster. Pure: the same picture, facts and intent give the same plan.
pub trait Planner: Send + Sync {
    /// What can be planned for this kind of cluster at all, verb by verb.
    fn capabilities(&self) -> &'static Capabilities;

    /// The plan that would bring `intent` about, seen from `snapshot` and from what was asked beforehand.
    ///
    /// # Errors
    /// What this cluster cannot do, or what is missing to plan it (a leader, a member of that name).
    fn plan(&self, snapshot: &Snapshot, inspected: &Inspected, intent: &Intent) -> Result<Plan, Infeasible>;
}
