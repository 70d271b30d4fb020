//! What one poll brings: the rows as they came. Text is as the server sent it, uncleaned.

use jiff::Timestamp;

/// A part of an answer, or why it is missing.
pub type PartResult<T> = Result<T, PartError>;

/// Why one statement of a poll has no answer while others have.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct PartError {
    /// SQLSTATE, where the server refused.
    pub code: Option<String>,
    /// The server's words, or ours where its answer was not as expected.
    pub message: String,
}

/// What does not change while the server runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerRow {
    /// `server_version_num`.
    pub version: u32,
    /// When the postmaster started.
    pub started: Timestamp,
    /// `cluster_name`.
    pub cluster_name: String,
    /// `max_connections`.
    pub max_connections: u32,
    /// Connection slots kept for superusers and reserved roles.
    pub reserved_connections: u32,
    /// `server_version`.
    pub version_text: String,
    /// `inet_server_addr()`: the server's own end of this session; `None` over a local socket.
    pub address: Option<String>,
    /// `inet_server_port()`.
    pub port: Option<i32>,
    /// What the host name was resolved to for this session, with the port.
    pub peer: Option<std::net::SocketAddr>,
    /// System identifier in decimal; `None` where the role may not ask.
    pub system_id: Option<String>,
}

/// Role, clock, position, replay.
#[derive(Clone, PartialEq, Debug)]
pub struct PositionRow {
    /// `pg_is_in_recovery()`.
    pub in_recovery: bool,
    /// The server's clock.
    pub now: Timestamp,
    /// Whether the role has the rights of `pg_read_all_stats`.
    pub is_pg_monitor: bool,
    /// `synchronous_standby_names`.
    pub synchronous_names: String,
    /// Write position of a primary.
    pub write_lsn: Option<String>,
    /// Timeline of a primary, eight hexadecimal digits.
    pub timeline: Option<String>,
    /// Received and flushed, on a standby.
    pub receive_lsn: Option<String>,
    /// Replayed, on a standby.
    pub replay_lsn: Option<String>,
    /// Commit time of the last transaction replayed.
    pub last_replayed_commit_at: Option<Timestamp>,
    /// Replay is paused.
    pub is_replay_paused: Option<bool>,
    /// Seconds behind.
    pub replay_lag: Option<f64>,
    /// `recovery_min_apply_delay` in seconds.
    pub apply_delay: Option<f64>,
    /// `idle_replication_slot_timeout` in seconds; `None` before PostgreSQL 18.
    pub idle_slot_timeout: Option<f64>,
    /// `wal_sender_timeout` in seconds.
    pub wal_sender_timeout: Option<f64>,
    /// `wal_sender_shutdown_timeout` in seconds, negative without a limit; `None` before PostgreSQL 19.
    pub wal_sender_shutdown_timeout: Option<f64>,
}

/// A row of `pg_settings`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettingRow {
    /// Name.
    pub name: String,
    /// Value in the session that asked, in the setting's unit.
    pub value: Option<String>,
    /// Unit.
    pub unit: Option<String>,
    /// `bool`, `integer`, `real`, `enum`, `string`.
    pub value_type: String,
    /// When it may be changed.
    pub context: String,
    /// Where the value comes from.
    pub source: String,
    /// Least.
    pub min_value: Option<String>,
    /// Most.
    pub max_value: Option<String>,
    /// Words of an enumeration.
    pub enum_values: Option<Vec<String>>,
    /// Value without any configuration.
    pub boot_value: Option<String>,
    /// Another value waits for a restart.
    pub pending_restart: bool,
}

/// The row of `pg_stat_wal_receiver`. Everything is hidden from a role without `pg_monitor`.
#[derive(Clone, PartialEq, Debug)]
pub struct ReceiverRow {
    /// Status.
    pub status: Option<String>,
    /// Timeline received.
    pub timeline: Option<i32>,
    /// Upstream host.
    pub host: Option<String>,
    /// Upstream port.
    pub port: Option<i32>,
    /// Slot used upstream.
    pub slot: Option<String>,
    /// Upstream's end of WAL as last heard.
    pub latest_end_lsn: Option<String>,
    /// Seconds since the last message came.
    pub last_message_age: Option<f64>,
}

