//! The operation lock of a cluster without a place for one.

use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::driver::port::{Claim, Lock, LockError};
use crate::model::source::{SourceError, Trouble};

/// A lock that cannot be had, and says what to configure.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLock;

fn unavailable() -> LockError {
    let words = "it is kept in etcd, and no etcd is configured for this cluster: name its endpoints \
                 ([clusters.NAME.etcd], endpoints)";
    LockError::Unavailable(SourceError::new(Trouble::Unsupported, "operation lock", words))
}

impl Lock for NoLock {
    fn holder(&mut self) -> BoxFuture<'_, Result<Option<Claim>, LockError>> {
        Box::pin(async { Err(unavailable()) })
    }

    fn acquire<'a>(&'a mut self, _: &'a Claim) -> BoxFuture<'a, Result<Instant, LockError>> {
        Box::pin(async { Err(unavailable()) })
    }

    fn renew(&mut self) -> BoxFuture<'_, Result<Instant, LockError>> {
        Box::pin(async { Err(unavailable()) })
    }

    fn release(&mut self) -> BoxFuture<'_, Result<(), LockError>> {
        Box::pin(async { Ok(()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_etcd_the_lock_is_refused_with_what_to_configure() {
        let error = NoLock.holder().await.expect_err("no place");
        assert!(error.to_string().contains("[clusters.NAME.etcd]"), "{error}");
        assert!(NoLock.renew().await.is_err() && NoLock.release().await.is_ok());
    }
}
