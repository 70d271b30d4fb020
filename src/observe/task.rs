//! The task that drives one source: cadence, deadline, back-off, "poll now".

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::merge::Observation;
use super::picture::Clock;
use crate::driver::port::{Observe, PollPace};
use crate::model::moment::Moment;
use crate::model::source::{FailureKind, SourceError, SourceKind};

/// Too short to count as a turn.
const ZERO_TIMEOUT: Duration = Duration::from_millis(20);

/// The longest pause between two attempts at a source that only a change of its settings will bring back: a login that is
/// refused fills the far end's log with every attempt.
const MAX_BACK_OFF: Duration = Duration::from_secs(8);

/// The same where the return is awaited: whatever comes back is on the screen within two seconds.
const MAX_BACK_OFF_AWAITED: Duration = Duration::from_millis(1_500);

/// Below this interval a cut source is to be seen within two seconds; above it the interval itself takes longer.
const SHORT_INTERVAL: Duration = MAX_BACK_OFF_AWAITED;

/// An answer that took no longer leaves room for a later question before the one before it is stale.
const PROMPT_ANSWER: Duration = Duration::from_millis(100);

/// What a source task needs beside its source.
#[derive(Clone)]
pub(super) struct TaskContext {
    pub(super) clock: Clock,
    /// Refresh interval in force.
    pub(super) interval: watch::Receiver<Duration>,
    /// Raised by one for each "poll now".
    pub(super) nudge: watch::Receiver<u64>,
    /// Something is being done to the cluster: every answer is to hold everything.
    pub(super) attentive: watch::Receiver<bool>,
    /// Time allowed for one attempt at a polled source.
    pub(super) deadline: Duration,
    /// Where in its turn the cluster asks, from 0 to 1.
    pub(super) phase: f64,
    pub(super) observations: mpsc::Sender<Observation>,
    pub(super) cancel: CancellationToken,
}

/// The age at which an answer of a source is stale. Between two polls an answer may grow one interval old, and the
/// next may use up most of its deadline; a source that is cut off is grey within two seconds at an interval of one.
pub(super) fn stale_after(pace: PollPace, interval: Duration, deadline: Duration) -> Duration {
    let slack = deadline.mul_f32(0.4).max(Duration::from_millis(800));
    match pace {
        PollPace::Each => interval + slack,
        PollPace::Relaxed if interval <= SHORT_INTERVAL => interval + slack,
        PollPace::Relaxed => relaxed(interval) + slack,
        PollPace::Slow(every) => every * 2 + deadline,
        PollPace::Push(silence) => silence + deadline.mul_f32(0.4),
    }
}

/// A turn of a source that others speak for: half as long again while the whole of it still fits into what a fault may
/// take to be seen, and three turns where one alone is longer.
fn relaxed(interval: Duration) -> Duration {
    if interval <= SHORT_INTERVAL { interval.mul_f32(1.5).min(SHORT_INTERVAL) } else { interval * 3 }
}

/// Drives `source` until cancelled or until nobody listens.
pub(super) async fn drive(mut source: Box<dyn Observe>, mut around: TaskContext) {
    let cancel = around.cancel.clone();
    cancel.run_until_cancelled(drive_on(&mut *source, &mut around)).await;
}

