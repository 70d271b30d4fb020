//! From a cluster's settings to the drivers that observe it and plan for it. The one place that names a kind of stack; what
//! each kind needs is in a file of its own.

mod patroni;
mod streaming;

use std::sync::Arc;
use std::time::Duration;

use super::engine::preparation;
use crate::config::endpoint::PostgresAccess;
use crate::config::environment::Environment;
use crate::config::resolved::ClusterSettings;
use crate::driver::exporter::exporter;
use crate::driver::ha::patroni_plan::PatroniManager;
use crate::driver::ha::streaming::StreamingManager;
use crate::driver::node::postgres::PostgresNode;
use crate::driver::port::{Contact, Manage, NodeSources, Observe};
use crate::driver::router::haproxy::{HaproxyPage, HaproxyRuntime};
use crate::driver::router::haproxy_acting::HaproxyActing;
use crate::driver::runtime::ContainerPreparation;
use crate::model::agent::{Address, Registration};
use crate::model::name::NodeName;
use crate::model::router::Router;
use crate::model::snapshot::{Identity, StackKind};
use crate::model::text::Text;
use crate::observe::cluster::Stack;

/// How long one answer of a container engine is waited for.
const ENGINE_PATIENCE: Duration = Duration::from_secs(2);
/// The same where everything waits for the picture: an engine that hangs must not hold it up.
const ENGINE_HASTE: Duration = Duration::from_millis(300);

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

/// What depends on the kind of stack: sources of the whole cluster, and what makes those of its members.
struct Parts {
    sources: Vec<Box<dyn Observe>>,
    nodes: Box<dyn NodeSources>,
}

/// What makes plans for the cluster, as its configuration says which stack it is.
pub(super) fn planner(settings: &ClusterSettings) -> Arc<dyn Manage> {
    match settings.stack {
        StackKind::Streaming => Arc::new(StreamingManager),
        StackKind::Patroni | StackKind::Simulated => Arc::new(PatroniManager::of(settings)),
    }
}

/// Puts the drivers of a cluster together. `scope` is the one to follow in etcd; without it the scope is learnt when the
/// record is first asked for. Without etcd the record comes through Patroni.
pub(super) fn stack(settings: &Arc<ClusterSettings>, scope: Option<&str>, read_only: bool, purpose: Purpose) -> Stack {
    let kind = settings.stack;
    let Parts { mut sources, nodes } = match kind {
        StackKind::Streaming => streaming::parts(settings, purpose),
        StackKind::Patroni | StackKind::Simulated => patroni::parts(settings, scope, purpose),
    };
    let scope = scope.or(settings.scope.as_deref()).filter(|_| kind != StackKind::Streaming);
    for router in &settings.routers {
        // A second opinion on the same numbers: a single picture does without it.
        let wanted = router.runtime.is_none() || purpose.takes_side_sources();
        if let Some(page) = router.stats.as_ref().filter(|_| wanted) {
            let page = HaproxyPage::new(&router.name, page.clone()).reaching(settings.address_map.clone());
            let page = if router.runtime.is_some() { page.beside_runtime() } else { page };
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
    // Where there is no engine that may be asked, it is left out: `doctor` says so.
    let patience = if purpose == Purpose::Stay || purpose == Purpose::Watch { ENGINE_PATIENCE } else { ENGINE_HASTE };
    if let Some((preparation, engine)) = preparation(settings, patience)
        && ContainerPreparation::is_at_hand(&engine).is_ok()
    {
        sources.push(Box::new(preparation));
    }
    let timeouts = settings.timeouts;
    Stack {
        identity: identity(settings, scope, read_only),
        thresholds: settings.thresholds.clone(),
        // A single picture cannot wait for a disagreement to last: what it sees, a split brain above all, it tells.
        hurry: purpose != Purpose::Stay,
        interval: settings.interval,
        deadline: timeouts.connect + timeouts.request,
        sources,
        nodes,
        configured: settings.nodes.keys().cloned().collect(),
        namespace_is_assumed: settings.namespace_is_assumed && kind != StackKind::Streaming,
        routers: routers(settings),
        gather: match purpose {
            Purpose::Stay | Purpose::Watch => Duration::from_millis(100),
            Purpose::Once | Purpose::Glance => Duration::from_millis(1),
        },
    }
}

fn identity(settings: &ClusterSettings, scope: Option<&str>, read_only: bool) -> Identity {
    Identity {
        name: settings.name.clone(),
        kind: settings.stack,
        scope: scope.map(Text::new),
        namespace: (settings.stack != StackKind::Streaming).then(|| Text::new(&settings.namespace)),
        colour: settings.colour.as_deref().map(Text::new),
        read_only: read_only || settings.read_only,
        protected: settings.protected,
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
pub(super) fn contact(settings: &ClusterSettings, member: &NodeName, registration: Option<&Registration>) -> Contact {
    let api_url = registration.and_then(|record| record.api_url.as_ref()).map(Text::as_str);
    let postgres = registration.and_then(|record| record.postgres.as_ref());
    let advertised = postgres.map(|address| (address.host.as_str(), address.port));
    let (agent, postgres) = settings.contact(member, api_url, advertised);
    let host = advertised.map(|(host, _)| host.to_owned());
    Contact {
        name: member.clone(),
        agent_url: agent.map(Text::new),
        postgres: postgres.map(|(host, port)| Address { host: Text::new(host), port }),
        exporter_url: settings.exporter_url(member, host.as_deref()).map(Text::new),
    }
}

/// What asks a node's PostgreSQL; `None`: it has no address, or SQL is not configured.
fn sql(settings: &ClusterSettings, contact: &Contact, environment: &Arc<Environment>) -> Option<Box<dyn Observe>> {
    let address = contact.postgres.clone()?;
    let access = access(settings, &contact.name, address.host.as_str())?;
    Some(Box::new(PostgresNode::new(&contact.name, access, address, Arc::clone(environment))))
}

/// What asks a node's exporter, where there is one and the purpose leaves the time.
fn exporter_of(settings: &ClusterSettings, contact: &Contact, purpose: Purpose) -> Option<Box<dyn Observe>> {
    let url = contact.exporter_url.as_ref().filter(|_| purpose.takes_side_sources())?;
    Some(Box::new(exporter(&contact.name, settings.exporter_endpoint(url.as_str()))))
}

/// How to look at the PostgreSQL of `member` at `host`; `None`: SQL is not configured.
pub(super) fn access(settings: &ClusterSettings, member: &NodeName, host: &str) -> Option<PostgresAccess> {
    Some(settings.access_to(&settings.postgres.as_ref()?.looking, member, host))
}
