//! Carrying out the orders of a permitted plan on a Patroni cluster: each goes to the client of its wire, once.
//!
//! Whoever is asked is first asked who it is: an address map that leads to another node must not restart that one. The
//! logins for acting are fetched when an order needs them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::patroni_order;
use crate::action::order::{AgentRequest, Order};
use crate::action::permit::Permit;
use crate::action::plan::Step;
use crate::client::kept_secret::{KeptSecret, kept};
use crate::config::environment::Environment;
use crate::config::resolved::ClusterSettings;
use crate::driver::dcs::etcd::EtcdRecordWriter;
use crate::driver::node::postgres::PostgresActor;
use crate::driver::port::{Act, Contact, NotPerformed, Reply};
use crate::driver::router::haproxy_act;
use crate::model::name::NodeName;
use crate::model::source::{SourceError, Trouble};
use crate::model::text::Text;

/// Where a member is reached at present.
pub type Contacts = Box<dyn Fn(&NodeName) -> Contact + Send + Sync>;

/// Switchover and failover answer when they are through; Patroni itself gives up after twice its loop.
const SWITCHING: Duration = Duration::from_secs(60);
/// An agent answers most orders after one exchange with the DCS, which it tries for `retry_timeout`.
const ANSWERING: Duration = Duration::from_secs(15);
/// How long an undo may take that restarts PostgreSQL: Patroni's own `primary_start_timeout`.
const STARTING: Duration = Duration::from_secs(300);

/// The actor of one cluster.
pub struct PatroniAct {
    settings: Arc<ClusterSettings>,
    scope: Option<Text>,
    contacts: Contacts,
    environment: Arc<Environment>,
    record: Option<EtcdRecordWriter>,
    /// The agents' password, fetched with the first order and kept between them: a command that prints it may be slow,
    /// or be audited.
    _password: Option<Arc<KeptSecret>>,
    /// Their passwords are kept likewise.
    nodes: BTreeMap<NodeName, PostgresActor>,
}

impl PatroniAct {
    /// The actor of the cluster that `settings` describe. `record` writes to the DCS itself, where one is configured.
    pub fn new(
        settings: Arc<ClusterSettings>,
        scope: Option<&str>,
        contacts: Contacts,
        environment: Arc<Environment>,
        record: Option<EtcdRecordWriter>,
    ) -> Self {
        let source = settings.patroni.acting.as_ref().and_then(|login| login.password.as_ref());
        let password = source.map(kept);
        let scope = scope.map(Text::new);
        Self { settings, scope, contacts, environment, record, _password: password, nodes: BTreeMap::new() }
    }

    async fn send(&mut self, order: &Order, permit: &Permit, asked: Duration) -> Result<Reply, NotPerformed> {
        if *permit.cluster() != self.settings.name {
            let words = format!("the permit is for {}, and this is {}", permit.cluster(), self.settings.name);
            return Err(refused(self.settings.name.as_str(), words));
        }
        match order {
            Order::Agent { member, request } => {
                let Some(url) = (self.contacts)(member).agent_url else {
                    return Err(refused(member.as_str(), "the address of its agent is not known"));
                };
                let endpoint = self.settings.agent_endpoint(member, url.as_str());
                let acting = self.settings.patroni.acting.clone();
                let agent = patroni_order::Agent { member, scope: self.scope.as_ref(), looking: endpoint, acting };
                agent.perform(request, permit, asked.max(least(request))).await
            }
            Order::Router { router, request } => {
                let known = self.settings.routers.iter().find(|known| known.name == *router);
                let Some(known) = known else { return Err(refused(router.as_str(), "no such router is configured")) };
                haproxy_act::perform(known, request).await
            }
            Order::Sql { member, system_id, request } => {
                let settings = self.settings.postgres.as_ref().and_then(|postgres| postgres.acting.as_ref());
                let Some(access) = settings else {
                    let words = "no login for acting over SQL is configured ([clusters.NAME.postgres.acting])";
                    return Err(refused(member.as_str(), words));
                };
                let Some(address) = (self.contacts)(member).postgres else {
                    return Err(refused(member.as_str(), "the address of its PostgreSQL is not known"));
                };
                if self.nodes.get(member).is_none_or(|node| *node.address() != address) {
                    let access = self.settings.access_to(access, member, address.host.as_str());
                    let node = PostgresActor::new(access, address, Arc::clone(&self.environment));
                    self.nodes.insert(member.clone(), node);
                }
                let Some(node) = self.nodes.get_mut(member) else {
                    return Err(refused(member.as_str(), "not known"));
                };
                let system_id = system_id.or(permit.generation().system_id);
                let patience = asked.max(node.least());
                node.perform(system_id, request, patience).await
            }
            Order::Record { request } => match &mut self.record {
                Some(record) => record.perform(request, permit).await,
                None => Err(refused("DCS", "no etcd is configured, so its keys cannot be written")),
            },
            Order::Escort(_) => Err(refused("", "an escort is no single order")),
            Order::Drill { .. } => Err(refused("", "only a drill breaks anything, and this is none")),
            Order::Await { .. } => Err(refused("", "waiting is not an order to be sent")),
        }
    }
}

/// The least patience with a request.
fn least(request: &AgentRequest) -> Duration {
    match request {
        AgentRequest::Switchover { at: None, .. } | AgentRequest::Failover { .. } => SWITCHING,
        AgentRequest::Switchover { at: Some(_), .. }
        | AgentRequest::CancelSwitchover
        | AgentRequest::Restart { .. }
        | AgentRequest::CancelRestart
        | AgentRequest::Reload
        | AgentRequest::Reinitialise { .. }
        | AgentRequest::Configure { .. } => ANSWERING,
    }
}

/// Refused here: nothing was sent.
pub(in crate::driver) fn refused(at: &str, words: impl AsRef<str>) -> NotPerformed {
    NotPerformed::NotSent(SourceError::new(Trouble::Unsupported, at, words))
}

impl Act for PatroniAct {
    fn perform<'a>(&'a mut self, step: &'a Step, permit: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        Box::pin(self.send(&step.order, permit, step.deadline))
    }

    fn undo<'a>(&'a mut self, order: &'a Order, permit: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        let restarts = matches!(order, Order::Agent { request: AgentRequest::Restart { at: None, .. }, .. });
        Box::pin(self.send(order, permit, if restarts { STARTING } else { Duration::ZERO }))
    }
}

#[cfg(test)]
mod tests;
