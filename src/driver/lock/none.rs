//! The operation lock of a cluster without a place for one.

use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::driver::port::{Lock, LockClaim, LockError};
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// A lock that cannot be had, and says why and what to configure.
#[derive(Clone, Debug)]
pub struct NoLock {
    why: Text,
}

impl NoLock {
    /// There is no place, for the reason and with the remedy in `why`.
    pub fn because(why: impl AsRef<str>) -> Self {
        Self { why: Text::redacted(why) }
    }

    fn unavailable(&self) -> LockError {
        LockError::Unavailable(SourceError::new(FailureKind::Unsupported, "operation lock", self.why.as_str()))
    }
}

impl Lock for NoLock {
    fn holder(&mut self) -> BoxFuture<'_, Result<Option<LockClaim>, LockError>> {
        Box::pin(async { Err(self.unavailable()) })
    }

    fn acquire<'a>(&'a mut self, _: &'a LockClaim) -> BoxFuture<'a, Result<Instant, LockError>> {
        Box::pin(async { Err(self.unavailable()) })
    }

    fn renew(&mut self) -> BoxFuture<'_, Result<Instant, LockError>> {
        Box::pin(async { Err(self.unavailable()) })
    }

    fn release(&mut self) -> BoxFuture<'_, Result<(), LockError>> {
        Box::pin(async { Ok(()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_place_the_lock_is_refused_with_what_to_configure() {
        let mut lock = NoLock::because("write [clusters.NAME.etcd]");
        let error = lock.holder().await.expect_err("no place");
        assert!(error.to_string().contains("[clusters.NAME.etcd]"), "{error}");
        assert!(lock.renew().await.is_err() && lock.release().await.is_ok());
    }
}
