//! The probe at work: a row every 50 ms and a read every 100 ms, each with its own deadline, none waiting for another. It
//! has a thread of its own, so that nothing else that this process does delays a row or the stamp on its answer; a
//! simulated one runs among the tasks of its drill, by their clock.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::{BoxFuture, join_all};
use futures::stream::FuturesUnordered;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::pooled;
use crate::action::drill_report::{ProbeLog, ProbeRead, ProbeWrite, WriteResult};
use crate::driver::port::drill::Probe;
use crate::model::moment::Moment;
use crate::observe::picture::Clock;

/// Pause between two rows.
pub(super) const WRITE_INTERVAL: Duration = Duration::from_millis(50);
/// Pause between two reads.
const READ_INTERVAL: Duration = Duration::from_millis(100);
/// How long a row or a read may take.
const WRITE_DEADLINE: Duration = Duration::from_secs(1);
/// Rows under way at once: as many as fit into a deadline, and a few more.
const MAX_ENTRIES: usize = 24;
/// A stretch without an acknowledged row of this length or more is no steady work.
const SHORT_GAP: Duration = Duration::from_millis(700);

/// The log, written by the probe and read by whoever waits.
#[derive(Clone, Default)]
pub(super) struct SharedProbeLog(Arc<Mutex<ProbeLog>>);

impl SharedProbeLog {
    pub(super) fn new(log: ProbeLog) -> Self {
        Self(Arc::new(Mutex::new(log)))
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&mut ProbeLog) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether rows have been acknowledged for `quiet` without a break, up to `now`.
    pub(super) fn is_steady(&self, now: Moment, quiet: Duration) -> bool {
        self.with(|log| {
            let mut later = now;
            for write in log.writes.iter().rev() {
                if !matches!(write.answer, WriteResult::Acknowledged(_)) {
                    continue;
                }
                if later.since(write.ended) >= SHORT_GAP {
                    return false;
                }
                later = write.ended;
                if now.since(later) >= quiet {
                    return true;
                }
            }
            false
        })
    }
}

/// Writes and reads until `stop`, then until the fate of everything is known. The receiver tells when that is so.
///
/// # Errors
/// When the thread that the probe wants cannot be had.
pub(super) fn start(
    probe: Arc<dyn Probe>,
    clock: Clock,
    notes: SharedProbeLog,
    stop: CancellationToken,
    tasks: &TaskTracker,
) -> io::Result<oneshot::Receiver<()>> {
    let (over, ended) = oneshot::channel();
    let has_own_thread = probe.needs_own_thread();
    let work = async move {
        let writing = write(Arc::clone(&probe), clock, notes.clone(), stop.clone());
        let through_poolers =
            probe.poolers().into_iter().enumerate().map(|(lane, pooler)| {
                pooled::write(Arc::clone(&probe), lane, pooler, clock, notes.clone(), stop.clone())
            });
        let through_poolers = join_all(through_poolers);
        tokio::join!(writing, through_poolers, read(probe, clock, notes, stop));
        // Nobody waits where the drill's process ends.
        let _ = over.send(());
    };
    if has_own_thread {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("probe".to_owned()).spawn(move || runtime.block_on(work))?;
    } else {
        tasks.spawn(work);
    }
    Ok(ended)
}

/// Writes until `stop`, then until every row's fate is known.
async fn write(probe: Arc<dyn Probe>, clock: Clock, notes: SharedProbeLog, stop: CancellationToken) {
    let began = Instant::now();
    let mut ticks = interval(WRITE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut number = 0;
    let mut open: FuturesUnordered<BoxFuture<'static, ProbeWrite>> = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            Some(write) = open.next() => notes.with(|log| log.writes.push(write)),
            () = stop.cancelled() => break,
            due = ticks.tick() => {
                // The first ticks come while everything is set up.
                if began.elapsed() > WRITE_DEADLINE {
                    let late = due.elapsed();
                    notes.with(|log| log.late = log.late.max(late));
                }
                if open.len() < MAX_ENTRIES {
                    number += 1;
                    open.push(Box::pin(one(probe.write(number, WRITE_DEADLINE), clock, number)));
                }
            }
        }
    }
    while let Some(write) = open.next().await {
        notes.with(|log| log.writes.push(write));
    }
}

async fn one(writing: BoxFuture<'static, WriteResult>, clock: Clock, number: u64) -> ProbeWrite {
    let sent = clock.now();
    let answer = writing.await;
    ProbeWrite { number, sent, ended: clock.now(), answer }
}

/// Reads until `stop`. Without a way for readers it ends at once.
async fn read(probe: Arc<dyn Probe>, clock: Clock, notes: SharedProbeLog, stop: CancellationToken) {
    let mut ticks = interval(READ_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut open: FuturesUnordered<BoxFuture<'static, ProbeRead>> = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            Some(read) = open.next() => notes.with(|log| log.reads.push(read)),
            () = stop.cancelled() => break,
            _ = ticks.tick() => {
                if open.len() < MAX_ENTRIES {
                    let Some(reading) = probe.read(WRITE_DEADLINE) else { return };
                    open.push(Box::pin(async move {
                        let sent = clock.now();
                        let seen = reading.await;
                        ProbeRead { sent, ended: clock.now(), seen }
                    }));
                }
            }
        }
    }
    while let Some(read) = open.next().await {
        notes.with(|log| log.reads.push(read));
    }
}
