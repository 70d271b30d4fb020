//! How far an order has come, on its way from whoever carries it out to whoever looks on.

use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep_until};

use crate::action::work::OrderProgress;
use crate::driver::port::ProgressSink;

/// Shortest time between two words of progress: what takes hours must not fill a disk with how it goes.
const MIN_INTERVAL: Duration = Duration::from_secs(2);

/// Keeps the newest word until it is told.
pub(super) struct ProgressThrottle {
    newest: watch::Sender<Option<OrderProgress>>,
    reader: Mutex<(watch::Receiver<Option<OrderProgress>>, Instant)>,
}

impl Default for ProgressThrottle {
    fn default() -> Self {
        let (newest, reader) = watch::channel(None);
        Self { newest, reader: Mutex::new((reader, Instant::now())) }
    }
}

impl ProgressThrottle {
    /// The next word that is worth telling. May be dropped and asked again.
    pub(super) async fn next(&self) -> OrderProgress {
        let mut reader = self.reader.lock().await;
        let (reader, next) = &mut *reader;
        loop {
            sleep_until(*next).await;
            if reader.changed().await.is_err() {
                return std::future::pending().await;
            }
            if let Some(progress) = reader.borrow_and_update().clone() {
                *next = Instant::now() + MIN_INTERVAL;
                return progress;
            }
        }
    }
}

impl ProgressSink for ProgressThrottle {
    fn report(&self, progress: OrderProgress) {
        self.newest.send_replace(Some(progress));
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::action::work::WorkUnit;

    fn done(done: u64) -> OrderProgress {
        OrderProgress { done, total: None, unit: WorkUnit::Items, at: "".into() }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_word_is_reported_at_once_and_then_the_newest_every_while() {
        let progress_throttle = ProgressThrottle::default();
        assert_eq!(progress_throttle.next().now_or_never(), None, "nothing was told");
        progress_throttle.report(done(1));
        assert_eq!(progress_throttle.next().now_or_never(), Some(done(1)));
        progress_throttle.report(done(2));
        progress_throttle.report(done(3));
        assert_eq!(progress_throttle.next().now_or_never(), None, "too soon");
        tokio::time::sleep(MIN_INTERVAL).await;
        assert_eq!(progress_throttle.next().now_or_never(), Some(done(3)));
    }
}
