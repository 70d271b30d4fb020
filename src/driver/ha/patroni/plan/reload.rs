//! Reading the configuration files anew.

use super::context::{PlanContext, PlanDraft, quoted};
use super::restart::{names, targets};
use crate::action::expectation::Expectation;
use crate::action::intent::Target;
use crate::action::milestone::Milestone;
use crate::action::order::AgentRequest;
use crate::action::plan::{Confirm, Danger, Infeasible, Plan};

pub(super) fn plan(context: &PlanContext<'_>, target: &Target) -> Result<Plan, Infeasible> {
    let views = targets(context, target)?;
    let mut steps = Vec::new();
    let members = views.iter().map(|view| quoted(view.name().as_str())).collect::<Vec<_>>().join(" ");
    let mut equivalent = vec![format!("patronictl reload {} {members} --force", context.scope())];
    for view in &views {
        let name = view.name();
        equivalent.push(context.curl(name, &AgentRequest::Reload)?);
        steps.push(context.ask(name, AgentRequest::Reload)?);
    }
    // An agent tells its server in its next loop. Its answer comes at once, and says only that it will.
    let reloaded = views.iter().map(|view| Milestone::Reloaded { member: view.name().clone() });
    Ok(context.plan(PlanDraft {
        title: format!("reload the configuration of {} of {}", names(&views), context.cluster()),
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        no_return: steps.len().saturating_sub(1),
        steps,
        impact: vec![
            "no client is disconnected; changed settings apply at once, settings that need a restart become pending restart"
                .to_owned(),
        ],
        equivalent,
        expectation: Expectation::of(reloaded, context.timing.two_loops()),
    }))
}