async fn drive_on(source: &mut dyn Observe, around: &mut TaskContext) {
    let mut failures: u32 = 0;
    loop {
        let began = Instant::now();
        let asked = around.clock.now();
        let allowed = match source.pace() {
            PollPace::Each | PollPace::Relaxed | PollPace::Slow(_) => around.deadline,
            PollPace::Push(silence) => silence * 2 + around.deadline,
        };
        let outcome = match timeout(allowed, source.observe(asked)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(SourceError::timed_out(source.endpoint().as_str(), allowed)),
        };
        failures = if outcome.is_ok() { 0 } else { failures.saturating_add(1) };
        let longest = longest_back_off(source.source().kind, outcome.as_ref().err());
        let at = around.clock.now() - source.lateness();
        let is_prompt = at.since(asked) <= PROMPT_ANSWER;
        let observation = Observation { source: source.source().clone(), at, took: at.since(asked), outcome };
        if around.observations.send(observation).await.is_err() {
            return;
        }
        let pace = match source.pace() {
            PollPace::Relaxed if failures > 0 || !is_prompt || *around.attentive.borrow() => PollPace::Each,
            pace => pace,
        };
        let nudged = pause(pace, (failures, longest), began, asked, around).await;
        if nudged || *around.attentive.borrow() {
            source.demand_all();
        }
    }
}

/// Waits for the next turn: the rest of the interval, or longer after failures; "poll now" and a changed interval cut
/// the wait short. Returns whether "poll now" did. A source that speaks by itself is asked again at once unless it failed. `asked` is `began` on the
/// observer's clock.
async fn pause(
    pace: PollPace,
    (failures, longest): (u32, Duration),
    began: Instant,
    asked: Moment,
    around: &mut TaskContext,
) -> bool {
    loop {
        let interval = *around.interval.borrow_and_update();
        let turn = match pace {
            PollPace::Each => interval,
            PollPace::Relaxed => relaxed(interval),
            PollPace::Slow(every) => every,
            PollPace::Push(_) if failures == 0 => return false,
            PollPace::Push(_) => Duration::from_millis(250),
        };
        let until = began
            + if failures < 2 { in_step(asked, turn, around.phase) } else { back_off(turn, failures, longest, began) };
        tokio::select! {
            () = tokio::time::sleep_until(until) => return false,
            nudged = around.nudge.changed() => {
                // A closed channel never fires again; the sleep then decides.
                if nudged.is_ok() { return true }
                tokio::time::sleep_until(until).await;
                return false;
            }
            changed = around.interval.changed() => {
                if changed.is_err() {
                    tokio::time::sleep_until(until).await;
                    return false;
                }
            }
        }
    }
}

/// The wait after which a source asked at `asked` keeps step with all others of the same turn in its cluster: to the
/// next moment that is `phase` of a turn past a multiple of it on the observer's clock.
/// Answers that come together make one picture instead of many; the phase keeps many clusters from asking together.
fn in_step(asked: Moment, turn: Duration, phase: f64) -> Duration {
    let nanos = turn.as_nanos().max(1);
    let since = asked.since_start() + turn.mul_f64(1.0 - phase);
    let left = turn.saturating_sub(Duration::from_nanos((since.as_nanos() % nanos) as u64));
    // A timer may fire a hair before the moment it was set for.
    if left < ZERO_TIMEOUT.min(turn / 2) { left + turn } else { left }
}

/// How long is waited for a source of this kind at most, after it failed like this.
fn longest_back_off(kind: SourceKind, error: Option<&SourceError>) -> Duration {
    let settled = match error.map(|error| error.failure_kind) {
        Some(
            FailureKind::Credentials
            | FailureKind::Withheld
            | FailureKind::NotAttempted
            | FailureKind::Permission
            | FailureKind::Unsupported
            | FailureKind::Tls
            | FailureKind::UnexpectedAnswer
            | FailureKind::NoSuchCluster
            | FailureKind::TooLarge,
        ) => true,
        Some(
            FailureKind::Refused
            | FailureKind::TimedOut
            | FailureKind::Name
            | FailureKind::Unreachable
            | FailureKind::Closed
            | FailureKind::NoQuorum
            | FailureKind::NotReady
            | FailureKind::SlotsTaken
            | FailureKind::ConnectionLimit
            | FailureKind::TooManyOpenFiles,
        )
        | None => false,
    };
    match kind {
        _ if settled => MAX_BACK_OFF,
        SourceKind::PatroniRest
        | SourceKind::Sql
        | SourceKind::Nodes
        | SourceKind::Etcd
        | SourceKind::EtcdMember
        | SourceKind::RouterHttp
        | SourceKind::RouterRuntime
        | SourceKind::RouterActing => MAX_BACK_OFF_AWAITED,
        // `/cluster` keeps a worker of Patroni waiting while the DCS is away; the rest is not what one waits for.
        SourceKind::PatroniCluster
        | SourceKind::EtcdClusters
        | SourceKind::PatroniMetrics
        | SourceKind::Exporter
        | SourceKind::Pooler
        | SourceKind::Backup
        | SourceKind::Runtime => MAX_BACK_OFF,
    }
}

