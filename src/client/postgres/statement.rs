//! Everything that a session for looking can send. There is no other list.

use super::lock::lock_class;

/// A statement of the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Statement {
    /// What does not change while the server runs. Once a session.
    Server,
    /// System identifier. Once a session, apart from [`Statement::Server`], since its function may be revoked.
    SystemId,
    /// Role, clock, position in the WAL, replay.
    Position,
    /// Incoming stream.
    Receiver,
    /// Standbys served.
    Downstream,
    /// Replication slots.
    Slots,
    /// Archiver.
    Archiver,
    /// Segments waiting for the archiver.
    ArchiveReady,
    /// Use of the connection slots.
    Connections,
    /// Oldest running transaction of a client.
    OldestTransaction,
    /// Prepared transactions: their number, and the oldest.
    Prepared,
    /// The database closest to wraparound.
    XidAge,
    /// Settings that wait for a restart.
    PendingRestart,
    /// When the configuration files were last read. Apart from [`Statement::Position`], since its function may be revoked.
    FilesRead,
    /// WAL written since the last checkpoint began, on a primary.
    SinceCheckpoint,
    /// Running base backups.
    BaseBackups,
    /// Sessions worth showing.
    Sessions,
    /// Sessions by application.
    Applications,
    /// Who holds the operation lock by an advisory lock; no row: nobody.
    OperationLock,
    /// Whether it takes writes, with which data, and on which timeline. Asked while a leader changes.
    Lead,
    /// Every client session. Asked before a change of leader, for where they come from.
    Clients,
    /// Every setting: what it may be and what it is. Once a session, and after each reload.
    Settings,
    /// What the role could do beyond looking. Only for an examination.
    Privileges,
    /// Whether a role, `$1`, may log in; no row: there is none. Only for an examination.
    RoleLogin,
    /// Whether a database, `$1`, takes connections; no row: there is none. Only for an examination.
    DatabaseOpen,
}

/// Client backends. Without `pg_monitor` the kind of a foreign backend is hidden, and a database tells that it is one.
macro_rules! client_backend {
    () => {
        "(backend_type = 'client backend' OR backend_type IS NULL AND datid IS NOT NULL) AND pid <> pg_backend_pid()"
    };
}

/// Columns of a session up to since when it waits.
macro_rules! sessions_head {
    () => {
        "SELECT pid, datname::text, usename::text, application_name, host(client_addr), state, \
         wait_event_type, wait_event, backend_start, \
         extract(epoch FROM clock_timestamp() - xact_start)::float8, \
         extract(epoch FROM clock_timestamp() - query_start)::float8, \
         CASE WHEN wait_event_type = 'Lock' THEN pg_blocking_pids(pid) END, "
    };
}

/// The rest of its columns, and which sessions.
macro_rules! sessions_tail {
    () => {
        concat!(
            "left(query, 200) FROM (SELECT *, row_number() OVER (PARTITION BY kind \
             ORDER BY coalesce(xact_start, query_start), pid) AS place FROM (SELECT *, CASE \
             WHEN wait_event_type = 'Lock' THEN 0 WHEN state = 'active' THEN 1 \
             WHEN state LIKE 'idle in transaction%' THEN 2 ELSE 3 END AS kind FROM pg_stat_activity \
             WHERE state IS DISTINCT FROM 'idle' AND ",
            client_backend!(),
            ") AS sessions) AS placed ORDER BY place, kind LIMIT 100"
        )
    };
}

/// The slots, with the columns that depend on the version.
macro_rules! slots {
    ($of_version:literal) => {
        concat!(
            "SELECT slot_name::text, slot_type, active, active_pid, database::text, temporary, wal_status, \
             pg_wal_lsn_diff(ahead, restart_lsn)::int8, safe_wal_size, ",
            $of_version,
            ", restart_lsn::text, confirmed_flush_lsn::text \
             FROM pg_replication_slots, (SELECT CASE WHEN pg_is_in_recovery() \
             THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS ahead) AS self ORDER BY slot_name"
        )
    };
}

impl Statement {
    /// What every poll sends, in the order of the answers: what moves by the second, and where a fault shows first.
    pub(super) const EVERY_POLL: [Self; 7] = [
        Self::Position,
        Self::Receiver,
        Self::Downstream,
        Self::Archiver,
        Self::Connections,
        Self::Sessions,
        Self::OperationLock,
    ];

    /// What is sent with a poll now and then, in the order of the answers: what moves slowly, or is dear to find out (a
    /// listing of a directory, a scan of all settings).
    pub(super) const SLOW_POLL: [Self; 10] = [
        Self::Slots,
        Self::ArchiveReady,
        Self::OldestTransaction,
        Self::Prepared,
        Self::XidAge,
        Self::PendingRestart,
        Self::FilesRead,
        Self::SinceCheckpoint,
        Self::BaseBackups,
        Self::Applications,
    ];

