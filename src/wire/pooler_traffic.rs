//! Asking, before the leader changes, who writes by which way.

use std::sync::Arc;

use futures::future::{join, join_all};

use crate::action::Intent;
use crate::action::drill::Scenario;
use crate::action::intent::{LeadIntent, NodeIntent, PoolerIntent};
use crate::action::pooler_traffic::{ClientSession, PoolerTraffic};
use crate::config::environment::Environment;
use crate::config::resolved::ClusterSettings;
use crate::driver::node::postgres::client_sessions;
use crate::driver::pooler::pgbouncer::PoolerSession;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::wire::stack::member_address;

/// Whether poolers may be paused for `intent`.
pub(super) fn matters(cluster: &ClusterSettings, intent: &Intent) -> bool {
    let changes = match intent {
        Intent::Lead(LeadIntent::Switchover { at: None, through_poolers, .. }) => *through_poolers != Some(false),
        Intent::Pooler(PoolerIntent::Pause { .. })
        | Intent::Node(NodeIntent::RollingRestart)
        | Intent::Drill { scenario: Scenario::Switchover, .. } => true,
        _ => false,
    };
    changes && !cluster.poolers.is_empty()
}

/// Asks the leader and every pooler at once. `None`: it does not matter for `intent`.
pub(super) async fn ask(cluster: &ClusterSettings, snapshot: &Snapshot, intent: &Intent) -> Option<PoolerTraffic> {
    if !matters(cluster, intent) {
        return None;
    }
    let environment = Arc::new(Environment::of_process());
    let poolers = cluster.poolers.iter().map(|configured| {
        let mut session = PoolerSession::new(configured.clone(), Arc::clone(&environment));
        async move {
            let servers = session.servers().await.map_err(|error| Text::redacted(error.to_string()));
            (configured.name.clone(), servers)
        }
    });
    // The poolers first: a session that came after their answer would look like one that came past them.
    let (sessions, poolers) = join(sessions(cluster, snapshot, &environment), join_all(poolers)).await;
    Some(PoolerTraffic { sessions, poolers: poolers.into_iter().collect() })
}

async fn sessions(
    cluster: &ClusterSettings,
    snapshot: &Snapshot,
    environment: &Arc<Environment>,
) -> Result<Vec<ClientSession>, Text> {
    let leader = snapshot.leader().map(|leader| leader.value).ok_or_else(|| Text::new("there is no leader"))?;
    let record = snapshot.record().and_then(|reading| reading.last());
    let address = member_address(cluster, &leader, record.and_then(|content| content.member(&leader))).postgres;
    let address = address.ok_or_else(|| Text::redacted(format!("the address of {leader} is unknown")))?;
    let settings = cluster.postgres.as_ref().ok_or_else(|| Text::new("SQL is not configured"))?;
    let access = cluster.access_to(&settings.looking, &leader, address.host.as_str());
    let asked = client_sessions(&access, &address, Arc::clone(environment)).await;
    asked.map_err(|error| Text::redacted(error.to_string()))
}
