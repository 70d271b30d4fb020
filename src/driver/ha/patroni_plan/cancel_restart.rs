//! Taking a scheduled restart back.

use super::ground::{Ground, Sketch, no, quoted};
use super::restart::scheduled_at;
use crate::action::expectation::Expectation;
use crate::action::milestone::Milestone;
use crate::action::order::AgentRequest;
use crate::action::plan::{Confirm, Danger, Impossible, Plan};
use crate::model::name::NodeName;

pub(super) fn plan(ground: &Ground<'_>, name: &NodeName) -> Result<Plan, Impossible> {
    let view = ground.member(name)?;
    let Some(at) = scheduled_at(view) else {
        return Err(no(format!("no restart of {name} is scheduled: nothing to cancel")));
    };
    let request = AgentRequest::CancelRestart;
    let cancelled = Milestone::RestartScheduled { member: name.clone(), scheduled: false };
    Ok(ground.plan(Sketch {
        title: format!("cancel the restart of {name} of {} scheduled for {at}", ground.cluster()),
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        equivalent: vec![
            format!("patronictl flush {} {} restart --force", ground.scope(), quoted(name.as_str())),
            ground.curl(name, &request)?,
        ],
        steps: vec![ground.ask(name, request)?],
        no_return: 0,
        impact: vec!["nobody is disconnected; whoever scheduled it should know".to_owned()],
        expectation: Expectation::of([cancelled], ground.timing.two_loops()),
    }))
}
