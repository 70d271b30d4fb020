//! Patroni: the record in etcd, or through an agent, and the agent of each node beside its PostgreSQL.

pub(super) mod discover;
mod learning;
mod scope;

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{BoxFuture, LocalBoxFuture};

use self::learning::{LearningRecord, LearntScope};
use super::super::checks::line;
use super::super::drill::survey::Surveyor;
use super::super::inventory;
use super::{
    ActingParts, AssembledStack, ClusterSources, EndpointCheck, Purpose, StackAdapter, exporter_of, member_address,
};
use crate::action::permit::WriteAccess;
use crate::cli::printer::Printer;
use crate::config::environment::Environment;
use crate::config::resolved::ClusterSettings;
use crate::driver::dcs::etcd::{
    EtcdCheck, EtcdClusters, EtcdMemberHealth, EtcdRecord, EtcdRecordWriter, find_all_scopes, readable_key,
};
use crate::driver::ha::patroni::act::PatroniExecutor;
use crate::driver::ha::patroni::agent::PatroniNode;
use crate::driver::ha::patroni::authority::PatroniAuthority;
use crate::driver::ha::patroni::cluster::PatroniClusterView;
use crate::driver::ha::patroni::metrics::patroni_metrics;
use crate::driver::ha::patroni::plan::PatroniManager;
use crate::driver::port::{Check, Inspect, MemberAddress, MemberAddresses, NodeSources, Observe, Planner};
use crate::model::agent::Registration;
use crate::model::checkup::{CheckAspect, CheckLine, CheckupVerdict};
use crate::model::inventory::ConfiguredNode;
use crate::model::member::Member;
use crate::model::name::NodeName;
use crate::model::source::{Source, SourceKind};
use crate::model::stack::StackTraits;
use crate::model::text::Text;

/// Clusters that Patroni manages.
pub(super) struct Patroni;

