//! Ending what a session does, or the session.

use std::time::Duration;

use jiff::Timestamp;

use super::ground::{Ground, Sketch, no};
use crate::action::expectation::Expectation;
use crate::action::intent::EndSession;
use crate::action::milestone::Milestone;
use crate::action::order::SqlRequest;
use crate::action::plan::{Confirm, Danger, Impossible, Plan};
use crate::model::name::NodeName;
use crate::model::postgres::Session;
use crate::model::units;

/// Time for the statement; it only sends a signal.
const ANSWER: Duration = Duration::from_secs(5);
/// Time for the signal to be heeded, and for the next look at the sessions.
const HEEDED: Duration = Duration::from_secs(15);

pub(super) fn plan(
    ground: &Ground<'_>,
    name: &NodeName,
    pid: u32,
    started: Timestamp,
    how: EndSession,
) -> Result<Plan, Impossible> {
    let view = ground.member(name)?;
    if ground.manager.sql.is_none() {
        return Err(no("acting over SQL is not configured: set postgres.acting to a role that may signal backends"));
    }
    let Some(report) = view.member.sql.as_ref().and_then(|sql| sql.fresh(ground.snapshot.now)) else {
        return Err(no(format!("PostgreSQL on {name} does not answer: its sessions cannot be reached over SQL")));
    };
    let session = report.sessions.iter().find(|session| u32::try_from(session.pid) == Ok(pid));
    if let Some(session) =
        session.filter(|session| how == EndSession::Cancel && session.state.as_str().starts_with("idle"))
    {
        let state = &session.state;
        return Err(no(format!("session {pid} on {name} is {state}: it runs no statement to cancel; terminate it")));
    }
    let (function, verb) = match how {
        EndSession::Cancel => ("pg_cancel_backend", "cancel the statement of"),
        EndSession::Terminate => ("pg_terminate_backend", "terminate"),
    };
    let mut impact = vec![match session {
        Some(session) => described(session),
        None => format!("session {pid} is not among those shown of {name}: it may be idle, or gone"),
    }];
    impact.push(match how {
        EndSession::Cancel => "its running statement fails, the session stays".to_owned(),
        EndSession::Terminate => "its connection is cut, its open transaction is rolled back".to_owned(),
    });
    impact.push(format!(
        "nothing happens if {pid} is another session by now than the one that began at {}",
        units::utc(started)
    ));
    let words = format!("{function}({pid}) of the backend that began at {}", units::utc(started));
    let statement =
        format!("SELECT {function}(pid) FROM pg_stat_activity WHERE pid = {pid} AND backend_start = '{started}'");
    let ended = Milestone::SessionEnded { member: name.clone(), pid, started, how };
    Ok(ground.plan(Sketch {
        title: format!("{verb} session {pid} on {name} of {}", ground.cluster()),
        danger: Danger::Disruptive,
        confirm: Confirm::Yes,
        steps: vec![ground.sql(view, SqlRequest::EndSession { pid, started, how }, &words, ANSWER)],
        no_return: 0,
        impact,
        equivalent: vec![ground.psql(view, &statement)],
        expectation: Expectation::of([ended], HEEDED),
    }))
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
