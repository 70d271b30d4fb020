//! Taking back what an action whose process died has left.

use std::time::Duration;

use super::ground::{Ground, Sketch, no, quoted};
use crate::action::expectation::Expectation;
use crate::action::intent::{Owed, ServerState};
use crate::action::milestone::Milestone;
use crate::action::order::{Order, RouterRequest};
use crate::action::plan::{Confirm, Danger, Impossible, Plan, Step};
use crate::action::record::ActionId;
use crate::model::text::Text;

/// Time for the far end to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// Time for the state to show.
const SHOWN: Duration = Duration::from_secs(15);

pub(super) fn plan(ground: &Ground<'_>, action: &ActionId, owed: &[Owed]) -> Result<Plan, Impossible> {
    if owed.is_empty() {
        return Err(no(format!("{action} has left nothing to be taken back")));
    }
    // With the majority of the DCS lost by a drill there is no lock to be had for this plan.
    if owed.iter().any(|owed| matches!(owed.order, Order::Drill { .. })) {
        return Err(no(format!(
            "{action} is a drill: run `pgctl-tui drill mend`, which needs neither lock nor checks"
        )));
    }
    let step = |owed: &Owed| Step {
        words: Text::redacted(owed.order.words()),
        order: owed.order.clone(),
        // It is itself the way back.
        undo: None,
        deadline: ANSWER,
    };
    let danger = owed.iter().map(|owed| danger(&owed.order)).max().unwrap_or(Danger::Reversible);
    Ok(ground.plan(Sketch {
        title: format!("take back what {action} left in {}", ground.cluster()),
        danger,
        confirm: if danger == Danger::Reversible { Confirm::Yes } else { ground.type_cluster() },
        steps: owed.iter().map(step).collect(),
        // Each stands for itself: that one is refused keeps none of the others from being made.
        no_return: 0,
        impact: owed.iter().map(|owed| format!("step {} of {action} is taken back", owed.step + 1)).collect(),
        equivalent: owed.iter().filter_map(|owed| by_hand(ground, &owed.order)).collect(),
        expectation: Expectation::of(owed.iter().filter_map(|owed| milestone(&owed.order)), SHOWN),
    }))
}

/// What is sent decides, not what it takes back: a server that is set ready gets sessions once its own check passes, and one
/// that is set to drain keeps those it has.
fn danger(order: &Order) -> Danger {
    match order {
        Order::Router { request: RouterRequest::EndDrain { .. }, .. }
        | Order::Router {
            request: RouterRequest::State { state: ServerState::Ready | ServerState::Drain, .. }, ..
        } => Danger::Reversible,
        // Maintenance may cut sessions; a forced health is believed whatever the check says.
        Order::Router {
            request: RouterRequest::State { state: ServerState::Maintenance, .. } | RouterRequest::Health { .. },
            ..
        }
        | Order::Agent { .. }
        | Order::Sql { .. }
        | Order::Record { .. }
        | Order::Escort(_)
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
        // A forced health is gone with the next check: nothing tells it from a health that was found.
        Order::Router { request: RouterRequest::Health { .. }, .. }
        | Order::Agent { .. }
        | Order::Sql { .. }
        | Order::Record { .. }
        | Order::Escort(_)
        | Order::Drill { .. }
        | Order::Await { .. } => None,
    }
}

fn by_hand(ground: &Ground<'_>, order: &Order) -> Option<String> {
    let Order::Router { router, .. } = order else { return None };
    let address = ground.manager.runtimes.get(router)?;
    let words = order.words();
    let (_, words) = words.split_once(": ")?;
    Some(format!("echo {} | socat stdio {}", quoted(words), quoted(address.as_str())))
}
