//! Figures from logs made by hand and by chance.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::model::moment::Moment;

fn at(milliseconds: u64) -> Moment {
    Moment::after_start(Duration::from_millis(milliseconds))
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn server(node: i64, timeline: u32) -> AnsweringServer {
    let started = Timestamp::from_second(node).expect("a time");
    AnsweringServer {
        postmaster_started: started,
        address: Text::new(format!("10.0.0.{node}:5432")),
        timeline: Some(Timeline(timeline)),
    }
}

fn write(number: u64, ended: u64, answer: WriteResult) -> ProbeWrite {
    ProbeWrite { number, sent: at(ended.saturating_sub(2)), ended: at(ended), answer }
}

fn acknowledged(number: u64, ended: u64, node: i64, timeline: u32) -> ProbeWrite {
    write(number, ended, WriteResult::Acknowledged(server(node, timeline)))
}

fn log(writes: Vec<ProbeWrite>) -> ProbeLog {
    let ended = writes.iter().map(|write| write.ended).max().unwrap_or_default();
    ProbeLog { writes, ended, interval: ms(50), broken: Some(at(1_000)), had_replicas: true, ..ProbeLog::default() }
}

/// Every 50 ms from `from` to `to`.
fn steady(from: u64, to: u64, node: i64, timeline: u32) -> Vec<ProbeWrite> {
    (from / 50..to / 50).map(|step| acknowledged(step, step * 50, node, timeline)).collect()
}

fn all(log: &ProbeLog) -> BTreeSet<u64> {
    log.writes.iter().map(|write| write.number).collect()
}

#[test]
fn the_outage_is_the_longest_stretch_between_acknowledgements_after_the_fault() {
    let mut writes = steady(50, 400, 1, 1);
    // A hiccup before the fault is none of its doing.
    writes.extend(steady(900, 1_000, 1, 1));
    writes.extend(steady(22_000, 23_000, 2, 2));
    // The old leader's return costs a little, too.
    writes.extend(steady(24_500, 25_000, 2, 2));
    let log = log(writes);
    let figures = evaluate(&log, Some(&all(&log)));
    assert_eq!(figures.outage, Some(ServiceGap { from: ms(950), to: Some(ms(22_000)) }));
    assert_eq!(figures.rto(), Some(ms(21_050)));
    assert_eq!(figures.interruptions.len(), 2);
    assert_eq!((figures.lost, figures.split_brain), (Some(0), 0));
    let served: Vec<_> = figures.serving_periods.iter().map(|s| (s.node.as_str(), s.timeline, s.writes)).collect();
    assert_eq!(served, [("10.0.0.1:5432", Some(Timeline(1)), 9), ("10.0.0.2:5432", Some(Timeline(2)), 30)]);
}

#[test]
fn an_outage_that_does_not_end_has_no_rto_and_misses_every_target() {
    let mut log = log(steady(50, 1_000, 1, 1));
    log.ended = at(60_000);
    let figures = evaluate(&log, None);
    assert_eq!(figures.outage, Some(ServiceGap { from: ms(950), to: None }));
    assert_eq!((figures.rto(), figures.lost, figures.ambiguous_kept), (None, None, None));
}

#[test]
fn without_a_fault_there_is_no_outage() {
    let log = ProbeLog { broken: None, ..log(steady(50, 5_000, 1, 1)) };
    assert_eq!(evaluate(&log, Some(&all(&log))).outage, None);
}

#[test]
fn an_unanswered_row_is_neither_lost_nor_acknowledged() {
    let mut writes = steady(50, 1_000, 1, 1);
    writes.push(write(100, 2_000, WriteResult::Ambiguous(Text::new("no response"))));
    writes.push(write(101, 2_000, WriteResult::Ambiguous(Text::new("no response"))));
    writes.push(write(102, 2_000, WriteResult::Refused(Text::new("connection refused"))));
    let log = log(writes);
    let mut kept = all(&log);
    kept.retain(|number| ![7, 101, 102].contains(number));
    let figures = evaluate(&log, Some(&kept));
    assert_eq!((figures.lost, figures.lost_numbers.clone()), (Some(1), vec![7]));
    assert_eq!((figures.ambiguous, figures.ambiguous_kept, figures.refused), (2, Some(1), 1));
}

#[test]
fn rows_that_an_old_leader_takes_beside_a_new_one_are_split_brain_writes() {
    let mut writes = steady(50, 1_000, 1, 1);
    writes.extend(steady(5_000, 6_000, 2, 2));
    writes.push(acknowledged(900, 7_000, 1, 1));
    let log = log(writes);
    let mut kept = all(&log);
    kept.remove(&900);
    let figures = evaluate(&log, Some(&kept));
    assert_eq!((figures.split_brain, figures.lost), (1, Some(1)));
}

fn read(sent: u64, newest: Option<u64>, in_recovery: bool) -> ProbeRead {
    let seen = ReadResult { newest, server: server(3, 1), in_recovery };
    ProbeRead { sent: at(sent), ended: at(sent + 2), seen: Ok(seen) }
}

#[rstest]
#[case::a_replica(read(20_000, Some(19), true), (0, 0, 0))]
#[case::the_primary(read(20_000, Some(19), false), (1, 0, 0))]
#[case::late_by_ten_seconds(read(20_000, Some(5), true), (0, 1, 0))]
#[case::empty(read(20_000, None, true), (0, 1, 0))]
#[case::a_row_that_vanished(read(20_000, Some(18), true), (0, 0, 1))]
fn wrong_reads_are_distinguished(#[case] read: ProbeRead, #[case] expected: (u64, u64, u64)) {
    let mut log = log(steady(50, 1_000, 1, 1));
    log.reads.push(read);
    let mut kept = all(&log);
    kept.remove(&18);
    let figures = evaluate(&log, Some(&kept));
    assert_eq!((figures.reads_by_primary, figures.reads_stale, figures.reads_of_lost_rows), expected);
}

#[test]
fn without_replicas_the_primary_may_serve_reads() {
    let mut log = ProbeLog { had_replicas: false, ..log(steady(50, 1_000, 1, 1)) };
    log.reads.push(read(20_000, Some(19), false));
    assert_eq!(evaluate(&log, Some(&all(&log))).wrong_reads(), 0);
}

#[test]
fn a_member_is_named_by_its_start_also_where_its_address_says_nothing() {
    let mut log = log(steady(50, 1_000, 1, 1));
    log.members.insert(Timestamp::from_second(1).expect("a time"), "pg-0".into());
    assert_eq!(evaluate(&log, None).serving_periods[0].node, "pg-0");
}

#[rstest]
#[case(&[], None)]
#[case(&[22], Some((22, 22, 22)))]
#[case(&[30, 20, 22], Some((22, 20, 30)))]
#[case(&[30, 20], Some((25, 20, 30)))]
fn the_past_has_a_median_a_best_and_a_worst(#[case] seconds: &[u64], #[case] expected: Option<(u64, u64, u64)>) {
    let outages: Vec<Duration> = seconds.iter().map(|s| Duration::from_secs(*s)).collect();
    let reported =
        DrillHistory::of(&outages).map(|past| (past.median.as_secs(), past.best.as_secs(), past.worst.as_secs()));
    assert_eq!(reported, expected);
}

proptest! {
    #[test]
    fn every_row_is_counted_once_and_lost_ones_exactly(
        fates in proptest::collection::vec((0_u8..3, any::<bool>()), 0..300),
    ) {
        let mut kept = BTreeSet::new();
        let (mut lost, mut acknowledged_rows, mut ambiguous_kept) = (0, 0, 0);
        let mut writes = Vec::new();
        for (number, (fate, is_kept)) in (1_u64..).zip(&fates) {
            let answer = match fate {
                0 => WriteResult::Acknowledged(server(1, 1)),
                1 => WriteResult::Ambiguous(Text::new("no response")),
                _ => WriteResult::Refused(Text::new("refused")),
            };
            if *is_kept && *fate != 2 {
                kept.insert(number);
            }
            acknowledged_rows += u64::from(*fate == 0);
            lost += u64::from(*fate == 0 && !is_kept);
            ambiguous_kept += u64::from(*fate == 1 && *is_kept);
            writes.push(write(number, number * 50, answer));
        }
        let total = u64::try_from(fates.len()).expect("few");
        let figures = evaluate(&log(writes), Some(&kept));
        prop_assert_eq!(figures.lost, Some(lost));
        prop_assert_eq!(figures.ambiguous_kept, Some(ambiguous_kept));
        prop_assert_eq!(figures.acknowledged, acknowledged_rows);
        prop_assert_eq!(figures.acknowledged + figures.refused + figures.ambiguous, total);
        let served: u64 = figures.serving_periods.iter().map(|stretch| stretch.writes).sum();
        prop_assert_eq!(served, acknowledged_rows);
    }
}
