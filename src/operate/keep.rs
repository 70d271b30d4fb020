//! Keeping the operation lock while an action runs.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::runner::Limits;
use crate::driver::port::{Lock, LockError};
use crate::model::text::Text;

/// Whether the lock is still held.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Held {
    /// It is.
    Yes,
    /// It is not, or nobody can tell any more.
    Lost(Text),
}

/// Renews `lock` until `done`, and tells through `state` when it is lost; then gives it back. Renewing that fails for
/// want of an answer is tried again at once, and counts as lost when the last success is too long ago: the lease may
/// have run out.
pub(super) async fn keep(
    lock: &mut dyn Lock,
    limits: &Limits,
    state: watch::Sender<Held>,
    done: &CancellationToken,
) -> Result<(), LockError> {
    let mut renewed = Instant::now();
    let mut pause = limits.renew_every;
    while done.run_until_cancelled(sleep(pause)).await.is_some() {
        pause = limits.renew_every;
        // Not dropped when the action ends: a renewal in flight must not overtake the release.
        let trouble = match timeout(limits.lock_answer, lock.renew()).await {
            Ok(Ok(())) => {
                renewed = Instant::now();
                continue;
            }
            Ok(Err(LockError::Lost | LockError::Taken { .. })) => {
                state.send_replace(Held::Lost(Text::new(LockError::Lost.to_string())));
                return Ok(());
            }
            Ok(Err(error @ LockError::Unavailable(_))) => error.to_string(),
            Err(_) => "the operation lock was not renewed in time".to_owned(),
        };
        if renewed.elapsed() >= limits.held_without_renewal {
            state.send_replace(Held::Lost(Text::redacted(trouble)));
        } else {
            pause = Duration::from_millis(500).min(limits.renew_every);
        }
    }
    match timeout(limits.lock_answer, lock.release()).await {
        Ok(released) => released,
        // It expires by itself.
        Err(_) => Ok(()),
    }
}
