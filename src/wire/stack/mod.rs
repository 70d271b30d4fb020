//! From a cluster's settings to the drivers that observe it, plan for it and act on it. The one place that names a kind of
//! stack: each is a file here, which says what is peculiar to it ([`StackAdapter`]), and an arm of [`kind`]. The rest of the
//! composition takes an [`AssembledStack`].

mod patroni;
pub(super) mod simulated;
mod streaming;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, LocalBoxFuture};

use super::acting::Acting;
use super::engine::preparation;
use super::lock::{self, CurrentMembers};
use crate::action::permit::WriteAccess;
use crate::cli::args::{Init, Shared};
use crate::cli::printer::Printer;
use crate::config::discovered::Discovered;
use crate::config::endpoint::PostgresAccess;
use crate::config::environment::Environment;
use crate::config::resolved::ClusterSettings;
use crate::config::write_file::Asked;
use crate::driver::act::{OrderDispatch, OrderExecutor};
use crate::driver::dcs::etcd::EtcdRecordWriter;
use crate::driver::exporter::exporter;
use crate::driver::lead_watcher::{DirectLeadWatcher, LeadAuthority};
use crate::driver::node::postgres::{PostgresExecutor, PostgresNode};
use crate::driver::pooler::pgbouncer::PgBouncer;
use crate::driver::pooler::pgbouncer::PoolerExecutor;
use crate::driver::port::{
    Check, Inspect, MemberAddress, MemberAddresses, NodeSources, NothingToAsk, Observe, Planner,
};
use crate::driver::router::haproxy::{HaproxyPage, HaproxyRuntime};
use crate::driver::router::haproxy_act::HaproxyExecutor;
use crate::driver::router::haproxy_acting::HaproxyActing;
use crate::driver::runtime::ContainerPreparation;
use crate::model::agent::{Address, Registration};
use crate::model::checkup::CheckLine;
use crate::model::member::Member;
use crate::model::name::NodeName;
use crate::model::router::Router;
use crate::model::snapshot::{Identity, StackKind};
use crate::model::source::Source;
use crate::model::stack::StackTraits;
use crate::model::text::Text;
use crate::observe::cluster::ClusterSetup;
use crate::operate::Judge;
use crate::operate::plan_service::PlanService;

/// How long one answer of a container engine is waited for.
const ENGINE_TIMEOUT: Duration = Duration::from_secs(2);
/// The same where everything waits for the picture: an engine that hangs must not hold it up.
const ENGINE_QUICK_TIMEOUT: Duration = Duration::from_millis(300);

/// What the picture is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// A console that stays: every source, answers gathered for a moment before each picture.
    Stay,
    /// One picture after another: every source as for a console, and the first picture as soon as possible.
    Watch,
    /// One picture as soon as possible: the slow side sources are left out, nothing is gathered.
    Once,
    /// As [`Purpose::Once`], but PostgreSQL itself is asked only where its agent does not vouch for it: a new session
    /// on every node takes longer than everything else together.
    Glance,
}

impl Purpose {
    /// Whether sources that are asked seldom are asked at all: a single picture does not wait for them.
    fn takes_side_sources(self) -> bool {
        match self {
            Self::Stay | Self::Watch => true,
            Self::Once | Self::Glance => false,
        }
    }
}

/// Sources of the whole cluster, and what makes those of its members.
struct ClusterSources {
    sources: Vec<Box<dyn Observe>>,
    nodes: Box<dyn NodeSources>,
}

/// What acts on whatever manages a cluster.
struct ActingParts {
    /// Takes the orders that are the stack's own; `None`: nothing manages it.
    ha: Option<Box<dyn OrderExecutor>>,
    /// Keeps who leads; `None`: nothing does.
    authority: Option<Box<dyn LeadAuthority>>,
}

/// An endpoint for `doctor`, as the source that it is.
pub(super) type EndpointCheck = (Source, Box<dyn Check>);

