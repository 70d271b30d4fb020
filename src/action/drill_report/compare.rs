//! Drills of one scenario over time.

use std::time::Duration;

use super::DrillReport;
use crate::action::drill::Scenario;

/// How the drills of one scenario went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DrillHistory {
    /// Drills that were gone through and whose outage was seen to end.
    pub drills: usize,
    /// The middle one; between two middle ones half way.
    pub median: Duration,
    /// The shortest.
    pub best: Duration,
    /// The longest.
    pub worst: Duration,
}

impl DrillHistory {
    /// Of these outages; `None`: there is none.
    pub fn of(outages: &[Duration]) -> Option<Self> {
        let mut sorted = outages.to_vec();
        sorted.sort();
        let (best, worst) = (*sorted.first()?, *sorted.last()?);
        let (below, above) = (sorted.get((sorted.len() - 1) / 2)?, sorted.get(sorted.len() / 2)?);
        let median = (*below + *above) / 2;
        Some(Self { drills: sorted.len(), median, best, worst })
    }
}

/// How the drills of `scenario` among `reports` went.
pub fn past<'a>(reports: impl IntoIterator<Item = &'a DrillReport>, scenario: Scenario) -> Option<DrillHistory> {
    let of_it = reports.into_iter().filter(|report| report.scenario == scenario);
    let outages: Vec<Duration> = of_it.filter_map(DrillReport::comparable).collect();
    DrillHistory::of(&outages)
}
