//! Keeps the numbers that have graphs. Fixed size: an hour at five seconds a step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::picture::SeriesKey;
use super::replayed::ReplayTracker;
use super::slots::SlotMemory;
use super::trends::LagTrends;
use crate::model::lsn::Lsn;
use crate::model::moment::Moment;
use crate::model::router::{PoolPurpose, ProxyKind};
use crate::model::series::Series;
use crate::model::snapshot::Snapshot;
use crate::model::trend::Trend;

/// Length of a step.
pub const SAMPLE_INTERVAL: Duration = Duration::from_secs(5);
/// Steps kept: one hour.
pub const MAX_SAMPLES: usize = 720;

/// The numbers of one cluster that have a history.
#[derive(Debug, Default)]
pub struct Histories {
    /// Shared with the pictures: a series is copied when it changes, once a step as a rule, and not for each picture.
    series: Arc<BTreeMap<SeriesKey, Arc<Series>>>,
    trends: LagTrends,
    replayed: ReplayTracker,
    slots: SlotMemory,
    last_position: Option<(Moment, Lsn)>,
}

impl Histories {
    /// Takes the numbers of `snapshot`, and puts into it what the past tells of each lag: where it is going, and how long
    /// it can last at most. A number that is not known leaves a gap.
    pub fn take(&mut self, snapshot: &mut Snapshot) {
        self.replayed.take(snapshot);
        self.slots.take(snapshot);
        let trends = self.numbers(snapshot);
        for (member, trend) in snapshot.members.iter_mut().zip(trends) {
            member.lag_trend = trend;
        }
    }

    /// Takes the numbers; returns the trend of each member's lag, in order.
    fn numbers(&mut self, snapshot: &Snapshot) -> Vec<Option<Trend>> {
        let now = snapshot.now;
        let leader = snapshot.leader().map(|leader| leader.value);
        let mut trends = Vec::with_capacity(snapshot.members.len());
        for view in snapshot.views() {
            if view.role().is_some_and(|role| role.value.is_writable()) {
                trends.push(self.trends.record_lag(view.name(), None, None));
                continue;
            }
            let lag = view.lag();
            trends.push(self.trends.record_lag(view.name(), lag.bytes.as_ref(), leader.as_ref()));
            let bytes = lag.bytes.filter(|bytes| bytes.fresh).map(|bytes| bytes.value as f32);
            let seconds = lag.time.filter(|time| time.fresh).map(|time| time.value.as_secs_f32());
            self.push(SeriesKey::LagBytes(view.name().clone()), now, bytes);
            self.push(SeriesKey::LagSeconds(view.name().clone()), now, seconds);
        }
        let rate = self.wal_rate(snapshot);
        self.push(SeriesKey::WalRate, now, rate);
        for (key, purpose) in
            [(SeriesKey::WriteSessions, PoolPurpose::Write), (SeriesKey::ReadSessions, PoolPurpose::Read)]
        {
            let sessions = sessions(snapshot, purpose);
            self.push(key, now, sessions);
        }
        // A member that was dismissed takes its history with it.
        let stays = |key: &SeriesKey| match key {
            SeriesKey::LagBytes(name) | SeriesKey::LagSeconds(name) => snapshot.member(name).is_some(),
            SeriesKey::WalRate | SeriesKey::WriteSessions | SeriesKey::ReadSessions => true,
        };
        if !self.series.keys().all(stays) {
            Arc::make_mut(&mut self.series).retain(|key, _| stays(key));
            self.trends.retain(|name| snapshot.member(name).is_some());
        }
        trends
    }

    /// The series as they are, for the faces: later samples do not change them.
    pub fn series(&self) -> Arc<BTreeMap<SeriesKey, Arc<Series>>> {
        Arc::clone(&self.series)
    }

    fn push(&mut self, key: SeriesKey, now: Moment, value: Option<f32>) {
        if self.series.get(&key).is_some_and(|series| !series.would_change(now, value)) {
            return;
        }
        let all = Arc::make_mut(&mut self.series);
        let series = all.entry(key).or_insert_with(|| Arc::new(Series::new(SAMPLE_INTERVAL, MAX_SAMPLES)));
        Arc::make_mut(series).push(now, value);
    }

    /// Bytes of WAL a second between two samples of the leader's position.
    fn wal_rate(&mut self, snapshot: &Snapshot) -> Option<f32> {
        let leader = snapshot.leader().and_then(|leader| snapshot.member(&leader.value))?;
        let position = snapshot.view(leader).position().filter(|position| position.fresh)?;
        let (at, lsn) = (position.at, position.value);
        let (before, from) = *self.last_position.get_or_insert((at, lsn));
        let span = at.since(before).as_secs_f32();
        if span < 0.9 {
            return None;
        }
        self.last_position = Some((at, lsn));
        Some(from.bytes_to(lsn) as f32 / span)
    }
}

fn sessions(snapshot: &Snapshot, purpose: PoolPurpose) -> Option<f32> {
    let mut total = None;
    for router in &snapshot.routers {
        let Some(report) = router.reading(snapshot.now).and_then(|reading| reading.fresh(snapshot.now)) else {
            continue;
        };
        for row in &report.rows {
            if row.kind == ProxyKind::Backend && router.purpose(&row.proxy) == purpose {
                // A sum that leaves out a pool which does not tell would be less than there are.
                total = Some(total.unwrap_or(0.0) + row.sessions? as f32);
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::member::Member;
    use crate::model::snapshot::Identity;
    use crate::model::test_support::identity;
    use crate::model::thresholds::Thresholds;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_a_picture_has_stays_as_it_was_and_what_did_not_change_is_not_copied() {
        let mut histories = Histories::default();
        let identity = Identity { name: "c".into(), ..identity() };
        let (start, wall) = (Moment::START, jiff::Timestamp::UNIX_EPOCH);
        let mut snapshot = Snapshot::empty(identity, Thresholds::default(), start, wall);
        snapshot.members.push(Member::new("pg-1".into()));
        histories.take(&mut snapshot);
        let first = histories.series();
        snapshot.now = snapshot.now + SECOND;
        histories.take(&mut snapshot);
        assert!(Arc::ptr_eq(&first, &histories.series()), "the same numbers within one step are nothing new");

        snapshot.now = snapshot.now + SAMPLE_INTERVAL;
        histories.take(&mut snapshot);
        let lag = SeriesKey::LagBytes("pg-1".into());
        assert_eq!((first[&lag].samples().len(), histories.series()[&lag].samples().len()), (1, 2));

        snapshot.members.retain(|member| member.name != "pg-1");
        histories.take(&mut snapshot);
        assert!(!histories.series().contains_key(&lag), "a dismissed member takes its history with it");
        assert!(first.contains_key(&lag), "a picture of the past keeps it");
    }
}