    /// The text sent to a server of this major version.
    pub(super) fn text(self, major: u32) -> &'static str {
        match self {
            Self::Server => {
                "SELECT current_setting('server_version_num')::int4, pg_postmaster_start_time(), \
                 current_setting('cluster_name'), current_setting('max_connections')::int4, \
                 current_setting('superuser_reserved_connections')::int4 \
                 + coalesce(current_setting('reserved_connections', true)::int4, 0), \
                 current_setting('server_version'), host(inet_server_addr()), inet_server_port()"
            }
            Self::SystemId => "SELECT system_identifier::text FROM pg_control_system()",
            // Positions of the other role raise errors or linger from before a promotion, hence a guard on each.
            // Received and replayed may be the wrong way round after a receiver restarted: that is no lag.
            Self::Position => {
                "SELECT recovering, clock_timestamp(), pg_has_role('pg_read_all_stats', 'USAGE'), \
                 current_setting('synchronous_standby_names'), \
                 CASE WHEN NOT recovering THEN pg_current_wal_lsn()::text END, \
                 CASE WHEN NOT recovering THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END, \
                 CASE WHEN recovering THEN pg_last_wal_receive_lsn()::text END, \
                 CASE WHEN recovering THEN pg_last_wal_replay_lsn()::text END, \
                 CASE WHEN recovering THEN pg_last_xact_replay_timestamp() END, \
                 CASE WHEN recovering THEN pg_is_wal_replay_paused() END, \
                 CASE WHEN recovering THEN CASE WHEN pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn() THEN 0 \
                 ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END END::float8, \
                 extract(epoch FROM current_setting('recovery_min_apply_delay')::interval)::float8, \
                 extract(epoch FROM current_setting('idle_replication_slot_timeout', true)::interval)::float8, \
                 extract(epoch FROM current_setting('wal_sender_timeout')::interval)::float8, \
                 extract(epoch FROM current_setting('wal_sender_shutdown_timeout', true)::interval)::float8 \
                 FROM (SELECT pg_is_in_recovery() AS recovering) AS self"
            }
            Self::Receiver => {
                "SELECT status, received_tli, sender_host, sender_port, slot_name::text, latest_end_lsn::text, \
                 extract(epoch FROM clock_timestamp() - last_msg_receipt_time)::float8 FROM pg_stat_wal_receiver"
            }
            // A cascading standby sends what it has received, or replayed from the archive.
            Self::Downstream => {
                "SELECT pid, application_name, usename::text, host(client_addr), state, sync_state, \
                 pg_wal_lsn_diff(ahead, sent_lsn)::int8, pg_wal_lsn_diff(ahead, write_lsn)::int8, \
                 pg_wal_lsn_diff(ahead, flush_lsn)::int8, pg_wal_lsn_diff(ahead, replay_lsn)::int8, \
                 extract(epoch FROM write_lag)::float8, extract(epoch FROM flush_lag)::float8, \
                 extract(epoch FROM replay_lag)::float8, extract(epoch FROM clock_timestamp() - reply_time)::float8, \
                 backend_start FROM pg_stat_replication, (SELECT CASE WHEN pg_is_in_recovery() \
                 THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) \
                 ELSE pg_current_wal_lsn() END AS ahead) AS self ORDER BY application_name, pid"
            }
            Self::Slots if major >= 17 => slots!("inactive_since, failover, invalidation_reason"),
            // Only of logical slots, and without the reason.
            Self::Slots if major == 16 => {
                slots!("NULL::timestamptz, NULL::bool, CASE WHEN conflicting THEN 'conflict' END")
            }
            Self::Slots => slots!("NULL::timestamptz, NULL::bool, NULL::text"),
            Self::Archiver => {
                "SELECT current_setting('archive_mode'), last_archived_wal, last_archived_time, last_failed_wal, \
                 last_failed_time, failed_count, \
                 coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) FROM pg_stat_archiver"
            }
            // With archiving off the directory is not looked at.
            Self::ArchiveReady => {
                "SELECT (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready') \
                 WHERE current_setting('archive_mode') <> 'off'"
            }
            Self::Connections => concat!(
                "SELECT count(*)::int4, count(*) FILTER (WHERE state = 'active')::int4, \
                 count(*) FILTER (WHERE state = 'idle')::int4, \
                 count(*) FILTER (WHERE state LIKE 'idle in transaction%')::int4, \
                 count(*) FILTER (WHERE wait_event_type = 'Lock')::int4 FROM pg_stat_activity WHERE ",
                client_backend!()
            ),
            Self::OldestTransaction => concat!(
                "SELECT pid, usename::text, application_name, \
                 extract(epoch FROM clock_timestamp() - xact_start)::float8 FROM pg_stat_activity \
                 WHERE xact_start IS NOT NULL AND ",
                client_backend!(),
                " ORDER BY xact_start LIMIT 1"
            ),
            Self::Prepared => {
                "SELECT count(*) OVER ()::int4, owner::text, gid, \
                 extract(epoch FROM clock_timestamp() - prepared)::float8 FROM pg_prepared_xacts \
                 ORDER BY prepared LIMIT 1"
            }
            Self::XidAge => {
                "SELECT datname::text, age(datfrozenxid)::int8, current_setting('autovacuum_freeze_max_age')::int8 \
                 FROM pg_database ORDER BY age(datfrozenxid) DESC LIMIT 1"
            }
            Self::PendingRestart => "SELECT name FROM pg_settings WHERE pending_restart ORDER BY name LIMIT 100",
            // By this session's own reading, which comes with its next statement; a later session tells the server's.
            Self::FilesRead => "SELECT pg_conf_load_time()",
            Self::SinceCheckpoint => {
                "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), redo_lsn)::int8 FROM pg_control_checkpoint() \
                 WHERE NOT pg_is_in_recovery()"
            }
            Self::BaseBackups => {
                "SELECT pid, phase, backup_streamed, backup_total FROM pg_stat_progress_basebackup ORDER BY pid"
            }
            // Who blocks whom is found out under the lock manager's own locks, so it is asked only of those who wait
            // for one; since when they wait is read once, and only where anybody does. A long queue must not push out
            // whoever is at its head: of each kind (blocked, active, in a transaction, the rest) the oldest come first.
            Self::Sessions if major >= 14 => concat!(
                sessions_head!(),
                "CASE WHEN wait_event_type = 'Lock' THEN ((SELECT json_object_agg(pid, age) FROM (SELECT pid, \
                 extract(epoch FROM clock_timestamp() - min(waitstart)) AS age FROM pg_locks \
                 WHERE NOT granted GROUP BY pid) AS waits) ->> pid::text)::float8 END, ",
                sessions_tail!()
            ),
            Self::Sessions => concat!(sessions_head!(), "NULL::float8, ", sessions_tail!()),
            Self::Applications => concat!(
                "SELECT application_name, count(*)::int4, count(*) FILTER (WHERE state = 'active')::int4, \
                 count(*) FILTER (WHERE state LIKE 'idle in transaction%')::int4 FROM pg_stat_activity WHERE ",
                client_backend!(),
                " GROUP BY application_name ORDER BY 3 DESC, 2 DESC, 1 LIMIT 100"
            ),
            // Whose name says so, and who does hold it. The locks are looked at only where a name says so.
            Self::OperationLock => concat!(
                "SELECT application_name, query FROM pg_stat_activity AS holder WHERE CASE \
                 WHEN application_name LIKE 'pgctl-tui lock %' THEN EXISTS (SELECT FROM pg_locks \
                 WHERE pg_locks.pid = holder.pid AND locktype = 'advisory' AND classid = ",
                lock_class!(),
                " AND objsubid = 2 AND granted) END ORDER BY pid LIMIT 1"
            ),
            Self::Clients => concat!(
                "SELECT pid, usename::text, application_name, host(client_addr), state, \
                 extract(epoch FROM clock_timestamp() - xact_start)::float8, \
                 coalesce((SELECT NOT rolsuper AND pg_has_role(pg_roles.oid, 'pg_monitor', 'MEMBER') FROM pg_roles \
                 WHERE pg_roles.oid = usesysid), false) FROM pg_stat_activity WHERE ",
                client_backend!(),
                " ORDER BY pid LIMIT 10000"
            ),
            Self::Lead => {
                "SELECT recovering, (SELECT system_identifier::text FROM pg_control_system()), \
                 CASE WHEN NOT recovering THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END \
                 FROM (SELECT pg_is_in_recovery() AS recovering) AS self"
            }
            Self::Settings => {
                "SELECT name, left(setting, 4096), unit, vartype, context, source, min_val, max_val, enumvals, \
                 left(boot_val, 4096), pending_restart FROM pg_settings ORDER BY lower(name) LIMIT 4000"
            }
            Self::RoleLogin => "SELECT rolcanlogin FROM pg_roles WHERE rolname::text = $1",
            Self::DatabaseOpen => "SELECT datallowconn FROM pg_database WHERE datname::text = $1",
            Self::Privileges => {
                "SELECT rolsuper, rolreplication, rolcreaterole, rolcreatedb, rolbypassrls, \
                 pg_has_role('pg_read_all_stats', 'USAGE'), pg_has_role('pg_read_all_settings', 'USAGE'), \
                 has_function_privilege('pg_catalog.pg_ls_archive_statusdir()', 'EXECUTE'), \
                 pg_has_role('pg_signal_backend', 'MEMBER'), pg_has_role('pg_write_server_files', 'MEMBER'), \
                 pg_has_role('pg_execute_server_program', 'MEMBER'), \
                 has_function_privilege('pg_catalog.pg_promote(boolean, integer)', 'EXECUTE'), \
                 has_function_privilege('pg_catalog.pg_switch_wal()', 'EXECUTE'), \
                 current_setting('default_transaction_read_only'), \
                 coalesce((SELECT ssl FROM pg_stat_ssl WHERE pg_stat_ssl.pid = pg_backend_pid()), false) \
                 FROM pg_roles WHERE rolname = current_user"
            }
        }
    }
}
