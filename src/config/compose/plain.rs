//! Nodes that no agent manages: a primary and its standbys, each told by its own service alone.

use super::discover::{hosts_in, reached};
use super::project::Project;
use super::server::server_port;
use super::service::Service;
use crate::config::discovered::DiscoveredMember;

/// A PostgreSQL without an agent.
pub(super) fn member(project: &Project<'_>, service: &Service) -> DiscoveredMember {
    let mut remarks = Vec::new();
    let port = server_port(service);
    let name = service.hostname.as_ref().unwrap_or(&service.name);
    DiscoveredMember {
        name: name.clone(),
        host: Some(name.clone()),
        port: Some(port),
        postgres: reached(project, service, port, "PostgreSQL", &mut remarks),
        remarks,
        ..DiscoveredMember::default()
    }
}

/// What to know where nothing ties some of `services` to the others: they may be databases of their own.
pub(super) fn foreign_nodes(services: &[&Service]) -> Option<String> {
    let tied = |one: &Service, other: &Service| mentions(one, other) || mentions(other, one);
    let is_alone = |one: &&&Service| services.iter().all(|other| other.name == one.name || !tied(one, other));
    let alone: Vec<&str> = services.iter().filter(is_alone).map(|service| service.name.as_str()).collect();
    (services.len() > 1 && !alone.is_empty()).then(|| {
        format!(
            "the file does not show whether {} replicate with the other nodes; remove separate databases below",
            alone.join(", ")
        )
    })
}

/// Whether `service` knows `other` by one of its names.
fn mentions(service: &Service, other: &Service) -> bool {
    let values = service.environment.values().map(|variable| variable.value.as_str());
    let said = values.chain(service.command.iter().map(String::as_str));
    let mut hosts = said.flat_map(hosts_in);
    service.depends_on.contains(&other.name) || hosts.any(|host| other.names().any(|name| name == host))
}
