//! How far standbys are behind.

use std::time::Duration;

use super::super::draft::Draft;
use super::subject;
use crate::model::observed::Observed;
use crate::model::role::Role;
use crate::model::trend::Course;
use crate::model::units;
use crate::model::view::MemberView;

/// Bytes and time apart: time lies on an idle cluster, bytes lie on a busy one, so each is judged by its own limit and
/// the worse one counts.
pub(super) fn examine(view: &MemberView<'_>, drafts: &mut Vec<Draft>) {
    let limits = &view.snapshot.thresholds;
    // That a standby leader gets nothing is told of it alone; its replicas are judged by what there is to be had.
    let follows_source = view.role().is_some_and(|role| role.value == Role::StandbyLeader);
    let lag = if follows_source { view.lag() } else { view.lag_behind_leader() };
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
    let limit = view.snapshot.recorded(|content| Some(content.config()?.maximum_lag()));
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
