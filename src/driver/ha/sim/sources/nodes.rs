//! Sources of members as they appear on record.

use std::sync::{Arc, Mutex};

use crate::driver::port::{MemberAddress, NodeSources, Observe};
use crate::model::agent::{Address, Registration};
use crate::model::name::NodeName;
use crate::model::source::SourceKind;
use crate::model::text::Text;

use super::super::simulation::Simulation;
use super::{Ask, SimulatedSource, lock};

/// Makes the sources of a simulated member.
pub(crate) struct SimulatedNodes {
    world: Arc<Mutex<Simulation>>,
}

impl SimulatedNodes {
    pub(crate) fn new(world: &Arc<Mutex<Simulation>>) -> Self {
        Self { world: Arc::clone(world) }
    }
}

impl NodeSources for SimulatedNodes {
    /// Inside a simulation every name resolves: members are reached where they advertise themselves, and one that is
    /// known by name alone where members of its name would be.
    fn member_address(&self, member: &NodeName, registration: Option<&Registration>) -> MemberAddress {
        let address = || Some(Address { host: member.text().clone(), port: 5432 });
        let agent_url = lock(&self.world).manager().agent_url(member);
        let (agent_url, postgres) = match registration.filter(|_| agent_url.is_some()) {
            Some(record) => (record.api_url.clone(), record.postgres.clone()),
            None => (agent_url, address()),
        };
        let exporter_url = Some(Text::new(format!("http://{member}:9187/metrics")));
        MemberAddress { name: member.clone(), agent_url, postgres, exporter_url }
    }

    fn sources(&self, member_address: &MemberAddress) -> Vec<Box<dyn Observe>> {
        let name = member_address.name.text();
        let index = lock(&self.world).world.find(&member_address.name);
        let Some(index) = index else { return Vec::new() };
        let source = |kind: SourceKind, endpoint: &Text, ask: Ask| -> Box<dyn Observe> {
            Box::new(SimulatedSource::new(kind, name, endpoint, ask, &self.world))
        };
        let mut sources = Vec::with_capacity(4);
        if let Some(url) = &member_address.agent_url {
            sources.push(source(SourceKind::PatroniRest, url, Ask::Agent(index)));
            sources.push(source(SourceKind::PatroniMetrics, url, Ask::AgentMetrics(index)));
        }
        if let Some(address) = &member_address.postgres {
            sources.push(source(SourceKind::Sql, &Text::new(address.to_string()), Ask::Sql(index)));
        }
        if let Some(url) = &member_address.exporter_url {
            sources.push(source(SourceKind::Exporter, url, Ask::Exporter(index)));
        }
        sources
    }
}
