//! Connection poolers in the document.

use serde::Serialize;

use super::value::{Value, seconds};
use crate::model::moment::Moment;
use crate::model::observed::Reading;
use crate::model::pooler::{Pool, PoolerDatabase, PoolerReport, PoolerRoute, PoolerState};
use crate::model::snapshot::Snapshot;

const NOT_TOLD: &str = "not reported by the pooler";

/// One pooler.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PoolerDocument {
    /// Name in the configuration.
    pub name: String,
    /// Whether its admin console responds in time.
    pub reachable: bool,
    /// Version.
    pub version: Value<String>,
    /// `active`, `paused` or `suspended`.
    pub state: Value<String>,
    /// Clients of all pools.
    pub clients: Value<u64>,
    /// Clients at most.
    pub max_clients: Value<u64>,
    /// Clients that wait for a server connection.
    pub clients_waiting: Value<u64>,
    /// The longest wait that the pooler counts.
    pub longest_wait_seconds: Value<f64>,
    /// Clients that wait for their login, whose wait the pooler does not count.
    pub waiting_for_login: Value<u64>,
    /// Databases.
    pub databases: Vec<PoolerDatabaseDocument>,
    /// Pools.
    pub pools: Vec<PoolDocument>,
}

/// One database of a pooler.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PoolerDatabaseDocument {
    /// Name that clients ask for.
    pub name: String,
    /// Where new server connections go; null: a Unix socket, or not reported.
    pub address: Option<String>,
    /// Member behind it; null: none that is known, or several.
    pub member: Option<String>,
    /// Router behind it; null: none.
    pub router: Option<String>,
    /// Whether that is the primary now; null: not known.
    pub leads_to_primary: Option<bool>,
    /// Its clients are held, by a pause of the database or of everything.
    pub paused: Value<bool>,
    /// New clients are refused.
    pub disabled: Value<bool>,
    /// Server connections.
    pub server_connections: Value<u64>,
    /// Server connections of a pool at most.
    pub pool_size: Value<u64>,
    /// Server connections that are closed once their clients let go, at an address that it has left perhaps.
    pub closing_connections: Value<u64>,
    /// Transactions a second since the last response.
    pub transactions_per_second: Value<f64>,
    /// Statements a second since the last response.
    pub queries_per_second: Value<f64>,
}

/// One pool.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PoolDocument {
    /// Database that clients ask for.
    pub database: String,
    /// Role.
    pub user: String,
    /// Clients that do not wait.
    pub clients_active: Value<u64>,
    /// Clients that wait.
    pub clients_waiting: Value<u64>,
    /// Server connections in use.
    pub servers_active: Value<u64>,
    /// Server connections at hand.
    pub servers_idle: Value<u64>,
    /// Server connections in all.
    pub servers: Value<u64>,
    /// The longest wait that the pooler counts.
    pub longest_wait_seconds: Value<f64>,
}

/// A part of what a pooler says.
fn part<T>(
    snapshot: &Snapshot,
    reading: &Reading<PoolerReport>,
    part: impl FnOnce(&PoolerReport) -> Option<T>,
) -> Value<T> {
    Value::of(reading.fact(snapshot.now, part), snapshot.now, NOT_TOLD)
}

/// The same of what may have been asked for before the rest.
fn part_asked<T>(
    snapshot: &Snapshot,
    reading: &Reading<PoolerReport>,
    asked: impl FnOnce(&PoolerReport) -> Option<Moment>,
    part: impl FnOnce(&PoolerReport) -> Option<T>,
) -> Value<T> {
    let mut fact = reading.fact(snapshot.now, part);
    if let (Some(fact), Some(asked)) = (&mut fact, reading.last().and_then(asked)) {
        fact.at = asked;
    }
    Value::of(fact, snapshot.now, NOT_TOLD)
}

fn rounded(rate: f64) -> f64 {
    (rate * 1000.0).round() / 1000.0
}

pub(super) fn pooler(snapshot: &Snapshot, reading: &Reading<PoolerReport>) -> PoolerDocument {
    let last = reading.last();
    PoolerDocument {
        name: reading.source.target.to_string(),
        reachable: reading.is_fresh(snapshot.now),
        version: part(snapshot, reading, |report| report.version.as_ref().map(ToString::to_string)),
        state: part(snapshot, reading, |report| {
            (report.state != PoolerState::Unknown).then(|| report.state.as_str().to_owned())
        }),
        clients: part(snapshot, reading, |report| report.clients().map(u64::from)),
        max_clients: part_asked(
            snapshot,
            reading,
            |report| report.settings_asked,
            |report| report.settings.max_client_connections.map(u64::from),
        ),
        clients_waiting: part(snapshot, reading, |report| report.clients_waiting().map(u64::from)),
        longest_wait_seconds: part(snapshot, reading, |report| report.longest_wait().map(seconds)),
        waiting_for_login: part_asked(
            snapshot,
            reading,
            |report| report.sockets_asked,
            |report| report.waiting_for_login().map(u64::from),
        ),
        databases: last
            .iter()
            .flat_map(|report| &report.databases)
            .map(|one| database(snapshot, reading, one))
            .collect(),
        pools: last.iter().flat_map(|report| &report.pools).map(|one| pool(snapshot, reading, one)).collect(),
    }
}

fn database(snapshot: &Snapshot, reading: &Reading<PoolerReport>, database: &PoolerDatabase) -> PoolerDatabaseDocument {
    let leads_to = snapshot.pooler_routes(database);
    let (member, router) = match leads_to.as_slice() {
        [PoolerRoute::Member { member, .. }] => (Some(member.name.to_string()), None),
        [PoolerRoute::Router { router, .. }] => (None, Some(router.name.to_string())),
        _ => (None, None),
    };
    let traffic = |report: &PoolerReport| report.traffic.iter().find(|one| one.database == database.name).cloned();
    PoolerDatabaseDocument {
        name: database.name.to_string(),
        address: database.address().map(|address| address.to_string()),
        member,
        router,
        leads_to_primary: snapshot.leads_to_primary(database),
        paused: part(snapshot, reading, |report| report.is_paused(database)),
        disabled: part(snapshot, reading, |_| database.disabled),
        server_connections: part(snapshot, reading, |_| database.connections.map(u64::from)),
        pool_size: part(snapshot, reading, |_| database.pool_size.map(u64::from)),
        closing_connections: part_asked(
            snapshot,
            reading,
            |report| report.sockets_asked,
            |report| Some(report.leaving(&database.name)?.map(|server| u64::from(server.closing)).sum()),
        ),
        transactions_per_second: part(snapshot, reading, |report| traffic(report)?.transaction_rate.map(rounded)),
        queries_per_second: part(snapshot, reading, |report| traffic(report)?.query_rate.map(rounded)),
    }
}

fn pool(snapshot: &Snapshot, reading: &Reading<PoolerReport>, pool: &Pool) -> PoolDocument {
    let count = |count: Option<u32>| part(snapshot, reading, |_| count.map(u64::from));
    PoolDocument {
        database: pool.database.to_string(),
        user: pool.user.to_string(),
        clients_active: count(pool.clients_active),
        clients_waiting: count(pool.clients_waiting),
        servers_active: count(pool.servers_active),
        servers_idle: count(pool.servers_idle),
        servers: count(pool.servers()),
        longest_wait_seconds: part(snapshot, reading, |_| pool.longest_wait.map(seconds)),
    }
}
