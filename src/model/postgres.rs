//! What one PostgreSQL node says of itself over SQL.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::agent::{Address, Position};
use super::lsn::{Lsn, SystemId, Timeline};
use super::role::SyncState;
use super::setting::Settings;
use super::text::Text;

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
    pub send_lag: Option<u64>,
    /// Bytes not yet written by the standby.
    pub write_lag: Option<u64>,
    /// Bytes not yet flushed by the standby.
    pub flush_lag: Option<u64>,
    /// Bytes not yet replayed by the standby.
    pub replay_lag: Option<u64>,
    /// Time lags as PostgreSQL measured them; `None` when idle and caught up, too.
    pub write_time: Option<Duration>,
    /// See `write_time`.
    pub flush_time: Option<Duration>,
    /// See `write_time`.
    pub replay_time: Option<Duration>,
    /// Time since the standby last reported, by the upstream's clock.
    pub reply_age: Option<Duration>,
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
    pub fn from_word(word: &str) -> Self {
        match word {
            "wal_removed" => Self::WalRemoved,
            "rows_removed" => Self::RowsRemoved,
            "wal_level_insufficient" => Self::WalLevel,
            "idle_timeout" => Self::Idle,
            other => Self::Other(Text::new(other)),
        }
    }

    /// The reason in words.
    pub fn words(&self) -> String {
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
    pub invalid: Option<Invalidation>,
    /// Oldest WAL that its consumer may still ask for; `None` while it reserves none, or once that was removed.
    pub restart: Option<Lsn>,
    /// Up to where the consumer of a logical slot has confirmed what it got.
    pub confirmed: Option<Lsn>,
    /// WAL bytes kept for it.
    pub retained: Option<u64>,
    /// Bytes that may still be written before it is lost; `None` without a limit.
    pub safe_bytes: Option<i64>,
    /// Since when it is unused (PostgreSQL 17).
    pub inactive_since: Option<Timestamp>,
    /// Synchronised to standbys for failover (PostgreSQL 17).
    pub failover: Option<bool>,
}

/// `pg_stat_archiver` with the number of segments waiting.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Archiver {
    /// `archive_mode` is `on` or `always`.
    pub enabled: bool,
    /// Last segment archived.
    pub last_archived: Option<Text>,
    /// When.
    pub last_archived_at: Option<Timestamp>,
    /// Last segment that failed.
    pub last_failed: Option<Text>,
    /// When.
    pub last_failed_at: Option<Timestamp>,
    /// Failures since the statistics were reset.
    pub failed_count: i64,
    /// The last attempt failed.
    pub failing: bool,
    /// Segments marked ready; `None` where the role may not look.
    pub ready: Option<u64>,
}

/// How the connection slots are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Connections {
    /// Client backends; `None`: not read.
    pub used: Option<u32>,
    /// `max_connections`.
    pub max: u32,
    /// Slots kept for superusers and reserved roles.
    pub reserved: u32,
    /// What they do; `None` where the role may not see it.
    pub doing: Option<Activity>,
}

/// What client backends do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Activity {
    /// Running a query.
    pub active: u32,
    /// Idle.
    pub idle: u32,
    /// Idle in a transaction.
    pub idle_in_transaction: u32,
    /// Waiting for a lock held by another backend.
    pub blocked: u32,
}

/// A long transaction, or a prepared one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LongTransaction {
    /// Backend; 0 for a prepared transaction.
    pub pid: i32,
    /// Role.
    pub user: Text,
    /// `application_name`, or the identifier of a prepared transaction.
    pub application: Text,
    /// Time since it began.
    pub age: Duration,
}

/// One client backend.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Session {
    /// Backend.
    pub pid: i32,
    /// When the backend started: tells it from a later one with the same number. `None` where the role may not see it.
    pub started: Option<Timestamp>,
    /// Database.
    pub database: Text,
    /// Role.
    pub user: Text,
    /// `application_name`.
    pub application: Text,
    /// Client address; empty for a local socket.
    pub client: Text,
    /// `active`, `idle`, `idle in transaction` ...
    pub state: Text,
    /// What it waits for: type and event; empty if nothing.
    pub wait: Text,
    /// Time since its transaction began.
    pub transaction_age: Option<Duration>,
    /// Time since its query began.
    pub query_age: Option<Duration>,
    /// Backends that block it.
    pub blocked_by: Vec<i32>,
    /// How long it has waited for the lock (`pg_locks.waitstart`, PostgreSQL 14); `None`: it does not, or nobody tells.
    pub waited: Option<Duration>,
    /// Head of the query, cleaned; empty where the role may not see it.
    pub query: Text,
}

