//! The probe's rows through a pooler: one after the other, each as patient as a client of a paused pooler has to be, so that a wait
//! shows as a wait.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::probing::{SharedProbeLog, WRITE_INTERVAL};
use crate::action::drill_report::{PooledLog, ProbeWrite, WriteResult, row_number};
use crate::driver::port::drill::Probe;
use crate::model::name::PoolerName;
use crate::model::text::Text;
use crate::observe::picture::Clock;

/// Longest wait for a row: longer than any pause of this program's lasts.
const WRITE_DEADLINE: Duration = Duration::from_secs(30);
/// How long the row under way may still take when everything ends.
const LAST_ROW_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause after a row that failed: a pooler that refuses logins is not asked twenty times a second.
const ERROR_INTERVAL: Duration = Duration::from_millis(250);

/// Writes through the pooler at `lane` until `stop`.
pub(super) async fn write(
    probe: Arc<dyn Probe>,
    lane: usize,
    pooler: PoolerName,
    clock: Clock,
    notes: SharedProbeLog,
    stop: CancellationToken,
) {
    notes.with(|log| log.pooled.push(PooledLog { pooler: pooler.clone(), writes: Vec::new() }));
    let mut ticks = interval(WRITE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut row = 0;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        row += 1;
        let number = row_number(lane, row);
        let sent = clock.now();
        let given_up = async {
            stop.cancelled().await;
            sleep(LAST_ROW_TIMEOUT).await;
        };
        let answer = tokio::select! {
            answer = probe.write_through(&pooler, number, WRITE_DEADLINE) => answer,
            () = given_up => WriteResult::Ambiguous(Text::new("the drill ended before the response")),
        };
        let failed = !matches!(answer, WriteResult::Acknowledged(_));
        let write = ProbeWrite { number, sent, ended: clock.now(), answer };
        notes.with(|log| {
            if let Some(own) = log.pooled.iter_mut().find(|known| known.pooler == pooler) {
                own.writes.push(write);
            }
        });
        if failed {
            sleep(ERROR_INTERVAL).await;
        }
    }
}
