//! How exactly an outage is known: by the samples that were taken, not by those that were meant to be.

use std::time::Duration;

use super::log::{ProbeLog, ProbeWrite, WriteResult};
use super::{Precision, ServiceGap};
use crate::model::moment::Moment;

/// The precision of `outage`; `None`: its end was not seen.
///
/// An attempt that failed tells that nothing was served when it was sent, and no more: it may have hung until its deadline
/// while others would have been served. What was given up because another was served tells nothing.
pub(super) fn precision(log: &ProbeLog, outage: ServiceGap) -> Option<Precision> {
    let from = log.began + outage.from;
    let to = log.began + outage.to?;
    let is_acknowledged = |write: &&ProbeWrite| matches!(write.answer, WriteResult::Acknowledged(_));
    let mut acknowledged: Vec<&ProbeWrite> = log.writes.iter().filter(is_acknowledged).collect();
    acknowledged.sort_by_key(|write| write.ended);
    let first = acknowledged.iter().find(|write| write.ended == to)?;
    let failed = || log.writes.iter().filter(|write| !is_acknowledged(write));
    let first_failed = failed().map(|write| write.sent).filter(|sent| *sent >= from).min();
    let last_failed = failed()
        .filter(|write| write.sent < first.sent && write.ended <= to && write.ended >= from)
        .map(|write| write.sent)
        .max();
    let before = spacing(acknowledged.iter().rev().map(|write| write.ended).filter(|at| *at <= from));
    let after = spacing(acknowledged.iter().map(|write| write.ended).filter(|at| *at >= to));
    let begin = first_failed.map_or(log.interval, |sent| sent.min(to).since(from));
    // Nothing failed in between: the service hung, and when it came back is known by what was asked last.
    let end = last_failed.map_or_else(|| to.since(first.sent), |sent| to.since(sent.max(from)));
    let step = log.interval;
    Some(Precision { begin: begin.max(before).max(step) + log.late, end: end.max(after).max(step) + log.late })
}

/// Between the first two of `moments`, in either direction of time.
fn spacing(mut moments: impl Iterator<Item = Moment>) -> Duration {
    match (moments.next(), moments.next()) {
        (Some(one), Some(other)) => one.max(other).since(one.min(other)),
        (_, _) => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::action::drill_report::AnsweringServer;
    use crate::action::drill_report::evaluate;
    use crate::model::lsn::Timeline;
    use crate::model::text::Text;

    fn at(milliseconds: u64) -> Moment {
        Moment::after_start(Duration::from_millis(milliseconds))
    }

    fn served(sent: u64, ended: u64) -> ProbeWrite {
        let server = AnsweringServer {
            postmaster_started: Timestamp::UNIX_EPOCH,
            address: Text::new("a"),
            timeline: Some(Timeline(1)),
        };
        ProbeWrite { number: sent, sent: at(sent), ended: at(ended), answer: WriteResult::Acknowledged(server) }
    }

    fn failed(sent: u64, ended: u64) -> ProbeWrite {
        ProbeWrite {
            number: sent,
            sent: at(sent),
            ended: at(ended),
            answer: WriteResult::Refused(Text::new("refused")),
        }
    }

    fn bounds_of(writes: Vec<ProbeWrite>) -> (u128, u128) {
        let ended = writes.iter().map(|write| write.ended).max().expect("writes");
        let log = ProbeLog {
            writes,
            interval: Duration::from_millis(50),
            broken: Some(at(100)),
            ended,
            ..ProbeLog::default()
        };
        let precision = evaluate(&log, None).precision.expect("an outage with an end");
        (precision.begin.as_millis(), precision.end.as_millis())
    }

    #[test]
    fn with_a_steady_probe_it_is_a_step_and_the_time_of_a_row() {
        let mut writes = vec![served(50, 52), served(100, 102), failed(150, 152)];
        writes.extend((4..140).map(|step| failed(step * 50, step * 50 + 1)));
        writes.extend([served(7_000, 7_020), served(7_050, 7_052)]);
        assert_eq!(bounds_of(writes), (50, 70));
    }

    #[test]
    fn rows_that_come_back_far_apart_are_not_claimed_to_be_known_to_a_step() {
        let writes = vec![
            served(54, 56),
            served(100, 102),
            failed(150, 1_150),
            failed(6_650, 6_652),
            served(6_700, 7_000),
            served(7_000, 7_303),
        ];
        assert_eq!(bounds_of(writes), (50, 350), "the first row took 300 ms, and the next 303");
        let writes =
            vec![served(54, 56), failed(100, 101), failed(6_900, 6_901), served(6_950, 7_000), served(7_250, 7_303)];
        assert_eq!(bounds_of(writes), (50, 303));
    }

    #[test]
    fn attempts_given_up_when_another_is_served_tell_nothing() {
        let writes = vec![
            served(54, 56),
            failed(100, 101),
            failed(6_000, 6_001),
            served(6_050, 6_350),
            failed(6_100, 6_351),
            failed(6_300, 6_351),
            served(6_400, 6_402),
        ];
        assert_eq!(bounds_of(writes).1, 350);
    }

    #[test]
    fn a_stall_without_a_failed_attempt_is_known_by_the_row_that_ended_it() {
        let writes = vec![served(50, 52), served(100, 102), served(150, 3_150), served(3_200, 3_202)];
        assert_eq!(bounds_of(writes), (50, 3_000));
    }

    #[test]
    fn a_probe_that_could_not_keep_its_step_says_so() {
        let writes = vec![served(0, 2), served(100, 102), failed(400, 401), failed(5_000, 5_001), served(5_400, 5_402)];
        assert_eq!(bounds_of(writes), (298, 402));
    }
}
