//! Ending a session: the very one that was picked, and nobody's but a client's.

use jiff::Timestamp;

use super::super::intent::EndSession;
use super::super::note::Note;
use super::super::walsender::{Consumer, Keeps, Sender, senders};
use super::scene::{Scene, block, pass, warn};
use crate::model::name::NodeName;
use crate::model::postgres::SqlPart;
use crate::model::units;

/// How this program calls itself towards PostgreSQL.
const OURS: &str = "pgctl-tui";

pub(super) fn examine(
    scene: &Scene<'_>,
    name: &NodeName,
    pid: u32,
    started: Timestamp,
    how: EndSession,
    notes: &mut Vec<Note>,
) {
    const CHECK: &str = "session-there";
    let Some(view) = scene.view(name) else {
        notes.push(block("target-known", format!("there is no member {name}")).about(name));
        return;
    };
    let Some(sql) = scene.sql(view) else {
        notes.push(block(CHECK, format!("PostgreSQL of {name} does not answer: its sessions are unknown")).about(name));
        return;
    };
    let report = sql.value;
    let is = |other: i32| u32::try_from(other) == Ok(pid);
    let mut push = |note: Note| notes.push(note.about(name).by(&sql));
    let senders = senders(scene.snapshot, report).unwrap_or_default();
    if let Some(sender) = senders.iter().find(|sender| is(sender.row.pid)) {
        if sender.row.started == Some(started) {
            push(pass(CHECK, format!("pid {pid} on {name} sends WAL since {}", units::utc(started))));
            push(walsender(sender, name));
            return;
        }
        if sender.row.started.is_none() {
            push(block(CHECK, format!("when pid {pid} on {name} began may not be seen by this role")));
        }
    } else if report.base_backups.iter().any(|backup| is(backup.pid)) {
        push(
            block("session-is-clients", format!("pid {pid} on {name} serves a base backup, which is lost"))
                .overridable(),
        );
    }
    match report.sessions.iter().find(|session| is(session.pid)) {
        Some(session) if session.started == Some(started) => {
            let who = format!("{} {}", session.user, session.application);
            push(pass(CHECK, format!("pid {pid} on {name} is the session of {who} of {}", units::utc(started))));
            if session.application == *OURS {
                push(block("session-not-ours", format!("pid {pid} on {name} is a session of {OURS} itself")));
            }
            if let Some(blocked) = blocked_by(report, session.pid) {
                push(warn("session-blocks", blocked));
            }
            if session.waits_for_standby() {
                push(warn("session-waits-for-standby", unconfirmed(pid, name, how)));
            }
        }
        Some(session) => match session.started {
            Some(other) => {
                push(block(CHECK, format!("pid {pid} on {name} is another session by now, of {other}")));
            }
            None => push(block(CHECK, format!("when pid {pid} on {name} began may not be seen by this role"))),
        },
        None if !report.knows(SqlPart::Sessions) => {
            push(block(CHECK, format!("the sessions of {name} cannot be seen")));
        }
        // Plain idle ones are not shown. The order is pinned to the start of the backend: it hits that session or nothing.
        None => push(warn(
            CHECK,
            format!(
                "pid {pid} on {name} is not among the sessions that do something: it is idle, or gone; only the session of {} \
                 is ended",
                units::utc(started)
            ),
        )),
    }
}

/// What becomes of a commit that a synchronous standby has not confirmed: the wait ends, and the transaction stays committed.
fn unconfirmed(pid: u32, name: &NodeName, how: EndSession) -> String {
    let ends = match how {
        EndSession::Cancel => "cancelling it commits locally",
        EndSession::Terminate => "terminating it commits locally, and its client is not told",
    };
    format!(
        "pid {pid} on {name} waits for a synchronous standby to confirm its commit: {ends}; the standby may not have it"
    )
}

/// What ending a walsender does to whom it serves.
fn walsender(sender: &Sender<'_>, name: &NodeName) -> Note {
    const CHECK: &str = "session-is-clients";
    let (who, how) = (sender.who(), sender.how());
    match (&sender.consumer, sender.keeps) {
        (Consumer::Backup, _) => {
            block(CHECK, format!("{who} on {name} is a base backup: it fails, and begins again from nothing"))
                .overridable()
        }
        (Consumer::Member(member), Keeps::Up | Keeps::Behind) => block(
            CHECK,
            format!("{who} on {name} serves {member}, which replies, {how}: it would connect again at once"),
        )
        .overridable(),
        (_, Keeps::Silent) => {
            warn(CHECK, format!("{who} on {name}, {how}: its stream is cut, and begins anew where it reconnects"))
        }
        (_, _) => warn(CHECK, format!("{who} on {name}, {how}: its stream is cut; it reconnects if it can")),
    }
}

/// Who waits for the session, in words.
fn blocked_by(report: &crate::model::postgres::SqlReport, pid: i32) -> Option<String> {
    let waiting = report.sessions.iter().filter(|session| session.blocked_by.contains(&pid)).count();
    (waiting > 0).then(|| format!("{waiting} sessions wait for pid {pid}: they go on when it ends"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::examine;
    use crate::action::intent::{EndSession, Intent};
    use crate::action::note::{Note, Verdict};
    use crate::action::test_support::{healthy, pg, restart, session, sql, started};
    use crate::model::snapshot::Snapshot;

    /// Its transaction is committed already: ending the wait takes nothing back, and confirms what no standby has.
    #[rstest]
    #[case::cancelled(EndSession::Cancel)]
    #[case::terminated(EndSession::Terminate)]
    fn a_commit_that_waits_for_a_standby_stays_when_its_session_is_ended(#[case] how: EndSession) {
        let mut plan = restart(0);
        plan.intent = Intent::EndSession { member: pg(0), pid: 77, started: started(), how };
        let told = |snapshot: &Snapshot| -> Option<Note> {
            examine(snapshot, &plan).into_iter().find(|note| note.check == *"session-waits-for-standby")
        };
        let mut snapshot = healthy();
        sql(&mut snapshot, 0, |report| report.sessions = vec![session(77)]);
        assert_eq!(told(&snapshot), None, "it waits for nothing");
        sql(&mut snapshot, 0, |report| report.sessions[0].wait = "IPC: SyncRep".into());
        let note = told(&snapshot).unwrap();
        assert_eq!(note.verdict, Verdict::Warn);
        for part in ["it commits locally", "the standby may not have it"] {
            assert!(note.text.as_str().contains(part), "{}", note.text);
        }
    }
}
