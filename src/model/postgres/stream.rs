//! WAL on its way: to the standbys that a server serves, from the upstream that it follows, and into its own data.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::model::lsn::{Lsn, Timeline};
use crate::model::role::SyncState;
use crate::model::text::Text;

/// One row of `pg_stat_replication`: a standby (or another WAL consumer) as its upstream sees it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Downstream {
    /// Backend that serves it.
    pub pid: i32,
    /// `application_name`: the member's name under Patroni.
    pub application: Text,
    /// Role it logged in as; `None` without `pg_monitor`, like most of the rest.
    pub user: Option<Text>,
    /// Address it comes from.
    pub address: Option<Text>,
    /// `startup`, `catchup`, `streaming`, `backup`, `stopping`.
    pub state: Option<Text>,
    /// Synchronous state.
    pub sync: Option<SyncState>,
    /// Bytes between the upstream's end of WAL and what was sent.
    #[serde(rename = "send_lag")]
    pub send_lag_bytes: Option<u64>,
    /// Bytes not yet written by the standby.
    #[serde(rename = "write_lag")]
    pub write_lag_bytes: Option<u64>,
    /// Bytes not yet flushed by the standby.
    #[serde(rename = "flush_lag")]
    pub flush_lag_bytes: Option<u64>,
    /// Bytes not yet replayed by the standby.
    #[serde(rename = "replay_lag")]
    pub replay_lag_bytes: Option<u64>,
    /// Time lags as PostgreSQL measured them; `None` when idle and caught up, too.
    #[serde(rename = "write_time")]
    pub write_lag: Option<Duration>,
    /// See `write_lag`.
    #[serde(rename = "flush_time")]
    pub flush_lag: Option<Duration>,
    /// See `write_lag`.
    #[serde(rename = "replay_time")]
    pub replay_lag: Option<Duration>,
    /// Time since the standby last reported, by the upstream's clock.
    pub reply_age: Option<Duration>,
    /// How far in the future of that clock it was; zero where it was not. A report carries the standby's own time.
    pub reply_ahead: Duration,
    /// When the backend that serves it started. `None` where the role may not see it.
    pub started: Option<Timestamp>,
}

/// How long a server waits for those that it sends WAL to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct SenderLimits {
    /// `wal_sender_timeout`: who has not replied for so long is cut off; zero: nobody ever is. `None`: not told.
    pub timeout: Option<Duration>,
    /// `wal_sender_shutdown_timeout` (PostgreSQL 19): how long a shutdown waits for them; `None`: without a limit.
    pub shutdown: Option<Duration>,
}

/// `pg_stat_wal_receiver`: the incoming stream of a standby.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WalReceiver {
    /// `streaming`, `waiting`, `stopping` ...
    pub status: Text,
    /// Timeline being received.
    pub timeline: Option<Timeline>,
    /// Upstream host it is connected to.
    pub sender_host: Option<Text>,
    /// Upstream port.
    pub sender_port: Option<u16>,
    /// Slot it uses upstream.
    pub slot: Option<Text>,
    /// Upstream's end of WAL as last heard.
    pub latest_end: Option<Lsn>,
    /// Time since the upstream was last heard, by the standby's clock.
    pub message_age: Option<Duration>,
}

/// Replay on a standby.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Replay {
    /// Replay is paused by hand.
    pub paused: bool,
    /// `recovery_min_apply_delay`.
    pub delay: Duration,
    /// Age of the last commit that was replayed, zero when all that was received is replayed; `None` before any replay.
    /// More than the time behind once the cluster was idle.
    pub lag: Option<Duration>,
}

/// A running base backup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BaseBackup {
    /// Backend that streams it.
    pub pid: i32,
    /// Phase.
    pub phase: Text,
    /// Bytes sent.
    pub streamed: u64,
    /// Bytes expected; unknown where it is not estimated.
    pub total: Option<u64>,
}
