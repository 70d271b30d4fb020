//! Orders to the agents of a Patroni cluster, and to the record where that may be written itself.
//!
//! Whoever is asked is first asked who it is: an address map that leads to another node must not restart that one. The login
//! for acting is fetched when an order needs it.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::order::Agent;
use crate::action::effect::Effect;
use crate::action::order::{AgentRequest, HaOrder, Order, PatroniOrder};
use crate::action::permit::Permit;
use crate::client::kept_secret::{KeptSecret, kept};
use crate::config::resolved::ClusterSettings;
use crate::driver::act::{OrderExecutor, refused, wrong_destination};
use crate::driver::dcs::etcd::EtcdRecordWriter;
use crate::driver::port::{MemberAddresses, NotPerformed, OrderControl, Reply};
use crate::model::text::Text;

/// Switchover and failover answer when they are through; Patroni itself gives up after twice its loop.
const SWITCHOVER_TIMEOUT: Duration = Duration::from_secs(60);
/// An agent answers most orders after one exchange with the DCS, which it tries for `retry_timeout`.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long an undo may take that restarts PostgreSQL: Patroni's own `primary_start_timeout`.
const START_TIMEOUT: Duration = Duration::from_secs(300);

/// Agents and record of one cluster.
pub struct PatroniExecutor {
    settings: Arc<ClusterSettings>,
    scope: Option<Text>,
    member_addresses: Arc<MemberAddresses>,
    record: Option<EtcdRecordWriter>,
    /// The agents' password, fetched with the first order and kept between them: a command that prints it may be slow,
    /// or be audited.
    _password: Option<Arc<KeptSecret>>,
}

impl PatroniExecutor {
    /// Agents and record of the cluster that `settings` describe. `record` writes to the DCS itself, where one is configured.
    pub fn new(
        settings: Arc<ClusterSettings>,
        scope: Option<&str>,
        member_addresses: Arc<MemberAddresses>,
        record: Option<EtcdRecordWriter>,
    ) -> Self {
        let source = settings.patroni.acting.as_ref().and_then(|login| login.password.as_ref());
        let password = source.map(kept);
        Self { settings, scope: scope.map(Text::new), member_addresses, record, _password: password }
    }

    async fn send(&mut self, order: &Order, permit: &Permit, time_limit: Duration) -> Result<Reply, NotPerformed> {
        match order {
            Order::Ha(HaOrder::Patroni(PatroniOrder::Agent { member, request })) => {
                let Some(url) = (self.member_addresses)(member).agent_url else {
                    return Err(refused(member.as_str(), "the address of its agent is unknown"));
                };
                let endpoint = self.settings.agent_endpoint(member, url.as_str());
                let acting = self.settings.patroni.acting.clone();
                let agent = Agent { member, scope: self.scope.as_ref(), looking: endpoint, acting };
                agent.perform(request, permit, time_limit.max(least(request))).await
            }
            Order::Ha(HaOrder::Patroni(PatroniOrder::Record { request })) => match &mut self.record {
                Some(record) => record.perform(request, permit).await,
                None => Err(refused("DCS", "no etcd is configured, so its keys cannot be written")),
            },
            other => Err(wrong_destination(other)),
        }
    }
}

/// The least patience with a request.
fn least(request: &AgentRequest) -> Duration {
    match request {
        AgentRequest::Switchover { at: None, .. } | AgentRequest::Failover { .. } => SWITCHOVER_TIMEOUT,
        AgentRequest::Switchover { at: Some(_), .. }
        | AgentRequest::CancelSwitchover
        | AgentRequest::Restart { .. }
        | AgentRequest::CancelRestart
        | AgentRequest::Reload
        | AgentRequest::Reinit { .. }
        | AgentRequest::Configure { .. } => ANSWER_TIMEOUT,
    }
}

impl OrderExecutor for PatroniExecutor {
    /// Nothing is told of how far an agent has come, and what an agent was asked for is not broken off.
    fn perform<'a>(
        &'a mut self,
        order: &'a Order,
        permit: &'a Permit,
        time_limit: Duration,
        _: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        Box::pin(self.send(order, permit, time_limit))
    }

    fn undo_time_limit(&self, order: &Order) -> Duration {
        let restarts = matches!(order.effect(), Effect::Restarts { at: None, .. });
        if restarts { START_TIMEOUT } else { Duration::ZERO }
    }
}
