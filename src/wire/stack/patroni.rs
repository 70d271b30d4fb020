//! Patroni: the record in etcd, or through an agent, and the agent of each node beside its PostgreSQL.

use std::sync::Arc;

use super::super::inventory;
use super::super::learning::{LearningRecord, Learnt};
use super::{Parts, Purpose, contact, exporter_of};
use crate::config::environment::Environment;
use crate::config::resolved::ClusterSettings;
use crate::driver::dcs::etcd::{EtcdClusters, EtcdMemberHealth, EtcdRecord, readable_key};
use crate::driver::ha::patroni::PatroniNode;
use crate::driver::ha::patroni_cluster::PatroniClusterView;
use crate::driver::ha::patroni_metrics::patroni_metrics;
use crate::driver::port::{Contact, NodeSources, Observe};
use crate::model::agent::Registration;
use crate::model::inventory::Place;
use crate::model::name::NodeName;
use crate::model::text::Text;

/// The record's sources, and what makes those of the members. `scope` is the one to follow in etcd; without it the scope is
/// learnt when the record is first asked for.
pub(super) fn parts(settings: &Arc<ClusterSettings>, scope: Option<&str>, purpose: Purpose) -> Parts {
    let mut sources: Vec<Box<dyn Observe>> = Vec::new();
    let scope = scope.or(settings.scope.as_deref());
    let learnt = Learnt::default();
    if let Some(scope) = scope {
        // Nothing else has set it.
        let _ = learnt.set(Text::new(scope));
    }
    match &settings.etcd {
        Some(etcd) => {
            let asks_lease = purpose != Purpose::Glance;
            if let Some(scope) = scope {
                let record = EtcdRecord::new(etcd.clone(), &settings.namespace, scope);
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
    Parts { sources, nodes: Box::new(nodes) }
}

/// Makes the sources of Patroni members.
struct PatroniNodes {
    settings: Arc<ClusterSettings>,
    learnt: Learnt,
    environment: Arc<Environment>,
    purpose: Purpose,
}

impl NodeSources for PatroniNodes {
    fn contact(&self, member: &NodeName, registration: Option<&Registration>) -> Contact {
        contact(&self.settings, member, registration)
    }

    fn sources(&self, contact: &Contact) -> Vec<Box<dyn Observe>> {
        let mut sources: Vec<Box<dyn Observe>> = Vec::new();
        let settings = &self.settings;
        if let Some(url) = &contact.agent_url {
            let endpoint = settings.agent_endpoint(&contact.name, url.as_str());
            if self.purpose.takes_side_sources() && settings.patroni.metrics {
                sources.push(Box::new(patroni_metrics(&contact.name, &endpoint)));
            }
            sources.push(Box::new(PatroniNode::new(contact.name.clone(), endpoint, self.learnt.get().cloned())));
        }
        if self.purpose != Purpose::Glance || contact.agent_url.is_none() {
            sources.extend(self.sql(contact));
        }
        sources.extend(exporter_of(settings, contact, self.purpose));
        sources
    }

    fn places(&self, registered: &[Registration]) -> Vec<Place> {
        inventory::places(&self.settings, registered)
    }

    fn prefers_configured(&self) -> bool {
        self.settings.is_from_flags
    }

    fn probes(&self, contact: &Contact) -> Vec<Box<dyn Observe>> {
        let Some(url) = &contact.agent_url else { return Vec::new() };
        let mut endpoint = self.settings.patroni.endpoint(url.as_str());
        endpoint.tls = self.settings.node_tls(&contact.name, &endpoint.tls);
        vec![Box::new(PatroniNode::of_place(&contact.name, endpoint, self.learnt.get().cloned()))]
    }

    fn probe_sql(&self, contact: &Contact) -> Option<Box<dyn Observe>> {
        self.sql(contact)
    }

    fn clusters(&self) -> Option<Box<dyn Observe>> {
        let etcd = self.settings.etcd.clone()?;
        Some(Box::new(EtcdClusters::new(etcd, &self.settings.namespace)))
    }

    fn second_opinions(&self, contact: &Contact) -> Vec<Box<dyn Observe>> {
        let wanted = self.purpose == Purpose::Glance && contact.agent_url.is_some();
        wanted.then(|| self.sql(contact)).flatten().into_iter().collect()
    }
}

/// Whether an agent is named that can say which cluster is meant.
fn is_named(settings: &ClusterSettings) -> bool {
    !settings.patroni.seeds.is_empty() || settings.nodes.values().any(|node| node.rest.is_some() || node.host.is_some())
}

impl PatroniNodes {
    fn sql(&self, contact: &Contact) -> Option<Box<dyn Observe>> {
        super::sql(&self.settings, contact, &self.environment)
    }
}
