//! Sources of members as they appear on record.

use std::sync::{Arc, Mutex};

use crate::driver::port::{Contact, NodeSources, Observe};
use crate::model::agent::{Address, Registration};
use crate::model::name::NodeName;
use crate::model::source::SourceKind;
use crate::model::text::Text;

use super::super::world::World;
use super::{Ask, SimulatedSource, lock};

/// Makes the sources of a simulated member.
pub(crate) struct SimulatedNodes {
    world: Arc<Mutex<World>>,
}

impl SimulatedNodes {
    pub(crate) fn new(world: &Arc<Mutex<World>>) -> Self {
        Self { world: Arc::clone(world) }
    }
}

impl NodeSources for SimulatedNodes {
    /// Inside a simulation every name resolves: members are reached where they advertise themselves, and one that is
    /// known by name alone where members of its name would be.
    fn contact(&self, member: &NodeName, registration: Option<&Registration>) -> Contact {
        let (agent_url, postgres) = if let Some(record) = registration {
            (record.api_url.clone(), record.postgres.clone())
        } else {
            let url = Text::new(format!("http://{member}:8008"));
            (Some(url), Some(Address { host: member.text().clone(), port: 5432 }))
        };
        let exporter_url = Some(Text::new(format!("http://{member}:9187/metrics")));
        Contact { name: member.clone(), agent_url, postgres, exporter_url }
    }

    fn sources(&self, contact: &Contact) -> Vec<Box<dyn Observe>> {
        let name = contact.name.text();
        let index = lock(&self.world).nodes.iter().position(|node| node.name == contact.name);
        let Some(index) = index else { return Vec::new() };
        let source = |kind: SourceKind, endpoint: &Text, ask: Ask| -> Box<dyn Observe> {
            Box::new(SimulatedSource::new(kind, name, endpoint, ask, &self.world))
        };
        let mut sources = Vec::with_capacity(4);
        if let Some(url) = &contact.agent_url {
            sources.push(source(SourceKind::PatroniRest, url, Ask::Agent(index)));
            sources.push(source(SourceKind::PatroniMetrics, url, Ask::AgentMetrics(index)));
        }
        if let Some(address) = &contact.postgres {
            sources.push(source(SourceKind::Sql, &Text::new(address.to_string()), Ask::Sql(index)));
        }
        if let Some(url) = &contact.exporter_url {
            sources.push(source(SourceKind::Exporter, url, Ask::Exporter(index)));
        }
        sources
    }
}
