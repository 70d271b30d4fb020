//! The members: `[nodes]` and `[address_map]`.

use super::super::address::{AddressMap, HostPort};
use super::super::discovered::{Discovered, DiscoveredMember, Reach};
use super::super::resolved::POSTGRES_PORT;
use super::super::value::http_url;
use super::file::{File, clean, key, text};

/// A member's PostgreSQL as this host reaches it, as it is written.
pub(super) fn postgres_of(member: &DiscoveredMember) -> Option<String> {
    let (host, port) = member.postgres.as_ref()?;
    let address = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    HostPort::parse(&address).map(|_| address)
}

/// Who finds the nodes of a cluster.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Nodes {
    /// An agent beside each, which advertises it.
    Managed,
    /// Nobody: they are those that are written.
    Plain,
}

/// The nodes that nobody manages, each with the address that it is to be asked at; none where no node can be written. Where
/// this host reaches none of them, they are written as they know each other: a console beside them reaches them so.
pub(super) fn plain_nodes(found: &Discovered) -> Vec<DiscoveredMember> {
    let is_written = |member: &DiscoveredMember| !clean(&member.name).is_empty() && postgres_of(member).is_some();
    if found.members.iter().any(is_written) {
        return found.members.clone();
    }
    let known = found.members.iter().map(|member| DiscoveredMember {
        postgres: member.host.clone().zip(member.port.or(Some(POSTGRES_PORT))),
        ..member.clone()
    });
    let known: Vec<DiscoveredMember> = known.collect();
    if known.iter().any(is_written) { known } else { Vec::new() }
}

/// An address to begin with where this host reaches none: that by which the others know the member.
fn example(member: &DiscoveredMember) -> String {
    let known = member.host.clone().zip(member.port);
    let known = postgres_of(&DiscoveredMember { postgres: known, ..DiscoveredMember::default() });
    known.unwrap_or_else(|| "127.0.0.1:5432".to_owned())
}

/// What is known of single members beforehand.
pub(super) fn nodes(file: &mut File, cluster: &str, members: &[DiscoveredMember], kind: Nodes) {
    let mut written = std::collections::BTreeSet::new();
    for member in members {
        let name = clean(&member.name);
        let url = |url: &Option<String>| url.clone().filter(|url| http_url(url).is_ok());
        let known =
            [("rest", url(&member.rest)), ("postgres", postgres_of(member)), ("exporter", url(&member.exporter))];
        let any = known.iter().any(|(_, value)| value.is_some());
        let something = any || !member.remarks.is_empty();
        if name.is_empty() || !something || !written.insert(name.clone()) {
            continue;
        }
        if written.len() == 1 {
            file.comment(match kind {
                Nodes::Managed => "How each member is reached from this host; overrides what it advertises.",
                Nodes::Plain => "The nodes, and how each is reached from this host.",
            });
        }
        let table = format!("[{cluster}.nodes.{}]", key(&name));
        if any {
            file.line(table);
        } else {
            file.comment(table);
        }
        member.remarks.iter().for_each(|remark| file.prose(remark));
        for (key, value) in known {
            match (value, key) {
                (Some(value), _) => file.set(key, &text(&value), ""),
                (None, "rest") if kind == Nodes::Plain => {}
                (None, "rest") => file.comment("rest = \"http://127.0.0.1:8008\""),
                (None, "postgres") => file.comment(format!("postgres = {}", text(&example(member)))),
                (None, _) => file.comment("exporter = \"http://127.0.0.1:9187/metrics\""),
            }
        }
        file.blank();
    }
}

/// Members whose advertised address does not work here need a line each; the others are shown for the record.
pub(super) fn addresses(file: &mut File, cluster: &str, found: &Discovered) {
    let mut map = AddressMap::default();
    let lines: Vec<_> = found.address_map.iter().map(|(from, to)| (clean(from), clean(to))).collect();
    let mut lines = lines.iter().filter(|(from, to)| map.insert(from, to).is_ok()).peekable();
    if lines.peek().is_some() {
        file.comment("Maps the addresses that the members advertise to those that this host can reach.");
        file.table(&format!("{cluster}.address_map"));
        let mut written = std::collections::BTreeSet::new();
        for (from, to) in lines.filter(|(from, _)| written.insert(from.clone())) {
            file.set(&text(from), &text(to), "");
        }
        return;
    }
    let failing = found.members.iter().any(|member| matches!(member.reach, Reach::Fails(_)));
    if failing {
        let why = found.members.iter().filter_map(|member| match &member.reach {
            Reach::Fails(why) => {
                // The resolver's own words add nothing that helps here.
                let why = clean(why);
                Some(format!("{}: {}", clean(&member.name), why.split(" (").next().unwrap_or_default()))
            }
            Reach::Answers | Reach::Untried => None,
        });
        let why: Vec<String> = why.collect();
        file.prose(format!(
            "Some agents are unreachable at the address they advertise ({}). Set how this host reaches them:",
            why.join("; ")
        ));
        file.comment(format!("[{cluster}.address_map]"));
    } else {
        file.comment("The members with their advertised addresses. If this host must use others:");
        file.comment(format!("[{cluster}.address_map]"));
    }
    for member in &found.members {
        let fails = matches!(member.reach, Reach::Fails(_));
        for address in advertised(member) {
            let port = address.rsplit_once(':').map_or("", |(_, port)| port);
            let to = if fails { format!("ADDRESS:{port}") } else { address.clone() };
            file.comment(format!("{} = {}   # {}", text(&address), text(&to), clean(&member.name)));
        }
    }
}

fn advertised(member: &DiscoveredMember) -> Vec<String> {
    let agent = member.api_url.as_deref().and_then(|url| http_url(url).ok()).and_then(|url| {
        let host = url.host_str()?.to_owned();
        Some(format!("{host}:{}", url.port_or_known_default()?))
    });
    let postgres = member.host.as_deref().and_then(HostPort::parse).map(|address| {
        let host = if address.host.contains(':') { format!("[{}]", address.host) } else { address.host };
        format!("{host}:{}", member.port.or(address.port).unwrap_or(POSTGRES_PORT))
    });
    agent.into_iter().chain(postgres).collect()
}