/// A row of `pg_stat_replication`, lags in bytes and seconds.
#[derive(Clone, PartialEq, Debug)]
pub struct DownstreamRow {
    /// Backend.
    pub pid: i32,
    /// `application_name`.
    pub application: Option<String>,
    /// Role.
    pub user: Option<String>,
    /// Client address.
    pub address: Option<String>,
    /// State.
    pub state: Option<String>,
    /// Synchronous state.
    pub sync_state: Option<String>,
    /// Bytes not sent.
    pub send_lag_bytes: Option<i64>,
    /// Bytes not written.
    pub write_lag_bytes: Option<i64>,
    /// Bytes not flushed.
    pub flush_lag_bytes: Option<i64>,
    /// Bytes not replayed.
    pub replay_lag_bytes: Option<i64>,
    /// Seconds to write.
    pub write_lag: Option<f64>,
    /// Seconds to flush.
    pub flush_lag: Option<f64>,
    /// Seconds to replay.
    pub replay_lag: Option<f64>,
    /// Seconds since the last reply.
    pub reply_age: Option<f64>,
    /// When the backend started.
    pub started: Option<Timestamp>,
}

/// A row of `pg_replication_slots`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlotRow {
    /// Name.
    pub name: String,
    /// `physical` or `logical`.
    pub kind: String,
    /// In use.
    pub active: bool,
    /// Backend that uses it.
    pub active_pid: Option<i32>,
    /// Database of a logical slot.
    pub database: Option<String>,
    /// Vanishes with its session.
    pub temporary: bool,
    /// `wal_status`.
    pub wal_status: Option<String>,
    /// Bytes of WAL kept.
    pub retained_bytes: Option<i64>,
    /// Bytes left before it is lost.
    pub safe_wal_size: Option<i64>,
    /// Unused since.
    pub inactive_since: Option<Timestamp>,
    /// Synchronised to standbys.
    pub failover: Option<bool>,
    /// `invalidation_reason` (17), or `conflict` (16).
    pub invalidation_reason: Option<String>,
    /// `restart_lsn`.
    pub restart_lsn: Option<String>,
    /// `confirmed_flush_lsn`.
    pub confirmed_flush_lsn: Option<String>,
}

/// The row of `pg_stat_archiver`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArchiverRow {
    /// `archive_mode`.
    pub mode: String,
    /// Last segment archived.
    pub last_archived: Option<String>,
    /// When.
    pub last_archived_at: Option<Timestamp>,
    /// Last segment that failed.
    pub last_failed: Option<String>,
    /// When.
    pub last_failed_at: Option<Timestamp>,
    /// Failures.
    pub failed_count: i64,
    /// The last attempt failed.
    pub failing: bool,
}

/// Client backends by state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionsRow {
    /// All but this one.
    pub used: i32,
    /// Running a query.
    pub active: i32,
    /// Idle.
    pub idle: i32,
    /// Idle in a transaction.
    pub idle_in_transaction: i32,
    /// Waiting for a lock.
    pub blocked: i32,
}

/// A long transaction.
#[derive(Clone, PartialEq, Debug)]
pub struct TransactionRow {
    /// Backend.
    pub pid: i32,
    /// Role.
    pub user: Option<String>,
    /// Application.
    pub application: Option<String>,
    /// Seconds.
    pub age: f64,
}

/// The oldest prepared transaction, with the number of all.
#[derive(Clone, PartialEq, Debug)]
pub struct PreparedRow {
    /// How many there are.
    pub count: i32,
    /// Owner.
    pub owner: Option<String>,
    /// Its global identifier.
    pub identifier: String,
    /// Seconds.
    pub age: f64,
}

/// The database closest to wraparound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct XidAgeRow {
    /// Database.
    pub database: String,
    /// Age of its oldest transaction id.
    pub age: i64,
    /// `autovacuum_freeze_max_age`.
    pub freeze_max_age: i64,
}

/// A running base backup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BaseBackupRow {
    /// Backend.
    pub pid: i32,
    /// Phase.
    pub phase: Option<String>,
    /// Bytes sent.
    pub streamed: Option<i64>,
    /// Bytes expected.
    pub total: Option<i64>,
}

