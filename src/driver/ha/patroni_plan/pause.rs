//! Automatic failover off and on: maintenance mode.

use serde_json::{Map, Value};

use super::ground::{Ground, Sketch, no, ordered};
use crate::action::expectation::Expectation;
use crate::action::milestone::Milestone;
use crate::action::order::AgentRequest;
use crate::action::plan::{Confirm, Danger, Impossible, Plan};

/// `on`: pause; else resume.
pub(super) fn plan(ground: &Ground<'_>, on: bool) -> Result<Plan, Impossible> {
    let cluster = ground.cluster();
    match (ground.record.is_paused(), on) {
        (true, true) => return Err(no(format!("{cluster} is paused already: nothing to do"))),
        (false, false) => return Err(no(format!("{cluster} is not paused: nothing to resume"))),
        (true, false) | (false, true) => {}
    }
    // As Patroni's own tool does it: the key is removed, not set to false.
    let value = if on { Value::Bool(true) } else { Value::Null };
    let request = AgentRequest::Configure { changes: Map::from_iter([("pause".to_owned(), value)]) };
    let agent = ground.any_agent(None)?;
    let impact = if on {
        let scheduled = ground.record.order.as_ref().filter(|key| key.scheduled_at.is_some());
        let asleep = scheduled.map(|key| format!("the scheduled {} does not happen while paused", ordered(key)));
        let lines = [
            "nobody is disconnected".to_owned(),
            "from then on nobody takes over if the leader fails, and a PostgreSQL that stops is not started again"
                .to_owned(),
        ];
        lines.into_iter().chain(asleep).collect::<Vec<_>>()
    } else {
        let leaderless = ground.generation.leader.is_none();
        let at_once =
            leaderless.then(|| format!("nobody leads {cluster}: a leader is chosen as soon as it is resumed"));
        let back = "automatic failover works again; a PostgreSQL that was stopped by hand is started".to_owned();
        [back].into_iter().chain(at_once).collect()
    };
    let verb = if on { "pause" } else { "resume" };
    Ok(ground.plan(Sketch {
        title: format!("{verb} {cluster}"),
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        equivalent: vec![format!("patronictl {verb} {} --wait", ground.scope()), ground.curl(&agent, &request)?],
        steps: vec![ground.ask(&agent, request)?],
        no_return: 0,
        impact,
        expectation: Expectation::of([Milestone::Maintenance { on }], ground.timing.two_loops()),
    }))
}
