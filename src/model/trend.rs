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
pub enum Course {
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
    const JITTER: f64 = 256.0 * 1024.0;
    /// Below this part of the number itself a move is none worth telling.
    const PART: f64 = 0.02;

    /// Whether a move by `moved` bytes of a number of `value` bytes is worth telling.
    pub fn matters(moved: f64, value: u64) -> bool {
        moved.abs() >= Self::JITTER.max(value as f64 * Self::PART)
    }

    /// Where a number that is `value` bytes now is going.
    pub fn course(&self, value: u64) -> Course {
        let size = value as f64;
        if !Self::matters(self.rate * self.over.as_secs_f64(), value) {
            return Course::Steady;
        }
        let rate = self.rate.abs() as u64;
        if self.rate > 0.0 {
            return Course::Growing(rate);
        }
        let to_go = Duration::try_from_secs_f64(size / self.rate.abs()).unwrap_or(Duration::MAX);
        Course::Shrinking { rate, to_go }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    fn course(rate: f64, value: u64) -> Course {
        Trend { rate, over: Duration::from_secs(30) }.course(value)
    }

    #[test]
    fn a_course_is_told_from_what_moved_and_jitter_is_steady() {
        assert_eq!(course(8.0 * MB as f64, 500 * MB), Course::Growing(8 * MB));
        let shrinking = Course::Shrinking { rate: 10 * MB, to_go: Duration::from_secs(40) };
        assert_eq!(course(-10.0 * MB as f64, 400 * MB), shrinking);
        assert_eq!(course(-4096.0, MB), Course::Steady, "120 kB in 30 s are jitter");
        assert_eq!(course(MB as f64 / 4.0, 1000 * MB), Course::Steady, "7 MB of a GB are nothing");
        assert_eq!(course(0.0, 0), Course::Steady);
    }
}