/// A client backend.
#[derive(Clone, PartialEq, Debug)]
pub struct SessionRow {
    /// Backend.
    pub pid: i32,
    /// Database.
    pub database: Option<String>,
    /// Role.
    pub user: Option<String>,
    /// Application.
    pub application: Option<String>,
    /// Client address.
    pub client: Option<String>,
    /// State.
    pub state: Option<String>,
    /// Kind of event waited for.
    pub wait_event_type: Option<String>,
    /// Event waited for.
    pub wait_event: Option<String>,
    /// When the backend started; hidden without `pg_monitor`.
    pub started: Option<Timestamp>,
    /// Seconds since its transaction began.
    pub transaction_age: Option<f64>,
    /// Seconds since its query began.
    pub query_age: Option<f64>,
    /// Who blocks it.
    pub blocked_by: Option<Vec<i32>>,
    /// Seconds since it began to wait for the lock.
    pub lock_wait_age: Option<f64>,
    /// Head of the query.
    pub query: Option<String>,
}

/// Sessions of one application.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApplicationRow {
    /// Application.
    pub application: Option<String>,
    /// Sessions.
    pub sessions: i32,
    /// Running a query.
    pub active: i32,
    /// Idle in a transaction.
    pub idle_in_transaction: i32,
}

/// What the role could do. Only what matters to an examination.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PrivilegesRow {
    /// Superuser.
    pub superuser: bool,
    /// REPLICATION.
    pub replication: bool,
    /// CREATEROLE.
    pub create_role: bool,
    /// CREATEDB.
    pub create_database: bool,
    /// BYPASSRLS.
    pub bypass_rls: bool,
    /// Has the rights of `pg_read_all_stats`.
    pub read_stats: bool,
    /// Has the rights of `pg_read_all_settings`.
    pub read_settings: bool,
    /// May list the archiver's directory.
    pub list_archive: bool,
    /// Member of `pg_signal_backend`.
    pub signal_backend: bool,
    /// Member of `pg_write_server_files`.
    pub write_files: bool,
    /// Member of `pg_execute_server_program`.
    pub execute_program: bool,
    /// May promote.
    pub promote: bool,
    /// May switch WAL segments.
    pub switch_wal: bool,
    /// `default_transaction_read_only` as it holds in this session.
    pub read_only: String,
    /// The server sees TLS on this connection.
    pub tls: bool,
}

/// A session that holds the operation lock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockHolderRow {
    /// `application_name`.
    pub application: Option<String>,
    /// Its newest statement; hidden from roles without `pg_read_all_stats`.
    pub query: Option<String>,
}

/// What every poll brings.
#[derive(Clone, PartialEq, Debug)]
pub struct PollResult {
    /// What does not change while the server runs.
    pub server: ServerRow,
    /// Role, clock, position, replay.
    pub position: PositionRow,
    /// Incoming stream.
    pub receiver: PartResult<Option<ReceiverRow>>,
    /// Standbys served.
    pub downstream: PartResult<Vec<DownstreamRow>>,
    /// Archiver.
    pub archiver: PartResult<ArchiverRow>,
    /// Connections.
    pub connections: PartResult<ConnectionsRow>,
    /// Sessions.
    pub sessions: PartResult<Vec<SessionRow>>,
    /// Who holds the operation lock by an advisory lock.
    pub operation_lock: PartResult<Option<LockHolderRow>>,
}

/// What is asked for now and then.
#[derive(Clone, PartialEq, Debug)]
pub struct SlowPollResult {
    /// Slots.
    pub slots: PartResult<Vec<SlotRow>>,
    /// Segments waiting; `None` with archiving off.
    pub archive_ready_count: PartResult<Option<i64>>,
    /// Oldest transaction.
    pub oldest_transaction: PartResult<Option<TransactionRow>>,
    /// Oldest prepared transaction.
    pub prepared_transactions: PartResult<Option<PreparedRow>>,
    /// Transaction id age.
    pub xid_age: PartResult<Option<XidAgeRow>>,
    /// Settings that wait for a restart.
    pub pending_restart: PartResult<Vec<String>>,
    /// When the configuration files were last read.
    pub config_files_read_at: PartResult<Timestamp>,
    /// WAL written since the last checkpoint began, in bytes; `None` in recovery.
    pub wal_since_checkpoint: PartResult<Option<i64>>,
    /// Base backups.
    pub base_backups: PartResult<Vec<BaseBackupRow>>,
    /// Sessions by application.
    pub applications: PartResult<Vec<ApplicationRow>>,
}
