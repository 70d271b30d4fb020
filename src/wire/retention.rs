//! What actions have left behind goes when its time is over: at the end of a job, when nobody waits any more.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::job;
use crate::config::resolved::RetentionSettings;
use crate::operate::drill::Reports;

/// Removed at most at the end of one job: a job is to end.
const MAX_REMOVED_AT_ONCE: usize = 100;

/// Removes what is older than `retention` has it. What cannot be removed stays, and the log says so.
pub(super) async fn apply(retention: RetentionSettings, now: Timestamp) {
    // Waits for the disk.
    let removed = tokio::task::spawn_blocking(move || {
        let job_store = job::job_store();
        if let Some(before) = before(now, retention.jobs) {
            match job_store.jobs().prune(&job_store.journal(), before, MAX_REMOVED_AT_ONCE) {
                Ok(removed) => tracing::info!(removed, "jobs older than the retention"),
                Err(error) => tracing::warn!(%error, "old jobs were not removed"),
            }
        }
        if let Some(before) = before(now, retention.drill_reports) {
            match Reports::below(&job::state()).prune(before, MAX_REMOVED_AT_ONCE) {
                Ok(removed) => tracing::info!(removed, "drill reports older than the retention"),
                Err(error) => tracing::warn!(%error, "old drill reports were not removed"),
            }
        }
    });
    if let Err(error) = removed.await {
        tracing::warn!(%error, "old files were not removed");
    }
}

/// The end of what is no longer kept; `None`: everything is, since no such time can be told.
fn before(now: Timestamp, keep: Option<Duration>) -> Option<Timestamp> {
    now.checked_sub(SignedDuration::try_from(keep?).ok()?).ok()
}
