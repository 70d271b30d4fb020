//! What the settings name of a cluster's nodes, put together: what is written in several ways is one node.

use std::collections::BTreeMap;
use std::net::IpAddr;

use url::Url;

use crate::config::address::HostPort;
use crate::config::resolved::{ClusterSettings, POSTGRES_PORT};
use crate::model::agent::{Address, Registration};
use crate::model::inventory::{ConfiguredNode, Origin};
use crate::model::name::NodeName;
use crate::model::text::Text;

/// Port of Patroni's REST interface where nothing tells another.
const AGENT_PORT: u16 = 8008;

/// Every node that `settings` name. Ports that they do not name are those of the `registered` members, else the usual ones.
pub(super) fn places(settings: &ClusterSettings, registered: &[Registration]) -> Vec<ConfiguredNode> {
    let ports = Ports::of(registered);
    let mut places = Vec::new();
    for place in nodes(settings, &ports).chain(mapped(settings, &ports)).chain(seeds(settings, &ports)) {
        add(&mut places, place);
    }
    places
}

/// Ports that members advertise.
struct Ports {
    agent: u16,
    postgres: u16,
}

impl Ports {
    fn of(registered: &[Registration]) -> Self {
        let agents = registered
            .iter()
            .filter_map(|member| Url::parse(member.api_url.as_ref()?.as_str()).ok()?.port_or_known_default());
        let servers = registered.iter().filter_map(|member| member.postgres.as_ref().map(|address| address.port));
        Self { agent: most(agents).unwrap_or(AGENT_PORT), postgres: most(servers).unwrap_or(POSTGRES_PORT) }
    }
}

/// The most frequent one; of several the least.
fn most(ports: impl Iterator<Item = u16>) -> Option<u16> {
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    ports.for_each(|port| *counts.entry(port).or_default() += 1);
    counts.into_iter().max_by_key(|(port, count)| (*count, std::cmp::Reverse(*port))).map(|(port, _)| port)
}

/// Takes a place, or what it adds to one that is there.
fn add(places: &mut Vec<ConfiguredNode>, new: ConfiguredNode) {
    let same = |known: &&mut ConfiguredNode| {
        known.label == new.label
            || known.agent_url.is_some() && known.agent_url == new.agent_url
            || known.postgres.is_some() && known.postgres == new.postgres
    };
    let Some(known) = places.iter_mut().find(same) else { return places.push(new) };
    for origin in new.origins {
        if !known.origins.contains(&origin) {
            known.origins.push(origin);
        }
    }
    if is_address(&known.label) && !is_address(&new.label) {
        known.label = new.label;
    }
    known.agent_url = known.agent_url.take().or(new.agent_url);
    known.postgres = known.postgres.take().or(new.postgres);
}

/// Whether a label is an address, and no name.
fn is_address(label: &NodeName) -> bool {
    HostPort::parse(label.as_str())
        .is_some_and(|address| address.port.is_some() || address.host.parse::<IpAddr>().is_ok())
}

fn scheme(settings: &ClusterSettings) -> &'static str {
    let of = |url: &String| url.starts_with("https:");
    if settings.patroni.seeds.iter().any(of) { "https" } else { "http" }
}

fn url(scheme: &str, host: &str, port: u16) -> Text {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    Text::new(format!("{scheme}://{host}:{port}"))
}

fn nodes(settings: &ClusterSettings, ports: &Ports) -> impl Iterator<Item = ConfiguredNode> {
    settings.nodes.iter().map(move |(name, node)| {
        let (agent, postgres) = settings.member_address(name, None, None);
        let agent = agent.map(Text::new);
        let agent = agent.or_else(|| node.host.as_ref().map(|host| url(scheme(settings), host, ports.agent)));
        let postgres = postgres.map(|(host, port)| Address { host: Text::new(host), port });
        ConfiguredNode::new(name.clone(), Origin::Nodes, agent, postgres)
    })
}

/// Nodes by the addresses that they advertise and that the map leads elsewhere. A line leads to an agent or a server by its
/// port, or since a configured URL is what it leads to.
fn mapped(settings: &ClusterSettings, ports: &Ports) -> impl Iterator<Item = ConfiguredNode> {
    let seed_at = |to: &HostPort| {
        let is_it = |seed: &&String| {
            Url::parse(seed).is_ok_and(|seed| {
                seed.port_or_known_default() == to.port && seed.host_str().is_some_and(|host| bare(host) == to.host)
            })
        };
        settings.patroni.seeds.iter().find(is_it).map(Text::new)
    };
    let mut hosts: BTreeMap<&str, (Option<Text>, Option<Address>)> = BTreeMap::new();
    let mut lines: Vec<_> = settings.address_map.entries().collect();
    // Exact lines come first, and stay.
    lines.sort_by_key(|(_, port, _)| port.is_none());
    for (host, port, to) in lines {
        let (agent, postgres) = hosts.entry(host).or_default();
        let address = |port| Address { host: Text::new(&to.host), port };
        match port {
            Some(port) => {
                let reached = to.port.unwrap_or(port);
                let seed = seed_at(&HostPort { host: to.host.clone(), port: Some(reached) });
                if seed.is_some() || port == ports.agent {
                    let found = seed.unwrap_or_else(|| url(scheme(settings), &to.host, reached));
                    agent.get_or_insert(found);
                } else if port == ports.postgres || port == POSTGRES_PORT {
                    postgres.get_or_insert(address(reached));
                }
            }
            None => {
                agent.get_or_insert_with(|| url(scheme(settings), &to.host, ports.agent));
                postgres.get_or_insert_with(|| address(ports.postgres));
            }
        }
    }
    hosts
        .into_iter()
        .filter(|(_, (agent, postgres))| agent.is_some() || postgres.is_some())
        .map(|(host, (agent, postgres))| ConfiguredNode::new(NodeName::new(host), Origin::AddressMap, agent, postgres))
}

