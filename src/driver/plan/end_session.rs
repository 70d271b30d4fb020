//! Ending what a session does, or the session.

use std::time::Duration;

use jiff::Timestamp;

use super::context::{PlanContext, PlanDraft, refuse};
use crate::action::expectation::Expectation;
use crate::action::intent::EndSession;
use crate::action::milestone::Milestone;
use crate::action::order::SqlRequest;
use crate::action::plan::{Confirm, Danger, Infeasible, Plan};
use crate::action::walsender::senders;
use crate::model::name::NodeName;
use crate::model::postgres::{Session, SqlReport};
use crate::model::units;

/// Time for the statement; it only sends a signal.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for the signal to be heeded, and for the next look at the sessions.
const CANCEL_DEADLINE: Duration = Duration::from_secs(15);

pub(super) fn plan(
    context: &PlanContext<'_>,
    name: &NodeName,
    pid: u32,
    started: Timestamp,
    how: EndSession,
) -> Result<Plan, Infeasible> {
    let view = context.member(name)?;
    if context.acting_access.sql.is_none() {
        return Err(refuse(
            "SQL login for acting is not configured: set postgres.acting to a role with pg_signal_backend",
        ));
    }
    let Some(report) = view.member.sql.as_ref().and_then(|sql| sql.fresh(context.snapshot.now)) else {
        return Err(refuse(format!("PostgreSQL on {name} is unreachable: its sessions cannot be terminated over SQL")));
    };
    let session = report.sessions.iter().find(|session| u32::try_from(session.pid) == Ok(pid));
    if let Some(session) =
        session.filter(|session| how == EndSession::Cancel && session.state.as_str().starts_with("idle"))
    {
        let state = &session.state;
        return Err(refuse(format!(
            "session {pid} on {name} is {state}: there is no statement to cancel; terminate it"
        )));
    }
    let (function, verb) = match how {
        EndSession::Cancel => ("pg_cancel_backend", "cancel the statement of"),
        EndSession::Terminate => ("pg_terminate_backend", "terminate"),
    };
    let senders = senders(context.snapshot, report).unwrap_or_default();
    let sender = senders.iter().find(|sender| u32::try_from(sender.row.pid) == Ok(pid));
    if let Some(sender) = sender.filter(|_| how == EndSession::Cancel) {
        return Err(refuse(format!(
            "{} on {name} is a walsender: there is no statement to cancel; terminate it",
            sender.who()
        )));
    }
    let mut impact = match (session, sender) {
        (Some(session), _) => subject(session, report),
        (None, Some(sender)) => vec![format!("walsender: {}, {}", sender.who(), sender.how())],
        (None, None) => vec![format!("session {pid} is not listed for {name}: it may be idle or gone")],
    };
    let waits = session.is_some_and(Session::waits_for_standby);
    impact.push(match (how, sender) {
        (EndSession::Cancel, _) if waits => {
            "its commit is kept: it succeeds with a warning, and the standby may not have it; the session stays"
                .to_owned()
        }
        (EndSession::Terminate, None) if waits => {
            "its connection is closed, its transaction stays committed here; the standby may not have it".to_owned()
        }
        (EndSession::Cancel, _) => "its running statement fails, the session stays".to_owned(),
        (EndSession::Terminate, None) => "its connection is closed, its open transaction is rolled back".to_owned(),
        (EndSession::Terminate, Some(_)) => {
            "its stream is terminated; the receiver reconnects by itself if possible and continues from its position"
                .to_owned()
        }
    });
    impact.push(format!("nothing happens if {pid} is no longer the session that started at {}", units::utc(started)));
    let words = format!("{function}({pid}) of the backend started at {}", units::utc(started));
    let statement =
        format!("SELECT {function}(pid) FROM pg_stat_activity WHERE pid = {pid} AND backend_start = '{started}'");
    let ended = Milestone::SessionEnded { member: name.clone(), pid, started, how };
    Ok(context.plan(PlanDraft {
        title: format!("{verb} session {pid} on {name} of {}", context.cluster()),
        danger: Danger::Disruptive,
        confirm: Confirm::Yes,
        steps: vec![context.sql(view, SqlRequest::EndSession { pid, started, how }, &words, ANSWER_TIMEOUT)],
        no_return: 0,
        impact,
        equivalent: vec![context.psql(view, &statement)],
        expectation: Expectation::of([ended], CANCEL_DEADLINE),
    }))
}

/// How much of a statement is shown, in lines and in characters of each.
const STATEMENT: (usize, usize) = (3, 100);

/// What one decides by: who it is, what it runs, whom it keeps waiting and by which locks, and for whom it waits.
fn subject(session: &Session, report: &SqlReport) -> Vec<String> {
    let mut lines = vec![described(session)];
    lines.extend(statement(session.query.as_str()));
    let waiting: Vec<&Session> =
        report.sessions.iter().filter(|other| other.blocked_by.contains(&session.pid)).collect();
    if !waiting.is_empty() {
        let mut locks: Vec<&str> =
            waiting.iter().map(|other| other.wait.as_str()).filter(|wait| !wait.is_empty()).collect();
        locks.sort_unstable();
        locks.dedup();
        let pids: Vec<String> = waiting.iter().take(5).map(|other| other.pid.to_string()).collect();
        let more = if waiting.len() > 5 { ", ..." } else { "" };
        let count = units::plural(waiting.len(), "session");
        let held = if locks.is_empty() { String::new() } else { format!(", waiting for {}", locks.join(", ")) };
        lines.push(format!("blocks {count} (pid {}{more}){held}", pids.join(", ")));
    }
    if !session.blocked_by.is_empty() {
        let by: Vec<String> = session.blocked_by.iter().map(ToString::to_string).collect();
        lines.push(format!("is itself blocked by pid {}, {}", by.join(", "), session.wait));
    } else if !session.wait.is_empty() {
        lines.push(format!("waits for {}", session.wait));
    }
    lines
}

/// The statement in at most three lines, broken at blanks.
fn statement(query: &str) -> Vec<String> {
    let (most, width) = STATEMENT;
    if query.is_empty() {
        return vec!["its statement is not visible to this login".to_owned()];
    }
    let mut lines: Vec<String> = Vec::new();
    let mut line = "statement:".to_owned();
    for word in query.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > width && !line.is_empty() {
            lines.push(std::mem::replace(&mut line, " ".to_owned()));
        }
        line.push(' ');
        line.push_str(word);
    }
    lines.push(line);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            last.push_str(" ...");
        }
    }
    lines
}

fn described(session: &Session) -> String {
    let age = session.transaction_age.map(|age| format!(", in a transaction for {}", units::duration(age)));
    format!(
        "session {} of {} ({}) from {} in {}: {}{}",
        session.pid,
        session.user,
        session.application,
        if session.client.is_empty() { "a local socket" } else { session.client.as_str() },
        session.database,
        session.state,
        age.unwrap_or_default()
    )
}
