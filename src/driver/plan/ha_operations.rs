//! What a stack says of itself where a plan is the same for all of them.

use super::context::PlanContext;
use crate::action::Intent;
use crate::action::drill::Scenario;
use crate::action::plan::{Infeasible, Plan};
use crate::model::name::NodeName;

/// What a stack can make its members do, as plans that others are built around, and what it knows of its own ways.
pub(in crate::driver) trait HaOperations<'a> {
    /// What its plans stand on.
    fn context(&self) -> &PlanContext<'a>;

    /// The plan of an intent that is the stack's own.
    ///
    /// # Errors
    /// What this cluster cannot do, or what is missing to plan it.
    fn own(&self, intent: &Intent) -> Result<Plan, Infeasible>;

    /// Restarting PostgreSQL of one member now.
    ///
    /// # Errors
    /// As [`HaOperations::own`].
    fn restart(&self, member: &NodeName) -> Result<Plan, Infeasible>;

    /// Copying a member anew, from wherever the stack likes.
    ///
    /// # Errors
    /// As [`HaOperations::own`].
    fn reinit(&self, member: &NodeName) -> Result<Plan, Infeasible>;

    /// Handing the lead over now to whoever is best, with the routers told where they can be.
    ///
    /// # Errors
    /// As [`HaOperations::own`].
    fn handover(&self) -> Result<Plan, Infeasible>;

    /// Whether what comes of `verb` could be seen on this cluster.
    ///
    /// # Errors
    /// Why not, with what to do instead.
    fn can_verify(&self, verb: &str) -> Result<(), Infeasible>;

    /// Whether nothing is on record that is being carried out.
    ///
    /// # Errors
    /// What is, and what to do.
    fn is_at_rest(&self) -> Result<(), Infeasible>;

    /// Whether who leads can be proven directly, many times a second.
    ///
    /// # Errors
    /// What is missing for that.
    fn proves_lead(&self) -> Result<(), String>;

    /// How long writes may stand still where `scenario` comes to pass, in words, where no drill has measured it.
    fn outage(&self, scenario: Scenario) -> String;

    /// What becomes of the leader while the store has no majority.
    fn without_store(&self) -> String;
}
