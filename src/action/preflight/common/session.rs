//! Ending a session: the very one that was picked, and nobody's but a client's.

use jiff::Timestamp;

use crate::action::intent::{EndSession, Intent, SessionIntent};
use crate::action::note::CheckNote;
use crate::action::preflight::context::{CheckContext, block, pass, warn};
use crate::action::walsender::{ActiveWalsender, Consumer, ConsumerProgress, senders};
use crate::model::name::NodeName;
use crate::model::postgres::SqlPart;
use crate::model::units;

/// How this program calls itself towards PostgreSQL.
const OWN_APPLICATION: &str = "pgctl-tui";

/// The session that is meant is there, and is a client's.
pub(in crate::action::preflight) fn examine(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    let Some(Intent::Session(SessionIntent::End { member, pid, started, how })) = context.intent() else { return };
    one(context, member, *pid, *started, *how, notes);
}

fn one(
    context: &CheckContext<'_>,
    name: &NodeName,
    pid: u32,
    started: Timestamp,
    how: EndSession,
    notes: &mut Vec<CheckNote>,
) {
    const CHECK: &str = "session-there";
    let Some(view) = context.view(name) else {
        notes.push(block("target-known", format!("there is no member {name}")).about(name));
        return;
    };
    let Some(sql) = context.sql(view) else {
        notes.push(block(CHECK, format!("PostgreSQL on {name} is unreachable: its sessions are unknown")).about(name));
        return;
    };
    let report = sql.value;
    let is = |other: i32| u32::try_from(other) == Ok(pid);
    let mut push = |note: CheckNote| notes.push(note.about(name).by(&sql));
    let senders = senders(context.snapshot, report).unwrap_or_default();
    if let Some(sender) = senders.iter().find(|sender| is(sender.row.pid)) {
        if sender.row.started == Some(started) {
            push(pass(CHECK, format!("pid {pid} on {name} is a walsender since {}", units::utc(started))));
            push(walsender(sender, name));
            return;
        }
        if sender.row.started.is_none() {
            push(block(CHECK, format!("the start time of pid {pid} on {name} is not visible to this role")));
        }
    } else if report.base_backups.iter().any(|backup| is(backup.pid)) {
        push(
            block("session-is-clients", format!("pid {pid} on {name} serves a base backup, which will fail"))
                .overridable(),
        );
    }
    match report.sessions.iter().find(|session| is(session.pid)) {
        Some(session) if session.started == Some(started) => {
            let who = format!("{} {}", session.user, session.application);
            push(pass(CHECK, format!("pid {pid} on {name} is the session of {who} of {}", units::utc(started))));
            if session.application == *OWN_APPLICATION {
                push(block(
                    "session-not-ours",
                    format!("pid {pid} on {name} is a session of {OWN_APPLICATION} itself"),
                ));
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
                push(block(CHECK, format!("pid {pid} on {name} is now a different session, of {other}")));
            }
            None => push(block(CHECK, format!("the start time of pid {pid} on {name} is not visible to this role"))),
        },
        None if !report.knows(SqlPart::Sessions) => {
            push(block(CHECK, format!("the sessions of {name} are not visible")));
        }
        // Plain idle ones are not shown. The order is pinned to the start of the backend: it hits that session or nothing.
        None => push(warn(
            CHECK,
            format!(
                "pid {pid} on {name} is not an active session: it is idle or gone; only the session of {} \
                    is terminated",
                units::utc(started)
            ),
        )),
    }
}

/// What becomes of a commit that a synchronous standby has not confirmed: the wait ends, and the transaction stays committed.
fn unconfirmed(pid: u32, name: &NodeName, how: EndSession) -> String {
    let ends = match how {
        EndSession::Cancel => "cancelling it commits locally",
        EndSession::Terminate => "terminating it commits locally, and its client does not learn of it",
    };
    format!(
        "pid {pid} on {name} is waiting for a synchronous standby to confirm its commit: {ends}; the standby may lack it"
    )
}

/// What ending a walsender does to whom it serves.
fn walsender(sender: &ActiveWalsender<'_>, name: &NodeName) -> CheckNote {
    const CHECK: &str = "session-is-clients";
    let (who, how) = (sender.who(), sender.how());
    match (&sender.consumer, sender.keeps) {
        (Consumer::Backup, _) => {
            block(CHECK, format!("{who} on {name} is a base backup: it will fail and must start over")).overridable()
        }
        (Consumer::Member(member), ConsumerProgress::Up | ConsumerProgress::Behind) => {
            block(CHECK, format!("{who} on {name} serves {member}, which replies, {how}: it would reconnect at once"))
                .overridable()
        }
        (_, ConsumerProgress::Silent) => {
            warn(CHECK, format!("{who} on {name}, {how}: its stream is terminated and restarts when it reconnects"))
        }
        (_, _) => warn(CHECK, format!("{who} on {name}, {how}: its stream is terminated; it reconnects if possible")),
    }
}

/// Who waits for the session, in words.
fn blocked_by(report: &crate::model::postgres::SqlReport, pid: i32) -> Option<String> {
    let waiting = report.sessions.iter().filter(|session| session.blocked_by.contains(&pid)).count();
    (waiting > 0).then(|| format!("{} blocked by pid {pid}, until it ends", units::plural(waiting, "session")))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::action::intent::SessionIntent;
    use crate::action::intent::{EndSession, Intent};
    use crate::action::note::{CheckNote, CheckVerdict};
    use crate::action::preflight::examine;
    use crate::action::test_support::{healthy, pg, restart, session, sql, started};
    use crate::model::snapshot::Snapshot;

    /// Its transaction is committed already: ending the wait takes nothing back, and confirms what no standby has.
    #[rstest]
    #[case::cancelled(EndSession::Cancel)]
    #[case::terminated(EndSession::Terminate)]
    fn a_commit_that_waits_for_a_standby_stays_when_its_session_is_ended(#[case] how: EndSession) {
        let mut plan = restart(0);
        plan.intent = Intent::Session(SessionIntent::End { member: pg(0), pid: 77, started: started(), how });
        plan.checks = crate::action::preflight::patroni::checks(&plan);
        let reported = |snapshot: &Snapshot| -> Option<CheckNote> {
            examine(snapshot, &plan).into_iter().find(|note| note.check == *"session-waits-for-standby")
        };
        let mut snapshot = healthy();
        sql(&mut snapshot, 0, |report| report.sessions = vec![session(77)]);
        assert_eq!(reported(&snapshot), None, "it waits for nothing");
        sql(&mut snapshot, 0, |report| report.sessions[0].wait = "IPC: SyncRep".into());
        let note = reported(&snapshot).unwrap();
        assert_eq!(note.verdict, CheckVerdict::Warn);
        for part in ["it commits locally", "the standby may lack it"] {
            assert!(note.text.as_str().contains(part), "{}", note.text);
        }
    }
}
