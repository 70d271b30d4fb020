//! What is wanted before the cluster has been looked at. Most verbs say it whole; a session is known by its process id,
//! and which session that is at present only the picture tells; what an action has left stands in its book.

use jiff::Timestamp;

use super::super::intent::{EndSession, Intent, SessionIntent};
use super::super::parameters::needs_settings;
use super::super::record::ActionId;
use super::Verb;
use crate::model::name::NodeName;
use crate::model::snapshot::Snapshot;

/// What was typed, as far as it goes.
#[derive(Clone, PartialEq, Debug)]
pub enum IntentRequest {
    /// Everything is said.
    Whole(Intent),
    /// A session is to be ended.
    Session {
        /// Node.
        member: NodeName,
        /// Process.
        pid: u32,
        /// Start of the backend; `None`: of whichever session has the number in the picture.
        started: Option<Timestamp>,
        /// How.
        how: EndSession,
    },
    /// What this action has left is to be taken back.
    Undo(ActionId),
}

impl IntentRequest {
    /// The verb that is said where no plan can be made.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Whole(intent) => intent.verb(),
            Self::Session { .. } => "end-session",
            Self::Undo(_) => "undo",
        }
    }

    /// The row of its verb.
    pub fn row(&self) -> &'static Verb {
        match self {
            Self::Whole(intent) => Verb::of(intent),
            Self::Session { .. } => &super::session::SESSION,
            Self::Undo(_) => &super::undo::UNDO,
        }
    }

    /// Whether the servers must have told their settings before a plan can be made that holds.
    pub fn needs_settings(&self) -> bool {
        matches!(self, Self::Whole(intent) if needs_settings(intent))
    }

    /// The intent, pinned to what `snapshot` shows.
    ///
    /// # Errors
    /// The session that is meant cannot be told: why, in one line, with the way out.
    pub fn pinned(&self, snapshot: &Snapshot) -> Result<Intent, String> {
        let (member, pid, how) = match self {
            Self::Whole(intent) => return Ok(intent.clone()),
            Self::Undo(action) => return Err(format!("what {action} left behind must be read from its journal first")),
            Self::Session { member, pid, how, .. } => (member, *pid, *how),
        };
        let Self::Session { started: Some(started), .. } = self else {
            let started = seen(snapshot, member, pid)?;
            return Ok(Intent::Session(SessionIntent::End { member: member.clone(), pid, started, how }));
        };
        Ok(Intent::Session(SessionIntent::End { member: member.clone(), pid, started: *started, how }))
    }
}

/// When the backend of the session began that has this number now.
fn seen(snapshot: &Snapshot, member: &NodeName, pid: u32) -> Result<Timestamp, String> {
    let Some(known) = snapshot.member(member) else {
        let names = snapshot.members.iter().map(|member| member.name.to_string()).collect::<Vec<_>>();
        return Err(format!("there is no member {member}; members: {}", names.join(", ")));
    };
    let Some(report) = known.sql.as_ref().and_then(|sql| sql.fresh(snapshot.now)) else {
        return Err(format!("PostgreSQL on {member} is unreachable: session {pid} cannot be identified"));
    };
    let Some(backend) = report.backend(pid) else {
        return Err(format!(
            "session {pid} is not active on {member}: it is idle, gone, or on another node; to end an idle session give \
                its start time: --started, as in pg_stat_activity.backend_start"
        ));
    };
    backend.started.ok_or_else(|| {
        format!("the start time of session {pid} on {member} is not visible: grant pg_monitor to the monitoring role")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::test_support::{healthy, session, sql};

    fn wanted(pid: u32, started: Option<Timestamp>) -> IntentRequest {
        IntentRequest::Session { member: NodeName::new("pg-0"), pid, started, how: EndSession::Terminate }
    }

    #[test]
    fn a_session_is_pinned_to_the_start_that_the_picture_shows() {
        let mut snapshot = healthy();
        let known = session(4711, "shop", &[], None);
        let began = known.started;
        sql(&mut snapshot, "pg-0", |report| report.sessions = vec![known]);
        let Ok(Intent::Session(SessionIntent::End { started, pid: 4711, .. })) = wanted(4711, None).pinned(&snapshot)
        else {
            panic!("not that session")
        };
        assert_eq!(Some(started), began);
        let why = wanted(4712, None).pinned(&snapshot).unwrap_err();
        assert!(why.contains("session 4712 is not active"), "{why}");
        // Whoever says which one is meant gets that one or none.
        let other: Timestamp = "2026-11-21T01:00:00Z".parse().unwrap();
        assert!(
            matches!(wanted(4711, Some(other)).pinned(&snapshot), Ok(Intent::Session(SessionIntent::End { started, .. })) if started == other)
        );
    }

    #[test]
    fn a_session_whose_start_is_hidden_is_not_guessed_at() {
        let mut snapshot = healthy();
        sql(&mut snapshot, "pg-0", |report| {
            report.sessions =
                vec![crate::model::postgres::Session { started: None, ..session(4711, "shop", &[], None) }];
        });
        assert!(wanted(4711, None).pinned(&snapshot).unwrap_err().contains("pg_monitor"));
    }
}