/// What depends on the kind of stack. What is the same for every stack (routers, exporters, what prepares a cluster) is made
/// beside it.
trait StackAdapter: Sync {
    /// The scope to follow, where the cluster is known by one; what the settings leave open is learnt from the cluster itself.
    ///
    /// # Errors
    /// When nobody can tell it, and nothing can be done without.
    fn scope<'a>(
        &'a self,
        settings: &'a ClusterSettings,
        _printer: &'a mut Printer,
    ) -> LocalBoxFuture<'a, anyhow::Result<Option<String>>> {
        std::future::ready(Ok(settings.scope.clone())).boxed_local()
    }

    /// Learns which member answers at each address that was named by flags: no file maps what members advertise.
    fn name_members<'a>(&'a self, _settings: &'a mut ClusterSettings) -> LocalBoxFuture<'a, ()> {
        std::future::ready(()).boxed_local()
    }

    /// What a cluster of this kind has.
    fn has(&self) -> StackTraits;

    /// Scope and namespace by which the cluster is known in a store; `None` each: it is in none.
    fn place(&self, cluster: &AssembledStack) -> (Option<Text>, Option<Text>);

    /// Its sources.
    fn parts(&self, cluster: &AssembledStack, purpose: Purpose) -> ClusterSources;

    /// What makes plans for it.
    fn planner(&self, cluster: &AssembledStack) -> Arc<dyn Planner>;

    /// What asks beforehand what no picture shows. `may_log_in`: the logins for acting may be used.
    fn inspector(&self, _cluster: &AssembledStack, _may_log_in: bool) -> Arc<dyn Inspect> {
        Arc::new(NothingToAsk)
    }

    /// Other clusters whose state is where this one's is, where `scope` is this one's; `None`: nothing is kept for it anywhere.
    fn other_clusters<'a>(
        &'a self,
        _cluster: &'a AssembledStack,
        _scope: Option<&'a str>,
    ) -> BoxFuture<'a, Option<Result<Vec<Text>, Text>>> {
        std::future::ready(None).boxed()
    }

    /// What acts on whatever manages it; members are reached where `contacts` says, and `record` writes to the record itself,
    /// where that is kept in etcd. Nothing is connected or fetched yet.
    fn hold(
        &self,
        cluster: &AssembledStack,
        access: &WriteAccess,
        member_addresses: &Arc<MemberAddresses>,
        record: Option<EtcdRecordWriter>,
    ) -> ActingParts;

    /// Endpoints for `doctor` that are the cluster's own, and no member's; `members` are those known.
    fn endpoints(&self, _cluster: &AssembledStack, _members: &[Member]) -> Vec<EndpointCheck> {
        Vec::new()
    }

    /// What manages `member`, for `doctor`.
    fn agent(&self, _cluster: &AssembledStack, _member: &Member) -> Option<EndpointCheck> {
        None
    }

    /// Logins that `doctor` does not try, each with the reason.
    fn untried(&self, _cluster: &AssembledStack) -> Vec<CheckLine> {
        Vec::new()
    }

    /// Members that would not be sent a login which they need.
    fn withheld(&self, _cluster: &AssembledStack, _members: &[Member]) -> Vec<CheckLine> {
        Vec::new()
    }
}

/// What is peculiar to a kind of stack.
fn kind(stack: StackKind) -> &'static dyn StackAdapter {
    match stack {
        StackKind::Streaming => &streaming::Streaming,
        StackKind::Patroni | StackKind::Simulated => &patroni::Patroni,
    }
}

/// Finds the cluster that `init` was asked for, by the addresses that were named; also the hosts beside whose members other
/// parts may be.
///
/// # Errors
/// When nothing was named, or nobody there answers.
pub(super) async fn discover(
    shared: &Shared,
    args: &Init,
    asked: &Asked,
    environment: Environment,
    printer: &mut Printer,
) -> anyhow::Result<(Discovered, BTreeSet<String>)> {
    match &args.postgres {
        Some(dsn) => {
            let found = streaming::discover::discover(dsn, environment, !args.no_assertions, printer).await?;
            Ok((found, BTreeSet::new()))
        }
        None => patroni::discover::discover(shared, asked, printer).await,
    }
}

