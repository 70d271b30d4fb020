//! Throwing a replica's data away and copying it anew.

use std::time::Duration;

use super::ground::{Ground, Sketch, no, quoted};
use super::impact;
use crate::action::expectation::Expectation;
use crate::action::intent::CopySource;
use crate::action::milestone::Milestone;
use crate::action::order::AgentRequest;
use crate::action::plan::{Confirm, Danger, Impossible, Plan};
use crate::model::name::NodeName;
use crate::model::role::MemberState;
use crate::model::view::MemberView;

/// A copy may take as long as the data is large, which nobody says beforehand.
const LONGEST_COPY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn plan(ground: &Ground<'_>, name: &NodeName, source: CopySource, again: bool) -> Result<Plan, Impossible> {
    let view = ground.member(name)?;
    if ground.leads(name) {
        return Err(no(format!("{name} is the leader and is never thrown away: switch over to another member first")));
    }
    let leader =
        ground.leader(&format!("{name} could be copied from nobody; wait for a leader, or fail over first"))?;
    if let Some(role) = view.claimed_role()
        && role.value.is_writable()
    {
        return Err(no(format!("{name} takes writes by its own word, without the lock: settle who leads first")));
    }
    let copying = view.state().is_some_and(|state| state.value == MemberState::CreatingReplica);
    if copying && !again {
        return Err(no(format!("{name} is being copied already: wait, or cancel the copy and begin again")));
    }
    if source == CopySource::Leader
        && let Some(version) = too_old_for_source(view)
    {
        return Err(no(format!(
            "copying from the leader by choice needs Patroni 4.1, {name} runs {version}: copy from any"
        )));
    }

    let request = AgentRequest::Reinitialise { source, force: again };
    let mut impact = vec![format!("all data of {name} is deleted, then copied anew"), impact::readers_cut(view)];
    impact.push(match source {
        CopySource::Any => {
            "Patroni chooses where the copy comes from: a member tagged clonefrom, else the leader".to_owned()
        }
        CopySource::Leader => format!("the copy comes from {} and loads its disks and network", leader.name()),
    });
    if copying {
        impact.push("the copy that is under way is ended, and what it has copied is lost".to_owned());
    }
    impact.extend(left(ground, view));
    let copying = Milestone::Copying { member: name.clone() };
    let streaming = Milestone::Streaming { member: name.clone() };
    // With --force patronictl ends a copy that is under way; without, it asks.
    let force = if again { " --force" } else { "" };
    let from = if source == CopySource::Leader { " --from-leader" } else { "" };
    Ok(ground.plan(Sketch {
        title: format!("reinitialise {name} of {}", ground.cluster()),
        danger: Danger::Destructive,
        confirm: Confirm::Type(name.text().clone()),
        equivalent: vec![
            format!("patronictl reinit {} {}{force}{from} --wait", ground.scope(), quoted(name.as_str())),
            ground.curl(name, &request)?,
        ],
        steps: vec![ground.ask(name, request)?],
        no_return: 0,
        impact,
        expectation: Expectation::of([copying, streaming], LONGEST_COPY).then(Milestone::AllStreaming),
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
fn left(ground: &Ground<'_>, view: MemberView<'_>) -> Option<String> {
    let others = ground.present().filter(|other| other.name() != view.name() && !ground.leads(other.name()));
    let told: Vec<Option<bool>> =
        others.map(|other| other.streams().filter(|streams| streams.fresh).map(|streams| streams.value)).collect();
    let unknown = told.contains(&None);
    match told.iter().filter(|streams| **streams == Some(true)).count() {
        0 if unknown => {
            Some("meanwhile it is unknown whether another standby streams: if the leader fails, perhaps nobody can take over".to_owned())
        }
        0 => Some("meanwhile no other standby streams: if the leader fails, nobody can take over".to_owned()),
        1 if !unknown => Some("meanwhile one standby is left".to_owned()),
        _ => None,
    }
}
