//! From the rows of a poll to the model: text cleaned, numbers checked, and every part that is missing named.

use std::time::Duration;

use crate::client::postgres::PostgresError;
use crate::client::postgres::sheet::{
    ApplicationRow, ArchiverRow, BaseBackupRow, ConnectionsRow, DownstreamRow, Part, PositionRow, PreparedRow,
    ReceiverRow, ServerRow, SessionRow, Sheet, SlotRow, TransactionRow, XidAgeRow,
};
use crate::model::agent::{Address, Position};
use crate::model::lsn::{Lsn, SystemId, Timeline};
use crate::model::postgres::{
    Activity, ApplicationLoad, Archiver, BaseBackup, Connections, Downstream, Invalidation, LongTransaction, Replay,
    SenderLimits, Session, Slot, SqlPart, SqlReport, Unread, WalReceiver, WalStatus, XidAge,
};
use crate::model::role::SyncState;
use crate::model::text::Text;

use super::query_text::query_text;

/// What a role without `pg_monitor` is not shown.
const HIDDEN: &str = "hidden from this role; grant it pg_monitor";

/// The report of one poll.
///
/// # Errors
/// The position, without which nothing can be said, is not one.
pub(super) fn report(sheet: Sheet) -> Result<SqlReport, PostgresError> {
    let Sheet {
        server,
        position,
        receiver,
        downstream,
        slots,
        archiver,
        archive_ready,
        connections,
        oldest_transaction,
        prepared,
        xid_age,
        pending_restart,
        files_read,
        since_checkpoint,
        base_backups,
        sessions,
        applications,
    } = sheet;
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
    let mut gaps = Gaps { unread: Vec::new(), monitor: position.monitor };
    let receiver = gaps.fill(SqlPart::Receiver, receiver).flatten();
    let timeline = timeline(&position, receiver.as_ref());
    let receiver = receiver.and_then(|row| gaps.receiver(row));
    let ready = gaps.fill(SqlPart::ArchiveReady, archive_ready).flatten();
    let archiver = gaps.fill(SqlPart::Archiver, archiver).map(|row| self::archiver(row, ready));
    let connections = gaps.fill(SqlPart::Connections, connections);
    let prepared = gaps.fill(SqlPart::Prepared, prepared);
    let downstream = gaps.downstream(downstream);
    for part in [SqlPart::OldestTransaction, SqlPart::Sessions, SqlPart::Applications] {
        gaps.hidden(part);
    }
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
            paused: position.paused.unwrap_or(false),
            delay: span(position.delay).unwrap_or_default(),
            lag: span(position.lag),
        }),
        slots: gaps.list(SqlPart::Slots, slots).into_iter().map(slot).collect(),
        archiver,
        connections: self::connections(connections, max_connections, reserved_connections, position.monitor),
        oldest_transaction: gaps.fill(SqlPart::OldestTransaction, oldest_transaction).flatten().map(
            |TransactionRow { pid, user, application, age }| LongTransaction {
                pid,
                user: text(user),
                application: text(application),
                age: span(Some(age)).unwrap_or_default(),
            },
        ),
        prepared_count: prepared.as_ref().map(|row| row.as_ref().map_or(0, |row| count(row.count))),
        oldest_prepared: prepared.flatten().map(|PreparedRow { count: _, owner, identifier, age }| LongTransaction {
            pid: 0,
            user: text(owner),
            application: Text::redacted(identifier),
            age: span(Some(age)).unwrap_or_default(),
        }),
        xid_age: gaps.fill(SqlPart::XidAge, xid_age).flatten().map(|XidAgeRow { database, age, freeze_max_age }| {
            XidAge { database: Text::new(database), age: bytes(age), freeze_max_age: bytes(freeze_max_age) }
        }),
        pending_restart: gaps.list(SqlPart::PendingRestart, pending_restart).iter().map(Text::new).collect(),
        files_read: gaps.fill(SqlPart::FilesRead, files_read),
        since_checkpoint: gaps.fill(SqlPart::SinceCheckpoint, since_checkpoint).flatten().map(bytes),
        synchronous_names: Text::new(&position.synchronous_names),
        idle_slot_timeout: span(position.idle_slot_timeout),
        sender_limits: SenderLimits {
            timeout: span(position.sender_timeout),
            shutdown: span(position.sender_shutdown.filter(|seconds| *seconds >= 0.0)),
        },
        settings: None,
        base_backups: gaps.base_backups(base_backups),
        sessions: gaps.list(SqlPart::Sessions, sessions).into_iter().map(session).collect(),
        applications: gaps.list(SqlPart::Applications, applications).into_iter().map(application).collect(),
        server_time: position.now,
        monitor: position.monitor,
        unread: gaps.unread,
    })
}

/// The server's own end of the session.
fn own_address(server: &ServerRow) -> Option<Address> {
    let port = server.port.and_then(|port| u16::try_from(port).ok())?;
    server.address.as_ref().map(|host| Address { host: Text::new(host), port })
}

/// Collects what is missing.
struct Gaps {
    unread: Vec<Unread>,
    monitor: bool,
}

impl Gaps {
    fn miss(&mut self, part: SqlPart, why: impl AsRef<str>) {
        if self.unread.iter().all(|unread| unread.part != part) {
            self.unread.push(Unread { part, why: Text::redacted(why) });
        }
    }

    fn fill<T>(&mut self, part: SqlPart, answer: Part<T>) -> Option<T> {
        answer.map_err(|error| self.miss(part, error.message)).ok()
    }

