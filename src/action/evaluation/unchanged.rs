//! The proof that everything an action was to change is as before.

use super::super::milestone::Milestone;
use super::super::plan::Plan;
use super::evidence::EvaluationContext;
use super::{MilestoneStatus, lead, node, order, pooler, router};
use crate::model::name::NodeName;
use crate::model::record::Counter;
use crate::model::role::MemberState;

/// The proof in words, from what was asked after the last reply. An error: what cannot be proven.
pub(super) fn proof(context: &EvaluationContext<'_>, plan: &Plan) -> Result<String, String> {
    let mut words: Vec<String> = Vec::new();
    for expected in &plan.expectation.sequence {
        if let Some(proven) = milestone(context, &expected.milestone)?
            && !words.contains(&proven)
        {
            words.push(proven);
        }
    }
    if words.is_empty() { Err("it cannot be observed".to_owned()) } else { Ok(words.join("; ")) }
}

/// `None`: it is the consequence of another one, and proves nothing by itself.
fn milestone(context: &EvaluationContext<'_>, milestone: &Milestone) -> Result<Option<String>, String> {
    match milestone {
        Milestone::SteppedDown { .. } | Milestone::Promoted { .. } => lead(context).map(Some),
        Milestone::RouterFollows
        | Milestone::Streaming { .. }
        | Milestone::AllStreaming
        | Milestone::CaughtUp { .. }
        | Milestone::SessionsGone { .. }
        | Milestone::ParametersInForce { .. }
        | Milestone::Slots { .. }
        | Milestone::NothingPending { .. }
        | Milestone::PoolerMoved { .. }
        | Milestone::Serving { .. } => Ok(None),
        Milestone::Restarted { member } | Milestone::Copying { member } => same_start(context, member).map(Some),
        Milestone::Reloaded { member } => not_reloaded(context, member).map(Some),
        Milestone::Maintenance { .. } | Milestone::Configured { .. } => configuration(context).map(Some),
        Milestone::SwitchoverScheduled { scheduled } => {
            majority(context)?;
            if !scheduled && order::is_as_before(context) {
                return Ok(Some("the previous switchover is still pending".to_owned()));
            }
            opposite(
                &order::switchover_scheduled(context, !scheduled),
                &order::switchover_scheduled(context, *scheduled),
            )
        }
        Milestone::RestartScheduled { member, scheduled } => opposite(
            &order::restart_scheduled(context, member, !scheduled),
            &order::restart_scheduled(context, member, *scheduled),
        ),
        Milestone::RouterServer { router, backend, server, state } => {
            let milestone_status = router::router_server(context, router, backend, server, *state);
            // Only a word of the router itself proves it, not its silence.
            let received =
                context.snapshot.routers.iter().any(|known| known.name == *router && router::received(context, known));
            match milestone_status {
                MilestoneStatus::NotYet { why } if received => Ok(Some(why.to_string())),
                other => Err(other.describe().to_string()),
            }
        }
        Milestone::PoolerFlow { pooler, database, paused } => opposite(
            &pooler::flow(context, pooler, database.as_ref(), !paused),
            &pooler::flow(context, pooler, database.as_ref(), *paused),
        ),
        Milestone::SessionEnded { member, pid, started, how } => {
            node::session_goes_on(context, member, *pid, *started, *how).map(Some)
        }
    }
}

/// For an order on record: that it is not there is proven where its opposite is seen; an order of before still there
/// says so by itself.
fn opposite(opposite: &MilestoneStatus, wanted: &MilestoneStatus) -> Result<Option<String>, String> {
    if wanted.is_reached() {
        return Err(wanted.describe().to_string());
    }
    match opposite {
        MilestoneStatus::Reached { evidence } => Ok(Some(evidence.to_string())),
        other => Err(other.describe().to_string()),
    }
}

fn majority(context: &EvaluationContext<'_>) -> Result<(), String> {
    if context.quorum() { Ok(()) } else { Err("the DCS quorum is not verified".to_owned()) }
}

/// The same leader by the same holding of the lock, and no order on record.
fn lead(context: &EvaluationContext<'_>) -> Result<String, String> {
    majority(context)?;
    let record = context.record().ok_or("the DCS state has not been read since the action started")?;
    if record.value.order.is_some() {
        return Err("a request is still pending".to_owned());
    }
    let was = &context.before.generation;
    match (&record.value.leader, &was.leader) {
        (None, None) => Ok("there is still no leader, and no request is pending".to_owned()),
        (Some(key), Some(leader)) if key.holder == *leader && !lead::reacquired(context, key) => {
            Ok(format!("{leader} is still the leader, and no request is pending"))
        }
        (None | Some(_), None | Some(_)) => Err("the leader key has changed".to_owned()),
    }
}

fn same_start(context: &EvaluationContext<'_>, member: &NodeName) -> Result<String, String> {
    let Ok(sql) = context.sql(member) else { return Err(format!("{member} is unreachable by SQL")) };
    let was = context.was(member).and_then(|was| was.started).ok_or("the previous start time is unknown")?;
    if sql.value.postmaster_started != was {
        return Err(format!("{member} was restarted"));
    }
    let agent = context.agent(member).ok_or_else(|| format!("the agent of {member} is unreachable"))?;
    match agent.value.state {
        MemberState::Running | MemberState::Streaming | MemberState::InArchiveRecovery => {
            Ok(format!("{member} running since {was}, as before"))
        }
        ref other => Err(format!("{member} is {other}")),
    }
}

fn not_reloaded(context: &EvaluationContext<'_>, member: &NodeName) -> Result<String, String> {
    let start = same_start(context, member)?;
    let read = context.sql(member).ok().and_then(|sql| sql.value.files_read);
    let was = context.was(member).and_then(|was| was.files_read);
    match (read, was) {
        (Some(read), Some(was)) if read <= was => Ok(format!("{start}, and has not reloaded since {was}")),
        (Some(_), Some(_)) => Err(format!("{member} has reloaded")),
        (None, _) | (_, None) => Err(format!("the reload time of {member} is unknown")),
    }
}

fn configuration(context: &EvaluationContext<'_>) -> Result<String, String> {
    majority(context)?;
    let record = context.record().ok_or("the DCS state has not been read since the action started")?;
    let revision = record.value.config().map_or(0, |config| config.mod_revision);
    let before = context.before.generation.count(Counter::Configuration);
    match (before, revision) {
        (_, 0) | (0, _) => Err("unknown whether the configuration is unchanged".to_owned()),
        (before, revision) if before == revision => Ok(format!("the configuration is still at revision {revision}")),
        (before, revision) => Err(format!("the configuration has changed: revision {before} before, {revision} now")),
    }
}
