//! One picture and done: for `status` and scripts.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::picture::{Handle, Order, Picture};
use crate::model::observed::Freshness;
use crate::model::snapshot::Snapshot;

/// Waits until every source has answered or failed, at most until `deadline` from now, and returns the picture as it
/// then is: partial if need be, since a partial picture in time is worth more than a whole one too late.
pub async fn settled(handle: &mut Handle, deadline: Duration) -> Arc<Picture> {
    let end = Instant::now() + deadline;
    loop {
        let picture = handle.pictures.borrow_and_update().clone();
        if is_complete(&picture.snapshot) {
            return picture;
        }
        match timeout_at(end, handle.pictures.changed()).await {
            Ok(Ok(())) => {}
            // Time is up, or the observer is gone.
            Ok(Err(_)) | Err(_) => return handle.latest(),
        }
    }
}

/// Waits until a picture is as wanted, asking every source anew; at most until `deadline` from now.
pub async fn until(handle: &mut Handle, deadline: Duration, is_enough: impl Fn(&Snapshot) -> bool) -> Arc<Picture> {
    let end = Instant::now() + deadline;
    handle.order(Order::PollNow);
    loop {
        let picture = handle.pictures.borrow_and_update().clone();
        if is_enough(&picture.snapshot) {
            return picture;
        }
        match timeout_at(end, handle.pictures.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return handle.latest(),
        }
    }
}

/// Whether nothing is left to wait for. A snapshot without any source is one that was taken before the first answer.
fn is_complete(snapshot: &Snapshot) -> bool {
    let sources = snapshot.sources();
    !sources.is_empty() && !sources.iter().any(|status| status.freshness == Freshness::Waiting)
}
