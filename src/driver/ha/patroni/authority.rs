//! Who leads a Patroni cluster: etcd with the majority, and what its agents say to routers.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::Mutex;

use crate::action::router_handover::LeadRecord;
use crate::client::http::HttpError;
use crate::client::patroni::Patroni;
use crate::config::resolved::ClusterSettings;
use crate::driver::dcs::etcd::EtcdLead;
use crate::driver::failure_kind;
use crate::driver::lead_watcher::LeadAuthority;
use crate::driver::port::MemberAddresses;
use crate::model::name::NodeName;
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// The leader key, and the agents.
pub struct PatroniAuthority {
    settings: Arc<ClusterSettings>,
    member_addresses: Arc<MemberAddresses>,
    lead: Option<EtcdLead>,
    /// One reader for each agent, by where it is: making one reads certificates from disk.
    agents: Mutex<BTreeMap<NodeName, (Text, Arc<Patroni>)>>,
}

impl PatroniAuthority {
    /// That of the cluster that `settings` describe; `scope` is the one in etcd. Nothing is connected yet.
    pub fn new(settings: Arc<ClusterSettings>, scope: Option<&str>, member_addresses: Arc<MemberAddresses>) -> Self {
        let lead = settings.etcd.clone().zip(scope);
        let lead = lead.map(|(etcd, scope)| EtcdLead::new(etcd, &settings.namespace, scope));
        Self { settings, member_addresses, lead, agents: Mutex::default() }
    }

    async fn agent(&self, member: &NodeName, url: &Text) -> Result<Arc<Patroni>, HttpError> {
        let mut agents = self.agents.lock().await;
        if let Some((at, known)) = agents.get(member)
            && at == url
        {
            return Ok(Arc::clone(known));
        }
        let endpoint = self.settings.agent_endpoint(member, url.as_str());
        let agent = Arc::new(Patroni::new(&endpoint)?);
        agents.insert(member.clone(), (url.clone(), Arc::clone(&agent)));
        Ok(agent)
    }
}

impl LeadAuthority for PatroniAuthority {
    fn record(&self) -> BoxFuture<'_, Result<LeadRecord, SourceError>> {
        Box::pin(async {
            match &self.lead {
                Some(lead) => lead.read().await,
                None => Err(SourceError::new(FailureKind::Unsupported, "etcd", "no etcd is configured")),
            }
        })
    }

    fn is_primary<'a>(&'a self, member: &'a NodeName) -> BoxFuture<'a, Result<bool, SourceError>> {
        Box::pin(async move {
            let Some(url) = (self.member_addresses)(member).agent_url else {
                let words = "the address of its agent is unknown";
                return Err(SourceError::new(FailureKind::Unsupported, member.as_str(), words));
            };
            let reported = |error| failure_kind::http(url.as_str(), &error);
            let agent = self.agent(member, &url).await.map_err(reported)?;
            agent.is_primary().await.map_err(reported)
        })
    }
}
