//! How fast each member's lag moves, from what was seen of it in the last half minute.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::observed::Observed;
use crate::model::source::Source;
use crate::model::trend::Trend;

/// What is looked back at.
const WINDOW: Duration = Duration::from_secs(30);
/// Watched for less than this, nothing is said: two samples of a busy cluster differ by chance.
const MIN_SPAN: Duration = Duration::from_secs(8);
/// The same in samples.
const MIN_COUNT: usize = 4;

/// So many samples that go the other way are a turn.
const MIN_TURN: usize = 3;

/// Samples of every member's lag.
#[derive(Debug, Default)]
pub(super) struct LagTrends {
    tracks: BTreeMap<NodeName, LagTrack>,
}

/// Samples that may be compared: of one source, behind one leader, without a gap.
#[derive(Debug)]
struct LagTrack {
    source: Source,
    leader: Option<NodeName>,
    points: VecDeque<(Moment, u64)>,
}

impl LagTrends {
    /// Takes what is known of a member's lag now; returns where it goes. `None`: not watched for long enough.
    pub(super) fn record_lag(
        &mut self,
        member: &NodeName,
        lag: Option<&Observed<u64>>,
        leader: Option<&NodeName>,
    ) -> Option<Trend> {
        let Some(lag) = lag.filter(|lag| lag.fresh) else {
            // What moved in the dark is not known.
            self.tracks.remove(member);
            return None;
        };
        let begun = || LagTrack { source: lag.source.clone(), leader: leader.cloned(), points: VecDeque::new() };
        let track = self.tracks.entry(member.clone()).or_insert_with(begun);
        if track.source != lag.source || track.leader.as_ref() != leader {
            *track = begun();
        }
        match track.points.back() {
            Some((at, _)) if *at >= lag.at => {}
            _ => track.points.push_back((lag.at, lag.value)),
        }
        while track.points.front().is_some_and(|(at, _)| lag.at.since(*at) > WINDOW) {
            track.points.pop_front();
        }
        let trend = slope(&track.points)?;
        if turned(&track.points, trend.rate) {
            // What was before the turn says nothing of what comes.
            track.points.drain(..track.points.len() - MIN_TURN);
            return None;
        }
        Some(trend)
    }

    /// Forgets the members that `stays` denies.
    pub(super) fn retain(&mut self, stays: impl Fn(&NodeName) -> bool) {
        self.tracks.retain(|name, _| stays(name));
    }
}

/// Whether the newest points all go against `rate`, by more than jitter.
fn turned(points: &VecDeque<(Moment, u64)>, rate: f64) -> bool {
    let newest: Vec<f64> = points.iter().rev().take(MIN_TURN).rev().map(|(_, bytes)| *bytes as f64).collect();
    let against = newest.is_sorted_by(|before, after| (after - before) * rate < 0.0);
    let (Some(first), Some(last), Some((_, value))) = (newest.first(), newest.last(), points.back()) else {
        return false;
    };
    against && Trend::matters(last - first, *value)
}

