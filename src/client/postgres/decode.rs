//! From rows to the types of [`poll_result`](super::poll_result), column by column in the order of each statement.

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type, accepts};

use super::poll_result::{
    ApplicationRow, ArchiverRow, BaseBackupRow, ConnectionsRow, DownstreamRow, LockHolderRow, PartError, PositionRow,
    PreparedRow, PrivilegesRow, ReceiverRow, ServerRow, SessionRow, SettingRow, SlotRow, TransactionRow, XidAgeRow,
};

/// Text that need not be UTF-8: query text comes from databases of any encoding, cut at any byte.
struct Lossy(String);

impl<'a> FromSql<'a> for Lossy {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(String::from_utf8_lossy(raw).into_owned()))
    }

    accepts!(TEXT, VARCHAR, BPCHAR, NAME);
}

/// The columns of a row, taken from left to right.
pub(super) struct Columns<'a> {
    row: &'a Row,
    next: usize,
}

impl<'a> Columns<'a> {
    pub(super) fn of(row: &'a Row) -> Self {
        Self { row, next: 0 }
    }

    fn take<T: FromSql<'a>>(&mut self) -> Result<T, PartError> {
        let index = self.next;
        self.next += 1;
        self.row.try_get(index).map_err(|error| PartError {
            code: None,
            message: format!("unexpected response: {}", crate::client::cause::chain(&error)),
        })
    }

    fn text(&mut self) -> Result<String, PartError> {
        self.take::<Lossy>().map(|text| text.0)
    }

    fn some_text(&mut self) -> Result<Option<String>, PartError> {
        Ok(self.take::<Option<Lossy>>()?.map(|text| text.0))
    }

    fn count(&mut self) -> Result<u32, PartError> {
        let number = self.take::<i32>()?;
        let negative =
            |_| PartError { code: None, message: format!("unexpected response: {number} instead of a count") };
        u32::try_from(number).map_err(negative)
    }
}

/// A row that can be read from columns.
pub(super) trait Decode: Sized {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError>;
}

impl Decode for String {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        columns.text()
    }
}

impl Decode for Timestamp {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        columns.take()
    }
}

impl Decode for bool {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        columns.take()
    }
}

impl Decode for i64 {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        columns.take()
    }
}

impl Decode for ServerRow {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        Ok(Self {
            version: columns.count()?,
            started: columns.take::<Timestamp>()?,
            cluster_name: columns.text()?,
            max_connections: columns.count()?,
            reserved_connections: columns.count()?,
            version_text: columns.text()?,
            address: columns.some_text()?,
            port: columns.take()?,
            peer: None,
            system_id: None,
        })
    }
}

impl Decode for PositionRow {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        Ok(Self {
            in_recovery: columns.take()?,
            now: columns.take()?,
            is_pg_monitor: columns.take()?,
            synchronous_names: columns.text()?,
            write_lsn: columns.some_text()?,
            timeline: columns.some_text()?,
            receive_lsn: columns.some_text()?,
            replay_lsn: columns.some_text()?,
            last_replayed_commit_at: columns.take()?,
            is_replay_paused: columns.take()?,
            replay_lag: columns.take()?,
            apply_delay: columns.take()?,
            idle_slot_timeout: columns.take()?,
            wal_sender_timeout: columns.take()?,
            wal_sender_shutdown_timeout: columns.take()?,
        })
    }
}

impl Decode for ReceiverRow {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        Ok(Self {
            status: columns.some_text()?,
            timeline: columns.take()?,
            host: columns.some_text()?,
            port: columns.take()?,
            slot: columns.some_text()?,
            latest_end_lsn: columns.some_text()?,
            last_message_age: columns.take()?,
        })
    }
}

impl Decode for DownstreamRow {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        Ok(Self {
            pid: columns.take()?,
            application: columns.some_text()?,
            user: columns.some_text()?,
            address: columns.some_text()?,
            state: columns.some_text()?,
            sync_state: columns.some_text()?,
            send_lag_bytes: columns.take()?,
            write_lag_bytes: columns.take()?,
            flush_lag_bytes: columns.take()?,
            replay_lag_bytes: columns.take()?,
            write_lag: columns.take()?,
            flush_lag: columns.take()?,
            replay_lag: columns.take()?,
            reply_age: columns.take()?,
            started: columns.take()?,
        })
    }
}

