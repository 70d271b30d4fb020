//! Keeps the numbers that have graphs. Fixed size: an hour at five seconds a step.

use std::collections::BTreeMap;
use std::time::Duration;

use super::picture::SeriesKey;
use crate::model::lsn::Lsn;
use crate::model::moment::Moment;
use crate::model::router::{PoolPurpose, ProxyKind};
use crate::model::series::Series;
use crate::model::snapshot::Snapshot;

/// Length of a step.
pub const STEP: Duration = Duration::from_secs(5);
/// Steps kept: one hour.
pub const STEPS: usize = 720;

/// The numbers of one cluster that have a history.
#[derive(Debug, Default)]
pub struct Histories {
    series: BTreeMap<SeriesKey, Series>,
    last_position: Option<(Moment, Lsn)>,
}

impl Histories {
    /// Takes the numbers of `snapshot`. A number that is not known leaves a gap.
    pub fn take(&mut self, snapshot: &Snapshot) {
        let now = snapshot.now;
        for view in snapshot.views() {
            if view.role().is_some_and(|role| role.value.is_writable()) {
                continue;
            }
            let lag = view.lag();
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
        self.series.retain(|key, _| match key {
            SeriesKey::LagBytes(name) | SeriesKey::LagSeconds(name) => snapshot.member(name).is_some(),
            SeriesKey::WalRate | SeriesKey::WriteSessions | SeriesKey::ReadSessions => true,
        });
    }

    /// A copy for the faces.
    pub fn series(&self) -> BTreeMap<SeriesKey, Series> {
        self.series.clone()
    }

    fn push(&mut self, key: SeriesKey, now: Moment, value: Option<f32>) {
        self.series.entry(key).or_insert_with(|| Series::new(STEP, STEPS)).push(now, value);
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
                total = Some(total.unwrap_or(0.0) + row.sessions.map_or(0.0, |sessions| sessions as f32));
            }
        }
    }
    total
}
