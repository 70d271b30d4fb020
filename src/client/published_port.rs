//! Ports that a container engine publishes on its host, and whether an address of ours leads to one.

use std::net::IpAddr;

/// A published port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PublishedPort {
    /// The host's address that it is bound to; `None`: all of them.
    pub ip: Option<IpAddr>,
    /// On the host.
    pub port: u16,
}

impl PublishedPort {
    /// As an engine writes it: no address, or an unspecified one, stands for all.
    pub fn new(ip: Option<&str>, port: u16) -> Self {
        let ip = ip.and_then(|ip| ip.parse::<IpAddr>().ok()).filter(|ip| !ip.is_unspecified());
        Self { ip, port }
    }

    /// Whether whoever connects to `host` and `port` on the engine's host may come here. Two stacks may publish the same
    /// ports on different addresses; where a name leads, it does not tell.
    pub fn is_reached_by(self, host: &str, port: u16) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_same = match (self.ip, host.parse::<IpAddr>()) {
            (Some(ip), Ok(host)) => ip == host,
            (Some(ip), Err(_)) if host.eq_ignore_ascii_case("localhost") => ip.is_loopback(),
            (None, _) | (Some(_), Err(_)) => true,
        };
        self.port == port && is_same
    }
}

impl std::fmt::Display for PublishedPort {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.ip {
            Some(IpAddr::V6(ip)) => write!(formatter, "[{ip}]:{}", self.port),
            Some(ip) => write!(formatter, "{ip}:{}", self.port),
            None => write!(formatter, "{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::same(Some("127.0.0.1"), "127.0.0.1", true)]
    #[case::another_lab(Some("127.0.0.1"), "127.0.0.13", false)]
    #[case::everywhere(Some("0.0.0.0"), "127.0.0.13", true)]
    #[case::everywhere_of_the_sixth_version(Some("::"), "127.0.0.13", true)]
    #[case::unsaid(None, "10.0.0.7", true)]
    #[case::bracketed(Some("::1"), "[::1]", true)]
    #[case::this_host_by_name(Some("127.0.0.1"), "localhost", true)]
    #[case::not_this_host(Some("10.0.0.7"), "localhost", false)]
    #[case::another_name(Some("10.0.0.7"), "db-1.example", true)]
    fn a_published_port_is_told_by_its_address_as_well(#[case] ip: Option<&str>, #[case] host: &str, #[case] is: bool) {
        assert_eq!(PublishedPort::new(ip, 5432).is_reached_by(host, 5432), is);
        assert!(!PublishedPort::new(ip, 5433).is_reached_by(host, 5432));
    }
}