/// The scope of a cluster that something is to be done to: without it no lock can be taken. `None`: it is known by none, or
/// nobody could be asked.
///
/// # Errors
/// When nothing tells which cluster is meant.
pub(super) async fn scope(settings: &ClusterSettings, printer: &mut Printer) -> anyhow::Result<Option<String>> {
    kind(settings.stack).scope(settings, printer).await
}

/// A cluster as it can be acted on, with its scope: what its settings leave open is learnt from the cluster itself.
/// `from_file`: the settings were written by somebody, who named the nodes where that is needed.
///
/// # Errors
/// As [`scope`].
pub(super) async fn complete(
    mut settings: ClusterSettings,
    from_file: bool,
    printer: &mut Printer,
) -> anyhow::Result<AssembledStack> {
    let kind = kind(settings.stack);
    if !from_file {
        kind.name_members(&mut settings).await;
    }
    let scope = kind.scope(&settings, printer).await?;
    Ok(AssembledStack::of(&Arc::new(settings), scope.as_deref()))
}

/// A cluster, put together from the drivers of its stack.
#[derive(Clone)]
pub(super) struct AssembledStack {
    /// Its settings.
    pub(super) settings: Arc<ClusterSettings>,
    /// The scope to follow, where it is told or known already.
    pub(super) scope: Option<String>,
    kind: &'static dyn StackAdapter,
}

impl AssembledStack {
    /// The cluster that `settings` describe. `scope` is the one to follow; without it, that of the settings, and where they
    /// have none it is learnt when the record is first asked for.
    pub(super) fn of(settings: &Arc<ClusterSettings>, scope: Option<&str>) -> Self {
        let scope = scope.or(settings.scope.as_deref()).map(str::to_owned);
        Self { kind: kind(settings.stack), settings: Arc::clone(settings), scope }
    }

    /// What makes its plans.
    pub(super) fn planner(&self) -> Arc<dyn Planner> {
        self.kind.planner(self)
    }

    /// What asks beforehand what no picture shows. `may_log_in`: the logins for acting may be used.
    pub(super) fn inspector(&self, may_log_in: bool) -> Arc<dyn Inspect> {
        self.kind.inspector(self, may_log_in)
    }

    /// Other clusters whose state is where this one's is, where `scope` is this one's; `None`: nothing is kept for it anywhere.
    pub(super) async fn other_clusters(&self, scope: Option<&str>) -> Option<Result<Vec<Text>, Text>> {
        self.kind.other_clusters(self, scope).await
    }

    /// Where its plans are drawn up, and judged by `rules`.
    pub(super) fn plan_service(&self, rules: Arc<dyn Judge>, may_log_in: bool) -> PlanService {
        PlanService::new(self.planner(), rules).asking(self.inspector(may_log_in))
    }

    /// What acts on it. `members` are reached where `contacts` says.
    pub(super) fn acting(
        &self,
        access: WriteAccess,
        member_addresses: MemberAddresses,
        members: CurrentMembers,
    ) -> Acting {
        let (settings, environment) = (&self.settings, Arc::new(Environment::of_process()));
        let environment_of_poolers = Arc::clone(&environment);
        let member_addresses = Arc::new(member_addresses);
        let (lock, record) = lock::lock(settings, self.scope.as_deref(), members, Arc::clone(&member_addresses));
        let ActingParts { ha, authority } = self.kind.hold(self, &access, &member_addresses, record);
        let sql = PostgresExecutor::new(Arc::clone(settings), Arc::clone(&member_addresses), Arc::clone(&environment));
        let routers = HaproxyExecutor::new(Arc::clone(settings));
        let act = OrderDispatch::new(&settings.name, ha, Box::new(sql), Box::new(routers));
        let act = act.with_poolers(Box::new(PoolerExecutor::new(settings, &environment_of_poolers, &access)));
        let lead_watcher =
            DirectLeadWatcher::new(Arc::clone(settings), authority, member_addresses, environment, &access);
        Acting { access, act: Box::new(act), lead_watcher: Arc::new(lead_watcher), lock }
    }

