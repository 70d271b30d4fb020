//! Which members a plan stops by itself: where the operation lock is held by sessions on the members, theirs end with them.

use std::collections::BTreeSet;

use crate::action::drill::DrillRequest;
use crate::action::effect::Effect;
use crate::action::order::Order;
use crate::action::plan::Plan;
use crate::model::name::NodeName;

/// The members whose PostgreSQL ends, or cannot be reached for a while, by `plan` itself.
pub(super) fn stopped_by(plan: &Plan) -> BTreeSet<NodeName> {
    plan.steps.iter().flat_map(|step| stopped(&step.order, plan)).collect()
}

fn stopped(order: &Order, plan: &Plan) -> Vec<NodeName> {
    if let Order::Drill { request: DrillRequest::Break { fault } } = order {
        return fault.members().cloned().collect();
    }
    match order.effect() {
        Effect::Restarts { member, at: None } | Effect::Copies { member } => vec![member.clone()],
        // Whoever led is started again as a standby, or is gone.
        Effect::Handover { at: None, .. } | Effect::Promotes { .. } => plan.generation.leader.iter().cloned().collect(),
        Effect::Handover { at: Some(_), .. }
        | Effect::Restarts { at: Some(_), .. }
        | Effect::None
        | Effect::ClearsHandover
        | Effect::CancelsRestart { .. }
        | Effect::Reloads { .. }
        | Effect::Configures { .. }
        | Effect::EndsSession { .. }
        | Effect::UpdatesRouter { .. }
        | Effect::UpdatesRouters
        | Effect::Breaks => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operate::tests::fixture::restarts;

    #[test]
    fn whoever_is_restarted_is_stopped_and_waiting_stops_nobody() {
        let stopped: Vec<_> = stopped_by(&restarts()).into_iter().map(|member| member.to_string()).collect();
        assert_eq!(stopped, ["pg-1", "pg-2"]);
    }
}
