//! What one PostgreSQL node says of itself over SQL.

mod part;
mod session;
mod slot;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

pub use self::part::{SqlPart, UnreadPart};
pub use self::session::{Activity, ApplicationLoad, Backend, Connections, LongTransaction, Session};
pub use self::slot::{Invalidation, Slot, WalStatus};
pub use self::stream::{BaseBackup, Downstream, Replay, SenderLimits, WalReceiver};
use super::agent::{Address, Position};
use super::lsn::{SystemId, Timeline};
use super::moment::Moment;
use super::observed::{Observed, Reading};
use super::record::OperationLock;
use super::setting::Settings;
use super::text::Text;

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
    /// Sessions worth showing: active, blocked, or long in a transaction; at most [`SqlReport::MAX_SESSIONS`].
    pub sessions: Vec<Session>,
    /// Sessions by application, busiest first.
    pub applications: Vec<ApplicationLoad>,
    /// Who acts on the cluster at present, by the session that holds an advisory lock for it here; `None`: nobody, or not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_lock: Option<OperationLock>,
    /// The server's clock when it answered.
    pub server_time: Timestamp,
    /// Whether the role sees what `pg_monitor` sees; without it many fields are unknown.
    pub monitor: bool,
    /// Parts that could not be read this time.
    pub unread: Vec<UnreadPart>,
    /// When the parts that are asked for now and then ([`SqlPart::is_slow`]) were asked, by the observer's clock, where
    /// they were not asked with the rest. `None`: with the rest.
    pub slow_asked: Option<Moment>,
}

impl SqlReport {
    /// When `part` was read, of an answer that came at `answered`.
    pub fn read_at(&self, part: SqlPart, answered: Moment) -> Moment {
        self.slow_asked.filter(|_| part.is_slow()).unwrap_or(answered)
    }

    /// Whether everything that is told here was asked since `moment`, in an answer whose question was.
    pub fn is_asked_since(&self, moment: Moment) -> bool {
        self.slow_asked.is_none_or(|asked| asked >= moment)
    }

    /// Why sessions are missing in what was kept.
    pub const NOT_KEPT: &'static str = "not recorded for the past";

    /// The same without its sessions, for keeping: what is missing then is named as unread.
    #[must_use]
    pub fn without_sessions(&self) -> Self {
        let parts = [SqlPart::Sessions, SqlPart::Applications];
        let mut unread: Vec<UnreadPart> =
            self.unread.iter().filter(|unread| !parts.contains(&unread.part)).cloned().collect();
        unread.extend(parts.map(|part| UnreadPart { part, why: Text::new(Self::NOT_KEPT) }));
        Self { sessions: Vec::new(), applications: Vec::new(), unread, ..self.clone() }
    }

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
    pub const MAX_SESSIONS: usize = 100;
}

impl Reading<SqlReport> {
    /// What `draw` takes out of `part`, with the age of that part: parts that are asked for now and then may be older than
    /// the answer that tells them.
    pub fn part<'a, U>(
        &'a self,
        now: Moment,
        part: SqlPart,
        draw: impl FnOnce(&'a SqlReport) -> Option<U>,
    ) -> Option<Observed<U>> {
        let at = self.last()?.read_at(part, self.answer.as_ref()?.at);
        Some(Observed { at, ..self.fact(now, draw)? })
    }
}
