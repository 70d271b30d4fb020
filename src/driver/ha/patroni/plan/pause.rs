//! Automatic failover off and on: maintenance mode.

use serde_json::{Map, Value};

use super::context::{PlanContext, PlanDraft, ordered, refuse};
use crate::action::expectation::Expectation;
use crate::action::milestone::Milestone;
use crate::action::order::AgentRequest;
use crate::action::plan::{Confirm, Danger, Infeasible, Plan};

/// `on`: pause; else resume.
pub(super) fn plan(context: &PlanContext<'_>, on: bool) -> Result<Plan, Infeasible> {
    let cluster = context.cluster();
    match (context.record.is_paused(), on) {
        (true, true) => return Err(refuse(format!("{cluster} is already paused: nothing to do"))),
        (false, false) => return Err(refuse(format!("{cluster} is not paused: nothing to resume"))),
        (true, false) | (false, true) => {}
    }
    // As Patroni's own tool does it: the key is removed, not set to false.
    let value = if on { Value::Bool(true) } else { Value::Null };
    let request = AgentRequest::Configure { changes: Map::from_iter([("pause".to_owned(), value)]) };
    let agent = context.any_agent(None)?;
    let impact = if on {
        let scheduled = context.record.order.as_ref().filter(|key| key.scheduled_at.is_some());
        let asleep = scheduled.map(|key| format!("the scheduled {} does not happen while paused", ordered(key)));
        let lines = [
            "no client is disconnected".to_owned(),
            "no automatic failover from then on, and a stopped PostgreSQL is not restarted".to_owned(),
        ];
        lines.into_iter().chain(asleep).collect::<Vec<_>>()
    } else {
        let leaderless = context.generation.leader.is_none();
        let at_once = leaderless.then(|| format!("{cluster} has no leader: one is elected as soon as it is resumed"));
        let back = "automatic failover works again; a manually stopped PostgreSQL is started".to_owned();
        [back].into_iter().chain(at_once).collect()
    };
    let verb = if on { "pause" } else { "resume" };
    Ok(context.plan(PlanDraft {
        title: format!("{verb} {cluster}"),
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        equivalent: vec![format!("patronictl {verb} {} --wait", context.scope()), context.curl(&agent, &request)?],
        steps: vec![context.ask(&agent, request)?],
        no_return: 0,
        impact,
        expectation: Expectation::of([Milestone::Maintenance { on }], context.timing.two_loops()),
    }))
}
