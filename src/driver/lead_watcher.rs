//! What goes alongside a change of leader: whoever keeps who leads, and PostgreSQL, asked directly; HAProxy told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Mutex;

use super::act::permitted;
use crate::action::order::RouterRequest;
use crate::action::permit::{Permit, WriteAccess};
use crate::action::pooler_release::PoolerTarget;
use crate::action::router_handover::{LeadAnswer, LeadRecord};
use crate::config::environment::Environment;
use crate::config::resolved::{ClusterSettings, PoolerSettings, RouterSettings};
use crate::driver::node::postgres::PostgresLeadChecker;
use crate::driver::pooler::pgbouncer::PoolerActor;
use crate::driver::port::{LeadWatcher, MemberAddresses, NotPerformed, Reply, StillAllowed};
use crate::driver::router::haproxy::HaproxyRuntime;
use crate::driver::router::haproxy_act;
use crate::model::name::{NodeName, PoolerName, RouterName};
use crate::model::pooler::PoolerReport;
use crate::model::router::ProxyRow;
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// Longest wait for a login, and again for an answer, of PostgreSQL. The runner gives up sooner; a login that is slow by
/// habit must come about once.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Whoever keeps who leads a cluster, asked directly.
pub trait LeadAuthority: Send + Sync {
    /// The lead on record, read so that it cannot be old.
    ///
    /// # Errors
    /// When nobody can tell.
    fn record(&self) -> BoxFuture<'_, Result<LeadRecord, SourceError>>;

    /// Whether what routers ask of a member by themselves says that it leads.
    ///
    /// # Errors
    /// When it does not answer.
    fn is_primary<'a>(&'a self, member: &'a NodeName) -> BoxFuture<'a, Result<bool, SourceError>>;
}

/// The companion of one cluster.
pub struct DirectLeadWatcher {
    settings: Arc<ClusterSettings>,
    member_addresses: Arc<MemberAddresses>,
    environment: Arc<Environment>,
    /// `None`: nothing keeps who leads.
    authority: Option<Box<dyn LeadAuthority>>,
    nodes: Mutex<BTreeMap<NodeName, Arc<Mutex<PostgresLeadChecker>>>>,
    poolers: BTreeMap<PoolerName, Mutex<PoolerActor>>,
}

impl DirectLeadWatcher {
    /// The companion of the cluster that `settings` describe, where `authority` keeps who leads. Nothing is connected yet.
    pub fn new(
        settings: Arc<ClusterSettings>,
        authority: Option<Box<dyn LeadAuthority>>,
        member_addresses: Arc<MemberAddresses>,
        environment: Arc<Environment>,
        access: &WriteAccess,
    ) -> Self {
        let actor = |configured: &PoolerSettings| {
            let actor = PoolerActor::new(configured.clone(), Arc::clone(&environment), access);
            (configured.name.clone(), Mutex::new(actor))
        };
        let poolers = settings.poolers.iter().map(actor).collect();
        Self { settings, member_addresses, environment, authority, nodes: Mutex::default(), poolers }
    }

    fn pooler_actor(&self, pooler: &PoolerName) -> Result<&Mutex<PoolerActor>, SourceError> {
        let unknown = || SourceError::new(FailureKind::Unsupported, pooler.as_str(), "pooler not configured");
        self.poolers.get(pooler).ok_or_else(unknown)
    }

    fn authority(&self) -> Result<&dyn LeadAuthority, SourceError> {
        let unknown = || {
            let words = "this cluster has no DCS: its leader cannot be verified";
            SourceError::new(FailureKind::Unsupported, self.settings.name.as_str(), words)
        };
        self.authority.as_deref().ok_or_else(unknown)
    }

    async fn lead_checker(&self, member: &NodeName) -> Result<Arc<Mutex<PostgresLeadChecker>>, SourceError> {
        let unknown = |words: &str| SourceError::new(FailureKind::Unsupported, member.as_str(), words);
        let mut nodes = self.nodes.lock().await;
        if let Some(known) = nodes.get(member) {
            return Ok(Arc::clone(known));
        }
        let settings = self.settings.postgres.as_ref().ok_or_else(|| unknown("SQL is not configured"))?;
        let address = (self.member_addresses)(member)
            .postgres
            .ok_or_else(|| unknown("the address of its PostgreSQL is unknown"))?;
        let access = self.settings.access_to(&settings.looking, member, address.host.as_str());
        let lead_checker = PostgresLeadChecker::new(access, address, Arc::clone(&self.environment));
        let lead_checker = Arc::new(Mutex::new(lead_checker));
        nodes.insert(member.clone(), Arc::clone(&lead_checker));
        Ok(lead_checker)
    }
}

impl LeadWatcher for DirectLeadWatcher {
    fn record(&self) -> BoxFuture<'_, Result<LeadRecord, SourceError>> {
        Box::pin(async { self.authority()?.record().await })
    }

    fn postgres<'a>(&'a self, member: &'a NodeName) -> BoxFuture<'a, Result<LeadAnswer, SourceError>> {
        Box::pin(async move {
            let lead_checker = self.lead_checker(member).await?;
            let mut lead_checker = lead_checker.lock().await;
            lead_checker.ask(TIMEOUT).await
        })
    }

    fn is_primary<'a>(&'a self, member: &'a NodeName) -> BoxFuture<'a, Result<bool, SourceError>> {
        Box::pin(async move { self.authority()?.is_primary(member).await })
    }

    fn servers<'a>(
        &'a self,
        router: &'a RouterName,
        backend: &'a Text,
    ) -> BoxFuture<'a, Result<Vec<ProxyRow>, SourceError>> {
        Box::pin(async move {
            let known = self.settings.routers.iter().find(|known| known.name == *router);
            let api = |known: &RouterSettings| known.acting_runtime.clone().or_else(|| known.runtime.clone());
            let known = known.and_then(|known| Some((known, api(known)?)));
            let Some((known, api)) = known else {
                let words = "no runtime API is configured";
                return Err(SourceError::new(FailureKind::Unsupported, router.as_str(), words));
            };
            HaproxyRuntime::new(router, api, known.timeouts).servers(backend).await
        })
    }

    fn update_router<'a>(
        &'a self,
        router: &'a RouterName,
        request: &'a RouterRequest,
        permit: &'a Permit,
        still: StillAllowed<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        Box::pin(async move {
            permitted(&self.settings.name, permit)?;
            let known = haproxy_act::known(&self.settings, router)?;
            haproxy_act::perform_while(known, request, still).await
        })
    }

    fn pooler<'a>(&'a self, pooler: &'a PoolerName) -> BoxFuture<'a, Result<PoolerReport, SourceError>> {
        Box::pin(async move {
            let mut actor = self.pooler_actor(pooler)?.lock().await;
            actor.warm().await?;
            actor.standing().await
        })
    }

    fn repoint<'a>(
        &'a self,
        pooler: &'a PoolerName,
        target: &'a PoolerTarget,
        permit: &'a Permit,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        Box::pin(async move {
            permitted(&self.settings.name, permit)?;
            let actor = self.pooler_actor(pooler).map_err(NotPerformed::NotSent)?;
            actor.lock().await.repoint(target).await
        })
    }

    fn resume<'a>(
        &'a self,
        pooler: &'a PoolerName,
        databases: &'a [Text],
        permit: &'a Permit,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        Box::pin(async move {
            permitted(&self.settings.name, permit)?;
            let actor = self.pooler_actor(pooler).map_err(NotPerformed::NotSent)?;
            actor.lock().await.resume(databases).await
        })
    }
}
