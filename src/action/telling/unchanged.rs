//! The proof that everything an action was to change is as before.

use super::super::milestone::Milestone;
use super::super::plan::Plan;
use super::evidence::Scene;
use super::{Telling, lead, node, order, part};
use crate::model::name::NodeName;
use crate::model::record::Counter;
use crate::model::role::MemberState;

/// The proof in words, from what was asked after the last reply. An error: what cannot be proven.
pub(super) fn proof(scene: &Scene<'_>, plan: &Plan) -> Result<String, String> {
    let mut words: Vec<String> = Vec::new();
    for expected in &plan.expectation.sequence {
        if let Some(proven) = milestone(scene, &expected.milestone)?
            && !words.contains(&proven)
        {
            words.push(proven);
        }
    }
    if words.is_empty() { Err("nothing of it can be observed".to_owned()) } else { Ok(words.join("; ")) }
}

/// `None`: it is the consequence of another one, and proves nothing by itself.
fn milestone(scene: &Scene<'_>, milestone: &Milestone) -> Result<Option<String>, String> {
    match milestone {
        Milestone::SteppedDown { .. } | Milestone::Promoted { .. } => lead(scene).map(Some),
        Milestone::RouterFollows
        | Milestone::Streaming { .. }
        | Milestone::AllStreaming
        | Milestone::CaughtUp { .. }
        | Milestone::SessionsGone { .. }
        | Milestone::ParametersInForce { .. }
        | Milestone::Slots { .. }
        | Milestone::NothingPending { .. }
        | Milestone::Serving { .. } => Ok(None),
        Milestone::Restarted { member } | Milestone::Copying { member } => same_start(scene, member).map(Some),
        Milestone::Reloaded { member } => not_reloaded(scene, member).map(Some),
        Milestone::Maintenance { .. } | Milestone::Configured { .. } => configuration(scene).map(Some),
        Milestone::SwitchoverScheduled { scheduled } => {
            majority(scene)?;
            if !scheduled && order::is_as_before(scene) {
                return Ok(Some("the switchover of before is still on record".to_owned()));
            }
            opposite(&order::switchover_scheduled(scene, !scheduled), &order::switchover_scheduled(scene, *scheduled))
        }
        Milestone::RestartScheduled { member, scheduled } => opposite(
            &order::restart_scheduled(scene, member, !scheduled),
            &order::restart_scheduled(scene, member, *scheduled),
        ),
        Milestone::RouterServer { router, backend, server, state } => {
            let telling = part::router_server(scene, router, backend, server, *state);
            // Only a word of the router itself proves it, not its silence.
            let heard = scene.snapshot.routers.iter().any(|known| known.name == *router && part::heard(scene, known));
            match telling {
                Telling::NotYet { why } if heard => Ok(Some(why.to_string())),
                other => Err(other.words().to_string()),
            }
        }
        Milestone::SessionEnded { member, pid, started, how } => {
            node::session_goes_on(scene, member, *pid, *started, *how).map(Some)
        }
    }
}

/// For an order on record: that it is not there is proven where its opposite is seen; an order of before still there
/// says so by itself.
fn opposite(opposite: &Telling, wanted: &Telling) -> Result<Option<String>, String> {
    if wanted.is_reached() {
        return Err(wanted.words().to_string());
    }
    match opposite {
        Telling::Reached { evidence } => Ok(Some(evidence.to_string())),
        other => Err(other.words().to_string()),
    }
}

fn majority(scene: &Scene<'_>) -> Result<(), String> {
    if scene.quorum() { Ok(()) } else { Err("the DCS has no proven quorum".to_owned()) }
}

/// The same leader by the same holding of the lock, and no order on record.
fn lead(scene: &Scene<'_>) -> Result<String, String> {
    majority(scene)?;
    let record = scene.record().ok_or("the record has not been heard since")?;
    if record.value.order.is_some() {
        return Err("an order is still on record".to_owned());
    }
    let was = &scene.before.generation;
    match (&record.value.leader, &was.leader) {
        (None, None) => Ok("nobody leads, as before, and no order is on record".to_owned()),
        (Some(key), Some(leader)) if key.holder == *leader && !lead::taken_anew(scene, key) => {
            Ok(format!("{leader} leads as before, and no order is on record"))
        }
        (None | Some(_), None | Some(_)) => Err("the leader lock has changed".to_owned()),
    }
}

fn same_start(scene: &Scene<'_>, member: &NodeName) -> Result<String, String> {
    let Ok(sql) = scene.sql(member) else { return Err(format!("{member} does not answer by SQL")) };
    let was = scene.was(member).and_then(|was| was.started).ok_or("the start of before is not known")?;
    if sql.value.postmaster_started != was {
        return Err(format!("{member} has started anew"));
    }
    let agent = scene.agent(member).ok_or_else(|| format!("the agent of {member} does not answer"))?;
    match agent.value.state {
        MemberState::Running | MemberState::Streaming | MemberState::InArchiveRecovery => {
            Ok(format!("{member} runs since {was}, as before"))
        }
        ref other => Err(format!("{member} is {other}")),
    }
}

fn not_reloaded(scene: &Scene<'_>, member: &NodeName) -> Result<String, String> {
    let start = same_start(scene, member)?;
    let read = scene.sql(member).ok().and_then(|sql| sql.value.files_read);
    let was = scene.was(member).and_then(|was| was.files_read);
    match (read, was) {
        (Some(read), Some(was)) if read <= was => Ok(format!("{start}, and has not read its files since {was}")),
        (Some(_), Some(_)) => Err(format!("{member} has read its files")),
        (None, _) | (_, None) => Err(format!("when {member} read its files is not known")),
    }
}

fn configuration(scene: &Scene<'_>) -> Result<String, String> {
    majority(scene)?;
    let record = scene.record().ok_or("the record has not been heard since")?;
    let revision = record.value.config().map_or(0, |config| config.mod_revision);
    if revision > 0 && revision == scene.before.generation.count(Counter::Configuration) {
        Ok(format!("the configuration is still at revision {revision}"))
    } else {
        Err("the configuration cannot be told to be the one before".to_owned())
    }
}