impl StackAdapter for Patroni {
    fn scope<'a>(
        &'a self,
        settings: &'a ClusterSettings,
        printer: &'a mut Printer,
    ) -> LocalBoxFuture<'a, anyhow::Result<Option<String>>> {
        scope::known(settings, printer).boxed_local()
    }

    fn name_members<'a>(&'a self, settings: &'a mut ClusterSettings) -> LocalBoxFuture<'a, ()> {
        scope::name_seeds(settings).boxed_local()
    }

    fn has(&self) -> StackTraits {
        StackTraits::PATRONI
    }

    fn place(&self, cluster: &AssembledStack) -> (Option<Text>, Option<Text>) {
        (cluster.scope.as_ref().map(Text::new), Some(Text::new(&cluster.settings.namespace)))
    }

    fn parts(&self, cluster: &AssembledStack, purpose: Purpose) -> ClusterSources {
        parts(&cluster.settings, cluster.scope.as_deref(), purpose)
    }

    fn planner(&self, cluster: &AssembledStack) -> Arc<dyn Planner> {
        Arc::new(PatroniManager::of(&cluster.settings))
    }

    fn inspector(&self, cluster: &AssembledStack, may_log_in: bool) -> Arc<dyn Inspect> {
        Arc::new(Surveyor { cluster: cluster.clone(), may_log_in })
    }

    /// Nobody else's leader may be lost by what is done to the store.
    fn other_clusters<'a>(
        &'a self,
        cluster: &'a AssembledStack,
        scope: Option<&'a str>,
    ) -> BoxFuture<'a, Option<Result<Vec<Text>, Text>>> {
        async move {
            let namespace = &cluster.settings.namespace;
            let found = match find_all_scopes(cluster.settings.etcd.as_ref()?).await {
                Ok(found) => found,
                Err(error) => return Some(Err(Text::redacted(error.to_string()))),
            };
            let others =
                found.iter().filter(|other| other.namespace != *namespace || Some(other.scope.as_str()) != scope);
            Some(Ok(others.map(|other| Text::new(format!("{}{}", other.namespace, other.scope))).collect()))
        }
        .boxed()
    }

    fn hold(
        &self,
        cluster: &AssembledStack,
        _: &WriteAccess,
        member_addresses: &Arc<MemberAddresses>,
        record: Option<EtcdRecordWriter>,
    ) -> ActingParts {
        let (settings, scope) = (&cluster.settings, cluster.scope.as_deref());
        let ha = PatroniExecutor::new(Arc::clone(settings), scope, Arc::clone(member_addresses), record);
        let authority = PatroniAuthority::new(Arc::clone(settings), scope, Arc::clone(member_addresses));
        ActingParts { ha: Some(Box::new(ha)), authority: Some(Box::new(authority)) }
    }

    fn endpoints(&self, cluster: &AssembledStack, members: &[Member]) -> Vec<EndpointCheck> {
        let settings = &cluster.settings;
        let mut checks: Vec<EndpointCheck> = Vec::new();
        if let Some(etcd) = &settings.etcd {
            for check in EtcdCheck::each(etcd, &settings.namespace, cluster.scope.as_deref()) {
                let source = Source::new(SourceKind::EtcdMember, check.endpoint().as_str());
                checks.push((source, Box::new(check)));
            }
        }
        // Addresses to begin with that no member is known by: wrong ones above all.
        let known = |url: &str| {
            let same = |agent: &Text| agent.as_str().trim_end_matches('/') == url.trim_end_matches('/');
            members.iter().filter_map(|member| member.agent_url.as_ref()).any(same)
        };
        for url in settings.patroni.seeds.iter().filter(|url| !known(url)) {
            let check = PatroniNode::anybody(settings.patroni.endpoint(url), cluster.scope.as_ref().map(Text::new));
            checks.push((Source::new(SourceKind::PatroniRest, Check::endpoint(&check).as_str()), Box::new(check)));
        }
        checks
    }

    fn agent(&self, cluster: &AssembledStack, member: &Member) -> Option<EndpointCheck> {
        let endpoint = cluster.settings.agent_endpoint(&member.name, member.agent_url.as_ref()?.as_str());
        let check = PatroniNode::new(member.name.clone(), endpoint, cluster.scope.as_ref().map(Text::new));
        Some((Source::new(SourceKind::PatroniRest, member.name.as_str()), Box::new(check)))
    }

    fn untried(&self, cluster: &AssembledStack) -> Vec<CheckLine> {
        let Some(login) = &cluster.settings.patroni.acting else { return Vec::new() };
        let text =
            format!("login for acting, user {}: not checked (used only when an action is confirmed)", login.user);
        let source = Source::new(SourceKind::PatroniRest, "");
        vec![line(source, CheckAspect::Credentials, CheckupVerdict::Skipped, text, "")]
    }

    /// That is better known before an action than in the middle of one.
    fn withheld(&self, cluster: &AssembledStack, members: &[Member]) -> Vec<CheckLine> {
        let mut lines = Vec::new();
        for member in members {
            let is_withheld = |url: &&Text| cluster.settings.withholds_acting_login(url.as_str());
            let Some(url) = member.agent_url.as_ref().filter(is_withheld) else { continue };
            let source = Source::new(SourceKind::PatroniRest, member.name.as_str());
            let text = format!(
                "the login for acting is not sent to {url}: the address comes only from the DCS, and plain HTTP cannot verify the server"
            );
            let remedy = "configure it under [patroni] or [nodes], add its network to allowed_networks, or use https";
            lines.push(line(source, CheckAspect::Credentials, CheckupVerdict::Warn, text, remedy));
        }
        lines
    }
}

