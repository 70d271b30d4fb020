//! Replication: standbys as their upstreams see them, slots, receivers, archivers, and the history of timelines.

use jiff::tz::TimeZone;

use super::table::{Column, Table};
use super::units::{AGE_WIDTH, BYTES_WIDTH, COUNT_WIDTH, DATE_TIME_WIDTH, DURATION_WIDTH, LSN_WIDTH};
use crate::model::snapshot::Snapshot;

/// Columns of [`standbys`]. Rows are named `upstream/standby`; a second connection of one name adds its pid.
pub const STANDBYS: &[Column] = &[
    Column::words("standby", "STANDBY", 0, 12, 32),
    Column::words("upstream", "FROM", 1, 8, 24),
    Column::words("state", "STATE", 0, 9, 12),
    Column::words("sync", "SYNC", 0, 5, 9),
    Column::numbers("write-lag-bytes", "WRITE", 2, BYTES_WIDTH),
    Column::numbers("flush-lag-bytes", "FLUSH", 1, BYTES_WIDTH),
    Column::numbers("replay-lag-bytes", "REPLAY", 0, BYTES_WIDTH),
    Column::numbers("write-lag-seconds", "WRITE T", 4, DURATION_WIDTH),
    Column::numbers("flush-lag-seconds", "FLUSH T", 4, DURATION_WIDTH),
    Column::numbers("replay-lag-seconds", "REPLAY T", 1, DURATION_WIDTH),
    Column::numbers("reply-age-seconds", "REPLY", 3, DURATION_WIDTH),
    Column::words("address", "ADDRESS", 5, 9, 40),
    Column::numbers("age-seconds", "SEEN", 2, AGE_WIDTH),
];

/// Columns of [`slots`]. Rows are named `node/slot`.
pub const SLOTS: &[Column] = &[
    Column::words("node", "NODE", 0, 8, 24),
    Column::words("slot", "SLOT", 0, 12, 40),
    Column::words("type", "TYPE", 2, 8, 8),
    Column::words("active", "ACTIVE", 0, 6, 6),
    Column::words("wal-status", "WAL", 1, 10, 12),
    Column::numbers("retained-bytes", "RETAINED", 0, BYTES_WIDTH),
    Column::numbers("safe-bytes", "SAFE", 2, 9),
    Column::numbers("inactive-seconds", "INACTIVE", 2, DURATION_WIDTH),
    Column::words("database", "DATABASE", 4, 8, 24),
    Column::numbers("age-seconds", "SEEN", 3, AGE_WIDTH),
    Column::words("notes", "NOTES", 1, 8, 0),
];

/// Columns of [`receivers`]. Rows are named by their node.
pub const RECEIVERS: &[Column] = &[
    Column::words("node", "NODE", 0, 8, 24),
    Column::words("status", "RECEIVER", 0, 9, 16),
    Column::words("sender", "FROM", 0, 10, 48),
    Column::numbers("timeline", "TL", 1, 4),
    Column::words("slot", "SLOT", 2, 8, 32),
    Column::numbers("latest-end", "LATEST END", 2, LSN_WIDTH),
    Column::numbers("message-age-seconds", "HEARD", 1, DURATION_WIDTH),
    Column::words("replay", "REPLAY", 1, 8, 24),
    Column::numbers("age-seconds", "SEEN", 3, AGE_WIDTH),
];

/// Columns of [`archivers`]. Rows are named by their node.
pub const ARCHIVERS: &[Column] = &[
    Column::words("node", "NODE", 0, 8, 24),
    Column::words("state", "ARCHIVER", 0, 8, 12),
    Column::words("last-archived", "LAST ARCHIVED", 1, 13, 40),
    Column::numbers("archived-age-seconds", "WHEN", 0, AGE_WIDTH),
    Column::words("last-failed", "LAST FAILED", 2, 11, 40),
    Column::numbers("failed-age-seconds", "WHEN", 2, AGE_WIDTH),
    Column::numbers("failures", "FAILURES", 1, COUNT_WIDTH),
    Column::numbers("ready", "READY", 0, COUNT_WIDTH),
    Column::numbers("age-seconds", "SEEN", 3, AGE_WIDTH),
];

/// Columns of [`history`]. Rows are named by the timeline that ended.
pub const HISTORY: &[Column] = &[
    Column::numbers("timeline", "TL", 0, 4),
    Column::numbers("end", "ENDED AT", 0, LSN_WIDTH),
    Column::words("at", "WHEN", 0, DATE_TIME_WIDTH, DATE_TIME_WIDTH),
    Column::words("new-leader", "NEW LEADER", 0, 10, 24),
    Column::words("reason", "REASON", 1, 8, 0),
];

/// Standbys (and other WAL consumers) as their upstreams see them.
pub fn standbys(snapshot: &Snapshot) -> Table {
    let _ = snapshot;
    Table::new(STANDBYS, "", "")
}

/// Replication slots of every node.
pub fn slots(snapshot: &Snapshot) -> Table {
    let _ = snapshot;
    Table::new(SLOTS, "", "")
}

/// Incoming streams of the standbys.
pub fn receivers(snapshot: &Snapshot) -> Table {
    let _ = snapshot;
    Table::new(RECEIVERS, "", "")
}

/// Archivers.
pub fn archivers(snapshot: &Snapshot) -> Table {
    let _ = snapshot;
    Table::new(ARCHIVERS, "", "")
}

/// How earlier timelines ended, newest first. Times are written in `zone`.
pub fn history(snapshot: &Snapshot, zone: &TimeZone) -> Table {
    let _ = (snapshot, zone);
    Table::new(HISTORY, "", "")
}