/// Sessions of one application in one state.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ApplicationLoad {
    /// `application_name`; empty if the client gives none.
    pub application: Text,
    /// Client backends in all.
    pub sessions: u32,
    /// Running a query.
    pub active: u32,
    /// Idle in a transaction.
    pub idle_in_transaction: u32,
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

/// The database closest to transaction id wraparound.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct XidAge {
    /// Database.
    pub database: Text,
    /// Age of its oldest transaction id.
    pub age: u64,
    /// `autovacuum_freeze_max_age`.
    pub freeze_max_age: u64,
}

/// A part of a node's word that is asked for by itself, and can be missing by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SqlPart {
    /// Standbys served.
    Downstream,
    /// Incoming stream.
    Receiver,
    /// Replication slots.
    Slots,
    /// Archiver.
    Archiver,
    /// Segments waiting for the archiver.
    ArchiveReady,
    /// Use of the connection slots.
    Connections,
    /// Oldest running transaction.
    OldestTransaction,
    /// Prepared transactions.
    Prepared,
    /// Age of transaction ids.
    XidAge,
    /// Settings that wait for a restart.
    PendingRestart,
    /// When the configuration files were read.
    FilesRead,
    /// WAL since the last checkpoint.
    SinceCheckpoint,
    /// Running base backups.
    BaseBackups,
    /// Sessions.
    Sessions,
    /// Sessions by application.
    Applications,
}

impl SqlPart {
    /// The words shown.
    pub fn words(self) -> &'static str {
        match self {
            Self::Downstream => "standbys served",
            Self::Receiver => "WAL receiver",
            Self::Slots => "replication slots",
            Self::Archiver => "archiver",
            Self::ArchiveReady => "segments waiting for the archiver",
            Self::Connections => "connections",
            Self::OldestTransaction => "oldest transaction",
            Self::Prepared => "prepared transactions",
            Self::XidAge => "transaction id age",
            Self::PendingRestart => "settings pending restart",
            Self::FilesRead => "time of the last reload",
            Self::SinceCheckpoint => "WAL since the last checkpoint",
            Self::BaseBackups => "base backups",
            Self::Sessions => "sessions",
            Self::Applications => "applications",
        }
    }
}

/// A part that this answer does not hold, or not whole: what stands in its place must not be taken for all there is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Unread {
    /// Which.
    pub part: SqlPart,
    /// Why, in the server's words or in ours.
    pub why: Text,
}

