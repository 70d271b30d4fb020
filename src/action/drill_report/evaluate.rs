//! From the log to the figures.

use std::collections::BTreeSet;
use std::time::Duration;

use super::log::{AnsweringServer, ProbeLog, ProbeRead, ProbeWrite, WriteResult};
use super::precision::precision;
use super::{Figures, ServiceGap, ServingPeriod, pooled};
use crate::model::moment::Moment;
use crate::model::text::Text;

/// A stretch without success of this length or more is told by itself.
const MIN_INTERRUPTION: Duration = Duration::from_secs(1);
/// A read that lacks a row which was acknowledged so long before is stale: no healthy standby is that late.
const STALE_AFTER: Duration = Duration::from_secs(10);
/// So many lost numbers are named.
const MAX_NAMED: usize = 20;

/// The figures of `log`. `kept` are the numbers of the rows that the leader had afterwards; `None`: nobody could look.
pub fn evaluate(log: &ProbeLog, kept: Option<&BTreeSet<u64>>) -> Figures {
    let mut acknowledged: Vec<(&ProbeWrite, &AnsweringServer)> = Vec::new();
    let (mut refused, mut ambiguous) = (0, BTreeSet::new());
    for write in &log.writes {
        match &write.answer {
            WriteResult::Acknowledged(server) => acknowledged.push((write, server)),
            WriteResult::Refused(_) => refused += 1,
            WriteResult::Ambiguous(_) => {
                ambiguous.insert(write.number);
            }
        }
    }
    acknowledged.sort_by_key(|(write, _)| (write.ended, write.number));
    let numbers: BTreeSet<u64> = acknowledged.iter().map(|(write, _)| write.number).collect();
    let lost: Option<Vec<u64>> = kept.map(|kept| numbers.difference(kept).copied().collect());
    let reads: Vec<(&ProbeRead, &super::ReadResult)> =
        log.reads.iter().filter_map(|read| read.seen.as_ref().ok().map(|seen| (read, seen))).collect();
    let mut answered: Vec<Moment> = reads.iter().map(|(read, _)| read.ended).collect();
    answered.sort();
    let written: Vec<Moment> = acknowledged.iter().map(|(write, _)| write.ended).collect();
    let wrong = |so: &dyn Fn(&ProbeRead, &super::ReadResult) -> bool| {
        reads.iter().filter(|(read, seen)| so(read, seen)).count()
    };
    let primary = wrong(&|_, seen| log.had_replicas && !seen.in_recovery);
    let is_lost = |seen: &super::ReadResult| match (seen.newest, kept) {
        (Some(newest), Some(kept)) => numbers.contains(&newest) && !kept.contains(&newest),
        (None, _) | (_, None) => false,
    };
    let vanished = wrong(&|_, seen| is_lost(seen));
    let stale = wrong(&|read, seen| {
        seen.in_recovery && !is_lost(seen) && seen.newest < newest_before(&acknowledged, read.sent, kept)
    });
    let outage = longest(log, &written);
    Figures {
        precision: outage.and_then(|outage| precision(log, outage)),
        outage,
        interruptions: gaps(log, &written).filter(|gap| is_long(log, *gap)).collect(),
        read_interruptions: gaps(log, &answered).filter(|gap| is_long(log, *gap)).collect(),
        read_gap: longest(log, &answered),
        acknowledged: count(acknowledged.len()),
        refused,
        ambiguous: count(ambiguous.len()),
        lost_numbers: lost.iter().flatten().take(MAX_NAMED).copied().collect(),
        lost: lost.map(|lost| count(lost.len())),
        ambiguous_kept: kept.map(|kept| count(ambiguous.intersection(kept).count())),
        split_brain: split_brain(&acknowledged),
        reads: count(reads.len()),
        reads_by_primary: count(primary),
        reads_stale: count(stale),
        reads_of_lost_rows: count(vanished),
        serving_periods: serving_periods(log, &acknowledged),
        pooled: log.pooled.iter().map(|lane| pooled::figures(lane, kept)).collect(),
        clock_error: log.late,
        interval: log.interval,
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// The largest number that was acknowledged [`STALE_AFTER`] before `at` and was not lost.
fn newest_before(
    acknowledged: &[(&ProbeWrite, &AnsweringServer)],
    at: Moment,
    kept: Option<&BTreeSet<u64>>,
) -> Option<u64> {
    let old = acknowledged.iter().filter(|(write, _)| write.ended + STALE_AFTER <= at).map(|(write, _)| write.number);
    old.filter(|number| kept.is_none_or(|kept| kept.contains(number))).max()
}

/// Every stretch between two successes, and the one after the last, which has no end.
fn gaps<'a>(log: &'a ProbeLog, successes: &'a [Moment]) -> impl Iterator<Item = ServiceGap> + 'a {
    let between = successes.windows(2).filter_map(|pair| match pair {
        [from, to] => Some(ServiceGap { from: from.since(log.began), to: Some(to.since(log.began)) }),
        _ => None,
    });
    let open = successes.last().map(|last| ServiceGap { from: last.since(log.began), to: None });
    between.chain(open)
}

fn is_long(log: &ProbeLog, gap: ServiceGap) -> bool {
    gap.length().unwrap_or_else(|| log.ended.since(log.began).saturating_sub(gap.from)) >= MIN_INTERRUPTION
}

/// The longest stretch that ended after the fault was set. One that did not end counts where it is an interruption: the
/// log always ends some time after its last success.
fn longest(log: &ProbeLog, successes: &[Moment]) -> Option<ServiceGap> {
    let broken = log.broken?.since(log.began);
    let after = gaps(log, successes).filter(|gap| gap.to.is_none_or(|to| to >= broken));
    let mut longest: Option<ServiceGap> = None;
    for gap in after {
        if gap.to.is_none() {
            if is_long(log, gap) {
                return Some(gap);
            }
        } else if longest.is_none_or(|known| known.length() < gap.length()) {
            longest = Some(gap);
        }
    }
    longest
}

/// Rows acknowledged on an older timeline although a newer one had acknowledged before they were even sent.
fn split_brain(acknowledged: &[(&ProbeWrite, &AnsweringServer)]) -> u64 {
    let mut split = 0;
    for (write, server) in acknowledged {
        let newer = acknowledged.iter().any(|(other, by)| other.ended < write.sent && by.timeline > server.timeline);
        split += u64::from(server.timeline.is_some() && newer);
    }
    split
}

fn serving_periods(log: &ProbeLog, acknowledged: &[(&ProbeWrite, &AnsweringServer)]) -> Vec<ServingPeriod> {
    let mut serving_periods: Vec<(ServingPeriod, &AnsweringServer)> = Vec::new();
    for (write, server) in acknowledged {
        let at = write.ended.since(log.began);
        match serving_periods.last_mut() {
            Some((stretch, last))
                if last.postmaster_started == server.postmaster_started && last.timeline == server.timeline =>
            {
                stretch.to = at;
                stretch.writes += 1;
            }
            _ => {
                let node = log.members.get(&server.postmaster_started).map(|name| name.text().clone());
                let node: Text = node.unwrap_or_else(|| server.address.clone());
                serving_periods
                    .push((ServingPeriod { from: at, to: at, node, timeline: server.timeline, writes: 1 }, server));
            }
        }
    }
    serving_periods.into_iter().map(|(stretch, _)| stretch).collect()
}
