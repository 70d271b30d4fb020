//! Taking back what an action whose process died has left.

use std::time::Duration;

use super::context::{PlanContext, PlanDraft, quoted, refuse};
use crate::action::expectation::Expectation;
use crate::action::intent::{PendingUndo, ServerState};
use crate::action::milestone::Milestone;
use crate::action::order::{Order, PoolerRequest, RouterRequest};
use crate::action::plan::{Confirm, Danger, Infeasible, Plan, Step};
use crate::action::record::ActionId;
use crate::model::text::Text;

/// Time for the far end to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for the state to show.
const VISIBLE_DEADLINE: Duration = Duration::from_secs(15);

pub(super) fn plan(
    context: &PlanContext<'_>,
    action: &ActionId,
    pending_undo: &[PendingUndo],
) -> Result<Plan, Infeasible> {
    if pending_undo.is_empty() {
        return Err(refuse(format!("{action} has left nothing to undo")));
    }
    // With the majority of the DCS lost by a drill there is no lock to be had for this plan.
    if pending_undo.iter().any(|pending_undo| matches!(pending_undo.order, Order::Drill { .. })) {
        return Err(refuse(format!(
            "{action} is a drill: run `pgctl-tui drill revert`, which needs neither lock nor checks"
        )));
    }
    let step = |pending_undo: &PendingUndo| Step {
        text: Text::redacted(pending_undo.order.describe()),
        order: pending_undo.order.clone(),
        // It is itself the way back.
        undo: None,
        deadline: ANSWER_TIMEOUT,
    };
    let danger =
        pending_undo.iter().map(|pending_undo| danger(&pending_undo.order)).max().unwrap_or(Danger::Reversible);
    Ok(context.plan(PlanDraft {
        title: format!("undo what {action} left in {}", context.cluster()),
        danger,
        confirm: if danger == Danger::Reversible { Confirm::Yes } else { context.type_cluster() },
        steps: pending_undo.iter().map(step).collect(),
        // Each stands for itself: that one is refused keeps none of the others from being made.
        no_return: 0,
        impact: pending_undo
            .iter()
            .map(|pending_undo| format!("step {} of {action} is reverted", pending_undo.step + 1))
            .collect(),
        equivalent: pending_undo.iter().filter_map(|pending_undo| manually(context, &pending_undo.order)).collect(),
        expectation: Expectation::of(
            pending_undo.iter().filter_map(|pending_undo| milestone(&pending_undo.order)),
            VISIBLE_DEADLINE,
        ),
    }))
}

/// What is sent decides, not what it takes back: a server that is set ready gets sessions once its own check passes, and one
/// that is set to drain keeps those it has.
fn danger(order: &Order) -> Danger {
    match order {
        Order::Router { request: RouterRequest::EndDrain { .. }, .. }
        | Order::Router {
            request: RouterRequest::State { state: ServerState::Ready | ServerState::Drain, .. }, ..
        }
        // Whoever waits goes on.
        | Order::Pooler { .. } => Danger::Reversible,
        // Maintenance may cut sessions; a forced health is believed whatever the check says.
        Order::Router {
            request: RouterRequest::State { state: ServerState::Maintenance, .. } | RouterRequest::Health { .. },
            ..
        }
        | Order::Ha(_)
        | Order::Sql { .. }
        | Order::RouterHandover(_)
        | Order::Drill { .. }
        | Order::Await { .. } => Danger::Disruptive,
    }
}

fn milestone(order: &Order) -> Option<Milestone> {
    match order {
        Order::Router { router, request: RouterRequest::State { backend, server, state } } => {
            let (backend, server) = (backend.clone(), server.clone());
            Some(Milestone::RouterServer { router: router.clone(), backend, server, state: *state })
        }
        Order::Router { router, request: RouterRequest::EndDrain { backend, server } } => {
            let (backend, server) = (backend.clone(), server.clone());
            Some(Milestone::RouterServer { router: router.clone(), backend, server, state: ServerState::Ready })
        }
        Order::Pooler { pooler, request: PoolerRequest::Resume { database } } => {
            let (pooler, database) = (pooler.clone(), Some(database.clone()));
            Some(Milestone::PoolerFlow { pooler, database, paused: false })
        }
        Order::Pooler { pooler, request: PoolerRequest::ResumeAll } => {
            Some(Milestone::PoolerFlow { pooler: pooler.clone(), database: None, paused: false })
        }
        // A forced health is gone with the next check: nothing tells it from a health that was found.
        Order::Router { request: RouterRequest::Health { .. }, .. }
        | Order::Pooler {
            request:
                PoolerRequest::Pause { .. }
                | PoolerRequest::PauseAll
                | PoolerRequest::Reconnect { .. }
                | PoolerRequest::Kill { .. },
            ..
        }
        | Order::Ha(_)
        | Order::Sql { .. }
        | Order::RouterHandover(_)
        | Order::Drill { .. }
        | Order::Await { .. } => None,
    }
}

fn manually(context: &PlanContext<'_>, order: &Order) -> Option<String> {
    let Order::Router { router, .. } = order else { return None };
    let address = context.acting_access.runtimes.get(router)?;
    let words = order.describe();
    let (_, words) = words.split_once(": ")?;
    Some(format!("echo {} | socat stdio {}", quoted(words), quoted(address.as_str())))
}
