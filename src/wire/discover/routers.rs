//! Routers: searched for beside the members, and asked for the levels of their runtime APIs and for the backends that lead to
//! the leader.

use std::collections::BTreeSet;

use futures::future::join_all;

use super::{GUESS_TIMEOUTS, MAX_HOSTS, bracketed, plain};
use crate::cli::printer::Printer;
use crate::client::haproxy_runtime::RuntimeReader;
use crate::config::discovered::{Discovered, DiscoveredMember, DiscoveredRouter};
use crate::config::endpoint::RuntimeApi;
use crate::driver::port::{Facts, Observe as _};
use crate::driver::router::haproxy::{HaproxyPage, HaproxyRuntime};
use crate::model::moment::Moment;
use crate::model::name::RouterName;
use crate::model::router::{PoolPurpose, ProxyRow, RouterReport};
use crate::model::text::Text;

/// Where HAProxy's statistics usually are.
const PAGES: [&str; 3] = ["7000/", "8404/stats", "8404/"];

/// Looks for HAProxy's statistics on `hosts`. What is not there is not missed: the file says how to add it.
pub(super) async fn search(hosts: &BTreeSet<String>, found: &mut Discovered, printer: &mut Printer) {
    if !found.routers.is_empty() || hosts.is_empty() {
        return;
    }
    printer
        .say(format!("searching for HAProxy on {}", hosts.iter().map(String::as_str).collect::<Vec<_>>().join(", ")));
    let tries = hosts.iter().flat_map(|host| PAGES.iter().map(move |page| page_of(host, page)));
    let mut pages = Vec::new();
    for (host, url, servers) in join_all(tries).await.into_iter().flatten() {
        pages.push((host, url, doubt(&servers, found)));
    }
    // Of the pages of one host, one that is surely this cluster's.
    pages.sort_by_key(|(host, _, doubt)| (host.clone(), doubt.is_some()));
    pages.dedup_by(|a, b| a.0 == b.0);
    for (host, url, doubt) in pages {
        if let Some(doubt) = &doubt {
            printer.say(format!("the HAProxy at {url} is not used: {doubt}"));
        }
        let name = if host.parse::<std::net::IpAddr>().is_ok() { "haproxy".to_owned() } else { host };
        found.routers.push(DiscoveredRouter { name, stats: Some(url), doubt, ..DiscoveredRouter::default() });
    }
}

/// Asks every router. One that does not answer is left as it was found.
pub(super) async fn examine(found: &mut Discovered) {
    let mut routers = std::mem::take(&mut found.routers);
    for router in &mut routers {
        levels(router).await;
        let Some(address) = router.runtime.clone() else { continue };
        let mut source = HaproxyRuntime::new(&RouterName::new(&router.name), RuntimeApi::Tcp(address), GUESS_TIMEOUTS);
        if let Ok(Facts::Router(report)) = source.observe(Moment::START).await {
            router.write_backends = write_backends(&report);
            router.remarks.extend(matched(report.servers(), found));
        }
    }
    found.routers = routers;
}

/// Has servers whose addresses lead to nobody that is known lead to the members of their names, and says so: a switchover
/// goes by addresses alone, and this is the moment at which an operator can check them.
fn matched<'a>(servers: impl Iterator<Item = &'a ProxyRow>, found: &mut Discovered) -> Option<String> {
    let mut by_name = BTreeSet::new();
    for row in servers {
        let Some(address) = row.address.as_ref().map(Text::as_str) else { continue };
        let is_known = |member: &DiscoveredMember| addresses(member, found).iter().any(|known| known == address);
        if found.address_map.contains_key(address) || found.members.iter().any(is_known) {
            continue;
        }
        let member = found.members.iter().find(|member| row.server == *member.name.as_str());
        let reached = member.and_then(|member| {
            let advertised = member.host.clone().zip(member.port);
            member.postgres.clone().or(advertised).map(|(host, port)| format!("{}:{port}", bracketed(&host)))
        });
        if let Some(reached) = reached {
            by_name.insert(format!("{address} is {}", row.server));
            found.address_map.insert(address.to_owned(), reached);
        }
    }
    let reported = by_name.into_iter().collect::<Vec<_>>().join(", ");
    (!reported.is_empty()).then(|| format!("Matched by server name only, in the address_map: {reported}: verify."))
}

