//! Keeping the operation lock while an action runs.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::runner::Limits;
use crate::driver::port::{Lock, LockError};
use crate::model::text::Text;

/// Pause after an attempt to renew that failed.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// Whether the lock is still held.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum LockState {
    /// It is.
    Yes,
    /// It is not, or nobody can tell any more.
    Lost(Text),
}

/// Renews `lock`, held since `known`, until `done`, and tells through `state` when it is lost; then gives it back. Renewing
/// that fails for want of an answer is tried again at once. It counts as lost the moment when the last success is too long
/// ago, also while an attempt is out: the lease may have run out by the next answer.
pub(super) async fn keep_alive(
    lock: &mut dyn Lock,
    limits: &Limits,
    mut known: Instant,
    state: watch::Sender<LockState>,
    done: &CancellationToken,
) -> Result<(), LockError> {
    let mut due = Instant::now() + limits.renew_every;
    let mut failure_kind = "the operation lock was not renewed in time".to_owned();
    loop {
        let limit = known + limits.held_without_renewal;
        tokio::select! {
            biased;
            () = done.cancelled() => break,
            () = sleep_until(limit), if *state.borrow() == LockState::Yes => {
                state.send_replace(LockState::Lost(Text::redacted(&failure_kind)));
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
                () = sleep_until(limit), if *state.borrow() == LockState::Yes => {
                    state.send_replace(LockState::Lost(Text::redacted(&failure_kind)));
                }
            }
        };
        due = Instant::now() + RETRY_INTERVAL.min(limits.renew_every);
        match answer {
            Ok(Ok(since)) => {
                known = since;
                due = Instant::now() + limits.renew_every;
            }
            Ok(Err(LockError::Lost | LockError::Taken { .. })) => {
                state.send_replace(LockState::Lost(Text::new(LockError::Lost.to_string())));
                return Ok(());
            }
            Ok(Err(error @ LockError::LostOn { .. })) => {
                state.send_replace(LockState::Lost(Text::redacted(error.to_string())));
                return Ok(());
            }
            Ok(Err(error @ LockError::Unavailable(_))) => failure_kind = error.to_string(),
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
    use crate::driver::port::LockClaim;
    use crate::model::source::{FailureKind, SourceError};

    const SECOND: Duration = Duration::from_secs(1);

    /// A store that answers a renewal late and then hangs. The lease counts from before the request.
    struct Slow {
        answers: u32,
    }

    impl Lock for Slow {
        fn holder(&mut self) -> BoxFuture<'_, Result<Option<LockClaim>, LockError>> {
            async { Ok(None) }.boxed()
        }

        fn acquire<'a>(&'a mut self, _: &'a LockClaim) -> BoxFuture<'a, Result<Instant, LockError>> {
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
        let (state, mut held) = watch::channel(LockState::Yes);
        let done = CancellationToken::new();
        let limits = Limits::default();
        let lost = async {
            held.wait_for(|held| *held != LockState::Yes).await.expect("it is told");
            let at = began.elapsed();
            done.cancel();
            at
        };
        let (kept, lost) = tokio::join!(keep_alive(&mut lock, &limits, began, state, &done), lost);
        kept.expect("given back");
        // Renewed by a request of 3 s, answered at 7.9 s; nothing since.
        assert_eq!(lost, SECOND * 3 + limits.held_without_renewal);
    }

    /// A lock of which one node has lost its part.
    struct Severed;

    impl Lock for Severed {
        fn holder(&mut self) -> BoxFuture<'_, Result<Option<LockClaim>, LockError>> {
            async { Ok(None) }.boxed()
        }

        fn acquire<'a>(&'a mut self, _: &'a LockClaim) -> BoxFuture<'a, Result<Instant, LockError>> {
            async { Ok(Instant::now()) }.boxed()
        }

        fn renew(&mut self) -> BoxFuture<'_, Result<Instant, LockError>> {
            let why = SourceError::new(FailureKind::Closed, "pg-1:5432", "");
            async { Err(LockError::LostOn { member: "pg-1".into(), why }) }.boxed()
        }

        fn release(&mut self) -> BoxFuture<'_, Result<(), LockError>> {
            async { Ok(()) }.boxed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_that_is_lost_on_one_node_is_lost_and_the_node_is_named() {
        let (state, held) = watch::channel(LockState::Yes);
        let kept = keep_alive(&mut Severed, &Limits::default(), Instant::now(), state, &CancellationToken::new()).await;
        kept.expect("nothing to give back");
        let LockState::Lost(words) = held.borrow().clone() else { panic!("still held") };
        assert!(words.as_str().starts_with("the operation lock was lost on pg-1: "), "{words}");
    }
}
