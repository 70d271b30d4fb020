//! A short history of one number, for graphs: fixed size, so that it never grows.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use super::moment::Moment;

/// Samples at a fixed step, newest last. A step without a sample is `None` and drawn as a gap, not as zero.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Series {
    step: Duration,
    capacity: usize,
    newest: Option<u64>,
    samples: VecDeque<Option<f32>>,
}

impl Series {
    /// An empty history of `capacity` steps of length `step`.
    pub fn new(step: Duration, capacity: usize) -> Self {
        Self {
            step: step.max(Duration::from_millis(1)),
            capacity: capacity.max(1),
            newest: None,
            samples: VecDeque::new(),
        }
    }

    /// Takes a sample. Several in one step keep the largest: a peak must not vanish between two pixels.
    pub fn push(&mut self, at: Moment, value: Option<f32>) {
        let index = self.index(at);
        match self.newest {
            Some(newest) if index <= newest => {
                if let Some(last) = self.samples.back_mut() {
                    *last = match (*last, value) {
                        (Some(a), Some(b)) => Some(a.max(b)),
                        (a, b) => a.or(b),
                    };
                }
                return;
            }
            Some(newest) => {
                let gap = usize::try_from(index - newest - 1).unwrap_or(usize::MAX).min(self.capacity);
                self.samples.extend(std::iter::repeat_n(None, gap));
            }
            None => {}
        }
        self.samples.push_back(value);
        self.newest = Some(index);
        while self.samples.len() > self.capacity {
            self.samples.pop_front();
        }
    }

    /// Whether [`push`](Self::push) would change anything: within one step only a larger sample does, or the first.
    pub fn would_change(&self, at: Moment, value: Option<f32>) -> bool {
        let within = self.newest.is_some_and(|newest| self.index(at) <= newest);
        let last = self.samples.back().copied().flatten();
        !within || value.is_some_and(|value| last.is_none_or(|last| value > last))
    }

    fn index(&self, at: Moment) -> u64 {
        (at.since_start().as_millis() / self.step.as_millis()) as u64
    }

    /// Samples, oldest first.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = Option<f32>> + ExactSizeIterator + '_ {
        self.samples.iter().copied()
    }

    /// Length of a step.
    pub fn step(&self) -> Duration {
        self.step
    }

    /// The largest sample.
    pub fn max(&self) -> Option<f32> {
        self.samples.iter().copied().flatten().reduce(f32::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::after_start(Duration::from_millis(millis))
    }

    #[test]
    fn gaps_stay_gaps_peaks_stay_peaks_and_size_stays_bounded() {
        let mut series = Series::new(Duration::from_secs(1), 4);
        series.push(at(0), Some(1.0));
        series.push(at(900), Some(5.0));
        series.push(at(950), Some(2.0));
        series.push(at(3100), Some(3.0));
        assert_eq!(series.samples().collect::<Vec<_>>(), [Some(5.0), None, None, Some(3.0)]);
        series.push(at(1_000_000), None);
        assert_eq!(series.samples().len(), 4);
    }

    #[test]
    fn what_is_reported_to_change_nothing_changes_nothing() {
        let mut series = Series::new(Duration::from_secs(1), 4);
        let samples = [None, Some(2.0), Some(1.0), Some(2.0), Some(3.0), None];
        let mut spared = 0;
        for (millis, value) in (0..12_000).step_by(300).zip(samples.into_iter().cycle()) {
            let before = series.clone();
            let says = series.would_change(at(millis), value);
            series.push(at(millis), value);
            assert_eq!(says, series != before, "{value:?} at {millis} ms");
            spared += u32::from(!says);
        }
        assert!(spared > 5, "spared {spared} copies");
    }
}
