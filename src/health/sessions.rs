//! Sessions that wait for another's lock: a queue is one finding, named by who stands at its head.

use super::finding_draft::FindingDraft;
use crate::model::blocking::{Head, LockQueue};
use crate::model::finding::{Severity, Subject};
use crate::model::observed::Observed;
use crate::model::postgres::{Session, SqlReport};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::model::units;
use crate::model::view::MemberView;

/// Sessions told one by one as evidence.
const MAX_REPORTED: usize = 5;

pub(super) fn examine(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    for view in snapshot.views() {
        let Some(sql) = view.member.sql.as_ref() else { continue };
        let (Some(report), Some(fact)) = (sql.fresh(snapshot.now), sql.fact(snapshot.now, |_| Some(()))) else {
            continue;
        };
        for queue in report.queues() {
            blocked(&view, report, &queue, &fact, drafts);
        }
    }
}

fn blocked(
    view: &MemberView<'_>,
    report: &SqlReport,
    queue: &LockQueue,
    fact: &Observed<()>,
    drafts: &mut Vec<FindingDraft>,
) {
    let limits = view.snapshot.thresholds.blocked_age;
    let severity = match queue.longest {
        Some(longest) => limits.judge(longest),
        // How long is hidden from this role: that they wait is not.
        None => Some(Severity::Warning),
    };
    let Some(severity) = severity else { return };
    let count = units::plural(queue.waiting.len(), "session");
    // More wait than are told one by one: the number is a lower limit.
    let reported = report.sessions.iter().filter(|session| !session.blocked_by.is_empty()).count();
    let least = if report.connections.doing.as_ref().is_some_and(|doing| doing.blocked as usize > reported) {
        "at least "
    } else {
        ""
    };
    let name = view.name();
    let (part, title) = match &queue.head {
        Head::Backend(pid) => {
            (pid.to_string(), format!("{least}{count} on {name} blocked by pid {pid}{}", described(report, *pid)))
        }
        Head::Prepared => {
            let oldest = report.oldest_prepared.as_ref().filter(|_| report.prepared_count == Some(1));
            let which = oldest.map_or_else(String::new, |one| format!(" {}", one.application));
            ("0".to_owned(), format!("{least}{count} on {name} blocked by prepared transaction{which}"))
        }
        Head::Circle(pids) => {
            let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
            let pids = pids.join(", ");
            (pids.clone(), format!("{least}{count} on {name} in a deadlock of pids {pids}"))
        }
    };
    let title = queue.longest.map_or_else(|| title.clone(), |age| format!("{title}, for {}", units::duration(age)));
    let mut draft =
        FindingDraft::new(severity, "blocked-sessions", Subject::Node(name.clone()), title).part(&Text::new(part));
    draft = draft.because(fact, "pg_blocking_pids");
    for session in queue.waiting.iter().filter_map(|pid| find(report, *pid)).take(MAX_REPORTED) {
        let age = session.wait_age().map_or_else(|| "?".to_owned(), units::duration);
        let blockers: Vec<String> = session.blocked_by.iter().map(ToString::to_string).collect();
        let (pid, user, query) = (session.pid, &session.user, &session.query);
        draft = draft.since_all(format!("pid {pid} {user} waits {age} for {}: {query}", blockers.join(", ")));
    }
    drafts.push(draft.advise(match &queue.head {
        Head::Backend(_) => {
            "ask the owner of the blocking session, or terminate it in view 6: the blocked sessions then continue"
        }
        Head::Prepared => "run COMMIT PREPARED or ROLLBACK PREPARED; it does not end by itself",
        Head::Circle(_) => "PostgreSQL cancels one of them after deadlock_timeout; the application must retry",
    }));
}

fn find(report: &SqlReport, pid: i32) -> Option<&Session> {
    report.sessions.iter().find(|session| session.pid == pid)
}

/// Who the blocker is: ` (deployer, idle in transaction 24 s)`.
fn described(report: &SqlReport, pid: i32) -> String {
    let Some(session) = find(report, pid) else { return " (not a visible client session)".to_owned() };
    let user = if session.user.is_empty() { "?" } else { session.user.as_str() };
    let state = if session.state.is_empty() { "?" } else { session.state.as_str() };
    let age = session.transaction_age.map(|age| format!(" {}", units::duration(age))).unwrap_or_default();
    format!(" ({user}, {state}{age})")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::test_support::{healthy, session, sql};

    fn evaluated(sessions: Vec<Session>) -> Vec<(Severity, String)> {
        let mut snapshot = healthy();
        sql(&mut snapshot, "pg-0", |report| report.sessions = sessions);
        let mut drafts = Vec::new();
        examine(&snapshot, &mut drafts);
        drafts.into_iter().map(|draft| (draft.finding.severity, draft.finding.title.to_string())).collect()
    }

    fn waiting(pid: i32, blockers: &[i32], seconds: u64) -> Session {
        Session { waited: Some(Duration::from_secs(seconds)), ..session(pid, "shop", blockers, Some(3600)) }
    }

    fn idle(pid: i32) -> Session {
        Session { user: "deployer".into(), state: "idle in transaction".into(), ..session(pid, "ddl", &[], Some(24)) }
    }

    #[test]
    fn a_queue_is_one_finding_that_names_its_head() {
        let sessions = vec![idle(5083), waiting(5100, &[5083], 24), waiting(5107, &[5100], 12)];
        let title = "2 sessions on pg-0 blocked by pid 5083 (deployer, idle in transaction 24.0 s), for 24.0 s";
        assert_eq!(evaluated(sessions), [(Severity::Warning, title.to_owned())]);
    }

    #[test]
    fn short_waits_are_no_finding_and_long_ones_are_critical_whatever_the_age_of_the_transaction() {
        assert_eq!(evaluated(vec![idle(5083), waiting(5100, &[5083], 3)]), []);
        assert_eq!(evaluated(vec![idle(5083), waiting(5100, &[5083], 400)])[0].0, Severity::Critical);
    }

    #[test]
    fn a_deadlock_names_everybody_in_it() {
        let title = "2 sessions on pg-0 in a deadlock of pids 1, 2, for 20.0 s";
        assert_eq!(
            evaluated(vec![waiting(1, &[2], 20), waiting(2, &[1], 15)]),
            [(Severity::Warning, title.to_owned())]
        );
    }
}