/// Everything one polling round learns from one node.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SqlReport {
    /// `server_version_num`. It does not tell a release candidate from the release.
    pub version: u32,
    /// `server_version` as the server says it: `17.2 (Debian 17.2-1.pgdg120+1)`, `19rc1`.
    pub version_text: Text,
    /// In recovery: a standby. Not in recovery: takes writes.
    pub in_recovery: bool,
    /// When the postmaster started. Tells whether REST and SQL speak of one and the same node.
    pub postmaster_started: Timestamp,
    /// Its own end of the console's session (`inet_server_addr()` and port); `None`: a local socket. Within the node's own
    /// network, so that two nodes may well tell the same one.
    pub address: Option<Address>,
    /// What the node's host name was resolved to for that session.
    pub peer: Option<Address>,
    /// `cluster_name`.
    pub cluster_name: Text,
    /// System identifier.
    pub system_id: Option<SystemId>,
    /// Timeline: from the WAL file name on a primary, from the receiver on a standby.
    pub timeline: Option<Timeline>,
    /// WAL position.
    pub position: Position,
    /// Standbys it serves.
    pub downstream: Vec<Downstream>,
    /// Its incoming stream; `None` on a primary, on a standby that does not stream, and where the role may not see it:
    /// see [`SqlReport::receives`].
    pub receiver: Option<WalReceiver>,
    /// Replay; `None` on a primary.
    pub replay: Option<Replay>,
    /// Replication slots.
    pub slots: Vec<Slot>,
    /// Archiver.
    pub archiver: Option<Archiver>,
    /// Connections.
    pub connections: Connections,
    /// Oldest running transaction of a client.
    pub oldest_transaction: Option<LongTransaction>,
    /// Prepared transactions; `None`: not read.
    pub prepared_count: Option<u32>,
    /// Oldest prepared transaction.
    pub oldest_prepared: Option<LongTransaction>,
    /// Database closest to wraparound.
    pub xid_age: Option<XidAge>,
    /// Settings that wait for a restart.
    pub pending_restart: Vec<Text>,
    /// When the server last read its configuration files, by its own clock (`pg_conf_load_time()`). A session that lives
    /// through a reload tells a moment that is a little later than one that comes after it. `None`: not told.
    pub files_read: Option<Timestamp>,
    /// WAL that a primary has written since its last checkpoint began, in bytes (`pg_control_checkpoint()`): about as much
    /// as a crash would replay, and a hint of what a shutdown has to write. `None`: in recovery, or not told.
    pub since_checkpoint: Option<u64>,
    /// `synchronous_standby_names`.
    pub synchronous_names: Text,
    /// `idle_replication_slot_timeout` (PostgreSQL 18), zero where it is off; `None`: the server has no such setting.
    pub idle_slot_timeout: Option<Duration>,
    /// How long it waits for those that it sends WAL to.
    pub sender_limits: SenderLimits,
    /// Its settings, as of its last reload; `None`: not asked yet, or not told.
    #[serde(skip)]
    pub settings: Option<Arc<Settings>>,
    /// Running base backups.
    pub base_backups: Vec<BaseBackup>,
    /// Sessions worth showing: active, blocked, or long in a transaction; at most [`SqlReport::MOST_SESSIONS`].
    pub sessions: Vec<Session>,
    /// Sessions by application, busiest first.
    pub applications: Vec<ApplicationLoad>,
    /// The server's clock when it answered.
    pub server_time: Timestamp,
    /// Whether the role sees what `pg_monitor` sees; without it many fields are unknown.
    pub monitor: bool,
    /// Parts that could not be read this time.
    pub unread: Vec<Unread>,
}

/// A backend that serves somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backend {
    /// When it started: tells it from a later one with the same number. `None`: the role may not see it.
    pub started: Option<Timestamp>,
}

impl SqlReport {
    /// Whether `part` was read whole, so that an empty list means that there is none.
    pub fn knows(&self, part: SqlPart) -> bool {
        self.unread.iter().all(|unread| unread.part != part)
    }

    /// Whether its WAL receiver streams. `None`: it is a primary, or the receiver cannot be seen (a role without
    /// `pg_monitor` is told that there is one and nothing of it), or it has heard nothing for so long that its sender may
    /// be gone.
    pub fn receives(&self) -> Option<bool> {
        if !self.in_recovery || !self.knows(SqlPart::Receiver) {
            return None;
        }
        let Some(receiver) = &self.receiver else { return Some(false) };
        if receiver.status != "streaming" {
            // PostgreSQL 19 has a row with `connecting` where older ones have none.
            return Some(false);
        }
        receiver.message_age.is_none_or(|age| age <= Self::QUIET).then_some(true)
    }

    /// Whether what is said of a release is said of one that is not out yet: a beta, a release candidate.
    pub fn is_prerelease(&self) -> bool {
        super::units::is_prerelease(self.version_name())
    }

    /// The version without the packager's addition: `17.2`, `19rc1`.
    pub fn version_name(&self) -> &str {
        super::units::version_name(self.version_text.as_str())
    }

    /// A sender says something at least every half of `wal_receiver_timeout`, which is a minute by default.
    pub const QUIET: Duration = Duration::from_secs(60);

    /// The backend with this number, where it serves a client or a receiver of WAL.
    pub fn backend(&self, pid: u32) -> Option<Backend> {
        let is = |other: i32| u32::try_from(other) == Ok(pid);
        let client = self.sessions.iter().find(|session| is(session.pid)).map(|session| session.started);
        let started = client.or_else(|| self.downstream.iter().find(|row| is(row.pid)).map(|row| row.started));
        started.map(|started| Backend { started })
    }

    /// Sessions kept a node.
    pub const MOST_SESSIONS: usize = 100;
}
