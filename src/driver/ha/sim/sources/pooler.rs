//! What the pooler says.

use std::time::Duration;

use crate::model::pooler::{
    ConnectionLimit, DatabaseTraffic, GiveUp, Pool, PoolMode, PoolerDatabase, PoolerReport, PoolerRights,
    PoolerSettings, PoolerSockets, PoolerState, ServerAddress,
};
use crate::model::source::SourceError;
use crate::model::text::Text;

use super::super::core::World;
use super::super::core::clock::{SECOND, Time, noise, span};
use super::refused;
use super::texts::TEXTS;

/// Roles of its pools, with the clients that each has.
const POOLS: [(&str, u32); 3] = [("orders_app", 64), ("billing_app", 31), ("report_ro", 12)];

/// The one database that its clients ask for.
pub(crate) const POOLER_DATABASE: &str = "orders";

/// Servers of a pool at most.
const POOL_SIZE: u32 = 25;

impl World {
    /// `received`: when the pooler was last told whom to lead to.
    pub(crate) fn pooler_report(&self, received: Option<Time>, endpoint: &Text) -> Result<PoolerReport, SourceError> {
        if self.parts.pooler_down {
            return Err(refused(endpoint));
        }
        let now = self.clock.now();
        // The pooler is told the primary's name when it changes; until then, or for good, it knows the old one.
        let host = self.parts.pooler_stale.or(self.leads).map(|index| self.nodes[index].name.text().clone());
        let pause = self.parts.pooler_pause;
        let paused = pause.since();
        let usable = paused.is_none()
            && self.primary().is_some_and(|index| self.nodes[index].serves())
            && self.parts.pooler_stale.is_none();
        let pool = |(number, (user, clients)): (usize, (&str, u32))| {
            let ripple = (noise(self.seed, 0xb0 + number as u64, now / SECOND) % u64::from(clients / 4)) as u32;
            let starved = self.parts.pooler_starved.filter(|_| number == 0);
            let waiting = if usable { starved.map_or(0, |_| 17 + ripple) } else { clients / 2 + ripple };
            let waiting = if pause.killed { 0 } else { waiting };
            let since = if usable { starved } else { paused.or(Some(received.unwrap_or(now))) };
            let servers = if starved.is_some() { POOL_SIZE } else { 5 + clients / 8 + ripple / 2 };
            let servers = if usable { servers } else { 0 };
            let idle = if usable { POOL_SIZE.saturating_sub(servers) } else { 0 };
            Pool {
                clients_active: Some(if usable { clients + ripple } else { 0 }),
                clients_waiting: Some(waiting),
                clients_canceling: Some(0),
                clients_waiting_to_cancel: Some(0),
                servers_active: Some(servers),
                servers_canceling: Some(0),
                servers_being_canceled: Some(0),
                servers_idle: Some(idle),
                servers_used: Some(0),
                servers_tested: Some(0),
                servers_login: Some(0),
                longest_wait: Some(since.filter(|_| waiting > 0).map_or(Duration::ZERO, |since| span(since, now))),
                mode: Some(PoolMode::Transaction),
                ..Pool::named(TEXTS.orders.clone(), user)
            }
        };
        let pools: Vec<Pool> = POOLS.into_iter().enumerate().map(pool).collect();
        let servers: u32 = pools.iter().filter_map(Pool::servers).sum();
        let active: u32 = pools.iter().filter_map(|pool| pool.servers_active).sum();
        let report = PoolerReport {
            version: Some(TEXTS.pooler_version.clone()),
            state: if pause.all.is_some() { PoolerState::Paused } else { PoolerState::Active },
            rights: PoolerRights::Stats,
            databases: vec![PoolerDatabase {
                host: host.clone(),
                port: Some(5432),
                backend_database: Some(TEXTS.orders.clone()),
                pool_size: Some(POOL_SIZE),
                reserve_pool_size: Some(0),
                max_connections: Some(ConnectionLimit::Unlimited),
                connections: Some(servers),
                // A pause of everything does not show here.
                paused: Some(pause.all.is_none() && pause.database.is_some()),
                disabled: Some(false),
                is_configured: true,
                ..PoolerDatabase::named(TEXTS.orders.clone())
            }],
            servers: Some(match host.filter(|_| servers > 0) {
                Some(address) => vec![ServerAddress {
                    database: TEXTS.orders.clone(),
                    address,
                    port: Some(5432),
                    connections: servers,
                    active,
                    closing: 0,
                }],
                None => Vec::new(),
            }),
            login_waits: Some(Vec::new()),
            traffic: vec![self.traffic(usable, now)],
            settings: settings(),
            pools,
            ..PoolerReport::default()
        };
        let sockets = PoolerSockets {
            used_clients: report.clients().map(|clients| clients + 1),
            login_clients: Some(0),
            used_servers: Some(servers),
        };
        Ok(PoolerReport { sockets, ..report })
    }

    fn traffic(&self, usable: bool, now: Time) -> DatabaseTraffic {
        let second = now / SECOND;
        let rate = 700 + noise(self.seed, 0xb7, second) % 120;
        DatabaseTraffic {
            database: TEXTS.orders.clone(),
            transactions: Some(second * 740),
            queries: Some(second * 2_900),
            bytes_received: Some(second * 410_000),
            bytes_sent: Some(second * 1_900_000),
            waited: Some(Duration::from_millis(second)),
            transaction_rate: Some(if usable { rate as f64 } else { 0.0 }),
            query_rate: Some(if usable { rate as f64 * 3.9 } else { 0.0 }),
        }
    }
}

fn settings() -> PoolerSettings {
    PoolerSettings {
        mode: Some(PoolMode::Transaction),
        default_pool_size: Some(POOL_SIZE),
        max_client_connections: Some(1_000),
        query_wait_timeout: Some(GiveUp::After(Duration::from_secs(120))),
        server_login_retry: Some(Duration::from_secs(15)),
        auth_type: Some(Text::new("scram-sha-256")),
        admin_users: Some(vec![Text::new("pooler_admin")]),
        stats_users: Some(vec![Text::new("pooler_stats")]),
        shares_port: Some(false),
    }
}
