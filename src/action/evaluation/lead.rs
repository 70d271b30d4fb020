//! Who leads: the old leader steps down, the new one is promoted.

use super::MilestoneStatus;
use super::evidence::{EvaluationContext, FreshAnswer};
use crate::model::name::NodeName;
use crate::model::observed::Reading;
use crate::model::record::{ClusterRecord, Counter, Lead};
use crate::model::source::FailureKind;

/// Whether the lock was taken anew since the action began. A source without revisions only tells another holder.
pub(super) fn reacquired(context: &EvaluationContext<'_>, key: &Lead) -> bool {
    let was = &context.before.generation;
    if key.create_revision == 0 || was.count(Counter::Lead) == 0 {
        was.leader.as_ref() != Some(&key.holder)
    } else {
        key.create_revision > was.count(Counter::Lead)
    }
}

pub(super) fn stepped_down(context: &EvaluationContext<'_>, member: &NodeName) -> MilestoneStatus {
    let Some(record) = context.record() else {
        return MilestoneStatus::not_yet("the DCS state has not been read since the action started");
    };
    if let Some(key) = &record.value.leader
        && key.holder == *member
    {
        return if reacquired(context, key) {
            MilestoneStatus::contradicted(format!("{member} lost the leader key and acquired it again"))
        } else {
            MilestoneStatus::not_yet(format!("{member} holds the leader key"))
        };
    }
    let lock = lock(&record);
    match context.sql(member) {
        Ok(sql) if sql.value.in_recovery => MilestoneStatus::reached(format!("{}: in recovery; {lock}", sql.source)),
        Ok(sql) => MilestoneStatus::not_yet(format!("{}: still not in recovery; {lock}", sql.source)),
        Err(doubt) => {
            let refused =
                context.member(member).and_then(|member| member.sql.as_ref()).and_then(|sql| went_away(context, sql));
            match refused {
                // A port that is forwarded takes the connection and closes it, whoever listens behind it or does not.
                None => match ended(context, member) {
                    Some(word) => MilestoneStatus::reached(format!("{word}; {lock}")),
                    None => doubt.reported(),
                },
                // A firewall may refuse in the name of a server that runs: then its agent says that it does.
                Some(how) if runs_as_primary(context, member) => MilestoneStatus::not_yet(format!(
                    "SQL {member}: {how}, but its agent reports it running as primary; {lock}"
                )),
                Some(how) => MilestoneStatus::reached(format!("SQL {member}: {how}; {lock}")),
            }
        }
    }
}

/// Whether the agent of `member` has said since that its PostgreSQL is up and takes writes.
fn runs_as_primary(context: &EvaluationContext<'_>, member: &NodeName) -> bool {
    context.agent(member).is_some_and(|agent| agent.value.state.is_up() && agent.value.role.is_writable())
}

/// The word of the agent of `member`, asked since, that its PostgreSQL does not run. An agent that is another member's or
/// another cluster's says nothing of it.
fn ended(context: &EvaluationContext<'_>, member: &NodeName) -> Option<String> {
    let agent = context.agent(member)?;
    let another = agent.value.name.as_ref().is_some_and(|own| own != member);
    let ids = agent.value.system_id.zip(context.before.generation.system_id);
    let foreign = ids.is_some_and(|(own, cluster)| own != cluster);
    let ended = agent.value.state.has_ended() && !another && !foreign;
    ended.then(|| format!("{}: PostgreSQL is {}", agent.source, agent.value.state))
}

/// In which words PostgreSQL has said since that it is gone. Silence is no such word: a server that was cut off runs on.
fn went_away<T>(context: &EvaluationContext<'_>, reading: &Reading<T>) -> Option<String> {
    let failure = reading.failure.as_ref().filter(|failure| failure.at > context.since)?;
    match failure.error.failure_kind {
        FailureKind::Refused | FailureKind::NotReady => Some(failure.error.brief()),
        FailureKind::TimedOut
        | FailureKind::Name
        | FailureKind::Unreachable
        | FailureKind::Tls
        | FailureKind::Credentials
        | FailureKind::Withheld
        | FailureKind::Permission
        | FailureKind::Closed
        | FailureKind::UnexpectedAnswer
        | FailureKind::NoSuchCluster
        | FailureKind::TooLarge
        | FailureKind::NoQuorum
        | FailureKind::NotAttempted
        | FailureKind::TooManyOpenFiles
        | FailureKind::SlotsTaken
        | FailureKind::ConnectionLimit
        | FailureKind::Unsupported => None,
    }
}

fn lock(record: &FreshAnswer<'_, ClusterRecord>) -> String {
    let holder = record.value.leader.as_ref().map_or("no member", |key| key.holder.as_str());
    format!("{}: {holder} holds the leader key", record.source)
}

pub(super) fn promoted(context: &EvaluationContext<'_>, wanted: Option<&NodeName>) -> MilestoneStatus {
    let Some(record) = context.record() else {
        return MilestoneStatus::not_yet("the DCS state has not been read since the action started");
    };
    let Some(key) = &record.value.leader else { return MilestoneStatus::not_yet("no member holds the leader key") };
    let holder = &key.holder;
    let was = &context.before.generation;
    if !reacquired(context, key) {
        return MilestoneStatus::not_yet(format!("{holder} still holds the leader key"));
    }
    if was.leader.as_ref() == Some(holder) {
        return MilestoneStatus::contradicted(format!("{holder} lost the leader key and acquired it again"));
    }
    let sql = match context.sql(holder) {
        Ok(sql) => sql,
        Err(doubt) => return doubt.reported(),
    };
    if sql.value.in_recovery {
        return MilestoneStatus::not_yet(format!("{holder} holds the leader key and is still in recovery"));
    }
    let (Some(old), Some(new)) = (was.timeline, sql.value.timeline) else {
        return MilestoneStatus::not_yet(format!("the timeline of {holder} cannot be compared with the previous one"));
    };
    if new <= old {
        return MilestoneStatus::not_yet(format!("{holder} is on timeline {new}, as before"));
    }
    if was.system_id.is_some() && sql.value.system_id.is_none() {
        return MilestoneStatus::not_yet(format!("{} does not report its system identifier", sql.source));
    }
    if let Some(wanted) = wanted.filter(|wanted| *wanted != holder) {
        return MilestoneStatus::contradicted(format!("{holder} was promoted instead of {wanted}, timeline {new}"));
    }
    MilestoneStatus::reached(format!(
        "{}: not in recovery, timeline {old} → {new}; {}, revision {}",
        sql.source,
        lock(&record),
        key.create_revision
    ))
}
