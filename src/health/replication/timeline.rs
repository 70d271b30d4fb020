//! Timelines left behind.

use std::time::Duration;

use super::super::finding_draft::FindingDraft;
use super::subject;
use crate::model::finding::Severity;
use crate::model::lsn::Timeline;
use crate::model::observed::Observed;
use crate::model::snapshot::Snapshot;
use crate::model::view::MemberView;

/// Patroni's `loop_wait` where the record does not tell it.
const LOOP_WAIT: Duration = Duration::from_secs(10);

/// Timelines by the node's own wires. What it wrote into the record is of its last loop, which may have been before a
/// failover.
fn own_timelines<'a>(view: &MemberView<'a>) -> impl Iterator<Item = Observed<Timeline>> + use<'a> {
    let now = view.snapshot.now;
    let by_sql = view.member.sql.as_ref().and_then(|sql| sql.fact(now, |report| report.timeline));
    let by_agent = view.member.agent.as_ref().and_then(|agent| agent.fact(now, |report| report.timeline));
    [by_sql, by_agent].into_iter().flatten().filter(|timeline| timeline.fresh)
}

/// Whether the leader's timeline is so young that its followers may not have come after it: two loops of their agents.
fn changed_just_now(snapshot: &Snapshot) -> bool {
    let wait = snapshot.from_record(|content| content.config()?.loop_wait);
    let wait = wait.map_or(LOOP_WAIT, |wait| wait.value);
    let newest = snapshot.from_record(|content| content.history.last()?.at);
    newest.is_some_and(|at| snapshot.wall.duration_since(at.value).as_secs_f64() < wait.as_secs_f64() * 2.0)
}

pub(super) fn examine(view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
    let snapshot = view.snapshot;
    let Some(leader) = snapshot.leader().and_then(|leader| snapshot.member(&leader.value)) else { return };
    let Some(leader) = own_timelines(&snapshot.view(leader)).next() else { return };
    // One wire may be a loop behind the other: the node differs where neither knows of the leader's timeline.
    if own_timelines(view).any(|own| own.value == leader.value) || changed_just_now(snapshot) {
        return;
    }
    let Some(own) = own_timelines(view).next() else { return };
    let (severity, title) = if own.value < leader.value {
        (Severity::Warning, format!("{} is on timeline {}, the leader on {}", view.name(), own.value, leader.value))
    } else {
        (
            Severity::Critical,
            format!("{} is on timeline {}, ahead of the leader's {}", view.name(), own.value, leader.value),
        )
    };
    drafts.push(
        FindingDraft::new(severity, "timeline-differs", subject(view), title)
            .because(&leader, format!("leader's timeline {}", leader.value))
            .because(&own, format!("own timeline {}", own.value))
            .settling()
            .advise("wait one loop_wait; if it persists, its WAL diverged and it needs pg_rewind or reinit"),
    );
}