    /// Endpoints for `doctor` that are the cluster's own.
    pub(super) fn endpoints(&self, members: &[Member]) -> Vec<EndpointCheck> {
        self.kind.endpoints(self, members)
    }

    /// What manages `member`, for `doctor`.
    pub(super) fn agent(&self, member: &Member) -> Option<EndpointCheck> {
        self.kind.agent(self, member)
    }

    /// Logins that `doctor` does not try, each with the reason.
    pub(super) fn untried(&self) -> Vec<CheckLine> {
        self.kind.untried(self)
    }

    /// Members that would not be sent a login which they need.
    pub(super) fn withheld(&self, members: &[Member]) -> Vec<CheckLine> {
        self.kind.withheld(self, members)
    }

    /// What observes it.
    pub(super) fn observed(&self, read_only: bool, purpose: Purpose) -> ClusterSetup {
        let settings = &self.settings;
        let ClusterSources { mut sources, nodes } = self.kind.parts(self, purpose);
        routers_of(settings, read_only, purpose, &mut sources);
        poolers_of(settings, purpose, &mut sources);
        // Where there is no engine that may be asked, it is left out: `doctor` says so.
        let time_limit =
            if purpose == Purpose::Stay || purpose == Purpose::Watch { ENGINE_TIMEOUT } else { ENGINE_QUICK_TIMEOUT };
        if let Some((preparation, engine)) = preparation(settings, time_limit)
            && ContainerPreparation::is_available(&engine).is_ok()
        {
            sources.push(Box::new(preparation));
        }
        let timeouts = settings.timeouts;
        let (scope, namespace) = self.kind.place(self);
        ClusterSetup {
            namespace_is_assumed: settings.namespace_is_assumed && namespace.is_some(),
            identity: Identity {
                name: settings.name.clone(),
                kind: settings.stack,
                traits: self.kind.has(),
                scope,
                namespace,
                colour: settings.colour.as_deref().map(Text::new),
                read_only: read_only || settings.read_only,
                protected: settings.protected,
            },
            thresholds: settings.thresholds.clone(),
            // A single picture cannot wait for a disagreement to last: what it sees, a split brain above all, it tells.
            speed_up: purpose != Purpose::Stay,
            attentive: false,
            interval: settings.interval,
            deadline: timeouts.connect + timeouts.request,
            sources,
            nodes,
            configured: settings.nodes.keys().cloned().collect(),
            routers: routers(settings),
            gather: match purpose {
                Purpose::Stay | Purpose::Watch => Duration::from_millis(100),
                Purpose::Once | Purpose::Glance => Duration::from_millis(1),
            },
        }
    }
}

/// The sources of the routers.
fn routers_of(settings: &ClusterSettings, read_only: bool, purpose: Purpose, sources: &mut Vec<Box<dyn Observe>>) {
    for router in &settings.routers {
        // A second opinion on the same numbers: a single picture does without it.
        let wanted = router.runtime.is_none() || purpose.takes_side_sources();
        if let Some(page) = router.stats.as_ref().filter(|_| wanted) {
            let page = HaproxyPage::new(&router.name, page.clone()).reaching(settings.address_map.clone());
            let page = if router.runtime.is_some() { page.with_runtime() } else { page };
            sources.push(Box::new(page));
        }
        if let Some(runtime) = &router.runtime {
            let runtime = HaproxyRuntime::new(&router.name, runtime.clone(), router.timeouts);
            sources.push(Box::new(runtime.reaching(settings.address_map.clone())));
        }
        // Of no use to whoever only looks.
        let may_act = !read_only && !settings.read_only;
        if let Some(acting) = router.acting_runtime.as_ref().filter(|_| may_act) {
            sources.push(Box::new(HaproxyActing::new(&router.name, acting.clone(), router.timeouts)));
        }
    }
}

