//! Where a number is going.

use std::time::Duration;

use serde::Serialize;

/// How fast a number of bytes moved while it was watched.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Trend {
    /// Bytes a second; above zero it grows.
    pub rate: f64,
    /// How long it was watched for this.
    pub over: Duration,
}

/// A trend in terms of what follows from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrendDirection {
    /// It moved too little to matter.
    Steady,
    /// It grows by so many bytes a second.
    Growing(u64),
    /// It shrinks by so many bytes a second.
    Shrinking {
        /// Bytes a second.
        rate: u64,
        /// Time to zero at this rate.
        to_go: Duration,
    },
}

impl Trend {
    /// Below this many bytes a move is a sample's jitter.
    const MIN_CHANGE: f64 = 256.0 * 1024.0;
    /// Below this part of the number itself a move is none worth telling.
    const MIN_FRACTION: f64 = 0.02;

    /// Whether a move by `moved` bytes of a number of `value` bytes is worth telling.
    pub fn matters(moved: f64, value: u64) -> bool {
        moved.abs() >= Self::MIN_CHANGE.max(value as f64 * Self::MIN_FRACTION)
    }

    /// Where a number that is `value` bytes now is going.
    pub fn direction(&self, value: u64) -> TrendDirection {
        let size = value as f64;
        if !Self::matters(self.rate * self.over.as_secs_f64(), value) {
            return TrendDirection::Steady;
        }
        let rate = self.rate.abs() as u64;
        if self.rate > 0.0 {
            return TrendDirection::Growing(rate);
        }
        let to_go = Duration::try_from_secs_f64(size / self.rate.abs()).unwrap_or(Duration::MAX);
        TrendDirection::Shrinking { rate, to_go }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    fn direction(rate: f64, value: u64) -> TrendDirection {
        Trend { rate, over: Duration::from_secs(30) }.direction(value)
    }

    #[test]
    fn a_course_is_distinguished_from_what_moved_and_jitter_is_steady() {
        assert_eq!(direction(8.0 * MB as f64, 500 * MB), TrendDirection::Growing(8 * MB));
        let shrinking = TrendDirection::Shrinking { rate: 10 * MB, to_go: Duration::from_secs(40) };
        assert_eq!(direction(-10.0 * MB as f64, 400 * MB), shrinking);
        assert_eq!(direction(-4096.0, MB), TrendDirection::Steady, "120 kB in 30 s are jitter");
        assert_eq!(direction(MB as f64 / 4.0, 1000 * MB), TrendDirection::Steady, "7 MB of a GB are nothing");
        assert_eq!(direction(0.0, 0), TrendDirection::Steady);
    }
}
