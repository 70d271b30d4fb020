//! The task that drives one source: cadence, deadline, back-off, "poll now".

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::merge::Observation;
use super::picture::Clock;
use crate::driver::port::{Observe, Pace};
use crate::model::moment::Moment;
use crate::model::source::{SourceError, SourceKind, Trouble};

/// Too short to count as a turn.
const NO_TIME: Duration = Duration::from_millis(20);

/// The longest pause between two attempts at a source that only a change of its settings will bring back: a login that is
/// refused fills the far end's log with every attempt.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(8);

/// The same where the return is awaited: whatever comes back is on the screen within two seconds.
const LONGEST_BACK_OFF_AWAITED: Duration = Duration::from_millis(1_500);

/// What a source task needs beside its source.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) clock: Clock,
    /// Refresh interval in force.
    pub(super) interval: watch::Receiver<Duration>,
    /// Raised by one for each "poll now".
    pub(super) nudge: watch::Receiver<u64>,
    /// Time allowed for one attempt at a polled source.
    pub(super) deadline: Duration,
    /// Where in its turn the cluster asks, from 0 to 1.
    pub(super) phase: f64,
    pub(super) observations: mpsc::Sender<Observation>,
    pub(super) cancel: CancellationToken,
}

/// The age at which an answer of a source is stale. Between two polls an answer may grow one interval old, and the
/// next may use up most of its deadline; a source that is cut off is grey within two seconds at an interval of one.
pub(super) fn stale_after(pace: Pace, interval: Duration, deadline: Duration) -> Duration {
    match pace {
        Pace::Each => interval + deadline.mul_f32(0.4).max(Duration::from_millis(800)),
        Pace::Slow(every) => every * 2 + deadline,
        Pace::Push(silence) => silence + deadline.mul_f32(0.4),
    }
}

/// Drives `source` until cancelled or until nobody listens.
pub(super) async fn drive(mut source: Box<dyn Observe>, mut around: Surroundings) {
    let cancel = around.cancel.clone();
    cancel.run_until_cancelled(drive_on(&mut *source, &mut around)).await;
}

async fn drive_on(source: &mut dyn Observe, around: &mut Surroundings) {
    let mut failures: u32 = 0;
    loop {
        let began = Instant::now();
        let asked = around.clock.now();
        let allowed = match source.pace() {
            Pace::Each | Pace::Slow(_) => around.deadline,
            Pace::Push(silence) => silence * 2 + around.deadline,
        };
        let outcome = match timeout(allowed, source.observe(asked)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(SourceError::timed_out(source.endpoint().as_str(), allowed)),
        };
        failures = if outcome.is_ok() { 0 } else { failures.saturating_add(1) };
        let longest = longest_back_off(source.source().kind, outcome.as_ref().err());
        let at = around.clock.now();
        let observation = Observation { source: source.source().clone(), at, took: at.since(asked), outcome };
        if around.observations.send(observation).await.is_err() {
            return;
        }
        pause(source.pace(), (failures, longest), began, asked, around).await;
    }
}

/// Waits for the next turn: the rest of the interval, or longer after failures; "poll now" and a changed interval cut
/// the wait short. A source that speaks by itself is asked again at once unless it failed. `asked` is `began` on the
/// observer's clock.
async fn pause(
    pace: Pace,
    (failures, longest): (u32, Duration),
    began: Instant,
    asked: Moment,
    around: &mut Surroundings,
) {
    loop {
        let interval = *around.interval.borrow_and_update();
        let turn = match pace {
            Pace::Each => interval,
            Pace::Slow(every) => every,
            Pace::Push(_) if failures == 0 => return,
            Pace::Push(_) => Duration::from_millis(250),
        };
        let until = began
            + if failures < 2 { in_step(asked, turn, around.phase) } else { back_off(turn, failures, longest, began) };
        tokio::select! {
            () = tokio::time::sleep_until(until) => return,
            nudged = around.nudge.changed() => {
                // A closed channel never fires again; the sleep then decides.
                if nudged.is_ok() { return }
                tokio::time::sleep_until(until).await;
                return;
            }
            changed = around.interval.changed() => {
                if changed.is_err() {
                    tokio::time::sleep_until(until).await;
                    return;
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
    if left < NO_TIME.min(turn / 2) { left + turn } else { left }
}

/// How long is waited for a source of this kind at most, after it failed like this.
fn longest_back_off(kind: SourceKind, error: Option<&SourceError>) -> Duration {
    let settled = match error.map(|error| error.trouble) {
        Some(
            Trouble::Credentials
            | Trouble::Withheld
            | Trouble::Unasked
            | Trouble::Permission
            | Trouble::Unsupported
            | Trouble::Tls
            | Trouble::UnexpectedAnswer
            | Trouble::NoSuchCluster
            | Trouble::TooLarge,
        ) => true,
        Some(
            Trouble::Refused
            | Trouble::TimedOut
            | Trouble::Name
            | Trouble::Unreachable
            | Trouble::Closed
            | Trouble::NoQuorum
            | Trouble::NotReady
            | Trouble::SlotsTaken
            | Trouble::ConnectionLimit,
        )
        | None => false,
    };
    match kind {
        _ if settled => LONGEST_BACK_OFF,
        SourceKind::PatroniRest
        | SourceKind::Sql
        | SourceKind::Nodes
        | SourceKind::Etcd
        | SourceKind::EtcdMember
        | SourceKind::RouterHttp
        | SourceKind::RouterRuntime
        | SourceKind::RouterActing => LONGEST_BACK_OFF_AWAITED,
        // `/cluster` keeps a worker of Patroni waiting while the DCS is away; the rest is not what one waits for.
        SourceKind::PatroniCluster
        | SourceKind::EtcdClusters
        | SourceKind::PatroniMetrics
        | SourceKind::Exporter
        | SourceKind::Pooler
        | SourceKind::Backup
        | SourceKind::Runtime => LONGEST_BACK_OFF,
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
        let waits = |kind, trouble| -> Vec<u64> {
            let error = SourceError::new(trouble, "h:1", "");
            let longest = longest_back_off(kind, Some(&error));
            (2..9).map(|failures| back_off(second, failures, longest, began).as_secs()).collect()
        };
        for awaited in [SourceKind::Sql, SourceKind::RouterHttp, SourceKind::PatroniRest, SourceKind::EtcdMember] {
            assert_eq!(waits(awaited, Trouble::Refused), [1; 7], "{awaited:?}");
            assert_eq!(waits(awaited, Trouble::Credentials), [2, 4, 8, 8, 8, 8, 8], "{awaited:?}");
        }
        assert_eq!(waits(SourceKind::PatroniCluster, Trouble::Refused), [2, 4, 8, 8, 8, 8, 8]);
        let slow = Duration::from_secs(15);
        assert!(
            back_off(slow, 9, LONGEST_BACK_OFF_AWAITED, began) >= slow,
            "a slow source is not asked more often for failing"
        );
    }

    #[test]
    fn a_source_cut_off_is_stale_within_two_seconds_at_an_interval_of_one() {
        let second = Duration::from_secs(1);
        assert!(stale_after(Pace::Each, second, second * 2) < second * 2);
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
