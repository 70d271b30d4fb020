//! What must hold before an action, and what does: every check, never only the first.

use super::note::Note;
use super::plan::Plan;
use crate::model::snapshot::Snapshot;

/// Every check that `plan` needs, in a stable order.
pub fn examine(_snapshot: &Snapshot, _plan: &Plan) -> Vec<Note> {
    Vec::new()
}
