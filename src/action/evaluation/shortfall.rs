//! What an action falls short of although all that decides it was seen: it is said, and the action is not simply done.

use super::super::intent::Intent;
use super::super::milestone::Milestone;
use super::super::plan::Plan;
use super::evidence::EvaluationContext;
use super::router;
use crate::action::intent::NodeIntent;

/// In words, one each.
pub(super) fn of(context: &EvaluationContext<'_>, plan: &Plan) -> Vec<String> {
    let mut short = Vec::new();
    if plan.expectation.sequence.iter().any(|expected| expected.milestone == Milestone::RouterFollows) {
        short.extend(router::unrouted_pools(context));
    }
    if plan.intent == Intent::Node(NodeIntent::RollingRestart) {
        short.extend(still_pending(context));
    }
    short
}

/// Members of which fresh words say that a setting waits for their restart all the same.
fn still_pending(context: &EvaluationContext<'_>) -> Vec<String> {
    let pends = context.snapshot.views().filter(|view| {
        // The agent looks only with its next loop; PostgreSQL's own word of after the restart is newer.
        let sql = context.sql(view.name()).ok().map(|answer| !answer.value.pending_restart.is_empty());
        sql == Some(true)
    });
    pends.map(|view| format!("{} is still pending restart", view.name())).collect()
}