/// The straight line nearest to the points.
fn slope(points: &VecDeque<(Moment, u64)>) -> Option<Trend> {
    let ((first, _), (last, _)) = (points.front()?, points.back()?);
    let over = last.since(*first);
    if points.len() < MIN_COUNT || over < MIN_SPAN {
        return None;
    }
    let count = points.len() as f64;
    let of = |(at, bytes): &(Moment, u64)| (at.since(*first).as_secs_f64(), *bytes as f64);
    let (times, values) = points.iter().map(of).fold((0.0, 0.0), |sum, (t, v)| (sum.0 + t, sum.1 + v));
    let (time, value) = (times / count, values / count);
    let (with, alone) = points
        .iter()
        .map(of)
        .fold((0.0, 0.0), |sum, (t, v)| (sum.0 + (t - time) * (v - value), sum.1 + (t - time) * (t - time)));
    Some(Trend { rate: with / alone, over })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::source::SourceKind;

    fn at(second: u64, value: u64) -> Observed<u64> {
        let at = Moment::START + Duration::from_secs(second);
        Observed { value, source: Source::new(SourceKind::Sql, "pg-0"), at, fresh: true }
    }

    fn last(trends: &mut LagTrends, seconds: std::ops::Range<u64>, value: impl Fn(u64) -> u64) -> Option<Trend> {
        let leader = NodeName::new("pg-0");
        seconds
            .map(|second| trends.record_lag(&"pg-1".into(), Some(&at(second, value(second))), Some(&leader)))
            .last()?
    }

    #[test]
    fn the_rate_is_that_of_the_last_half_minute_and_unknown_at_first() {
        let mut trends = LagTrends::default();
        assert_eq!(last(&mut trends, 0..8, |second| second * 1000), None, "seven seconds are too few");
        let trend = last(&mut trends, 8..12, |second| second * 1000).expect("a trend");
        assert!((trend.rate - 1000.0).abs() < 1e-6 && trend.over == Duration::from_secs(11), "{trend:?}");
        // It turns, and after half a minute nothing of the rise is left.
        let trend = last(&mut trends, 12..60, |second| 1_000_000 - second * 500).expect("a trend");
        assert!((trend.rate + 500.0).abs() < 1e-6 && trend.over == Duration::from_secs(30), "{trend:?}");
    }

    #[test]
    fn a_lag_that_turns_is_not_reported_to_go_the_old_way_while_the_window_is_full_of_it() {
        let mut trends = LagTrends::default();
        let mb = 1 << 20;
        assert!(last(&mut trends, 0..40, |second| second * mb).expect("a trend").rate > 0.0);
        let down = |second| 40 * mb - (second - 40) * mb / 2;
        assert_eq!(last(&mut trends, 40..43, down), None, "it turned");
        assert_eq!(last(&mut trends, 43..46, down), None, "not observed long enough since");
        let trend = last(&mut trends, 46..52, down).expect("a trend");
        assert!(trend.rate < 0.0 && trend.over < Duration::from_secs(12), "{trend:?}");
        // Jitter about a slow rise is no turn.
        let mut trends = LagTrends::default();
        for second in 0..40 {
            let bytes = second * 20_000 + [9000, 5000, 0][usize::try_from(second % 3).unwrap()];
            let trend = last(&mut trends, second..second + 1, |_| bytes);
            assert_eq!(trend.is_some(), second >= 8, "at {second} s");
        }
    }

    #[test]
    fn an_answer_looked_at_twice_counts_once() {
        let mut trends = LagTrends::default();
        for _ in 0..20 {
            assert_eq!(last(&mut trends, 9..10, |_| 7), None);
        }
    }

    #[test]
    fn a_gap_another_source_and_another_leader_begin_again() {
        let steady = |trends: &mut LagTrends| last(trends, 0..20, |_| 5).is_some();
        let (pg_0, pg_1, pg_2) = (NodeName::new("pg-0"), NodeName::new("pg-1"), NodeName::new("pg-2"));
        let mut trends = LagTrends::default();
        assert!(steady(&mut trends));
        assert_eq!(trends.record_lag(&pg_1, None, Some(&pg_0)), None);
        assert_eq!(trends.record_lag(&pg_1, Some(&at(20, 5)), Some(&pg_0)), None, "after a gap");
        assert!(steady(&mut LagTrends::default()));
        let mut trends = LagTrends::default();
        assert!(steady(&mut trends));
        assert_eq!(trends.record_lag(&pg_1, Some(&at(20, 5)), Some(&pg_2)), None, "behind another leader");
        let mut trends = LagTrends::default();
        assert!(steady(&mut trends));
        let other = Observed { source: Source::new(SourceKind::Etcd, ""), ..at(20, 5) };
        assert_eq!(trends.record_lag(&pg_1, Some(&other), Some(&pg_0)), None, "by another source");
        let stale = Observed { fresh: false, ..at(21, 5) };
        assert_eq!(trends.record_lag(&pg_1, Some(&stale), Some(&pg_0)), None);
    }
}
