//! What an action falls short of although all that decides it was seen: it is said, and the action is not simply done.

use super::super::intent::Intent;
use super::super::milestone::Milestone;
use super::super::plan::Plan;
use super::evidence::Scene;
use super::part;

/// In words, one each.
pub(super) fn of(scene: &Scene<'_>, plan: &Plan) -> Vec<String> {
    let mut short = Vec::new();
    if plan.expectation.sequence.iter().any(|expected| expected.milestone == Milestone::RouterFollows) {
        short.extend(part::astray_pools(scene));
    }
    if plan.intent == Intent::RollingRestart {
        short.extend(still_pending(scene));
    }
    short
}

/// Members of which fresh words say that a setting waits for their restart all the same.
fn still_pending(scene: &Scene<'_>) -> Vec<String> {
    let pends = scene.snapshot.views().filter(|view| {
        // The agent looks only with its next loop; PostgreSQL's own word of after the restart is newer.
        let sql = scene.sql(view.name()).ok().map(|said| !said.value.pending_restart.is_empty());
        sql == Some(true)
    });
    pends.map(|view| format!("{} still waits for a restart", view.name())).collect()
}
