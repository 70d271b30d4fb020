//! Throwing a replica's data away and copying it anew.

use std::time::Duration;

use super::context::{PlanContext, PlanDraft, quoted, refuse};
use crate::action::expectation::Expectation;
use crate::action::intent::CopySource;
use crate::action::milestone::Milestone;
use crate::action::order::AgentRequest;
use crate::action::plan::{Confirm, Danger, Infeasible, Plan};
use crate::driver::plan::impact;
use crate::model::name::NodeName;
use crate::model::role::MemberState;
use crate::model::view::MemberView;

/// A copy may take as long as the data is large, which nobody says beforehand.
const MAX_COPY_TIME: Duration = Duration::from_secs(24 * 3600);

pub(super) fn plan(
    context: &PlanContext<'_>,
    name: &NodeName,
    source: CopySource,
    again: bool,
) -> Result<Plan, Infeasible> {
    let view = context.member(name)?;
    if context.leads(name) {
        return Err(refuse(format!(
            "{name} is the leader and cannot be reinitialized: switch over to another member first"
        )));
    }
    let leader =
        context.leader(&format!("there is no member to clone {name} from; wait for a leader, or fail over first"))?;
    if let Some(role) = view.claimed_role()
        && role.value.is_writable()
    {
        return Err(refuse(format!(
            "{name} reports that it accepts writes, without the leader key: clarify who is the leader first"
        )));
    }
    let copying = view.state().is_some_and(|state| state.value == MemberState::CreatingReplica);
    if copying && !again {
        return Err(refuse(format!(
            "a reinit of {name} is already running: wait for it, or repeat with `again` to cancel it and start over"
        )));
    }
    if source == CopySource::Leader
        && let Some(version) = too_old_for_source(view)
    {
        return Err(refuse(format!(
            "cloning from the leader needs Patroni 4.1, {name} runs {version}: clone from any member"
        )));
    }

    let request = AgentRequest::Reinit { source, force: again };
    let mut impact = vec![format!("all data of {name} is deleted, then cloned again"), impact::readers_cut(view)];
    impact.push(match source {
        CopySource::Any => "Patroni chooses the source: a member with the tag clonefrom, else the leader".to_owned(),
        CopySource::Leader => format!("the clone comes from {} and loads its disks and network", leader.name()),
    });
    if copying {
        impact.push("the running reinit is cancelled, and what it has copied is lost".to_owned());
    }
    impact.extend(left(context, view));
    let copying = Milestone::Copying { member: name.clone() };
    let streaming = Milestone::Streaming { member: name.clone() };
    // With --force patronictl ends a copy that is under way; without, it asks.
    let force = if again { " --force" } else { "" };
    let from = if source == CopySource::Leader { " --from-leader" } else { "" };
    Ok(context.plan(PlanDraft {
        title: format!("reinit {name} of {}", context.cluster()),
        danger: Danger::Destructive,
        confirm: Confirm::Type(name.text().clone()),
        equivalent: vec![
            format!("patronictl reinit {} {}{force}{from} --wait", context.scope(), quoted(name.as_str())),
            context.curl(name, &request)?,
        ],
        steps: vec![context.ask(name, request)?],
        no_return: 0,
        impact,
        expectation: Expectation::of([copying, streaming], MAX_COPY_TIME).then(Milestone::AllStreaming),
    }))
}

/// The version of the member's agent, where it is known to ignore `from_leader`.
fn too_old_for_source(view: MemberView<'_>) -> Option<String> {
    let now = view.snapshot.now;
    let version = view.member.agent.as_ref()?.fact(now, |report| report.agent_version.clone())?.value;
    let mut parts = version.as_str().split('.').map(|part| part.parse::<u32>().ok());
    let (major, minor) = (parts.next()??, parts.next()??);
    ((major, minor) < (4, 1)).then(|| version.to_string())
}

/// How many standbys are left meanwhile.
fn left(context: &PlanContext<'_>, view: MemberView<'_>) -> Option<String> {
    let others = context.present().filter(|other| other.name() != view.name() && !context.leads(other.name()));
    let reported: Vec<Option<bool>> =
        others.map(|other| other.streams().filter(|streams| streams.fresh).map(|streams| streams.value)).collect();
    let unknown = reported.contains(&None);
    match reported.iter().filter(|streams| **streams == Some(true)).count() {
        0 if unknown => {
            Some("meanwhile unknown whether another standby is streaming: if the leader fails, there may be no failover candidate".to_owned())
        }
        0 => Some("meanwhile no other standby is streaming: if the leader fails, there is no failover candidate".to_owned()),
        1 if !unknown => Some("meanwhile one standby is left".to_owned()),
        _ => None,
    }
}
