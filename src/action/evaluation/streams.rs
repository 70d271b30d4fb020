//! Streams, seen from both sides.

use std::time::Duration;

use super::MilestoneStatus;
use super::evidence::EvaluationContext;
use crate::model::lsn::Timeline;
use crate::model::name::NodeName;
use crate::model::units;

pub(super) fn streaming(context: &EvaluationContext<'_>, member: &NodeName) -> MilestoneStatus {
    let Some(leader) = leader(context) else { return MilestoneStatus::not_yet("no leader is known since") };
    match stream(context, member, &leader) {
        Ok(words) => MilestoneStatus::reached(words),
        Err(milestone_status) => milestone_status,
    }
}

/// Never so little behind that it would be none while the leader writes: less than this counts as caught up.
const MAX_REPLAY_AGE: Duration = Duration::from_secs(1);

pub(super) fn caught_up(context: &EvaluationContext<'_>, member: &NodeName) -> MilestoneStatus {
    let Some(leader) = leader(context) else { return MilestoneStatus::not_yet("no leader is known since") };
    let streams = match stream(context, member, &leader) {
        Ok(words) => words,
        Err(milestone_status) => return milestone_status,
    };
    let row = context.snapshot.members.iter().filter(|other| other.name != *member).find_map(|other| {
        let sql = context.sql(&other.name).ok()?;
        sql.value.downstream.iter().find(|row| row.application.as_str() == member.as_str())
    });
    let (bytes, time) = row.map_or((None, None), |row| (row.replay_lag_bytes, row.replay_lag));
    match (bytes, time) {
        (Some(0), _) => MilestoneStatus::reached(format!("{streams}, no lag")),
        (_, Some(time)) if time < MAX_REPLAY_AGE => {
            MilestoneStatus::reached(format!("{streams}, lag {}", units::latency(time)))
        }
        (Some(bytes), _) => MilestoneStatus::not_yet(format!("{member} has a lag of {}", units::bytes(bytes))),
        (None, _) => MilestoneStatus::not_yet(format!("the lag of {member} is unknown")),
    }
}

pub(super) fn all_streaming(context: &EvaluationContext<'_>) -> MilestoneStatus {
    let (Some(leader), Some(record)) = (leader(context), context.record()) else {
        return MilestoneStatus::not_yet("no leader is known since");
    };
    let standbys: Vec<_> = context
        .snapshot
        .views()
        .filter(|view| *view.name() != leader.0 && !view.tags().is_some_and(|tags| tags.value.nostream))
        // One that is off the record is no standby by now, and may never come back.
        .filter(|view| record.value.member(view.name()).is_some())
        .collect();
    if standbys.is_empty() {
        return MilestoneStatus::not_yet("there is no standby");
    }
    let mut seen = Vec::with_capacity(standbys.len());
    for view in &standbys {
        match stream(context, view.name(), &leader) {
            Ok(words) => seen.push(words),
            // One that cannot follow rules nothing out for the others; it is named, and the rest is not told.
            Err(milestone_status) => return MilestoneStatus::not_yet(milestone_status.describe().as_str()),
        }
    }
    MilestoneStatus::reached(seen.join("; "))
}

/// The leader by the record, and its timeline by its own SQL.
fn leader(context: &EvaluationContext<'_>) -> Option<(NodeName, Timeline)> {
    let holder = context.record()?.value.leader.as_ref()?.holder.clone();
    let sql = context.sql(&holder).ok()?;
    Some((holder, sql.value.timeline?))
}

fn stream(
    context: &EvaluationContext<'_>,
    member: &NodeName,
    leader: &(NodeName, Timeline),
) -> Result<String, MilestoneStatus> {
    let (holder, timeline) = leader;
    let own = context.sql(member).map_err(super::evidence::SqlDoubt::reported)?;
    if *member == *holder {
        return Err(MilestoneStatus::contradicted(format!("{member} is the leader: it does not stream")));
    }
    if !own.value.in_recovery {
        return Err(MilestoneStatus::contradicted(format!(
            "{member} is not in recovery, and {holder} holds the leader key"
        )));
    }
    if let Some(agent) = context.agent(member)
        && !agent.value.state.is_up()
    {
        return Err(MilestoneStatus::not_yet(format!("{}: {}", agent.source, agent.value.state)));
    }
    let receiver = own.value.receiver.as_ref().filter(|receiver| receiver.status == "streaming");
    let Some(receiver) = receiver else {
        return Err(MilestoneStatus::not_yet(format!("{member} has no streaming WAL receiver")));
    };
    if receiver.timeline != Some(*timeline) {
        let own = receiver.timeline.map_or_else(|| "an unknown timeline".to_owned(), |own| format!("timeline {own}"));
        return Err(MilestoneStatus::not_yet(format!("{member} is streaming on {own}, the leader is on {timeline}")));
    }
    let view = context.member(member).map(|member| context.snapshot.view(member));
    if let Some(silent) = view.and_then(|view| view.stands_still()) {
        let silent = units::duration(silent);
        return Err(MilestoneStatus::not_yet(format!("no message from the WAL receiver of {member} for {silent}")));
    }
    let server = context.snapshot.members.iter().filter(|other| other.name != *member).find_map(|other| {
        let sql = context.sql(&other.name).ok()?;
        let streams = |state: &crate::model::text::Text| *state == "streaming";
        let row = sql.value.downstream.iter().find(|row| row.application.as_str() == member.as_str())?;
        row.state.as_ref().is_some_and(streams).then_some(&other.name)
    });
    let Some(server) = server else {
        return Err(MilestoneStatus::not_yet(format!(
            "no node has reported {member} as streaming since the action started"
        )));
    };
    Ok(format!("SQL {member}: receives timeline {timeline}; SQL {server}: streaming to {member}"))
}
