//! Where the host reaches a port of a container: where it is published, else, on the engine's host, at the container's own
//! address where the file gives it a fixed one.

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
        let own = || service.addresses.first().map(|address| Reached::At(address.clone(), port));
        if published.peek().is_none() {
            return own().unwrap_or(Reached::Unpublished);
        }
        // Of several, the first that says its port.
        let said = published.find_map(|published| Some((published.address.clone(), published.host?)));
        match said {
            // Where several services claim one port of the host, it leads to one of them at most.
            Some((address, host)) if self.claimants(&address, host).count() > 1 => {
                own().unwrap_or(Reached::At(address, host))
            }
            Some((address, host)) => Reached::At(address, host),
            None => own().unwrap_or(Reached::Unknown),
        }
    }

    /// Services that publish something at one port of the host.
    pub(super) fn claimants<'s>(&'s self, address: &str, host: u16) -> impl Iterator<Item = &'s Service> {
        let address = address.to_owned();
        self.services.iter().filter(move |service| {
            service.ports.iter().any(|published| published.host == Some(host) && published.address == address)
        })
    }

    /// Whether this host reaches `port` of `service` at the container's own address, which only the engine's host does.
    pub(super) fn is_reached_by_own_address(&self, service: &Service, port: u16) -> bool {
        matches!(self.reach(service, port), Reached::At(address, _) if service.addresses.contains(&address))
    }
}

/// `host:port`, an IPv6 address in brackets.
pub(super) fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
