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
use crate::client::patroni::Patroni;
use crate::config::environment::Environment;
use crate::config::resolved::{ClusterSettings, RouterSettings};
use crate::driver::dcs::etcd::EtcdLead;
use crate::driver::node::postgres::PostgresProver;
use crate::driver::port::{Companion, NotPerformed, Reply};
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
        Self { settings, contacts, environment, lead, nodes: Mutex::default() }
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
            let endpoint = self.settings.agent_endpoint(member, url.as_str());
            let told = |error| trouble::http(url.as_str(), &error);
            Patroni::new(&endpoint).map_err(told)?.is_primary().await.map_err(told)
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
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        Box::pin(async move {
            if *permit.cluster() != self.settings.name {
                let words = format!("the permit is for {}, and this is {}", permit.cluster(), self.settings.name);
                return Err(refused(self.settings.name.as_str(), words));
            }
            match self.router(router) {
                Some(known) => haproxy_act::perform(known, request).await,
                None => Err(refused(router.as_str(), "no such router is configured")),
            }
        })
    }
}
