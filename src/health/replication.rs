//! Standbys and slots: lag, broken streams, timelines left behind, paused or delayed replay, WAL kept or lost.

use std::time::Duration;

use super::draft::Draft;
use crate::model::finding::{Severity, Subject};
use crate::model::lsn::Timeline;
use crate::model::observed::Observed;
use crate::model::postgres::{Slot, WalStatus};
use crate::model::role::{MemberState, Role};
use crate::model::snapshot::Snapshot;
use crate::model::trend::Course;
use crate::model::units;
use crate::model::view::MemberView;

/// Patroni's `loop_wait` where the record does not tell it.
const LOOP_WAIT: Duration = Duration::from_secs(10);

pub(super) fn examine(snapshot: &Snapshot, drafts: &mut Vec<Draft>) {
    for view in snapshot.views() {
        let replica = view.role().is_some_and(|role| role.fresh && role.value == Role::Replica);
        // Facts that may be another server's accuse nobody.
        if replica && view.doubt().is_none() {
            stream(&view, drafts);
            lag(&view, drafts);
            timeline(&view, drafts);
            replay(&view, drafts);
            cascade(&view, drafts);
        }
        slots(&view, drafts);
    }
}

fn subject(view: &MemberView<'_>) -> Subject {
    Subject::Node(view.name().clone())
}

fn stream(view: &MemberView<'_>, drafts: &mut Vec<Draft>) {
    let up = view.state().is_some_and(|state| state.fresh && state.value.is_up());
    let Some(streams) = view.streams().filter(|streams| up && streams.fresh && !streams.value) else { return };
    // Nobody streams from a node that is gone: that one is the finding.
    if view.upstream_is_gone() {
        return;
    }
    let archive = view.state().is_some_and(|state| state.value == MemberState::InArchiveRecovery);
    let how = if archive { "reads WAL from the archive: it does not stream" } else { "does not stream from anybody" };
    let draft = Draft::new(Severity::Warning, "not-streaming", subject(view), format!("{} {how}", view.name()));
    let draft = draft.because(&streams, "no live WAL receiver");
    drafts.push(draft.settling().advise(
        "look at its PostgreSQL log: a lost slot, a refused login, or a timeline it cannot follow; reinit is the last resort",
    ));
}

/// Bytes and time apart: time lies on an idle cluster, bytes lie on a busy one, so each is judged by its own limit and
/// the worse one counts.
fn lag(view: &MemberView<'_>, drafts: &mut Vec<Draft>) {
    let limits = &view.snapshot.thresholds;
    let lag = view.lag();
    let time = lag.excess().filter(|time| time.fresh);
    let delay = lag.delay;
    let bytes = lag.bytes.filter(|bytes| bytes.fresh);
    let by_bytes = bytes.as_ref().and_then(|bytes| limits.lag_bytes.judge(bytes.value));
    // Time behind with nothing left to replay is only the age of the last commit.
    let caught_up = bytes.as_ref().is_some_and(|bytes| bytes.value == 0);
    let by_time = time.as_ref().filter(|_| !caught_up).and_then(|time| limits.lag_time.judge(time.value));
    let Some(severity) = by_bytes.max(by_time) else { return };
    let words = |bytes: &Observed<u64>| format!("{} behind", units::bytes(bytes.value));
    // All that came is replayed, so the time says nothing: what is behind has not arrived yet.
    let telling = time.as_ref().filter(|time| time.value >= Duration::from_secs(1));
    let title = match (&bytes, telling) {
        (Some(bytes), Some(time)) => format!("{} is {} and {}", view.name(), words(bytes), units::duration(time.value)),
        (Some(bytes), None) => format!("{} is {}", view.name(), words(bytes)),
        (None, Some(time)) => format!("{} is {}", view.name(), units::duration(time.value)),
        (None, None) => return,
    };
    let trend = view.member.lag_trend;
    let course = bytes.as_ref().zip(trend).map(|(bytes, trend)| course(trend.course(bytes.value)));
    let title = course.as_ref().map_or_else(|| title.clone(), |course| format!("{title}, {course}"));
    let mut draft = Draft::new(severity, "lag", subject(view), title);
    if let Some(bytes) = &bytes {
        draft = draft.because(bytes, words(bytes));
        draft = draft.since_all(match (&course, trend) {
            (Some(course), Some(trend)) => format!("{course}, over the last {} s", trend.over.as_secs()),
            (_, _) => "watched too briefly to tell whether it grows".to_owned(),
        });
    }
    if let Some(time) = &time {
        draft = draft.because(time, units::duration(time.value));
    }
    let limit = view.snapshot.recorded(|content| content.config.as_ref()?.maximum_lag_on_failover);
    if let (Some(limit), Some(bytes)) = (limit, &bytes)
        && bytes.value > limit.value
    {
        draft = draft.because(
            &limit,
            format!("more than maximum_lag_on_failover ({}): no candidate", units::bytes(limit.value)),
        );
    }
    let advice = "look for a slow disk, a long query that holds back replay, or a saturated network";
    let advice = if delay.is_zero() {
        advice.to_owned()
    } else {
        let delay = units::duration(delay);
        format!(
            "{delay} of it are on purpose (recovery_min_apply_delay), the time told is beyond that; for the rest {advice}"
        )
    };
    drafts.push(draft.settling().advise(advice));
}

/// Where a lag is going, in words.
fn course(course: Course) -> String {
    match course {
        Course::Steady => "steady".to_owned(),
        Course::Growing(rate) => format!("growing {}", units::bytes_rate(rate)),
        Course::Shrinking { to_go, .. } => format!("shrinking, about {} to go", whole(to_go)),
    }
}

