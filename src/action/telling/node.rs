//! One node: restarts, copies, sessions.

use jiff::Timestamp;

use super::super::intent::EndSession;
use super::Telling;
use super::evidence::Scene;
use crate::model::name::NodeName;
use crate::model::postgres::{SqlPart, SqlReport};
use crate::model::role::{MemberState, Role};
use crate::model::units::utc;

pub(super) fn restarted(scene: &Scene<'_>, member: &NodeName) -> Telling {
    let sql = match scene.sql(member) {
        Ok(sql) => sql,
        Err(doubt) => return doubt.told(),
    };
    let now = sql.value.postmaster_started;
    let Some(was) = scene.was(member).and_then(|was| was.started) else {
        return Telling::not_yet(format!(
            "when {member} had started before is not known, so {} proves nothing",
            utc(now)
        ));
    };
    if now < was {
        return Telling::not_yet(format!(
            "{}: running since {}, which is earlier than before: another server answers",
            sql.source,
            utc(now)
        ));
    }
    if now == was {
        return Telling::not_yet(format!("{member} runs since {}, as before", utc(was)));
    }
    if let Some(agent) = scene.agent(member)
        && !agent.value.state.is_up()
    {
        return Telling::not_yet(format!("{}: {}", agent.source, agent.value.state));
    }
    Telling::reached(format!("{}: running since {} (before: since {})", sql.source, utc(now), utc(was)))
}

pub(super) fn reloaded(scene: &Scene<'_>, member: &NodeName) -> Telling {
    let sql = match scene.sql(member) {
        Ok(sql) => sql,
        Err(doubt) => return doubt.told(),
    };
    if let Telling::Reached { evidence } = restarted(scene, member) {
        return Telling::reached(format!("{evidence}; a start reads them too"));
    }
    let Some(now) = sql.value.files_read else {
        return Telling::not_yet(format!("{} does not tell when it read its files", sql.source));
    };
    let Some(was) = scene.was(member).and_then(|was| was.files_read) else {
        return Telling::not_yet(format!(
            "when {member} had read its files before is not known, so {} proves nothing",
            utc(now)
        ));
    };
    // Earlier than before: another session tells the server's own reading, of the same reload.
    if now <= was {
        return Telling::not_yet(format!("{}: files read {}, not since", sql.source, utc(now)));
    }
    Telling::reached(format!("{}: files read {} (before: {})", sql.source, utc(now), utc(was)))
}

pub(super) fn copying(scene: &Scene<'_>, member: &NodeName) -> Telling {
    if let Some(agent) = scene.agent(member)
        && (agent.value.state == MemberState::CreatingReplica || agent.value.role == Role::Uninitialized)
    {
        return Telling::reached(format!("{}: {}", agent.source, agent.value.state));
    }
    let record = scene.record();
    let written = record.and_then(|record| record.value.member(member));
    if let (Some(record), Some(written)) = (record, written)
        && written.state == MemberState::CreatingReplica
    {
        return Telling::reached(format!("{}: {member} {}", record.source, written.state));
    }
    if record.is_some_and(|record| record.value.leader.as_ref().is_some_and(|key| key.holder == *member)) {
        return Telling::contradicted(format!("{member} leads: it is not copied"));
    }
    // A small cluster is copied between two looks. Nothing but a copy makes a replica's PostgreSQL start anew after its
    // agent took that order; where another did, the copy is still under way and is seen next.
    if let Telling::Reached { evidence } = restarted(scene, member) {
        return Telling::reached(format!("{evidence}; copied before anybody looked"));
    }
    match scene.agent(member) {
        Some(agent) => Telling::not_yet(format!("{}: {}", agent.source, agent.value.state)),
        None => Telling::not_yet(format!("no answer of the agent of {member} since")),
    }
}

pub(super) fn session_ended(
    scene: &Scene<'_>,
    member: &NodeName,
    pid: u32,
    started: Timestamp,
    how: EndSession,
) -> Telling {
    let sql = match scene.sql(member) {
        Ok(sql) => sql,
        Err(doubt) => return doubt.told(),
    };
    if scene.was(member).and_then(|was| was.started).is_some_and(|was| sql.value.postmaster_started > was) {
        return Telling::reached(format!("{}: PostgreSQL itself has started anew", sql.source));
    }
    let report = sql.value;
    if let Some(session) = report.sessions.iter().find(|session| u32::try_from(session.pid) == Ok(pid)) {
        return match (session.started, how) {
            (Some(other), _) if other != started => {
                Telling::reached(format!("{}: pid {pid} is another session by now, of {other}", sql.source))
            }
            (_, EndSession::Terminate) => Telling::not_yet(format!("session {pid} on {member} is still there")),
            (_, EndSession::Cancel) if session.state != *"active" => {
                Telling::reached(format!("{}: session {pid} is {}", sql.source, session.state))
            }
            // A statement that began after the action is another one.
            (_, EndSession::Cancel) if session.query_age.is_some_and(|age| age < sql.at.since(scene.since)) => {
                Telling::reached(format!("{}: session {pid} runs another statement by now", sql.source))
            }
            (_, EndSession::Cancel) => Telling::not_yet(format!("session {pid} on {member} still runs its statement")),
        };
    }
    if let Some(sender) = report.downstream.iter().find(|row| u32::try_from(row.pid) == Ok(pid)) {
        return match sender.started {
            Some(other) if other != started => Telling::reached(format!(
                "{}: pid {pid} serves another receiver by now, since {}",
                sql.source,
                utc(other)
            )),
            Some(_) | None => Telling::not_yet(format!("walsender {pid} on {member} is still there")),
        };
    }
    if !report.knows(SqlPart::Downstream) {
        return Telling::not_yet(format!("not every walsender of {member} can be seen"));
    }
    if !report.knows(SqlPart::Sessions) || report.sessions.len() >= SqlReport::MOST_SESSIONS {
        return Telling::not_yet(format!("not every session of {member} can be seen"));
    }
    Telling::reached(format!("{}: session {pid} is not among those that do something", sql.source))
}

/// That the session is seen since and goes on as before, in words. An error: it is not seen, or does not.
pub(super) fn session_goes_on(
    scene: &Scene<'_>,
    member: &NodeName,
    pid: u32,
    started: Timestamp,
    how: EndSession,
) -> Result<String, String> {
    let is_seen = scene.sql(member).is_ok_and(|sql| sql.value.backend(pid).is_some());
    match session_ended(scene, member, pid, started, how) {
        Telling::NotYet { why } if is_seen => Ok(why.to_string()),
        Telling::NotYet { .. } => Err(format!("session {pid} on {member} is not seen")),
        Telling::Reached { evidence: words } | Telling::Contradicted { why: words } => Err(words.to_string()),
    }
}