/// Looks by the lowest level that shows all, and acts by the highest.
async fn levels(router: &mut DiscoveredRouter) {
    let mut answered = Vec::new();
    for address in router.runtime.iter().chain(&router.runtime_perhaps).cloned().collect::<Vec<_>>() {
        let reader = RuntimeReader::new(RuntimeApi::Tcp(address.clone()), GUESS_TIMEOUTS);
        if let Ok(level) = reader.level().await {
            answered.push((address, level));
        }
    }
    let at = |wanted: &str| answered.iter().find(|(_, level)| level == wanted).map(|(address, _)| address.clone());
    if let Some(found) = at("operator").or_else(|| at("admin")).or_else(|| at("user")) {
        router.runtime = Some(found);
    }
    router.acting_runtime = at("admin");
    if answered.is_empty() && !router.runtime_perhaps.is_empty() {
        let perhaps = router.runtime_perhaps.join(", ");
        router.remarks.push(format!("Possibly a runtime API at another level: {perhaps}."));
    }
}

/// Backends whose names speak of the leader and that lead to no more than one server now.
fn write_backends(report: &RouterReport) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for row in report.servers() {
        let name = row.proxy.as_str();
        let serving = report.servers_of(&row.proxy).filter(|other| other.takes_traffic());
        if PoolPurpose::guess(name) == PoolPurpose::Write
            && serving.count() <= 1
            && !found.iter().any(|known| known == name)
        {
            found.push(name.to_owned());
        }
    }
    found
}

/// A server of a router: its name, and its address where the page tells it.
type Server = (String, Option<String>);

/// The statistics page on `host` with its servers, if that is what answers there.
async fn page_of(host: &str, page: &str) -> Option<(String, String, Vec<Server>)> {
    let url = format!("http://{}:{page}", bracketed(host));
    let mut source = HaproxyPage::new(&RouterName::new(host), plain(&url, GUESS_TIMEOUTS));
    let Ok(Facts::Router(report)) = source.observe(Moment::START).await else { return None };
    let servers = report.servers().map(|row| (row.server.to_string(), row.address.as_ref().map(ToString::to_string)));
    Some((host.to_owned(), url, servers.collect()))
}

/// Why a router with `servers` may be another cluster's: where none of them is a member, by name or by address.
fn doubt(servers: &[Server], found: &Discovered) -> Option<String> {
    if found.members.is_empty() {
        return Some("no member is known to compare its servers with".to_owned());
    }
    let addresses: BTreeSet<String> = found.members.iter().flat_map(|member| addresses(member, found)).collect();
    let is_member = |(name, address): &Server| {
        found.members.iter().any(|member| member.name == *name)
            || address.as_ref().is_some_and(|address| addresses.contains(address))
    };
    if servers.iter().any(is_member) {
        return None;
    }
    let names: BTreeSet<&str> = servers.iter().map(|(name, _)| name.as_str()).collect();
    let names: Vec<&str> = names.into_iter().take(MAX_HOSTS).collect();
    Some(if names.is_empty() {
        "it has no server".to_owned()
    } else {
        format!("none of its servers is a member of this cluster ({})", names.join(", "))
    })
}

