//! What clients of the poolers notice: rows that are written one after the other through each pooler, beside those past it. A pooler
//! that is paused makes them wait, which is no error.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::log::{ProbeWrite, WriteResult};
use crate::model::name::PoolerName;
use crate::model::text::Text;

/// The rows of one pooler have numbers of their own: this many are left to each, and to those past every pooler.
pub const NUMBERS_OF_A_LANE: u64 = 1 << 40;

/// The rows that were written through one pooler.
#[derive(Clone, PartialEq, Debug)]
pub struct PooledLog {
    /// Pooler.
    pub pooler: PoolerName,
    /// Its rows, in order.
    pub writes: Vec<ProbeWrite>,
}

/// What writing through one pooler came to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PooledFigures {
    /// Pooler.
    pub pooler: PoolerName,
    /// Rows acknowledged.
    pub acknowledged: u64,
    /// Rows that ended in an error, or were not answered in time.
    pub errors: u64,
    /// The first of those errors.
    pub first_error: Option<Text>,
    /// The longest that an acknowledged row took: how long clients waited.
    pub longest_wait: Option<Duration>,
    /// Acknowledged rows that were missing afterwards; `None`: nobody could look.
    pub lost: Option<u64>,
}

/// The number of row `row` of the pooler at `lane`.
pub fn row_number(lane: usize, row: u64) -> u64 {
    NUMBERS_OF_A_LANE.saturating_mul(lane as u64 + 1).saturating_add(row)
}

/// The figures of `log`. `kept` are the numbers of all rows that the leader had afterwards; `None`: nobody could look.
pub(super) fn figures(log: &PooledLog, kept: Option<&BTreeSet<u64>>) -> PooledFigures {
    let acknowledged: Vec<&ProbeWrite> =
        log.writes.iter().filter(|write| matches!(write.answer, WriteResult::Acknowledged(_))).collect();
    let error = |write: &ProbeWrite| match &write.answer {
        WriteResult::Acknowledged(_) => None,
        WriteResult::Refused(why) | WriteResult::Ambiguous(why) => Some(why.clone()),
    };
    let lost = |kept: &BTreeSet<u64>| acknowledged.iter().filter(|write| !kept.contains(&write.number)).count() as u64;
    PooledFigures {
        pooler: log.pooler.clone(),
        acknowledged: acknowledged.len() as u64,
        errors: (log.writes.len() - acknowledged.len()) as u64,
        first_error: log.writes.iter().find_map(error),
        longest_wait: acknowledged.iter().map(|write| write.ended.since(write.sent)).max(),
        lost: kept.map(lost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::drill_report::AnsweringServer;
    use crate::model::moment::Moment;

    fn write(number: u64, sent: u64, took: u64, answer: WriteResult) -> ProbeWrite {
        let at = |milliseconds| Moment::START + Duration::from_millis(milliseconds);
        ProbeWrite { number, sent: at(sent), ended: at(sent + took), answer }
    }

    fn acknowledged() -> WriteResult {
        let postmaster_started = "2026-12-01T00:00:00Z".parse().expect("a time");
        WriteResult::Acknowledged(AnsweringServer { postmaster_started, address: Text::default(), timeline: None })
    }

    #[test]
    fn a_wait_is_no_error_and_an_error_is_no_wait() {
        let writes = vec![
            write(row_number(0, 1), 0, 5, acknowledged()),
            write(row_number(0, 2), 50, 1_400, acknowledged()),
            write(row_number(0, 3), 1_500, 9_000, WriteResult::Ambiguous("timed out".into())),
            write(row_number(0, 4), 11_000, 1, WriteResult::Refused("server login has been failing".into())),
        ];
        let log = PooledLog { pooler: PoolerName::new("edge"), writes };
        let kept = [row_number(0, 1), row_number(1, 2), 2].into();
        let found = figures(&log, Some(&kept));
        assert_eq!(
            (found.acknowledged, found.errors, found.lost),
            (2, 2, Some(1)),
            "rows of another pooler do not count"
        );
        assert_eq!(found.longest_wait, Some(Duration::from_millis(1_400)));
        assert_eq!(found.first_error.as_ref().map(Text::as_str), Some("timed out"));
        assert_eq!(figures(&log, None).lost, None);
    }
}