/// Doubles with each failure up to `longest`, spread by a tenth so that sources which failed together do not
/// all come back together. The spread is taken from the clock's low bits: any will do.
fn back_off(turn: Duration, failures: u32, longest: Duration, began: Instant) -> Duration {
    let doubled = turn.saturating_mul(1 << failures.saturating_sub(1).min(6)).min(longest.max(turn));
    let spread = f64::from(began.elapsed().subsec_nanos() % 1000) / 10_000.0;
    doubled.mul_f64(1.0 + spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_and_ends() {
        let began = Instant::now();
        let second = Duration::from_secs(1);
        let waits = |kind, failure_kind| -> Vec<u64> {
            let error = SourceError::new(failure_kind, "h:1", "");
            let longest = longest_back_off(kind, Some(&error));
            (2..9).map(|failures| back_off(second, failures, longest, began).as_secs()).collect()
        };
        for awaited in [SourceKind::Sql, SourceKind::RouterHttp, SourceKind::PatroniRest, SourceKind::EtcdMember] {
            assert_eq!(waits(awaited, FailureKind::Refused), [1; 7], "{awaited:?}");
            assert_eq!(waits(awaited, FailureKind::Credentials), [2, 4, 8, 8, 8, 8, 8], "{awaited:?}");
        }
        assert_eq!(waits(SourceKind::PatroniCluster, FailureKind::Refused), [2, 4, 8, 8, 8, 8, 8]);
        let slow = Duration::from_secs(15);
        assert!(
            back_off(slow, 9, MAX_BACK_OFF_AWAITED, began) >= slow,
            "a slow source is not asked more often for failing"
        );
    }

    #[test]
    fn a_source_cut_off_is_stale_within_two_seconds_at_an_interval_of_one() {
        let second = Duration::from_secs(1);
        for pace in [PollPace::Each, PollPace::Relaxed] {
            assert!(stale_after(pace, second, second * 2) < second * 2);
        }
    }

    #[test]
    fn a_source_that_others_speak_for_is_asked_less_often_and_never_stale_between_two_questions() {
        let millis = Duration::from_millis;
        for interval in [250, 500, 1_000, 1_500, 2_000, 5_000].map(millis) {
            let turn = relaxed(interval);
            assert!(turn >= interval && turn + PROMPT_ANSWER < stale_after(PollPace::Relaxed, interval, millis(2_000)));
        }
        assert_eq!([1_000, 2_000].map(|interval| relaxed(millis(interval))), [millis(1_500), millis(6_000)]);
    }

    #[test]
    fn sources_of_one_turn_keep_step_and_none_is_asked_twice_in_one() {
        let millis = Duration::from_millis;
        let waits: Vec<Duration> = [0, 3, 400, 979, 999, 1_000, 61_002]
            .into_iter()
            .map(|asked| in_step(Moment::START + millis(asked), millis(1_000), 0.0))
            .collect();
        assert_eq!(waits, [1_000, 997, 600, 21, 1_001, 1_000, 998].map(millis));
        assert_eq!(in_step(Moment::START, millis(1_000), 0.75), millis(750), "another cluster's turn");
        assert_eq!(in_step(Moment::START, Duration::ZERO, 0.5), Duration::ZERO);
    }
}
