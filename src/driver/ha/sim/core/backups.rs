//! The other parts: backups by the calendar, the pooler, the container runtime.

use super::clock::{Clock, DAY, HOUR, MINUTE, SECOND, Time, noise};
use super::spec::{GIB, MIB};

/// What is wrong with the parts beside nodes, store and router.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SideFaults {
    pub(crate) pooler_down: bool,
    /// The pooler still leads to this node.
    pub(crate) pooler_stale: Option<usize>,
    /// Clients wait for server connections, since then.
    pub(crate) pooler_starved: Option<Time>,
    /// What somebody has had the pooler hold.
    pub(crate) pooler_pause: PoolerPause,
    pub(crate) runtime_down: bool,
    pub(crate) backups_unreachable: bool,
    /// Backups that should have begun after this have failed.
    pub(crate) backups_fail_since: Option<Time>,
    /// No backup was made after this.
    pub(crate) backups_stopped: Option<Time>,
}

/// How far the pooler holds its clients, and since when they wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct PoolerPause {
    /// `PAUSE` of everything.
    pub(crate) all: Option<Time>,
    /// `PAUSE` of its database, or `KILL`.
    pub(crate) database: Option<Time>,
    /// Its clients were dropped by a `KILL`.
    pub(crate) killed: bool,
}

impl PoolerPause {
    /// Since when clients wait; `None`: they do not.
    pub(crate) fn since(self) -> Option<Time> {
        match (self.all, self.database) {
            (Some(all), Some(database)) => Some(all.min(database)),
            (all, database) => all.or(database),
        }
    }
}

/// One entry of the catalogue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BackupRun {
    pub(crate) full: bool,
    pub(crate) started: Time,
    pub(crate) took: Time,
    pub(crate) size: u64,
    pub(crate) failed: bool,
}

impl BackupRun {
    /// Whether it still runs at `now`.
    pub(crate) fn runs(&self, now: Time) -> bool {
        now < self.started + self.took
    }
}

/// Backups on record at the clock's time, newest first: a full one each Sunday, a differential one each other night,
/// five weeks kept. A function of the calendar, so that nothing is stored.
pub(crate) fn catalogue(clock: Clock, parts: &SideFaults, seed: u64, data_size: u64) -> Vec<BackupRun> {
    let now = clock.now();
    let midnight = now - clock.second_of_day() * SECOND;
    (0..35)
        .filter_map(|back: u64| {
            let chance = noise(seed, 0xbacc, midnight / DAY - back);
            let started = (midnight - back * DAY + 2 * HOUR + chance % (4 * MINUTE)) / SECOND * SECOND;
            let stopped = parts.backups_stopped.is_some_and(|stop| started >= stop);
            if started > now || stopped {
                return None;
            }
            let sunday =
                clock.wall(started).to_zoned(jiff::tz::TimeZone::UTC).weekday() == jiff::civil::Weekday::Sunday;
            let size = if sunday { data_size * 38 / 100 } else { data_size * 4 / 100 + chance % (600 * MIB) };
            let failed = parts.backups_fail_since.is_some_and(|since| started >= since);
            let rate = data_size.max(GIB) / 2_400;
            let took = if failed { 11 * SECOND } else { (size * 2 / rate.max(1) + 60 + chance % 90) * SECOND };
            Some(BackupRun { full: sunday, started, took, size, failed })
        })
        .collect()
}
