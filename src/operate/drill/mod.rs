//! Drills: the probe beside the action, the fault and its undo, and the report. A drill is run by the one runner like
//! every other action; what is peculiar to it are the orders that [`DrillAct`] carries out.
//!
//! What breaks something has its undo in the job's book of debts before it is sent. The job pays it whatever happens to
//! the console; a guard process ([`guard`]) pays it when the job dies; what both leave is found by the next console.

mod act;
mod pending_repairs;
mod phases;
mod pooled;
mod probing;
mod repair;
mod store;

#[cfg(test)]
mod act_tests;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::Limits;

pub use act::{Drill, DrillAct};
pub use pending_repairs::{PendingRepair, guard, pending_repairs, repair_all};
pub use store::{Reports, StoreError};

/// How long one undo may take: a node that was frozen is let in when it is seen not to lead.
const UNDO: Duration = Duration::from_secs(200);

/// How long things may take in a drill.
pub fn limits() -> Limits {
    Limits { undo: UNDO, ..Limits::default() }
}
