//! From the rows of a poll to the model: text cleaned, numbers checked, and every part that is missing named.

use std::time::Duration;

use crate::client::postgres::PostgresError;
use crate::client::postgres::poll_result::{
    ArchiverRow, ConnectionsRow, DownstreamRow, LockHolderRow, PartResult, PollResult, PositionRow, ReceiverRow,
    ServerRow, SessionRow,
};
use crate::driver::lock::claim;
use crate::model::agent::{Address, Position};
use crate::model::lsn::{Lsn, SystemId, Timeline};
use crate::model::postgres::{
    Activity, Archiver, Connections, Downstream, Replay, SenderLimits, Session, SqlPart, SqlReport, UnreadPart,
    WalReceiver,
};
use crate::model::record::OperationLock;
use crate::model::role::SyncState;
use crate::model::text::Text;

use super::query_text::query_text;

/// What a role without `pg_monitor` is not shown.
pub(super) const HIDDEN: &str = "not visible to this role; grant it pg_monitor";

/// The report of one poll, without what is asked for now and then.
///
/// # Errors
/// The position, without which nothing can be said, is not one.
pub(super) fn report(poll_result: PollResult) -> Result<SqlReport, PostgresError> {
    let PollResult { server, position, receiver, downstream, archiver, connections, sessions, operation_lock } =
        poll_result;
    let own = own_address(&server);
    let ServerRow {
        version,
        started,
        cluster_name,
        max_connections,
        reserved_connections,
        version_text,
        system_id,
        peer,
        ..
    } = server;
    let mut gaps = UnreadParts::of(position.is_pg_monitor);
    let receiver = gaps.fill(SqlPart::Receiver, receiver).flatten();
    let timeline = timeline(&position, receiver.as_ref());
    let receiver = receiver.and_then(|row| gaps.receiver(row));
    let archiver = gaps.fill(SqlPart::Archiver, archiver).map(self::archiver);
    let connections = gaps.fill(SqlPart::Connections, connections);
    let downstream = gaps.downstream(downstream);
    gaps.hidden(SqlPart::Sessions);
    Ok(SqlReport {
        version,
        version_text: Text::new(version_text),
        in_recovery: position.in_recovery,
        postmaster_started: started,
        address: own,
        peer: peer.map(|peer| Address { host: Text::new(peer.ip().to_canonical().to_string()), port: peer.port() }),
        cluster_name: Text::new(cluster_name),
        system_id: system_id.and_then(|text| text.parse().ok()).map(SystemId),
        timeline,
        position: self::position(&position)?,
        downstream,
        receiver,
        replay: position.in_recovery.then(|| Replay {
            paused: position.is_replay_paused.unwrap_or(false),
            delay: span(position.apply_delay).unwrap_or_default(),
            lag: span(position.replay_lag),
        }),
        slots: Vec::new(),
        archiver,
        connections: self::connections(connections, max_connections, reserved_connections, position.is_pg_monitor),
        oldest_transaction: None,
        prepared_count: None,
        oldest_prepared: None,
        xid_age: None,
        pending_restart: Vec::new(),
        files_read: None,
        since_checkpoint: None,
        synchronous_names: Text::new(&position.synchronous_names),
        idle_slot_timeout: span(position.idle_slot_timeout),
        sender_limits: SenderLimits {
            timeout: span(position.wal_sender_timeout),
            shutdown: span(position.wal_sender_shutdown_timeout.filter(|seconds| *seconds >= 0.0)),
        },
        settings: None,
        base_backups: Vec::new(),
        sessions: gaps.list(SqlPart::Sessions, sessions).into_iter().map(session).collect(),
        applications: Vec::new(),
        operation_lock: gaps.fill(SqlPart::OperationLock, operation_lock).flatten().as_ref().map(lock_holder),
        server_time: position.now,
        monitor: position.is_pg_monitor,
        unread: gaps.unread,
        slow_asked: None,
    })
}

/// The server's own end of the session.
fn own_address(server: &ServerRow) -> Option<Address> {
    let port = server.port.and_then(|port| u16::try_from(port).ok())?;
    server.address.as_ref().map(|host| Address { host: Text::new(host), port })
}

/// Collects what is missing.
pub(super) struct UnreadParts {
    pub(super) unread: Vec<UnreadPart>,
    monitor: bool,
}

impl UnreadParts {
    /// None yet, of what a role sees that has the rights of `pg_monitor` or has not.
    pub(super) fn of(monitor: bool) -> Self {
        Self { unread: Vec::new(), monitor }
    }

    pub(super) fn miss(&mut self, part: SqlPart, why: impl AsRef<str>) {
        if self.unread.iter().all(|unread| unread.part != part) {
            self.unread.push(UnreadPart { part, why: Text::redacted(why) });
        }
    }

    pub(super) fn fill<T>(&mut self, part: SqlPart, answer: PartResult<T>) -> Option<T> {
        answer.map_err(|error| self.miss(part, error.message)).ok()
    }

    pub(super) fn list<T>(&mut self, part: SqlPart, answer: PartResult<Vec<T>>) -> Vec<T> {
        self.fill(part, answer).unwrap_or_default()
    }

    /// A part of which a role without `pg_monitor` sees no more than outlines.
    pub(super) fn hidden(&mut self, part: SqlPart) {
        if !self.monitor {
            self.miss(part, HIDDEN);
        }
    }

