//! Keeping the operation lock while an action runs.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::runner::Limits;
use crate::driver::port::{Lock, LockError};
use crate::model::text::Text;

/// Pause after an attempt to renew that failed.
const AGAIN: Duration = Duration::from_millis(500);

/// Whether the lock is still held.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Held {
    /// It is.
    Yes,
    /// It is not, or nobody can tell any more.
    Lost(Text),
}

/// Renews `lock`, held since `known`, until `done`, and tells through `state` when it is lost; then gives it back. Renewing
/// that fails for want of an answer is tried again at once. It counts as lost the moment when the last success is too long
/// ago, also while an attempt is out: the lease may have run out by the next answer.
pub(super) async fn keep(
    lock: &mut dyn Lock,
    limits: &Limits,
    mut known: Instant,
    state: watch::Sender<Held>,
    done: &CancellationToken,
) -> Result<(), LockError> {
    let mut due = Instant::now() + limits.renew_every;
    let mut trouble = "the operation lock was not renewed in time".to_owned();
    loop {
        let limit = known + limits.held_without_renewal;
        tokio::select! {
            biased;
            () = done.cancelled() => break,
            () = sleep_until(limit), if *state.borrow() == Held::Yes => {
                state.send_replace(Held::Lost(Text::redacted(&trouble)));
                continue;
            }
            () = sleep_until(due) => {}
        }
        // Not dropped when the action ends: a renewal in flight must not overtake the release.
        let mut renewing = std::pin::pin!(timeout(limits.lock_answer, lock.renew()));
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut renewing => break answer,
                () = sleep_until(limit), if *state.borrow() == Held::Yes => {
                    state.send_replace(Held::Lost(Text::redacted(&trouble)));
                }
            }
        };
        due = Instant::now() + AGAIN.min(limits.renew_every);
        match answer {
            Ok(Ok(since)) => {
                known = since;
                due = Instant::now() + limits.renew_every;
            }
            Ok(Err(LockError::Lost | LockError::Taken { .. })) => {
                state.send_replace(Held::Lost(Text::new(LockError::Lost.to_string())));
                return Ok(());
            }
            Ok(Err(error @ LockError::Unavailable(_))) => trouble = error.to_string(),
            Err(_) => {}
        }
    }
    match timeout(limits.lock_answer, lock.release()).await {
        Ok(released) => released,
        // It expires by itself.
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use futures::future::BoxFuture;

    use super::*;
    use crate::driver::port::Claim;

    const SECOND: Duration = Duration::from_secs(1);

    /// A store that answers a renewal late and then hangs. The lease counts from before the request.
    struct Slow {
        answers: u32,
    }

    impl Lock for Slow {
        fn holder(&mut self) -> BoxFuture<'_, Result<Option<Claim>, LockError>> {
            async { Ok(None) }.boxed()
        }

        fn acquire<'a>(&'a mut self, _: &'a Claim) -> BoxFuture<'a, Result<Instant, LockError>> {
            async { Ok(Instant::now()) }.boxed()
        }

        fn renew(&mut self) -> BoxFuture<'_, Result<Instant, LockError>> {
            async {
                let sent = Instant::now();
                if self.answers == 0 {
                    std::future::pending::<()>().await;
                }
                self.answers -= 1;
                tokio::time::sleep(Duration::from_millis(4_900)).await;
                Ok(sent)
            }
            .boxed()
        }

        fn release(&mut self) -> BoxFuture<'_, Result<(), LockError>> {
            async { Ok(()) }.boxed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_counts_as_lost_before_its_lease_can_have_run_out_however_late_its_answers_are() {
        let began = Instant::now();
        let mut lock = Slow { answers: 1 };
        let (state, mut held) = watch::channel(Held::Yes);
        let done = CancellationToken::new();
        let limits = Limits::default();
        let lost = async {
            held.wait_for(|held| *held != Held::Yes).await.expect("it is told");
            let at = began.elapsed();
            done.cancel();
            at
        };
        let (kept, lost) = tokio::join!(keep(&mut lock, &limits, began, state, &done), lost);
        kept.expect("given back");
        // Renewed by a request of 3 s, answered at 7.9 s; nothing since.
        assert_eq!(lost, SECOND * 3 + limits.held_without_renewal);
    }
}