/// A span as an estimate has it: without tenths.
fn whole(span: Duration) -> String {
    if span.as_secs() < 120 { format!("{} s", span.as_secs().max(1)) } else { units::duration(span) }
}

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
    let wait = snapshot.recorded(|content| content.config.as_ref()?.loop_wait);
    let wait = wait.map_or(LOOP_WAIT, |wait| wait.value);
    let newest = snapshot.recorded(|content| content.history.last()?.at);
    newest.is_some_and(|at| snapshot.wall.duration_since(at.value).as_secs_f64() < wait.as_secs_f64() * 2.0)
}

fn timeline(view: &MemberView<'_>, drafts: &mut Vec<Draft>) {
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
        Draft::new(severity, "timeline-differs", subject(view), title)
            .because(&leader, format!("leader's timeline {}", leader.value))
            .because(&own, format!("own timeline {}", own.value))
            .settling()
            .advise(
                "give it a loop to follow; if it stays, its WAL went past the fork and it needs pg_rewind or reinit",
            ),
    );
}

fn replay(view: &MemberView<'_>, drafts: &mut Vec<Draft>) {
    let Some(sql) = view.member.sql.as_ref() else { return };
    let Some(replay) = sql.fact(view.snapshot.now, |report| report.replay).filter(|replay| replay.fresh) else {
        return;
    };
    if replay.value.paused {
        drafts.push(
            Draft::new(
                Severity::Warning,
                "replay-paused",
                subject(view),
                format!("replay is paused on {}", view.name()),
            )
            .because(&replay, "pg_is_wal_replay_paused")
            .advise("resume it with pg_wal_replay_resume() once whoever paused it is done"),
        );
    }
    if !replay.value.delay.is_zero() {
        let title = format!("{} replays {} late on purpose", view.name(), units::duration(replay.value.delay));
        drafts.push(
            Draft::new(Severity::Note, "replay-delayed", subject(view), title)
                .because(&replay, "recovery_min_apply_delay"),
        );
    }
}

/// A tag that names an upstream which is not there.
fn cascade(view: &MemberView<'_>, drafts: &mut Vec<Draft>) {
    let Some(tags) = view.tags() else { return };
    let Some(from) = tags.value.replicatefrom.clone() else { return };
    let there = view.snapshot.views().any(|other| *other.name() == from && !other.is_missing());
    if !there {
        drafts.push(
            Draft::new(
                Severity::Warning,
                "cascade-without-upstream",
                subject(view),
                format!("{} should follow {from}, which is not a member", view.name()),
            )
            .because(&tags, format!("replicatefrom {from}"))
            .advise("mend the tag; meanwhile it follows the leader"),
        );
    }
}

fn slots(view: &MemberView<'_>, drafts: &mut Vec<Draft>) {
    let Some(sql) = view.member.sql.as_ref() else { return };
    let now = view.snapshot.now;
    let Some(report) = sql.fresh(now) else { return };
    for slot in &report.slots {
        // The fact is there: the reading is fresh.
        let Some(fact) = sql.fact(now, |_| Some(())) else { return };
        let name = &slot.name;
        match &slot.wal_status {
            Some(WalStatus::Lost) => drafts.push(
                Draft::new(
                    Severity::Critical,
                    "slot-lost",
                    subject(view),
                    format!("slot {name} on {} has lost its WAL", view.name()),
                )
                .part(name)
                .because(&fact, "wal_status lost")
                .advise("its consumer cannot continue: reinitialise it and drop the slot"),
            ),
            Some(WalStatus::Unreserved) => drafts.push(
                Draft::new(
                    Severity::Critical,
                    "slot-unreserved",
                    subject(view),
                    format!("slot {name} on {} is about to lose its WAL", view.name()),
                )
                .part(name)
                .because(&fact, "wal_status unreserved")
                .advise("bring its consumer back now, or raise max_slot_wal_keep_size"),
            ),
            Some(WalStatus::Reserved | WalStatus::Extended | WalStatus::Unknown(_)) | None => {}
        }
        retained(view, slot, &fact, report.in_recovery, drafts);
    }
}

/// WAL that a slot keeps from being removed. Patroni keeps slots for the other members on every standby; those are
/// idle by design and move forward by themselves, so on a standby only the amount counts.
fn retained(view: &MemberView<'_>, slot: &Slot, fact: &Observed<()>, standby: bool, drafts: &mut Vec<Draft>) {
    let Some(bytes) = slot.retained else { return };
    let Some(severity) = view.snapshot.thresholds.slot_retained.judge(bytes) else { return };
    let severity = if standby { Severity::Warning } else { severity };
    let use_ = match (slot.active, standby) {
        (true, _) => "in use",
        // Idle by design there.
        (false, true) => "as the leader's does",
        (false, false) => "not in use",
    };
    drafts.push(
        Draft::new(
            severity,
            "slot-retains",
            Subject::Node(view.name().clone()),
            format!("slot {} on {} keeps {} of WAL, {use_}", slot.name, view.name(), units::bytes(bytes)),
        )
        .part(&slot.name)
        .because(fact, format!("restart_lsn is {} behind", units::bytes(bytes)))
        .advise(if standby {
            "it moves forward with the leader's: bring the consumer back there, or drop the slot there"
        } else {
            "bring its consumer back, or drop the slot, before the disk fills"
        }),
    );
}