    /// Standbys. Of a foreign walsender a role without `pg_monitor` sees no more than that there is one.
    fn downstream(&mut self, answer: PartResult<Vec<DownstreamRow>>) -> Vec<Downstream> {
        let rows = self.list(SqlPart::Downstream, answer);
        if rows.iter().any(|row| row.state.is_none()) {
            self.hidden(SqlPart::Downstream);
        }
        rows.into_iter().map(downstream).collect()
    }

    /// A receiver whose columns are all hidden is there, and unknown.
    fn receiver(&mut self, row: ReceiverRow) -> Option<WalReceiver> {
        let ReceiverRow { status, timeline, host, port, slot, latest_end_lsn: latest_end, last_message_age: silent } =
            row;
        let Some(status) = status else {
            self.miss(SqlPart::Receiver, HIDDEN);
            return None;
        };
        Some(WalReceiver {
            status: Text::new(status),
            timeline: timeline.and_then(|number| u32::try_from(number).ok()).map(Timeline),
            sender_host: host.map(Text::new),
            sender_port: port.and_then(|port| u16::try_from(port).ok()),
            slot: slot.map(Text::new),
            latest_end: latest_end.and_then(|text| text.parse().ok()),
            message_age: span(silent),
        })
    }
}

/// From the WAL file's name on a primary, from the receiver on a standby: the control file is behind on both.
fn timeline(position: &PositionRow, receiver: Option<&ReceiverRow>) -> Option<Timeline> {
    let number = match &position.timeline {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => receiver.and_then(|receiver| receiver.timeline).and_then(|number| u32::try_from(number).ok()),
    };
    number.filter(|number| *number > 0).map(Timeline)
}

fn position(row: &PositionRow) -> Result<Position, PostgresError> {
    let lsn = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<Lsn>().ok());
    if row.in_recovery {
        return Ok(Position::Replaying {
            received: lsn(&row.receive_lsn),
            replayed: lsn(&row.replay_lsn),
            replayed_at: row.last_replayed_commit_at,
            paused: row.is_replay_paused,
        });
    }
    let at = lsn(&row.write_lsn)
        .ok_or_else(|| PostgresError::Protocol(format!("unexpected response: LSN {:?}", row.write_lsn)))?;
    Ok(Position::Writing { at })
}

fn downstream(row: DownstreamRow) -> Downstream {
    Downstream {
        pid: row.pid,
        application: text(row.application),
        user: row.user.map(Text::new),
        address: row.address.map(Text::new),
        state: row.state.map(Text::new),
        sync: row.sync_state.as_deref().and_then(SyncState::from_name),
        send_lag_bytes: row.send_lag_bytes.map(bytes),
        write_lag_bytes: row.write_lag_bytes.map(bytes),
        flush_lag_bytes: row.flush_lag_bytes.map(bytes),
        replay_lag_bytes: row.replay_lag_bytes.map(bytes),
        write_lag: span(row.write_lag),
        flush_lag: span(row.flush_lag),
        replay_lag: span(row.replay_lag),
        reply_age: span(row.reply_age),
        reply_ahead: span(row.reply_age.map(|age| -age)).unwrap_or_default(),
        started: row.started,
    }
}

fn archiver(row: ArchiverRow) -> Archiver {
    Archiver {
        enabled: row.mode != "off",
        last_archived: row.last_archived.map(Text::new),
        last_archived_at: row.last_archived_at,
        last_failed: row.last_failed.map(Text::new),
        last_failed_at: row.last_failed_at,
        failed_count: row.failed_count,
        failing: row.failing,
        ready: None,
    }
}

/// What foreign sessions do is hidden from a role without `pg_monitor`; that they are there is not.
fn connections(row: Option<ConnectionsRow>, max: u32, reserved: u32, monitor: bool) -> Connections {
    let doing = |row: &ConnectionsRow| Activity {
        active: count(row.active),
        idle: count(row.idle),
        idle_in_transaction: count(row.idle_in_transaction),
        blocked: count(row.blocked),
    };
    Connections {
        used: row.as_ref().map(|row| count(row.used)),
        max,
        reserved,
        doing: row.as_ref().filter(|_| monitor).map(doing),
    }
}

fn session(row: SessionRow) -> Session {
    let wait = match (row.wait_event_type, row.wait_event) {
        (Some(kind), Some(event)) => format!("{kind}: {event}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => String::new(),
    };
    Session {
        pid: row.pid,
        started: row.started,
        database: text(row.database),
        user: text(row.user),
        application: text(row.application),
        client: text(row.client),
        state: text(row.state),
        wait: Text::new(wait),
        transaction_age: span(row.transaction_age),
        query_age: span(row.query_age),
        blocked_by: row.blocked_by.unwrap_or_default(),
        waited: span(row.lock_wait_age),
        query: query_text(row.query.as_deref().unwrap_or_default()),
    }
}

fn lock_holder(row: &LockHolderRow) -> OperationLock {
    claim::read(row.application.as_deref(), row.query.as_deref()).map_or_else(claim::unread, claim::shown)
}

pub(super) fn text(raw: Option<String>) -> Text {
    raw.map(Text::redacted).unwrap_or_default()
}

/// Seconds as a span. Clocks of two hosts, or two readings of one, may make it negative: that is no time at all.
pub(super) fn span(seconds: Option<f64>) -> Option<Duration> {
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok())
}

/// A difference of positions. A position ahead of an earlier sample is not behind.
pub(super) fn bytes(difference: i64) -> u64 {
    u64::try_from(difference).unwrap_or_default()
}

pub(super) fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}
