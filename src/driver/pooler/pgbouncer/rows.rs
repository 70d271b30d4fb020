//! From the rows of the console to the model. Columns are found by name: a release without one leaves it unknown.

use std::time::Duration;

use crate::client::pgbouncer::{Record, Rows};
use crate::model::pooler::{
    ConnectionLimit, DatabaseTraffic, GiveUp, Pool, PoolMode, PoolerDatabase, PoolerRights, PoolerSettings,
    PoolerSockets, PoolerState,
};
use crate::model::text::Text;

/// The console's own database, which is nobody's.
pub(super) const CONSOLE: &str = "pgbouncer";

/// The state of the process. 1.26 has no row for a suspended one.
pub(super) fn state(rows: &Rows) -> PoolerState {
    let is = |key: &str| rows.iter().any(|row| row.get("key") == Some(key) && row.get("value") == Some("yes"));
    if is("suspended") {
        PoolerState::Suspended
    } else if is("paused") {
        PoolerState::Paused
    } else if is("active") {
        PoolerState::Active
    } else {
        PoolerState::Unknown
    }
}

/// Databases; those in `configured` are to lead to the primary.
pub(super) fn databases(rows: &Rows, configured: &[String]) -> Vec<PoolerDatabase> {
    let databases = rows.iter().filter_map(|row| {
        let name = row.filled("name").filter(|name| *name != CONSOLE)?;
        Some(PoolerDatabase {
            name: Text::new(name),
            host: text(row, "host"),
            port: row.parsed("port"),
            backend_database: text(row, "database"),
            forced_user: text(row, "force_user"),
            pool_size: row.parsed("pool_size"),
            // Called `reserve_pool` before 1.24.
            reserve_pool_size: row.parsed("reserve_pool_size").or_else(|| row.parsed("reserve_pool")),
            mode: row.filled("pool_mode").map(PoolMode::from_name),
            max_connections: limit(row, "max_connections"),
            connections: row.parsed("current_connections"),
            max_client_connections: limit(row, "max_client_connections"),
            client_connections: row.parsed("current_client_connections"),
            paused: flag(row, "paused"),
            disabled: flag(row, "disabled"),
            is_configured: configured.iter().any(|wanted| wanted == name),
        })
    });
    databases.collect()
}

/// Pools.
pub(super) fn pools(rows: &Rows) -> Vec<Pool> {
    let pools = rows.iter().filter_map(|row| {
        let database = row.filled("database").filter(|name| *name != CONSOLE)?;
        Some(Pool {
            database: Text::new(database),
            user: text(row, "user").unwrap_or_default(),
            clients_active: row.parsed("cl_active"),
            clients_waiting: row.parsed("cl_waiting"),
            clients_canceling: row.parsed("cl_active_cancel_req"),
            // Before 1.18 one column for both.
            clients_waiting_to_cancel: row.parsed("cl_waiting_cancel_req").or_else(|| row.parsed("cl_cancel_req")),
            servers_active: row.parsed("sv_active"),
            servers_canceling: row.parsed("sv_active_cancel"),
            servers_being_canceled: row.parsed("sv_being_canceled"),
            servers_idle: row.parsed("sv_idle"),
            servers_used: row.parsed("sv_used"),
            servers_tested: row.parsed("sv_tested"),
            servers_login: row.parsed("sv_login"),
            longest_wait: wait(row, "maxwait", "maxwait_us"),
            mode: row.filled("pool_mode").map(PoolMode::from_name),
            load_balance_hosts: text(row, "load_balance_hosts"),
        })
    });
    pools.collect()
}

/// Counters by database, without rates.
pub(super) fn traffic(rows: &Rows) -> Vec<DatabaseTraffic> {
    let traffic = rows.iter().filter_map(|row| {
        let database = row.filled("database").filter(|name| *name != CONSOLE)?;
        Some(DatabaseTraffic {
            database: Text::new(database),
            transactions: row.parsed("total_xact_count"),
            queries: row.parsed("total_query_count"),
            bytes_received: row.parsed("total_received"),
            bytes_sent: row.parsed("total_sent"),
            waited: row.parsed("total_wait_time").map(Duration::from_micros),
            transaction_rate: None,
            query_rate: None,
        })
    });
    traffic.collect()
}

/// Numbers of sockets. Some other numbers of that list are negative at times.
pub(super) fn sockets(rows: &Rows) -> PoolerSockets {
    let items = |list: &str| rows.iter().find(|row| row.get("list") == Some(list)).and_then(|row| row.parsed("items"));
    PoolerSockets {
        used_clients: items("used_clients"),
        login_clients: items("login_clients"),
        used_servers: items("used_servers"),
    }
}

/// The settings that matter here.
pub(super) fn settings(rows: &Rows) -> PoolerSettings {
    let value = |key: &str| rows.iter().find(|row| row.get("key") == Some(key)).and_then(|row| row.get("value"));
    let filled = |key: &str| value(key).filter(|value| !value.is_empty());
    let seconds =
        |key: &str| -> Option<Duration> { Duration::try_from_secs_f64(value(key)?.trim().parse().ok()?).ok() };
    let users = |key: &str| -> Option<Vec<Text>> {
        let names = value(key)?.split(',').map(|name| name.trim().trim_matches('"'));
        Some(names.filter(|name| !name.is_empty()).map(Text::new).collect())
    };
    PoolerSettings {
        mode: filled("pool_mode").map(PoolMode::from_name),
        default_pool_size: number(value("default_pool_size")),
        max_client_connections: number(value("max_client_conn")),
        query_wait_timeout: seconds("query_wait_timeout")
            .map(|span| if span.is_zero() { GiveUp::Never } else { GiveUp::After(span) }),
        server_login_retry: seconds("server_login_retry"),
        auth_type: filled("auth_type").map(Text::new),
        admin_users: users("admin_users"),
        stats_users: users("stats_users"),
        shares_port: value("so_reuseport").map(|value| value.trim() == "1"),
    }
}

/// What `user` may do by these settings. Over a Unix socket the user of that name has all rights.
pub(super) fn rights(settings: &PoolerSettings, user: &str, by_socket: bool) -> PoolerRights {
    let has = |users: &Option<Vec<Text>>| users.as_ref().is_some_and(|users| users.iter().any(|name| name == user));
    if has(&settings.admin_users) || (by_socket && user == CONSOLE) {
        PoolerRights::Admin
    } else if has(&settings.stats_users) {
        PoolerRights::Stats
    } else {
        PoolerRights::Unknown
    }
}

/// Seconds in one column and microseconds in another; the latter came later.
pub(super) fn wait(row: Record<'_>, seconds: &str, microseconds: &str) -> Option<Duration> {
    let seconds = Duration::from_secs(row.parsed(seconds)?);
    Some(seconds + Duration::from_micros(row.parsed(microseconds).unwrap_or(0)))
}

fn number(value: Option<&str>) -> Option<u32> {
    value?.trim().parse().ok()
}

fn text(row: Record<'_>, column: &str) -> Option<Text> {
    row.filled(column).map(Text::new)
}

fn flag(row: Record<'_>, column: &str) -> Option<bool> {
    Some(row.parsed::<u32>(column)? != 0)
}

fn limit(row: Record<'_>, column: &str) -> Option<ConnectionLimit> {
    let limit: u32 = row.parsed(column)?;
    Some(if limit == 0 { ConnectionLimit::Unlimited } else { ConnectionLimit::AtMost(limit) })
}