fn seeds(settings: &ClusterSettings, ports: &Ports) -> impl Iterator<Item = ConfiguredNode> {
    let host_of = |seed: &String| Url::parse(seed).ok()?.host_str().map(bare);
    settings.patroni.seeds.iter().map(move |seed| {
        let written = Text::new(seed);
        let Some(host) = host_of(seed) else {
            return ConfiguredNode::new(NodeName::new(seed), Origin::PatroniUrls, Some(written), None);
        };
        let alone = settings.patroni.seeds.iter().filter(|other| host_of(other).as_ref() == Some(&host)).count() == 1;
        let ip: Option<IpAddr> = host.parse().ok();
        let is_here = host == "localhost" || ip.is_some_and(|ip| ip.is_loopback());
        // Where several agents share a host, or it is this one, ports are published or tunnelled, and the usual port is
        // anybody's.
        let postgres = (alone && !is_here).then(|| Address { host: Text::new(&host), port: ports.postgres });
        let label = if alone && ip.is_none() && !is_here { host } else { authority(seed).unwrap_or(host) };
        ConfiguredNode::new(NodeName::new(label), Origin::PatroniUrls, Some(written), postgres)
    })
}

/// `host:port` of a URL.
fn authority(seed: &str) -> Option<String> {
    let url = Url::parse(seed).ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Environment, from_text};

    fn settings(lines: &str) -> ClusterSettings {
        let environment: Environment = [("HOME", "/nonexistent"), ("USER", "dba")].into_iter().collect();
        let mut settings = from_text(lines, Path::new("config.toml"), &environment).expect("settings");
        settings.clusters.remove(0)
    }

    /// `label [where it is named] agent server`.
    fn descriptions(places: &[ConfiguredNode]) -> Vec<String> {
        let words = |place: &ConfiguredNode| {
            let agent = place.agent_url.as_ref().map_or("-".to_owned(), ToString::to_string);
            let postgres = place.postgres.as_ref().map_or("-".to_owned(), ToString::to_string);
            format!("{} [{}] {agent} {postgres}", place.label, place.describe_origins())
        };
        places.iter().map(words).collect()
    }

    #[test]
    fn urls_and_the_address_map_name_one_node_each() {
        let found = settings(
            "[clusters.c.patroni]\nurls = [\"http://127.0.0.1:18008\", \"http://127.0.0.1:18009\"]\n\
             [clusters.c.address_map]\n\"pg-a:8008\" = \"127.0.0.1:18008\"\n\"pg-a:5432\" = \"127.0.0.1:15432\"\n\
             \"10.0.0.20:5432\" = \"127.0.0.1:15432\"\n\"pg-b:8008\" = \"127.0.0.1:18009\"\n\"pg-b:5432\" = \"127.0.0.1:15433\"\n\
             \"pgb-0:6432\" = \"127.0.0.1:16432\"\n",
        );
        assert_eq!(
            descriptions(&places(&found, &[])),
            [
                "pg-a [address_map, patroni.urls] http://127.0.0.1:18008 127.0.0.1:15432",
                "pg-b [address_map, patroni.urls] http://127.0.0.1:18009 127.0.0.1:15433",
            ]
        );
    }

    #[test]
    fn a_url_alone_tells_the_host_of_the_server_where_the_host_is_a_nodes() {
        let found =
            settings("[clusters.c.patroni]\nurls = [\"http://10.0.0.1:8008\", \"http://db-2.internal:8008\"]\n");
        assert_eq!(
            descriptions(&places(&found, &[])),
            [
                "10.0.0.1:8008 [patroni.urls] http://10.0.0.1:8008 10.0.0.1:5432",
                "db-2.internal [patroni.urls] http://db-2.internal:8008 db-2.internal:5432",
            ]
        );
        let tunnelled =
            settings("[clusters.c.patroni]\nurls = [\"http://127.0.0.1:18008\", \"http://127.0.0.1:18009\"]\n");
        assert_eq!(
            descriptions(&places(&tunnelled, &[]))[0],
            "127.0.0.1:18008 [patroni.urls] http://127.0.0.1:18008 -"
        );
    }

    #[test]
    fn a_node_is_one_with_the_url_that_leads_to_its_agent() {
        let found = settings(
            "[clusters.c.patroni]\nurls = [\"http://127.0.0.1:18008\"]\n[clusters.c.nodes.pg-0]\n\
             rest = \"http://127.0.0.1:18008\"\npostgres = \"127.0.0.1:15432\"\n[clusters.c.nodes.pg-1]\nhost = \"10.0.0.2\"\n",
        );
        assert_eq!(
            descriptions(&places(&found, &[])),
            [
                "pg-0 [nodes, patroni.urls] http://127.0.0.1:18008 127.0.0.1:15432",
                "pg-1 [nodes] http://10.0.0.2:8008 10.0.0.2:5432",
            ]
        );
    }
}
