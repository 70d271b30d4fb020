//! What goes alongside a change of leader on a Patroni cluster: etcd, PostgreSQL and Patroni asked directly, HAProxy told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Mutex;

use super::patroni_act::{Contacts, refused};
use crate::action::escort::{LeadRecord, LeadWord};
use crate::action::order::RouterRequest;
use crate::action::permit::Permit;
use crate::client::http::HttpError;
use crate::client::patroni::Patroni;
use crate::config::environment::Environment;
use crate::config::resolved::{ClusterSettings, RouterSettings};
use crate::driver::dcs::etcd::EtcdLead;
use crate::driver::node::postgres::PostgresProver;
use crate::driver::port::{Companion, NotPerformed, Reply, Still};
use crate::driver::router::haproxy::HaproxyRuntime;
use crate::driver::router::haproxy_act;
use crate::driver::trouble;
use crate::model::name::{NodeName, RouterName};
use crate::model::router::ProxyRow;
use crate::model::source::{SourceError, Trouble};
use crate::model::text::Text;

/// Longest wait for a login, and again for an answer, of PostgreSQL. The runner gives up sooner; a login that is slow by
/// habit must come about once.
const PATIENCE: Duration = Duration::from_secs(2);

/// The companion of one cluster.
pub struct PatroniCompanion {
    settings: Arc<ClusterSettings>,
    contacts: Arc<Contacts>,
    environment: Arc<Environment>,
    lead: Option<EtcdLead>,
    nodes: Mutex<BTreeMap<NodeName, Arc<Mutex<PostgresProver>>>>,
    /// One reader for each agent, by where it is: making one reads certificates from disk.
    agents: Mutex<BTreeMap<NodeName, (Text, Arc<Patroni>)>>,
}

impl PatroniCompanion {
    /// The companion of the cluster that `settings` describe; `scope` is the one in etcd. Nothing is connected yet.
    pub fn new(
        settings: Arc<ClusterSettings>,
        scope: Option<&str>,
        contacts: Arc<Contacts>,
        environment: Arc<Environment>,
    ) -> Self {
        let lead = settings.etcd.clone().zip(scope);
        let lead = lead.map(|(etcd, scope)| EtcdLead::new(etcd, &settings.namespace, scope));
        Self { settings, contacts, environment, lead, nodes: Mutex::default(), agents: Mutex::default() }
    }

    async fn prover(&self, member: &NodeName) -> Result<Arc<Mutex<PostgresProver>>, SourceError> {
        let unknown = |words: &str| SourceError::new(Trouble::Unsupported, member.as_str(), words);
        let mut nodes = self.nodes.lock().await;
        if let Some(known) = nodes.get(member) {
            return Ok(Arc::clone(known));
        }
        let settings = self.settings.postgres.as_ref().ok_or_else(|| unknown("SQL is not configured"))?;
        let address =
            (self.contacts)(member).postgres.ok_or_else(|| unknown("the address of its PostgreSQL is not known"))?;
        let access = self.settings.access_to(&settings.looking, member, address.host.as_str());
        let prover = PostgresProver::new(access, address, Arc::clone(&self.environment));
        let prover = Arc::new(Mutex::new(prover));
        nodes.insert(member.clone(), Arc::clone(&prover));
        Ok(prover)
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

    fn router(&self, name: &RouterName) -> Option<&RouterSettings> {
        self.settings.routers.iter().find(|known| known.name == *name)
    }
}

impl Companion for PatroniCompanion {
    fn record(&self) -> BoxFuture<'_, Result<LeadRecord, SourceError>> {
        Box::pin(async {
            match &self.lead {
                Some(lead) => lead.read().await,
                None => Err(SourceError::new(Trouble::Unsupported, "etcd", "no etcd is configured")),
            }
        })
    }

    fn postgres<'a>(&'a self, member: &'a NodeName) -> BoxFuture<'a, Result<LeadWord, SourceError>> {
        Box::pin(async move {
            let prover = self.prover(member).await?;
            let mut prover = prover.lock().await;
            prover.ask(PATIENCE).await
        })
    }

    fn is_primary<'a>(&'a self, member: &'a NodeName) -> BoxFuture<'a, Result<bool, SourceError>> {
        Box::pin(async move {
            let Some(url) = (self.contacts)(member).agent_url else {
                let words = "the address of its agent is not known";
                return Err(SourceError::new(Trouble::Unsupported, member.as_str(), words));
            };
            let told = |error| trouble::http(url.as_str(), &error);
            let agent = self.agent(member, &url).await.map_err(told)?;
            agent.is_primary().await.map_err(told)
        })
    }

    fn servers<'a>(
        &'a self,
        router: &'a RouterName,
        backend: &'a Text,
    ) -> BoxFuture<'a, Result<Vec<ProxyRow>, SourceError>> {
        Box::pin(async move {
            let known = self.router(router).and_then(|known| Some((known, known.acting_runtime.clone()?)));
            let Some((known, api)) = known else {
                let words = "no runtime API for acting is configured";
                return Err(SourceError::new(Trouble::Unsupported, router.as_str(), words));
            };
            HaproxyRuntime::new(router, api, known.timeouts).servers(backend).await
        })
    }

    fn tell<'a>(
        &'a self,
        router: &'a RouterName,
        request: &'a RouterRequest,
        permit: &'a Permit,
        still: Still<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        Box::pin(async move {
            if *permit.cluster() != self.settings.name {
                let words = format!("the permit is for {}, and this is {}", permit.cluster(), self.settings.name);
                return Err(refused(self.settings.name.as_str(), words));
            }
            match self.router(router) {
                Some(known) => haproxy_act::perform_while(known, request, still).await,
                None => Err(refused(router.as_str(), "no such router is configured")),
            }
        })
    }
}
