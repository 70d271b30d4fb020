//! Orders over SQL to whichever node of a cluster they are for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::act::PostgresActor;
use crate::action::order::Order;
use crate::action::permit::Permit;
use crate::config::environment::Environment;
use crate::config::resolved::ClusterSettings;
use crate::driver::act::{OrderExecutor, refused, wrong_destination};
use crate::driver::port::{MemberAddresses, NotPerformed, OrderControl, Reply};
use crate::model::name::NodeName;

/// PostgreSQL of every node of a cluster, with the login for acting.
pub struct PostgresExecutor {
    settings: Arc<ClusterSettings>,
    member_addresses: Arc<MemberAddresses>,
    environment: Arc<Environment>,
    /// Their passwords are fetched when an order needs them, and kept between orders.
    nodes: BTreeMap<NodeName, PostgresActor>,
}

impl PostgresExecutor {
    /// The nodes of the cluster that `settings` describe. `environment` is where libpq's variables and files are looked for.
    pub fn new(
        settings: Arc<ClusterSettings>,
        member_addresses: Arc<MemberAddresses>,
        environment: Arc<Environment>,
    ) -> Self {
        Self { settings, member_addresses, environment, nodes: BTreeMap::new() }
    }

    async fn send(&mut self, order: &Order, permit: &Permit, time_limit: Duration) -> Result<Reply, NotPerformed> {
        let Order::Sql { member, system_id, request } = order else { return Err(wrong_destination(order)) };
        let Some(access) = self.settings.postgres.as_ref().and_then(|postgres| postgres.acting.as_ref()) else {
            let words = "no login for acting over SQL is configured ([clusters.NAME.postgres.acting])";
            return Err(refused(member.as_str(), words));
        };
        let Some(address) = (self.member_addresses)(member).postgres else {
            return Err(refused(member.as_str(), "the address of its PostgreSQL is unknown"));
        };
        if self.nodes.get(member).is_none_or(|node| *node.address() != address) {
            let access = self.settings.access_to(access, member, address.host.as_str());
            let node = PostgresActor::new(access, address, Arc::clone(&self.environment));
            self.nodes.insert(member.clone(), node);
        }
        let Some(node) = self.nodes.get_mut(member) else { return Err(refused(member.as_str(), "unknown")) };
        let system_id = system_id.or(permit.generation().system_id);
        let time_limit = time_limit.max(node.least());
        node.perform(system_id, request, time_limit).await
    }
}

impl OrderExecutor for PostgresExecutor {
    /// Statements are short: nothing is told of how far they are, and none is broken off.
    fn perform<'a>(
        &'a mut self,
        order: &'a Order,
        permit: &'a Permit,
        time_limit: Duration,
        _: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        Box::pin(self.send(order, permit, time_limit))
    }
}
