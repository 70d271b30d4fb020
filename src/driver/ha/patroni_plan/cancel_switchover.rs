//! Taking a scheduled switchover back.

use super::ground::{Ground, Sketch, no, ordered};
use crate::action::expectation::Expectation;
use crate::action::milestone::Milestone;
use crate::action::order::AgentRequest;
use crate::action::plan::{Confirm, Danger, Impossible, Plan};

pub(super) fn plan(ground: &Ground<'_>) -> Result<Plan, Impossible> {
    let Some(key) = &ground.record.order else {
        return Err(no(format!("no switchover of {} is scheduled: nothing to cancel", ground.cluster())));
    };
    if key.scheduled_at.is_none() {
        return Err(no(format!(
            "the {} is for now, not scheduled, and cannot be taken back: wait for its end",
            ordered(key)
        )));
    }
    let agent = ground.any_agent(None)?;
    let request = AgentRequest::CancelSwitchover;
    let cancelled = Milestone::SwitchoverScheduled { scheduled: false };
    Ok(ground.plan(Sketch {
        title: format!("cancel on {} the {}", ground.cluster(), ordered(key)),
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        equivalent: vec![
            format!("patronictl flush {} switchover --force", ground.scope()),
            ground.curl(&agent, &request)?,
        ],
        steps: vec![ground.ask(&agent, request)?],
        no_return: 0,
        impact: vec!["nobody is disconnected; whoever scheduled it should know".to_owned()],
        expectation: Expectation::of([cancelled], ground.timing.two_loops()),
    }))
}
