//! How far standbys are behind.

use std::time::Duration;

use super::super::finding_draft::FindingDraft;
use super::subject;
use crate::model::observed::Observed;
use crate::model::role::Role;
use crate::model::trend::TrendDirection;
use crate::model::units;
use crate::model::view::MemberView;

/// Bytes and time apart: time lies on an idle cluster, bytes lie on a busy one, so each is judged by its own limit and
/// the worse one counts.
pub(super) fn examine(view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
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
    let words = |bytes: &Observed<u64>| units::bytes(bytes.value);
    // All that came is replayed, so the time says nothing: what is behind has not arrived yet.
    let telling = time.as_ref().filter(|time| time.value >= Duration::from_secs(1));
    let title = match (&bytes, telling) {
        (Some(bytes), Some(time)) => {
            format!("{} replay lag {} / {}", view.name(), words(bytes), units::duration(time.value))
        }
        (Some(bytes), None) => format!("{} replay lag {}", view.name(), words(bytes)),
        (None, Some(time)) => format!("{} replay lag {}", view.name(), units::duration(time.value)),
        (None, None) => return,
    };
    let trend = view.member.lag_trend;
    let direction = bytes.as_ref().zip(trend).map(|(bytes, trend)| direction(trend.direction(bytes.value)));
    let title = direction.as_ref().map_or_else(|| title.clone(), |direction| format!("{title}, {direction}"));
    let mut draft = FindingDraft::new(severity, "lag", subject(view), title);
    if let Some(bytes) = &bytes {
        draft = draft.because(bytes, format!("replay lag {}", words(bytes)));
        draft = draft.since_all(match (&direction, trend) {
            (Some(direction), Some(trend)) => format!("{direction}, over the last {} s", trend.over.as_secs()),
            (_, _) => "observed too briefly to know the trend".to_owned(),
        });
    }
    if let Some(time) = &time {
        draft = draft.because(time, format!("replay lag {}", units::duration(time.value)));
    }
    let limit = view.snapshot.from_record(|content| Some(content.config()?.maximum_lag()));
    if let (Some(limit), Some(bytes)) = (limit, &bytes)
        && !limit.value.allows(bytes.value)
    {
        draft = draft
            .because(&limit, format!("exceeds maximum_lag_on_failover ({}): not a failover candidate", limit.value));
    }
    let advice = "check for a slow disk, a long query that delays replay, or a saturated network";
    let advice = if delay.is_zero() {
        advice.to_owned()
    } else {
        let delay = units::duration(delay);
        format!(
            "{delay} of the lag is intended (recovery_min_apply_delay) and not counted in the time shown; for the rest {advice}"
        )
    };
    drafts.push(draft.settling().advise(advice));
}

/// Where a lag is going, in words.
fn direction(direction: TrendDirection) -> String {
    match direction {
        TrendDirection::Steady => "steady".to_owned(),
        TrendDirection::Growing(rate) => format!("growing {}", units::bytes_rate(rate)),
        TrendDirection::Shrinking { to_go, .. } => format!("shrinking, about {} to catch up", whole(to_go)),
    }
}

/// A span as an estimate has it: without tenths.
fn whole(span: Duration) -> String {
    if span.as_secs() < 120 { format!("{} s", span.as_secs().max(1)) } else { units::duration(span) }
}
