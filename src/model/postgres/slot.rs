//! Replication slots.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::lsn::Lsn;
use crate::model::text::Text;

/// Whether a slot still holds the WAL its consumer needs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WalStatus {
    /// Within `max_wal_size`.
    Reserved,
    /// Beyond `max_wal_size`, still kept.
    Extended,
    /// About to be removed.
    Unreserved,
    /// Removed: the consumer cannot continue.
    Lost,
    /// A word this version does not know.
    Unknown(Text),
}

/// Why a slot was invalidated, as `pg_replication_slots.invalidation_reason` says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Invalidation {
    /// Its WAL was removed (`max_slot_wal_keep_size`).
    WalRemoved,
    /// Rows that it needs were removed on a standby.
    RowsRemoved,
    /// `wal_level` is too low on the primary.
    WalLevel,
    /// Nobody used it for longer than `idle_replication_slot_timeout` (PostgreSQL 18).
    Idle,
    /// A reason that this version does not know, in the server's own word.
    Other(Text),
}

impl Invalidation {
    /// The server's word for a reason; `conflict` is ours, for what PostgreSQL 16 only calls conflicting.
    pub fn from_name(word: &str) -> Self {
        match word {
            "wal_removed" => Self::WalRemoved,
            "rows_removed" => Self::RowsRemoved,
            "wal_level_insufficient" => Self::WalLevel,
            "idle_timeout" => Self::Idle,
            other => Self::Other(Text::new(other)),
        }
    }

    /// The reason in words.
    pub fn describe(&self) -> String {
        match self {
            Self::WalRemoved => "its WAL was removed".to_owned(),
            Self::RowsRemoved => "rows that it needs were removed".to_owned(),
            Self::WalLevel => "wal_level is too low on the primary".to_owned(),
            Self::Idle => "idle for longer than idle_replication_slot_timeout".to_owned(),
            Self::Other(word) => word.to_string(),
        }
    }
}

/// One replication slot.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Slot {
    /// Name.
    pub name: Text,
    /// Logical (else physical).
    pub logical: bool,
    /// In use now.
    pub active: bool,
    /// Backend that uses it.
    pub active_pid: Option<i32>,
    /// Database of a logical slot.
    pub database: Option<Text>,
    /// Vanishes with its session.
    pub temporary: bool,
    /// Whether the WAL is still there; `None` while the slot reserves none.
    pub wal_status: Option<WalStatus>,
    /// Why the slot can be used no more (`invalidation_reason`, PostgreSQL 17; `conflicting` before it). `None`: it can,
    /// or the server is too old to tell. A physical slot may go on being used after that.
    #[serde(rename = "invalid")]
    pub invalidation: Option<Invalidation>,
    /// Oldest WAL that its consumer may still ask for; `None` while it reserves none, or once that was removed.
    #[serde(rename = "restart")]
    pub restart_lsn: Option<Lsn>,
    /// Up to where the consumer of a logical slot has confirmed what it got.
    #[serde(rename = "confirmed")]
    pub confirmed_flush_lsn: Option<Lsn>,
    /// WAL bytes kept for it.
    #[serde(rename = "retained")]
    pub retained_bytes: Option<u64>,
    /// Bytes that may still be written before it is lost; `None` without a limit.
    #[serde(rename = "safe_bytes")]
    pub safe_wal_size: Option<i64>,
    /// Since when it is unused (PostgreSQL 17).
    pub inactive_since: Option<Timestamp>,
    /// Synchronised to standbys for failover (PostgreSQL 17).
    pub failover: Option<bool>,
}
