//! Samples of the connection poolers.

use super::{Scope, flag, seconds};
use crate::model::observed::Freshness;
use crate::model::pooler::PoolerState;
use crate::model::snapshot::Snapshot;

pub(super) fn poolers(scope: &mut Scope<'_>, snapshot: &Snapshot) {
    let now = snapshot.now;
    for reading in &snapshot.poolers {
        let name = reading.source.target.as_str();
        let labels = [("pooler", name)];
        let waits = reading.freshness(now) == Freshness::Waiting;
        let up = (!waits).then(|| flag(reading.is_fresh(now)));
        scope.gauge("pgctl_pooler_up", "1 if the admin console of the pooler responds.", &labels, up);
        let Some(report) = reading.fresh(now) else { continue };
        let number = |count: Option<u32>| count.map(f64::from);
        let paused = match report.state {
            PoolerState::Active => Some(0.0),
            PoolerState::Paused | PoolerState::Suspended => Some(1.0),
            PoolerState::Unknown => None,
        };
        scope.gauge("pgctl_pooler_paused", "1 if the whole pooler is paused or suspended.", &labels, paused);
        scope.gauge("pgctl_pooler_clients", "Clients of all pools.", &labels, number(report.clients()));
        let most = number(report.settings.max_client_connections);
        scope.gauge("pgctl_pooler_clients_max", "The setting max_client_conn.", &labels, most);
        let logins = number(report.waiting_for_login());
        scope.gauge("pgctl_pooler_login_waiting", "Clients waiting for their login.", &labels, logins);
        for database in &report.databases {
            let labels = [labels[0], ("database", database.name.as_str())];
            let help = "1 if the clients of the database are held by a pause.";
            scope.gauge("pgctl_pooler_database_paused", help, &labels, report.is_paused(database).map(flag));
            let help = "1 if the database routes to the primary, 0 if it routes to another member.";
            let leads = snapshot.leads_to_primary(database).map(flag);
            scope.gauge("pgctl_pooler_database_leads_to_primary", help, &labels, leads);
        }
        for pool in &report.pools {
            let labels = [labels[0], ("database", pool.database.as_str()), ("user", pool.user.as_str())];
            let waiting = number(pool.clients_waiting);
            scope.gauge("pgctl_pooler_pool_clients_waiting", "Clients waiting for a server.", &labels, waiting);
            let longest = pool.longest_wait.map(seconds);
            scope.gauge("pgctl_pooler_pool_longest_wait_seconds", "Longest wait that is counted.", &labels, longest);
            let servers = number(pool.servers());
            scope.gauge("pgctl_pooler_pool_servers", "Server connections.", &labels, servers);
            let active = number(pool.servers_active);
            scope.gauge("pgctl_pooler_pool_servers_active", "Server connections in use.", &labels, active);
        }
    }
}