    fn list<T>(&mut self, part: SqlPart, answer: Part<Vec<T>>) -> Vec<T> {
        self.fill(part, answer).unwrap_or_default()
    }

    /// A part of which a role without `pg_monitor` sees no more than outlines.
    fn hidden(&mut self, part: SqlPart) {
        if !self.monitor {
            self.miss(part, HIDDEN);
        }
    }

    /// Standbys. Of a foreign walsender a role without `pg_monitor` sees no more than that there is one.
    fn downstream(&mut self, answer: Part<Vec<DownstreamRow>>) -> Vec<Downstream> {
        let rows = self.list(SqlPart::Downstream, answer);
        if rows.iter().any(|row| row.state.is_none()) {
            self.hidden(SqlPart::Downstream);
        }
        rows.into_iter().map(downstream).collect()
    }

    /// A receiver whose columns are all hidden is there, and unknown.
    fn receiver(&mut self, row: ReceiverRow) -> Option<WalReceiver> {
        let ReceiverRow { status, timeline, host, port, slot, latest_end, silent } = row;
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

    fn base_backups(&mut self, answer: Part<Vec<BaseBackupRow>>) -> Vec<BaseBackup> {
        let rows = self.list(SqlPart::BaseBackups, answer);
        let mut running = Vec::new();
        for BaseBackupRow { pid, phase, streamed, total } in rows {
            match streamed {
                Some(streamed) => running.push(BaseBackup {
                    pid,
                    phase: text(phase),
                    streamed: bytes(streamed),
                    total: total.map(bytes),
                }),
                None => self.miss(SqlPart::BaseBackups, HIDDEN),
            }
        }
        running
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
            received: lsn(&row.received),
            replayed: lsn(&row.replayed),
            replayed_at: row.replayed_at,
            paused: row.paused,
        });
    }
    let at = lsn(&row.written)
        .ok_or_else(|| PostgresError::Protocol(format!("unexpected answer: WAL position {:?}", row.written)))?;
    Ok(Position::Writing { at })
}

fn downstream(row: DownstreamRow) -> Downstream {
    Downstream {
        pid: row.pid,
        application: text(row.application),
        user: row.user.map(Text::new),
        address: row.address.map(Text::new),
        state: row.state.map(Text::new),
        sync: row.sync.as_deref().and_then(SyncState::from_word),
        send_lag: row.send_lag.map(bytes),
        write_lag: row.write_lag.map(bytes),
        flush_lag: row.flush_lag.map(bytes),
        replay_lag: row.replay_lag.map(bytes),
        write_time: span(row.write_time),
        flush_time: span(row.flush_time),
        replay_time: span(row.replay_time),
        reply_age: span(row.reply_age),
        started: row.started,
    }
}

fn slot(row: SlotRow) -> Slot {
    Slot {
        name: Text::new(row.name),
        logical: row.kind == "logical",
        active: row.active,
        active_pid: row.active_pid,
        database: row.database.map(Text::new),
        temporary: row.temporary,
        wal_status: row.wal_status.map(|word| match word.as_str() {
            "reserved" => WalStatus::Reserved,
            "extended" => WalStatus::Extended,
            "unreserved" => WalStatus::Unreserved,
            "lost" => WalStatus::Lost,
            _ => WalStatus::Unknown(Text::new(word)),
        }),
        retained: row.retained.map(bytes),
        safe_bytes: row.safe_bytes,
        inactive_since: row.inactive_since,
        failover: row.failover,
        invalid: row.invalid.as_deref().map(Invalidation::from_word),
        restart: row.restart.and_then(|text| text.parse().ok()),
        confirmed: row.confirmed.and_then(|text| text.parse().ok()),
    }
}

fn archiver(row: ArchiverRow, ready: Option<i64>) -> Archiver {
    Archiver {
        enabled: row.mode != "off",
        last_archived: row.last_archived.map(Text::new),
        last_archived_at: row.last_archived_at,
        last_failed: row.last_failed.map(Text::new),
        last_failed_at: row.last_failed_at,
        failed_count: row.failed_count,
        failing: row.failing,
        ready: ready.map(bytes),
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
    let wait = match (row.wait_type, row.wait_event) {
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
        waited: span(row.waited),
        query: query_text(row.query.as_deref().unwrap_or_default()),
    }
}

fn application(row: ApplicationRow) -> ApplicationLoad {
    ApplicationLoad {
        application: text(row.application),
        sessions: count(row.sessions),
        active: count(row.active),
        idle_in_transaction: count(row.idle_in_transaction),
    }
}

fn text(raw: Option<String>) -> Text {
    raw.map(Text::redacted).unwrap_or_default()
}

/// Seconds as a span. Clocks of two hosts, or two readings of one, may make it negative: that is no time at all.
fn span(seconds: Option<f64>) -> Option<Duration> {
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok())
}

/// A difference of positions. A position ahead of an earlier sample is not behind.
fn bytes(difference: i64) -> u64 {
    u64::try_from(difference).unwrap_or_default()
}

fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_may_call_itself_what_it_likes_and_no_terminal_obeys() {
        let row = ApplicationRow {
            application: Some("app\u{1b}]0;owned\u{7}\u{9b}31m\r\nother\u{202e}".to_owned()),
            sessions: 3,
            active: -1,
            idle_in_transaction: 0,
        };
        let load = application(row);
        let name = load.application.as_str();
        assert!(name.starts_with("app") && name.contains("other") && !name.contains("owned"), "{name:?}");
        assert!(!name.chars().any(|c| c.is_control() || c == '\u{202e}'), "{name:?}");
        assert_eq!((load.sessions, load.active), (3, 0));
    }
}
