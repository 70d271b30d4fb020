//! A pooler for tests.

use super::super::observed::Reading;
use super::super::source::SourceKind;
use super::super::test_support::{reading_of, seconds};
use super::{
    ConnectionLimit, GiveUp, Pool, PoolMode, PoolerDatabase, PoolerReport, PoolerRights, PoolerSettings, PoolerSockets,
    PoolerState,
};

/// A pooler in front of pg-0, which leads, at work.
pub(crate) fn working() -> PoolerReport {
    let pool = Pool {
        clients_active: Some(12),
        clients_waiting: Some(0),
        clients_canceling: Some(0),
        servers_active: Some(4),
        servers_idle: Some(2),
        servers_used: Some(0),
        servers_tested: Some(0),
        servers_login: Some(0),
        longest_wait: Some(seconds(0)),
        mode: Some(PoolMode::Transaction),
        ..Pool::named("shop", "app")
    };
    let database = PoolerDatabase {
        host: Some("10.0.0.0".into()),
        port: Some(5432),
        pool_size: Some(20),
        max_connections: Some(ConnectionLimit::Unlimited),
        connections: Some(6),
        paused: Some(false),
        disabled: Some(false),
        is_configured: true,
        ..PoolerDatabase::named("shop")
    };
    PoolerReport {
        version: Some("1.24.1".into()),
        state: PoolerState::Active,
        rights: PoolerRights::Stats,
        databases: vec![database],
        pools: vec![pool],
        servers: Some(Vec::new()),
        login_waits: Some(Vec::new()),
        sockets: PoolerSockets { used_clients: Some(13), login_clients: Some(0), used_servers: Some(6) },
        settings: PoolerSettings {
            mode: Some(PoolMode::Transaction),
            max_client_connections: Some(100),
            query_wait_timeout: Some(GiveUp::After(seconds(120))),
            server_login_retry: Some(seconds(15)),
            ..PoolerSettings::default()
        },
        ..PoolerReport::default()
    }
}

/// The same as a reading, by the name `edge`.
pub(crate) fn pooler() -> Reading<PoolerReport> {
    reading_of(SourceKind::Pooler, "edge", 100, working())
}