/// Addresses of a member's PostgreSQL, as advertised and as this host reaches it.
fn addresses(member: &DiscoveredMember, found: &Discovered) -> Vec<String> {
    let written = |host: &str, port: u16| format!("{}:{port}", bracketed(host));
    let advertised = member.host.as_deref().zip(member.port).map(|(host, port)| written(host, port));
    let mapped = advertised.as_ref().and_then(|advertised| found.address_map.get(advertised)).cloned();
    let reached = member.postgres.as_ref().map(|(host, port)| written(host, *port));
    advertised.into_iter().chain(mapped).chain(reached).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::double;
    use crate::model::router::ProxyKind;
    use crate::model::test_support::healthy;

    fn answering(level: &'static str) -> String {
        let stat = include_str!("../../../fixtures/haproxy-3.0/healthy/show-stat.csv");
        double::answering_by(move |question| {
            if question.contains("level") { format!("{level}\n\n") } else { stat.to_owned() }.into_bytes()
        })
    }

    #[tokio::test]
    async fn the_admin_socket_is_for_acting_and_the_lower_one_for_looking() {
        let (admin, operator) = (answering("admin"), answering("operator"));
        let router = DiscoveredRouter {
            name: "pg-router".to_owned(),
            runtime: Some(admin.clone()),
            runtime_perhaps: vec![operator.clone()],
            ..DiscoveredRouter::default()
        };
        let mut found = Discovered { routers: vec![router], ..Discovered::default() };
        examine(&mut found).await;
        let router = &found.routers[0];
        assert_eq!((router.runtime.as_ref(), router.acting_runtime.as_ref()), (Some(&operator), Some(&admin)));
        assert_eq!(router.write_backends, ["primary"], "by its name, and since one server of it is up");
    }

    #[tokio::test]
    async fn a_router_that_does_not_answer_stays_as_it_was_found() {
        let closed = "127.0.0.1:1".to_owned();
        let router = DiscoveredRouter {
            runtime: Some(closed.clone()),
            runtime_perhaps: vec!["127.0.0.1:2".to_owned()],
            ..DiscoveredRouter::default()
        };
        let mut found = Discovered { routers: vec![router], ..Discovered::default() };
        examine(&mut found).await;
        let router = &found.routers[0];
        assert_eq!((router.runtime.as_ref(), router.acting_runtime.as_ref()), (Some(&closed), None));
        assert!(router.remarks[0].contains("127.0.0.1:2"), "{:?}", router.remarks);
    }

    #[test]
    fn a_server_at_an_unknown_address_is_the_member_of_its_name_for_the_operator_to_check() {
        let member = |name: &str, port| DiscoveredMember {
            name: name.to_owned(),
            host: Some(name.to_owned()),
            port: Some(5432),
            postgres: Some(("127.0.0.1".to_owned(), port)),
            ..DiscoveredMember::default()
        };
        let mut found =
            Discovered { members: vec![member("pg-0", 15432), member("pg-1", 15433)], ..Discovered::default() };
        found.address_map.insert("10.0.0.21:5432".to_owned(), "127.0.0.1:15433".to_owned());
        let server = |name: &str, address: &str| {
            let mut rows = healthy().routers[0].http.as_ref().and_then(|http| http.last()).expect("rows").rows.clone();
            rows.retain(|row| row.kind == ProxyKind::Server);
            ProxyRow { server: name.into(), address: Some(address.into()), ..rows[0].clone() }
        };
        let rows =
            [server("pg-0", "10.0.0.20:5432"), server("pg-1", "10.0.0.21:5432"), server("other", "10.0.0.9:5432")];
        let remark = matched(rows.iter(), &mut found).expect("a remark");
        assert!(remark.contains("10.0.0.20:5432 is pg-0: verify"), "{remark}");
        assert_eq!(found.address_map.get("10.0.0.20:5432").map(String::as_str), Some("127.0.0.1:15432"));
        assert_eq!(found.address_map.len(), 2, "nobody is made up");
    }

    #[test]
    fn a_router_is_taken_only_where_a_member_is_among_its_servers() {
        let member = DiscoveredMember {
            name: "pg-0".to_owned(),
            host: Some("10.0.0.1".to_owned()),
            port: Some(5432),
            postgres: Some(("127.0.0.1".to_owned(), 15432)),
            ..DiscoveredMember::default()
        };
        let mut found = Discovered { members: vec![member], ..Discovered::default() };
        found.address_map.insert("10.0.0.1:5432".to_owned(), "gate:6000".to_owned());
        let server = |name: &str, address: Option<&str>| vec![(name.to_owned(), address.map(ToOwned::to_owned))];
        for ours in [
            server("pg-0", None),
            server("a", Some("10.0.0.1:5432")),
            server("a", Some("127.0.0.1:15432")),
            server("a", Some("gate:6000")),
            [server("other-9", None), server("pg-0", None)].concat(),
        ] {
            assert_eq!(doubt(&ours, &found), None, "{ours:?}");
        }
        for strange in [server("db-a", None), server("db-a", Some("10.0.0.1:5433"))] {
            let reason = doubt(&strange, &found).expect("a reason");
            assert!(reason.contains("db-a"), "{reason}");
        }
        assert!(doubt(&[], &found).is_some() && doubt(&server("pg-0", None), &Discovered::default()).is_some());
    }
}
