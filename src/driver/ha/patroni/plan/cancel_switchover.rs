//! Taking a scheduled switchover back.

use super::context::{PlanContext, PlanDraft, ordered, refuse};
use crate::action::expectation::Expectation;
use crate::action::milestone::Milestone;
use crate::action::order::AgentRequest;
use crate::action::plan::{Confirm, Danger, Infeasible, Plan};

pub(super) fn plan(context: &PlanContext<'_>) -> Result<Plan, Infeasible> {
    let Some(key) = &context.record.order else {
        return Err(refuse(format!("no switchover of {} is scheduled: nothing to cancel", context.cluster())));
    };
    if key.scheduled_at.is_none() {
        return Err(refuse(format!(
            "the {} is not scheduled for later and cannot be cancelled: wait until it ends",
            ordered(key)
        )));
    }
    let agent = context.any_agent(None)?;
    let request = AgentRequest::CancelSwitchover;
    let cancelled = Milestone::SwitchoverScheduled { scheduled: false };
    Ok(context.plan(PlanDraft {
        title: format!("cancel on {} the {}", context.cluster(), ordered(key)),
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        equivalent: vec![
            format!("patronictl flush {} switchover --force", context.scope()),
            context.curl(&agent, &request)?,
        ],
        steps: vec![context.ask(&agent, request)?],
        no_return: 0,
        impact: vec!["no client is disconnected; inform the person who scheduled it".to_owned()],
        expectation: Expectation::of([cancelled], context.timing.two_loops()),
    }))
}