/// The record's sources, and what makes those of the members. `scope` is the one to follow in etcd; without it the scope is
/// learnt when the record is first asked for.
fn parts(settings: &Arc<ClusterSettings>, scope: Option<&str>, purpose: Purpose) -> ClusterSources {
    let mut sources: Vec<Box<dyn Observe>> = Vec::new();
    let learnt = LearntScope::default();
    if let Some(scope) = scope {
        // Nothing else has set it.
        let _ = learnt.set(Text::new(scope));
    }
    match &settings.etcd {
        Some(etcd) => {
            let asks_lease = purpose != Purpose::Glance;
            if let Some(scope) = scope {
                let record = EtcdRecord::new(etcd.clone(), &settings.namespace, scope);
                let record = record.refreshed_each(settings.interval);
                sources.push(Box::new(if asks_lease { record } else { record.without_lease() }));
            } else {
                let (settings, learnt) = (Arc::clone(settings), Arc::clone(&learnt));
                sources.push(Box::new(LearningRecord::new(settings, etcd.clone(), learnt, asks_lease)));
            }
            if settings.namespace_is_assumed && !is_named(settings) {
                // Nobody can say which of several namespaces is meant, so whether there are several is looked for.
                sources.push(Box::new(EtcdClusters::new(etcd.clone(), &settings.namespace)));
            }
            let readable = scope.map(|scope| readable_key(&settings.namespace, scope));
            sources.extend(
                EtcdMemberHealth::each(etcd, readable.as_deref())
                    .into_iter()
                    .map(|member| Box::new(member) as Box<dyn Observe>),
            );
        }
        None => {
            let seeds = settings.patroni.seeds.iter().map(|url| settings.patroni.endpoint(url)).collect();
            sources.push(Box::new(PatroniClusterView::new(seeds, scope.map(Text::new))));
        }
    }
    let nodes = PatroniNodes {
        settings: Arc::clone(settings),
        learnt,
        environment: Arc::new(Environment::of_process()),
        purpose,
    };
    ClusterSources { sources, nodes: Box::new(nodes) }
}

/// Makes the sources of Patroni members.
struct PatroniNodes {
    settings: Arc<ClusterSettings>,
    learnt: LearntScope,
    environment: Arc<Environment>,
    purpose: Purpose,
}

impl NodeSources for PatroniNodes {
    fn member_address(&self, member: &NodeName, registration: Option<&Registration>) -> MemberAddress {
        member_address(&self.settings, member, registration)
    }

    fn sources(&self, member_address: &MemberAddress) -> Vec<Box<dyn Observe>> {
        let mut sources: Vec<Box<dyn Observe>> = Vec::new();
        let settings = &self.settings;
        let wants_sql = self.purpose != Purpose::Glance || member_address.agent_url.is_none();
        let sql = if wants_sql { self.sql(member_address) } else { None };
        if let Some(url) = &member_address.agent_url {
            let endpoint = settings.agent_endpoint(&member_address.name, url.as_str());
            if self.purpose.takes_side_sources() && settings.patroni.metrics {
                sources.push(Box::new(patroni_metrics(&member_address.name, &endpoint)));
            }
            let agent = PatroniNode::new(member_address.name.clone(), endpoint, self.learnt.get().cloned());
            sources.push(Box::new(if sql.is_some() { agent.beside_sql() } else { agent }));
        }
        sources.extend(sql);
        sources.extend(exporter_of(settings, member_address, self.purpose));
        sources
    }

    fn configured_nodes(&self, registered: &[Registration]) -> Vec<ConfiguredNode> {
        inventory::places(&self.settings, registered)
    }

    fn prefers_configured(&self) -> bool {
        self.settings.is_from_flags
    }

    fn probes(&self, member_address: &MemberAddress) -> Vec<Box<dyn Observe>> {
        let Some(url) = &member_address.agent_url else { return Vec::new() };
        let mut endpoint = self.settings.patroni.endpoint(url.as_str());
        endpoint.tls = self.settings.node_tls(&member_address.name, &endpoint.tls);
        vec![Box::new(PatroniNode::of_place(&member_address.name, endpoint, self.learnt.get().cloned()))]
    }

    fn probe_sql(&self, member_address: &MemberAddress) -> Option<Box<dyn Observe>> {
        self.sql(member_address)
    }

    fn clusters(&self) -> Option<Box<dyn Observe>> {
        let etcd = self.settings.etcd.clone()?;
        Some(Box::new(EtcdClusters::new(etcd, &self.settings.namespace)))
    }

    fn second_opinions(&self, member_address: &MemberAddress) -> Vec<Box<dyn Observe>> {
        let wanted = self.purpose == Purpose::Glance && member_address.agent_url.is_some();
        wanted.then(|| self.sql(member_address)).flatten().into_iter().collect()
    }
}

/// Whether an agent is named that can say which cluster is meant.
fn is_named(settings: &ClusterSettings) -> bool {
    !settings.patroni.seeds.is_empty() || settings.nodes.values().any(|node| node.rest.is_some() || node.host.is_some())
}

impl PatroniNodes {
    fn sql(&self, member_address: &MemberAddress) -> Option<Box<dyn Observe>> {
        super::sql(&self.settings, member_address, &self.environment)
    }
}