/// The sources of the poolers. A glance does without them: a new session on each takes a login.
fn poolers_of(settings: &ClusterSettings, purpose: Purpose, sources: &mut Vec<Box<dyn Observe>>) {
    if purpose == Purpose::Glance {
        return;
    }
    for pooler in &settings.poolers {
        sources.push(Box::new(PgBouncer::new(pooler.clone(), Arc::new(Environment::of_process()))));
    }
}

fn routers(settings: &ClusterSettings) -> Vec<Router> {
    let texts = |names: &[String]| names.iter().map(Text::new).collect();
    let address = |(host, port): &(String, u16)| Address { host: Text::new(host), port: *port };
    let router = |router: &crate::config::resolved::RouterSettings| Router {
        name: router.name.clone(),
        http: None,
        runtime: None,
        acting: None,
        write_backends: texts(&router.write_backends),
        read_backends: texts(&router.read_backends),
        write_address: router.write_address.as_ref().map(address),
        read_address: router.read_address.as_ref().map(address),
    };
    settings.routers.iter().map(router).collect()
}

/// Where `member` is reached, given what is on record of it.
pub(super) fn member_address(
    settings: &ClusterSettings,
    member: &NodeName,
    registration: Option<&Registration>,
) -> MemberAddress {
    let api_url = registration.and_then(|record| record.api_url.as_ref()).map(Text::as_str);
    let postgres = registration.and_then(|record| record.postgres.as_ref());
    let advertised = postgres.map(|address| (address.host.as_str(), address.port));
    let (agent, postgres) = settings.member_address(member, api_url, advertised);
    let host = advertised.map(|(host, _)| host.to_owned());
    MemberAddress {
        name: member.clone(),
        agent_url: agent.map(Text::new),
        postgres: postgres.map(|(host, port)| Address { host: Text::new(host), port }),
        exporter_url: settings.exporter_url(member, host.as_deref()).map(Text::new),
    }
}

/// What asks a node's PostgreSQL; `None`: it has no address, or SQL is not configured.
fn sql(
    settings: &ClusterSettings,
    member_address: &MemberAddress,
    environment: &Arc<Environment>,
) -> Option<Box<dyn Observe>> {
    let address = member_address.postgres.clone()?;
    let access = access(settings, &member_address.name, address.host.as_str())?;
    Some(Box::new(PostgresNode::new(&member_address.name, access, address, Arc::clone(environment))))
}

/// What asks a node's exporter, where there is one and the purpose leaves the time.
fn exporter_of(
    settings: &ClusterSettings,
    member_address: &MemberAddress,
    purpose: Purpose,
) -> Option<Box<dyn Observe>> {
    let url = member_address.exporter_url.as_ref().filter(|_| purpose.takes_side_sources())?;
    Some(Box::new(exporter(&member_address.name, settings.exporter_endpoint(url.as_str()))))
}

/// How to look at the PostgreSQL of `member` at `host`; `None`: SQL is not configured.
pub(super) fn access(settings: &ClusterSettings, member: &NodeName, host: &str) -> Option<PostgresAccess> {
    Some(settings.access_to(&settings.postgres.as_ref()?.looking, member, host))
}

/// How to act on the PostgreSQL of `member` at `host`; `None`: no login for that is configured.
pub(super) fn acting_access(settings: &ClusterSettings, member: &NodeName, host: &str) -> Option<PostgresAccess> {
    Some(settings.access_to(settings.postgres.as_ref()?.acting.as_ref()?, member, host))
}
