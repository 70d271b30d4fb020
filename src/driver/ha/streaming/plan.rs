//! Plain streaming replication, which nobody manages. It is looked at over SQL; nothing is done to it yet.

use super::capabilities::CAPABILITIES;
use crate::action::Intent;
use crate::action::capability::Capabilities;
use crate::action::inspected::Inspected;
use crate::action::plan::{Infeasible, Plan};
use crate::driver::port::Planner;
use crate::model::snapshot::Snapshot;

/// Plans for a cluster without a manager: none so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StreamingManager;

impl Planner for StreamingManager {
    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn plan(&self, _: &Snapshot, _: &Inspected, intent: &Intent) -> Result<Plan, Infeasible> {
        CAPABILITIES.permit_intent(intent)?;
        Err(Infeasible::because("there is no plan for this on plain streaming replication yet"))
    }
}
