//! Where the host reaches a port of a container.

use super::project::Project;
use super::service::Service;

/// Where a port of a container is reached from the host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Reached {
    /// Here.
    At(String, u16),
    /// At a port that Docker picks anew at every start.
    Unknown,
    /// Nowhere.
    Unpublished,
}

impl Project<'_> {
    /// Where `port` of `service` is reached.
    pub(super) fn reach(&self, service: &Service, port: u16) -> Reached {
        match service.network_mode.as_deref() {
            Some("host") => return Reached::At("127.0.0.1".to_owned(), port),
            // It shares the network of another service, which publishes for both.
            Some(mode) => {
                let owner = mode.strip_prefix("service:").and_then(|name| self.service(name));
                if let Some(owner) = owner.filter(|owner| owner.network_mode.is_none()) {
                    return self.reach(owner, port);
                }
            }
            None => {}
        }
        let mut published = service.ports.iter().filter(|published| published.container == port).peekable();
        if published.peek().is_none() {
            return Reached::Unpublished;
        }
        // Of several, the first that says its port.
        let said = published.find_map(|published| Some((published.address.clone(), published.host?)));
        said.map_or(Reached::Unknown, |(address, port)| Reached::At(address, port))
    }
}

/// `host:port`, an IPv6 address in brackets.
pub(super) fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
