//! Reading the configuration files anew.

use super::ground::{Ground, Sketch, quoted};
use super::restart::{names, targets};
use crate::action::expectation::Expectation;
use crate::action::intent::Target;
use crate::action::milestone::Milestone;
use crate::action::order::AgentRequest;
use crate::action::plan::{Confirm, Danger, Impossible, Plan};

pub(super) fn plan(ground: &Ground<'_>, target: &Target) -> Result<Plan, Impossible> {
    let views = targets(ground, target)?;
    let mut steps = Vec::new();
    let members = views.iter().map(|view| quoted(view.name().as_str())).collect::<Vec<_>>().join(" ");
    let mut equivalent = vec![format!("patronictl reload {} {members} --force", ground.scope())];
    for view in &views {
        let name = view.name();
        equivalent.push(ground.curl(name, &AgentRequest::Reload)?);
        steps.push(ground.ask(name, AgentRequest::Reload)?);
    }
    // An agent tells its server in its next loop. Its answer comes at once, and says only that it will.
    let reloaded = views.iter().map(|view| Milestone::Reloaded { member: view.name().clone() });
    Ok(ground.plan(Sketch {
        title: format!("reload the configuration of {} of {}", names(&views), ground.cluster()),
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        no_return: steps.len().saturating_sub(1),
        steps,
        impact: vec![
            "nobody is disconnected; new sessions see changed settings at once, settings that need a restart wait for one"
                .to_owned(),
        ],
        equivalent,
        expectation: Expectation::of(reloaded, ground.timing.two_loops()),
    }))
}
