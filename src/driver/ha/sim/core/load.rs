//! How much is written: a wave over the day, a ripple, and bursts.

use super::clock::{Clock, MINUTE, Random, SECOND, STEP, Time};

/// What the clients want to write.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// Mean, in bytes a second.
    mean: u64,
    /// At present, in bytes a second.
    pub(crate) rate: u64,
    /// What was in truth written last, in bytes a second.
    pub(crate) flow: u64,
    burst_percent: u64,
    burst_until: Time,
    next_burst: Time,
    /// When a transaction was last committed.
    pub(crate) last_commit: Time,
    /// Transactions since the oldest one that is not frozen.
    pub(crate) xid_age: u64,
    dice: Random,
}

impl Load {
    pub(crate) fn new(mean: u64, seed: u64, now: Time) -> Self {
        let mut dice = Random::new(seed ^ 0x10ad);
        let next_burst = now + dice.between(90, 240) * SECOND;
        let xid_age = 48_000_000 + dice.between(0, 60_000_000);
        Self {
            mean,
            rate: mean,
            flow: mean,
            burst_percent: 100,
            burst_until: 0,
            next_burst,
            last_commit: now,
            xid_age,
            dice,
        }
    }

    /// Decides the next second.
    pub(crate) fn second(&mut self, clock: Clock) {
        let now = clock.now();
        if now >= self.next_burst {
            let (percent, length) = (self.dice.between(200, 400), self.dice.between(8, 20) * SECOND);
            self.burst(now, percent, length);
            self.next_burst = now + self.dice.between(4, 9) * MINUTE;
        }
        // Quiet at four in the morning, busy at four in the afternoon.
        let turn = clock.second_of_day() as f64 / 86_400.0 * std::f64::consts::TAU;
        let wave = 0.85 - 0.30 * (turn - std::f64::consts::FRAC_PI_3).cos();
        let ripple = self.dice.between(80, 121) as f64 / 100.0;
        let burst = if now < self.burst_until { self.burst_percent as f64 / 100.0 } else { 1.0 };
        self.rate = (self.mean as f64 * wave * ripple * burst) as u64;
        self.xid_age += self.rate / 4_000;
        if self.xid_age > 199_000_000 {
            // Autovacuum has been through.
            self.xid_age = 50_000_000;
        }
    }

    /// A rush of `percent` of the usual for a while: a bulk load, a nightly job.
    pub(crate) fn burst(&mut self, now: Time, percent: u64, length: Time) {
        self.burst_percent = percent;
        self.burst_until = now + length;
    }

    /// Bytes of one step at `share` (0 to 1) of what the clients want.
    pub(crate) fn of_step(&self, share: f64) -> u64 {
        (self.rate as f64 * share) as u64 * STEP / SECOND
    }
}