impl Decode for SettingRow {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        Ok(Self {
            name: columns.text()?,
            value: columns.some_text()?,
            unit: columns.some_text()?,
            value_type: columns.text()?,
            context: columns.text()?,
            source: columns.text()?,
            min_value: columns.some_text()?,
            max_value: columns.some_text()?,
            enum_values: columns.take()?,
            boot_value: columns.some_text()?,
            pending_restart: columns.take()?,
        })
    }
}

impl Decode for SlotRow {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        Ok(Self {
            name: columns.text()?,
            kind: columns.text()?,
            active: columns.take()?,
            active_pid: columns.take()?,
            database: columns.some_text()?,
            temporary: columns.take()?,
            wal_status: columns.some_text()?,
            retained_bytes: columns.take()?,
            safe_wal_size: columns.take()?,
            inactive_since: columns.take()?,
            failover: columns.take()?,
            invalidation_reason: columns.some_text()?,
            restart_lsn: columns.some_text()?,
            confirmed_flush_lsn: columns.some_text()?,
        })
    }
}

impl Decode for ArchiverRow {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        Ok(Self {
            mode: columns.text()?,
            last_archived: columns.some_text()?,
            last_archived_at: columns.take()?,
            last_failed: columns.some_text()?,
            last_failed_at: columns.take()?,
            failed_count: columns.take()?,
            failing: columns.take()?,
        })
    }
}

impl Decode for ConnectionsRow {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        Ok(Self {
            used: columns.take()?,
            active: columns.take()?,
            idle: columns.take()?,
            idle_in_transaction: columns.take()?,
            blocked: columns.take()?,
        })
    }
}

impl Decode for TransactionRow {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        Ok(Self {
            pid: columns.take()?,
            user: columns.some_text()?,
            application: columns.some_text()?,
            age: columns.take()?,
        })
    }
}

impl Decode for PreparedRow {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        Ok(Self {
            count: columns.take()?,
            owner: columns.some_text()?,
            identifier: columns.text()?,
            age: columns.take()?,
        })
    }
}

impl Decode for XidAgeRow {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        Ok(Self { database: columns.text()?, age: columns.take()?, freeze_max_age: columns.take()? })
    }
}

impl Decode for BaseBackupRow {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        Ok(Self {
            pid: columns.take()?,
            phase: columns.some_text()?,
            streamed: columns.take()?,
            total: columns.take()?,
        })
    }
}

impl Decode for SessionRow {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        Ok(Self {
            pid: columns.take()?,
            database: columns.some_text()?,
            user: columns.some_text()?,
            application: columns.some_text()?,
            client: columns.some_text()?,
            state: columns.some_text()?,
            wait_event_type: columns.some_text()?,
            wait_event: columns.some_text()?,
            started: columns.take()?,
            transaction_age: columns.take()?,
            query_age: columns.take()?,
            blocked_by: columns.take()?,
            lock_wait_age: columns.take()?,
            query: columns.some_text()?,
        })
    }
}

impl Decode for ApplicationRow {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        Ok(Self {
            application: columns.some_text()?,
            sessions: columns.take()?,
            active: columns.take()?,
            idle_in_transaction: columns.take()?,
        })
    }
}

impl Decode for PrivilegesRow {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        Ok(Self {
            superuser: columns.take()?,
            replication: columns.take()?,
            create_role: columns.take()?,
            create_database: columns.take()?,
            bypass_rls: columns.take()?,
            read_stats: columns.take()?,
            read_settings: columns.take()?,
            list_archive: columns.take()?,
            signal_backend: columns.take()?,
            write_files: columns.take()?,
            execute_program: columns.take()?,
            promote: columns.take()?,
            switch_wal: columns.take()?,
            read_only: columns.text()?,
            tls: columns.take()?,
        })
    }
}

impl Decode for LockHolderRow {
    fn decode(columns: &mut Columns<'_>) -> Result<Self, PartError> {
        Ok(Self { application: columns.some_text()?, query: columns.some_text()? })
    }
}
