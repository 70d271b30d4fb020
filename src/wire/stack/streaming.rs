//! Plain streaming replication: the nodes that the configuration names, by SQL alone.

pub(super) mod discover;

use std::sync::Arc;

use super::super::inventory;
use super::{ActingParts, AssembledStack, ClusterSources, Purpose, StackAdapter, exporter_of, member_address, sql};
use crate::action::permit::WriteAccess;
use crate::config::environment::Environment;
use crate::config::resolved::ClusterSettings;
use crate::driver::dcs::etcd::EtcdRecordWriter;
use crate::driver::ha::streaming::plan::StreamingManager;
use crate::driver::port::{MemberAddress, MemberAddresses, NodeSources, Observe, Planner};
use crate::model::agent::Registration;
use crate::model::inventory::ConfiguredNode;
use crate::model::name::NodeName;
use crate::model::stack::StackTraits;
use crate::model::text::Text;

/// Clusters that nobody manages.
pub(super) struct Streaming;

impl StackAdapter for Streaming {
    fn has(&self) -> StackTraits {
        StackTraits::STREAMING
    }

    fn place(&self, _cluster: &AssembledStack) -> (Option<Text>, Option<Text>) {
        (None, None)
    }

    /// Nothing is asked of the cluster as a whole: there is nobody to ask.
    fn parts(&self, cluster: &AssembledStack, purpose: Purpose) -> ClusterSources {
        let (settings, environment) = (Arc::clone(&cluster.settings), Arc::new(Environment::of_process()));
        ClusterSources { sources: Vec::new(), nodes: Box::new(PlainNodes { settings, environment, purpose }) }
    }

    fn planner(&self, _cluster: &AssembledStack) -> Arc<dyn Planner> {
        Arc::new(StreamingManager)
    }

    fn hold(
        &self,
        _: &AssembledStack,
        _: &WriteAccess,
        _: &Arc<MemberAddresses>,
        _: Option<EtcdRecordWriter>,
    ) -> ActingParts {
        ActingParts { ha: None, authority: None }
    }
}

/// Makes the sources of nodes that nobody manages.
struct PlainNodes {
    settings: Arc<ClusterSettings>,
    environment: Arc<Environment>,
    purpose: Purpose,
}

impl NodeSources for PlainNodes {
    fn member_address(&self, member: &NodeName, registration: Option<&Registration>) -> MemberAddress {
        MemberAddress { agent_url: None, ..member_address(&self.settings, member, registration) }
    }

    fn sources(&self, member_address: &MemberAddress) -> Vec<Box<dyn Observe>> {
        let asked = sql(&self.settings, member_address, &self.environment);
        asked.into_iter().chain(exporter_of(&self.settings, member_address, self.purpose)).collect()
    }

    fn configured_nodes(&self, registered: &[Registration]) -> Vec<ConfiguredNode> {
        inventory::places(&self.settings, registered)
    }

    /// Whoever is behind a router's server that no node is known by: there is no agent to ask first.
    fn probes(&self, _contact: &MemberAddress) -> Vec<Box<dyn Observe>> {
        Vec::new()
    }

    fn probe_sql(&self, member_address: &MemberAddress) -> Option<Box<dyn Observe>> {
        sql(&self.settings, member_address, &self.environment)
    }
}
