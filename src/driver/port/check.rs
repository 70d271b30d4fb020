//! Examining an endpoint for `doctor`.

use futures::future::BoxFuture;

use crate::model::checkup::CheckLine;
use crate::model::text::Text;

/// An endpoint that `doctor` can examine: reachability, certificate, credentials, privileges, version, clock.
pub trait Check: Send {
    /// Where.
    fn endpoint(&self) -> Text;

    /// Examines everything that can be examined; never stops at the first trouble.
    fn check(&mut self) -> BoxFuture<'_, Vec<CheckLine>>;
}
