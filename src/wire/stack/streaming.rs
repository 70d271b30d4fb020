//! Plain streaming replication: the nodes that the configuration names, by SQL alone.

use std::sync::Arc;

use super::super::inventory;
use super::{Parts, Purpose, contact, exporter_of, sql};
use crate::config::environment::Environment;
use crate::config::resolved::ClusterSettings;
use crate::driver::port::{Contact, NodeSources, Observe};
use crate::model::agent::Registration;
use crate::model::inventory::Place;
use crate::model::name::NodeName;

/// Nothing is asked of the cluster as a whole: there is nobody to ask.
pub(super) fn parts(settings: &Arc<ClusterSettings>, purpose: Purpose) -> Parts {
    let nodes =
        PlainNodes { settings: Arc::clone(settings), environment: Arc::new(Environment::of_process()), purpose };
    Parts { sources: Vec::new(), nodes: Box::new(nodes) }
}

/// Makes the sources of nodes that nobody manages.
struct PlainNodes {
    settings: Arc<ClusterSettings>,
    environment: Arc<Environment>,
    purpose: Purpose,
}

impl NodeSources for PlainNodes {
    fn contact(&self, member: &NodeName, registration: Option<&Registration>) -> Contact {
        Contact { agent_url: None, ..contact(&self.settings, member, registration) }
    }

    fn sources(&self, contact: &Contact) -> Vec<Box<dyn Observe>> {
        let asked = sql(&self.settings, contact, &self.environment);
        asked.into_iter().chain(exporter_of(&self.settings, contact, self.purpose)).collect()
    }

    fn places(&self, registered: &[Registration]) -> Vec<Place> {
        inventory::places(&self.settings, registered)
    }

    /// Whoever is behind a router's server that no node is known by: there is no agent to ask first.
    fn probes(&self, _contact: &Contact) -> Vec<Box<dyn Observe>> {
        Vec::new()
    }

    fn probe_sql(&self, contact: &Contact) -> Option<Box<dyn Observe>> {
        sql(&self.settings, contact, &self.environment)
    }
}
