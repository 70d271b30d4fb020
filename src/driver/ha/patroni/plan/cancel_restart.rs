//! Taking a scheduled restart back.

use super::context::{PlanContext, PlanDraft, quoted, refuse};
use super::restart::scheduled_at;
use crate::action::expectation::Expectation;
use crate::action::milestone::Milestone;
use crate::action::order::AgentRequest;
use crate::action::plan::{Confirm, Danger, Infeasible, Plan};
use crate::model::name::NodeName;

pub(super) fn plan(context: &PlanContext<'_>, name: &NodeName) -> Result<Plan, Infeasible> {
    let view = context.member(name)?;
    let Some(at) = scheduled_at(view) else {
        return Err(refuse(format!("no restart of {name} is scheduled: nothing to cancel")));
    };
    let request = AgentRequest::CancelRestart;
    let cancelled = Milestone::RestartScheduled { member: name.clone(), scheduled: false };
    Ok(context.plan(PlanDraft {
        title: format!("cancel the restart of {name} of {} scheduled for {at}", context.cluster()),
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        equivalent: vec![
            format!("patronictl flush {} {} restart --force", context.scope(), quoted(name.as_str())),
            context.curl(name, &request)?,
        ],
        steps: vec![context.ask(name, request)?],
        no_return: 0,
        impact: vec!["no client is disconnected; inform the person who scheduled it".to_owned()],
        expectation: Expectation::of([cancelled], context.timing.two_loops()),
    }))
}
