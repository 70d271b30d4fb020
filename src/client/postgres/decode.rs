//! From rows to the types of [`sheet`](super::sheet), column by column in the order of each statement.

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type, accepts};

use super::sheet::{
    ApplicationRow, ArchiverRow, BaseBackupRow, ConnectionsRow, DownstreamRow, PartError, PositionRow, PreparedRow,
    PrivilegesRow, ReceiverRow, ServerRow, SessionRow, SettingRow, SlotRow, TransactionRow, XidAgeRow,
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
            message: format!("unexpected answer: {}", crate::client::cause::chain(&error)),
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
            |_| PartError { code: None, message: format!("unexpected answer: {number} where a count should be") };
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
            monitor: columns.take()?,
            synchronous_names: columns.text()?,
            written: columns.some_text()?,
            timeline: columns.some_text()?,
            received: columns.some_text()?,
            replayed: columns.some_text()?,
            replayed_at: columns.take()?,
            paused: columns.take()?,
            lag: columns.take()?,
            delay: columns.take()?,
            idle_slot_timeout: columns.take()?,
            sender_timeout: columns.take()?,
            sender_shutdown: columns.take()?,
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
            latest_end: columns.some_text()?,
            silent: columns.take()?,
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
            sync: columns.some_text()?,
            send_lag: columns.take()?,
            write_lag: columns.take()?,
            flush_lag: columns.take()?,
            replay_lag: columns.take()?,
            write_time: columns.take()?,
            flush_time: columns.take()?,
            replay_time: columns.take()?,
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
            kind: columns.text()?,
            context: columns.text()?,
            source: columns.text()?,
            least: columns.some_text()?,
            most: columns.some_text()?,
            words: columns.take()?,
            boot: columns.some_text()?,
            pending: columns.take()?,
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
            retained: columns.take()?,
            safe_bytes: columns.take()?,
            inactive_since: columns.take()?,
            failover: columns.take()?,
            invalid: columns.some_text()?,
            restart: columns.some_text()?,
            confirmed: columns.some_text()?,
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
            wait_type: columns.some_text()?,
            wait_event: columns.some_text()?,
            started: columns.take()?,
            transaction_age: columns.take()?,
            query_age: columns.take()?,
            blocked_by: columns.take()?,
            waited: columns.take()?,
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
