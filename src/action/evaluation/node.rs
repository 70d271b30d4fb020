//! One node: restarts, copies, sessions.

use jiff::Timestamp;

use super::super::intent::EndSession;
use super::MilestoneStatus;
use super::evidence::EvaluationContext;
use crate::model::name::NodeName;
use crate::model::postgres::{SqlPart, SqlReport};
use crate::model::role::{MemberState, Role};
use crate::model::units::utc;

pub(super) fn restarted(context: &EvaluationContext<'_>, member: &NodeName) -> MilestoneStatus {
    let sql = match context.sql(member) {
        Ok(sql) => sql,
        Err(doubt) => return doubt.reported(),
    };
    let now = sql.value.postmaster_started;
    let Some(was) = context.was(member).and_then(|was| was.started) else {
        return MilestoneStatus::not_yet(format!(
            "the previous start time of {member} is unknown: {} is not conclusive",
            utc(now)
        ));
    };
    if now < was {
        return MilestoneStatus::not_yet(format!(
            "{}: running since {}, earlier than before: a different server responds",
            sql.source,
            utc(now)
        ));
    }
    if now == was {
        return MilestoneStatus::not_yet(format!("{member} running since {}, as before", utc(was)));
    }
    if let Some(agent) = context.agent(member)
        && !agent.value.state.is_up()
    {
        return MilestoneStatus::not_yet(format!("{}: {}", agent.source, agent.value.state));
    }
    MilestoneStatus::reached(format!("{}: running since {} (before: since {})", sql.source, utc(now), utc(was)))
}

pub(super) fn reloaded(context: &EvaluationContext<'_>, member: &NodeName) -> MilestoneStatus {
    let sql = match context.sql(member) {
        Ok(sql) => sql,
        Err(doubt) => return doubt.reported(),
    };
    if let MilestoneStatus::Reached { evidence } = restarted(context, member) {
        return MilestoneStatus::reached(format!("{evidence}; a start also reads them"));
    }
    let Some(now) = sql.value.files_read else {
        return MilestoneStatus::not_yet(format!(
            "{} does not report when it read its configuration files",
            sql.source
        ));
    };
    let Some(was) = context.was(member).and_then(|was| was.files_read) else {
        return MilestoneStatus::not_yet(format!(
            "the previous reload time of {member} is unknown: {} is not conclusive",
            utc(now)
        ));
    };
    // Earlier than before: another session tells the server's own reading, of the same reload.
    if now <= was {
        return MilestoneStatus::not_yet(format!("{}: configuration loaded {}, not since", sql.source, utc(now)));
    }
    MilestoneStatus::reached(format!("{}: configuration loaded {} (before: {})", sql.source, utc(now), utc(was)))
}

pub(super) fn copying(context: &EvaluationContext<'_>, member: &NodeName) -> MilestoneStatus {
    if let Some(agent) = context.agent(member)
        && (agent.value.state == MemberState::CreatingReplica || agent.value.role == Role::Uninitialized)
    {
        return MilestoneStatus::reached(format!("{}: {}", agent.source, agent.value.state));
    }
    let record = context.record();
    let written = record.and_then(|record| record.value.member(member));
    if let (Some(record), Some(written)) = (record, written)
        && written.state == MemberState::CreatingReplica
    {
        return MilestoneStatus::reached(format!("{}: {member} {}", record.source, written.state));
    }
    if record.is_some_and(|record| record.value.leader.as_ref().is_some_and(|key| key.holder == *member)) {
        return MilestoneStatus::contradicted(format!("{member} is the leader: no reinit"));
    }
    // A small cluster is copied between two looks. Nothing but a copy makes a replica's PostgreSQL start anew after its
    // agent took that order; where another did, the copy is still under way and is seen next.
    if let MilestoneStatus::Reached { evidence } = restarted(context, member) {
        return MilestoneStatus::reached(format!("{evidence}; reinit completed before it was observed"));
    }
    match context.agent(member) {
        Some(agent) => MilestoneStatus::not_yet(format!("{}: {}", agent.source, agent.value.state)),
        None => MilestoneStatus::not_yet(format!("no response from the agent of {member} since")),
    }
}

pub(super) fn session_ended(
    context: &EvaluationContext<'_>,
    member: &NodeName,
    pid: u32,
    started: Timestamp,
    how: EndSession,
) -> MilestoneStatus {
    let sql = match context.sql(member) {
        Ok(sql) => sql,
        Err(doubt) => return doubt.reported(),
    };
    if context.was(member).and_then(|was| was.started).is_some_and(|was| sql.value.postmaster_started > was) {
        return MilestoneStatus::reached(format!("{}: PostgreSQL was restarted", sql.source));
    }
    let report = sql.value;
    if let Some(session) = report.sessions.iter().find(|session| u32::try_from(session.pid) == Ok(pid)) {
        return match (session.started, how) {
            (Some(other), _) if other != started => {
                MilestoneStatus::reached(format!("{}: pid {pid} is now a different session, of {other}", sql.source))
            }
            (_, EndSession::Terminate) => MilestoneStatus::not_yet(format!("session {pid} on {member} still exists")),
            (_, EndSession::Cancel) if session.state != *"active" => {
                MilestoneStatus::reached(format!("{}: session {pid} is {}", sql.source, session.state))
            }
            // A statement that began after the action is another one.
            (_, EndSession::Cancel) if session.query_age.is_some_and(|age| age < sql.at.since(context.since)) => {
                MilestoneStatus::reached(format!("{}: session {pid} now runs another statement", sql.source))
            }
            (_, EndSession::Cancel) => {
                MilestoneStatus::not_yet(format!("session {pid} on {member} is still running its statement"))
            }
        };
    }
    if let Some(sender) = report.downstream.iter().find(|row| u32::try_from(row.pid) == Ok(pid)) {
        return match sender.started {
            Some(other) if other != started => MilestoneStatus::reached(format!(
                "{}: pid {pid} now serves another WAL receiver, since {}",
                sql.source,
                utc(other)
            )),
            Some(_) | None => MilestoneStatus::not_yet(format!("walsender {pid} on {member} still exists")),
        };
    }
    if !report.knows(SqlPart::Downstream) {
        return MilestoneStatus::not_yet(format!("not every walsender of {member} is visible"));
    }
    if !report.knows(SqlPart::Sessions) || report.sessions.len() >= SqlReport::MAX_SESSIONS {
        return MilestoneStatus::not_yet(format!("not every session of {member} is visible"));
    }
    MilestoneStatus::reached(format!("{}: session {pid} is not active", sql.source))
}

/// That the session is seen since and goes on as before, in words. An error: it is not seen, or does not.
pub(super) fn session_goes_on(
    context: &EvaluationContext<'_>,
    member: &NodeName,
    pid: u32,
    started: Timestamp,
    how: EndSession,
) -> Result<String, String> {
    let is_seen = context.sql(member).is_ok_and(|sql| sql.value.backend(pid).is_some());
    match session_ended(context, member, pid, started, how) {
        MilestoneStatus::NotYet { why } if is_seen => Ok(why.to_string()),
        MilestoneStatus::NotYet { .. } => Err(format!("session {pid} on {member} is not visible")),
        MilestoneStatus::Reached { evidence: words } | MilestoneStatus::Contradicted { why: words } => {
            Err(words.to_string())
        }
    }
}
