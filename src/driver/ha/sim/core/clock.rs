//! Virtual time, and chance that is the same every time.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::moment::Moment;

/// A point of virtual time, in microseconds. [`ORIGIN`] is the observer's beginning; what lies before it is the past
/// that the world pretends to have.
pub(crate) type Time = u64;

/// One millisecond.
pub(crate) const MILLISECOND: Time = 1_000;
/// One second.
pub(crate) const SECOND: Time = 1_000 * MILLISECOND;
/// One minute.
pub(crate) const MINUTE: Time = 60 * SECOND;
/// One hour.
pub(crate) const HOUR: Time = 60 * MINUTE;
/// One day.
pub(crate) const DAY: Time = 24 * HOUR;
/// The observer's [`Moment::START`], with room for a past before it.
pub(crate) const ORIGIN: Time = 400 * DAY;
/// The world moves in steps of this length, whatever moments it is asked at: that makes it the same for everybody.
pub(crate) const STEP: Time = 100 * MILLISECOND;

/// Where virtual time stands, and which wall time it stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    epoch: Timestamp,
    now: Time,
}

impl Clock {
    /// A clock that stands `before` ahead of the observer's beginning; `epoch` is the wall time of that beginning.
    pub(crate) fn new(epoch: Timestamp, before: Duration) -> Self {
        let now = ORIGIN.saturating_sub(micros(before));
        Self { epoch, now: now - now % STEP }
    }

    pub(crate) fn now(self) -> Time {
        self.now
    }

    /// One step on.
    pub(crate) fn step(&mut self) {
        self.now += STEP;
    }

    /// Wall time of a point of virtual time.
    pub(crate) fn wall(self, time: Time) -> Timestamp {
        let shift = time.cast_signed() - ORIGIN.cast_signed();
        Timestamp::from_microsecond(self.epoch.as_microsecond() + shift).unwrap_or(self.epoch)
    }

    /// Virtual time of a wall time; [`ORIGIN`]'s distant past where it is before that.
    pub(crate) fn at_wall(self, wall: Timestamp) -> Time {
        let shift = wall.as_microsecond() - self.epoch.as_microsecond();
        u64::try_from(ORIGIN.cast_signed().saturating_add(shift)).unwrap_or_default()
    }

    /// Virtual time of a moment on the observer's clock.
    pub(crate) fn at(moment: Moment) -> Time {
        ORIGIN + micros(moment.since_start())
    }

    /// Seconds since midnight UTC.
    pub(crate) fn second_of_day(self) -> u64 {
        let second = self.wall(self.now).as_second();
        second.rem_euclid(86_400).cast_unsigned()
    }
}

/// A span in microseconds.
pub(crate) fn micros(span: Duration) -> Time {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX / 4)
}

/// Time from `earlier` to `later`; zero where they are the other way round.
pub(crate) fn span(earlier: Time, later: Time) -> Duration {
    Duration::from_micros(later.saturating_sub(earlier))
}

/// A fixed scramble of three numbers: chance without memory. The finaliser of `SplitMix64` over each in turn.
pub(crate) fn noise(seed: u64, salt: u64, index: u64) -> u64 {
    let mix = |value: u64| {
        let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    };
    mix(mix(mix(seed) ^ salt) ^ index)
}

/// Chance with memory, for what is decided once as the world moves on.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    seed: u64,
    thrown: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, thrown: 0 }
    }

    /// A number from `low` up to, but not including, `high`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        self.thrown += 1;
        low + noise(self.seed, 0xd1ce, self.thrown) % high.saturating_sub(low).max(1)
    }
}
