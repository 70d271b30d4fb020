//! `init`: asks whoever is named, looks for what usually stands beside it, and writes what was found as a configuration.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use url::Url;

use super::Misuse;
use crate::cli::args::{Init, Shared};
use crate::cli::exit::Exit;
use crate::cli::init::{from_compose, write};
use crate::cli::printer::Printer;
use crate::client::etcd::FoundScope;
use crate::client::patroni::Patroni;
use crate::config::audience::Audience;
use crate::config::discovered::{Discovered, DiscoveredMember, DiscoveredRouter, Reach};
use crate::config::endpoint::{EtcdEndpoints, HttpEndpoint, Timeouts, TlsSettings};
use crate::config::write_file::{Asked, commented_file};
use crate::config::{Environment, default_path};
use crate::driver::dcs::etcd::{EtcdRecord, find_scopes};
use crate::driver::ha::patroni_discover::discover;
use crate::driver::port::{Facts, Observe as _};
use crate::driver::router::haproxy::HaproxyPage;
use crate::model::moment::Moment;
use crate::model::name::RouterName;
use crate::model::record::{ClusterRecord, without_group};
use crate::model::router::ProxyKind;

mod nodes;
mod routers;

/// `init` is asked once and may wait longer than a screen.
const PATIENCE: Timeouts = Timeouts { connect: Duration::from_secs(3), request: Duration::from_secs(5) };
/// Places that are only guessed are not waited for long.
const GUESS: Timeouts = Timeouts { connect: Duration::from_millis(700), request: Duration::from_millis(1500) };
/// Hosts beside which other parts are looked for.
const MOST_HOSTS: usize = 8;
/// Where HAProxy's statistics usually are.
const PAGES: [&str; 3] = ["7000/", "8404/stats", "8404/"];

/// Discovers and writes.
pub(super) async fn init(shared: &Shared, args: &Init, printer: &mut Printer) -> anyhow::Result<Exit> {
    let environment = Environment::of_process();
    let path = shared.config.clone().unwrap_or_else(|| default_path(&environment));
    let text = match (from_compose(args, shared.scope.as_deref(), &environment)?, &args.postgres) {
        (Some((mut found, asked)), _) => {
            routers::examine(&mut found).await;
            commented_file(&found, &asked)
        }
        (None, Some(dsn)) => {
            let found = nodes::discover(dsn, environment, printer).await?;
            commented_file(&found, &Asked { name: args.name.clone(), ..Asked::default() })
        }
        (None, None) => asked(shared, args, printer).await?,
    };
    write(&text, &path, args.print, args.force, printer)
}

async fn asked(shared: &Shared, args: &Init, printer: &mut Printer) -> anyhow::Result<String> {
    let mut found = if let Some(url) = shared.patroni.first() {
        printer.say(format!("asking {url}"));
        let mut found = discover(&plain(url, PATIENCE)).await?;
        found.origin = Some(url.clone());
        found
    } else if shared.etcd.is_empty() {
        return Err(Misuse("init needs --patroni URL, --etcd URL, --postgres DSN, or --compose FILE".to_owned()).into());
    } else {
        from_etcd(shared, printer).await?
    };
    if let Some(scope) = &shared.scope {
        found.scope = Some(scope.clone());
    }
    if let Some(namespace) = &shared.namespace {
        found.namespace = Some(namespace.clone());
    }
    seeds(&shared.patroni, &mut found).await;
    let asked = Asked {
        name: args.name.clone(),
        patroni: shared.patroni.clone(),
        etcd: shared.etcd.clone(),
        routers: Vec::new(),
    };
    beside(&asked, &mut found, printer).await;
    routers::examine(&mut found).await;
    Ok(commented_file(&found, &asked))
}

fn plain(url: &str, timeouts: Timeouts) -> HttpEndpoint {
    HttpEndpoint { url: url.to_owned(), login: None, audience: Audience::Named, tls: TlsSettings::default(), timeouts }
}

fn etcd(urls: Vec<String>, timeouts: Timeouts) -> EtcdEndpoints {
    EtcdEndpoints { urls, login: None, tls: TlsSettings::default(), timeouts }
}

/// Which member answers at each URL that was named: where the advertised address does not work from here, that URL
/// does.
async fn seeds(urls: &[String], found: &mut Discovered) {
    let names = join_all(urls.iter().map(|url| own_name(plain(url, PATIENCE), found.scope.as_deref()))).await;
    for (url, name) in urls.iter().zip(names) {
        let member = found.members.iter_mut().find(|member| name.as_ref() == Some(&member.name));
        if let Some(member) = member.filter(|member| member.reach != Reach::Answers) {
            member.rest = Some(url.clone());
        }
    }
}

/// What the agent at `endpoint` calls its own node; `None` also where it is of another scope than `scope`, since nodes of
/// another cluster may have the names of this one's.
pub(super) async fn own_name(endpoint: HttpEndpoint, scope: Option<&str>) -> Option<String> {
    let status = Patroni::new(&endpoint).ok()?.status().await.ok()?.value;
    let agent = status.patroni?;
    let is_strange =
        scope.zip(agent.scope.as_deref()).is_some_and(|(scope, own)| without_group(scope) != own && scope != own);
    agent.name.filter(|_| !is_strange)
}

async fn from_etcd(shared: &Shared, printer: &mut Printer) -> anyhow::Result<Discovered> {
    let endpoints = etcd(shared.etcd.clone(), PATIENCE);
    printer.say(format!("asking {}", shared.etcd.join(", ")));
    let namespace = shared.namespace.as_deref().unwrap_or("/service");
    let scopes = find_scopes(&endpoints, namespace).await?;
    let wanted: Vec<_> = scopes
        .iter()
        .flat_map(groups)
        .filter(|found| shared.scope.as_ref().is_none_or(|scope| *scope == found.scope))
        .filter(|found| {
            shared
                .namespace
                .as_deref()
                .is_none_or(|namespace| namespace.trim_matches('/') == found.namespace.trim_matches('/'))
        })
        .collect();
    let [one] = wanted.as_slice() else {
        let names = scopes.iter().flat_map(groups).map(|found| format!("{}{}", found.namespace, found.scope));
        let names: Vec<_> = names.collect();
        let has = if names.is_empty() { "no cluster that Patroni keeps".to_owned() } else { names.join(", ") };
        return Err(Misuse(format!("name one cluster with --scope and --namespace; etcd has {has}")).into());
    };
    let mut found = Discovered {
        scope: Some(one.scope.clone()),
        namespace: Some(one.namespace.clone()),
        origin: shared.etcd.first().cloned(),
        etcd: shared.etcd.clone(),
        ..Discovered::default()
    };
    if let Ok(Facts::Record(content)) =
        EtcdRecord::new(endpoints, &one.namespace, &one.scope).observe(Moment::START).await
    {
        found.members = members(&content);
    }
    // Any member tells which advertised addresses work from here.
    for url in found.members.iter().filter_map(|member| member.api_url.clone()).collect::<Vec<_>>() {
        if let Ok(told) = discover(&plain(&url, GUESS)).await {
            found.agent_version = told.agent_version;
            found.members = told.members;
            break;
        }
        found.notes.push(format!("{url} does not answer from here"));
    }
    Ok(found)
}

fn members(content: &ClusterRecord) -> Vec<DiscoveredMember> {
    let member = |registration: &crate::model::agent::Registration| DiscoveredMember {
        name: registration.name.to_string(),
        api_url: registration.api_url.as_ref().map(ToString::to_string),
        host: registration.postgres.as_ref().map(|address| address.host.to_string()),
        port: registration.postgres.as_ref().map(|address| address.port),
        ..DiscoveredMember::default()
    };
    content.members.iter().map(member).collect()
}

/// Looks for etcd and HAProxy on the hosts that are known by now, at their usual ports. What is not there is not
/// missed: the file says how to add it.
async fn beside(asked: &Asked, found: &mut Discovered, printer: &mut Printer) {
    let named = asked.patroni.iter().chain(&asked.etcd).cloned();
    let advertised = found.members.iter().filter(|member| member.reach == Reach::Answers);
    let urls = named.chain(advertised.filter_map(|member| member.api_url.clone()));
    let host = |url: String| Url::parse(&url).ok()?.host_str().map(str::to_owned);
    let hosts: BTreeSet<String> = urls.filter_map(host).take(MOST_HOSTS).collect();
    printer.say(format!(
        "looking for etcd and HAProxy on {}",
        hosts.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    ));
    if found.etcd.is_empty() && asked.etcd.is_empty() {
        let tries = hosts.iter().map(|host| has_scope(host, found.scope.as_deref()));
        let stores = join_all(tries).await;
        for (url, candidates) in stores.into_iter().flatten() {
            found.etcd.push(url);
            take_namespace(&candidates, found);
        }
    }
    if found.routers.is_empty() {
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
                printer.say(format!("the HAProxy at {url} is not taken: {doubt}"));
            }
            let name = if host.parse::<std::net::IpAddr>().is_ok() { "haproxy".to_owned() } else { host };
            found.routers.push(DiscoveredRouter { name, stats: Some(url), doubt, ..DiscoveredRouter::default() });
        }
    }
}

/// The etcd endpoint on `host`, if one there has the scope, with the clusters of that scope that it has.
async fn has_scope(host: &str, scope: Option<&str>) -> Option<(String, Vec<FoundScope>)> {
    let url = format!("http://{}:2379", bracketed(host));
    let scopes = find_scopes(&etcd(vec![url.clone()], GUESS), "/service").await.ok()?;
    let found: Vec<_> = scopes.into_iter().filter(|found| scope == Some(found.scope.as_str())).collect();
    (!found.is_empty()).then_some((url, found))
}

/// A cluster as it is followed: each group of a Citus cluster by itself, `shop/0`.
fn groups(found: &FoundScope) -> Vec<FoundScope> {
    if found.groups.is_empty() {
        return vec![found.clone()];
    }
    let group =
        |group: &u32| FoundScope { scope: format!("{}/{group}", found.scope), groups: Vec::new(), ..found.clone() };
    found.groups.iter().map(group).collect()
}

/// Takes the namespace of the cluster that was found, out of those of its scope in the store. Where several have it and
/// the members do not tell which is meant, none is taken.
fn take_namespace(candidates: &[FoundScope], found: &mut Discovered) {
    if let [one] = candidates {
        found.namespace.get_or_insert_with(|| one.namespace.clone());
    } else {
        let is_member = |name: &String| found.members.iter().any(|member| member.name == *name);
        let same: Vec<_> = candidates.iter().filter(|one| one.members.iter().any(is_member)).collect();
        if let [one] = same.as_slice() {
            found.namespace.get_or_insert_with(|| one.namespace.clone());
        } else if found.namespace.is_none() {
            let names: Vec<&str> = candidates.iter().map(|one| one.namespace.as_str()).collect();
            found.notes.push(format!(
                "etcd has this scope under {}, and the members do not tell which is meant: write the namespace of patroni.yml",
                names.join(" and ")
            ));
        }
    }
    if let Some(citus) = candidates.iter().find(|one| !one.groups.is_empty()) {
        let names: Vec<_> = groups(citus).into_iter().map(|group| group.scope).collect();
        found.notes.push(format!(
            "this is a Citus cluster, and each of its groups a cluster of its own: write one of {} as scope",
            names.join(", ")
        ));
    }
}

/// A server of a router: its name, and its address where the page tells it.
type Server = (String, Option<String>);

/// The statistics page on `host` with its servers, if that is what answers there.
async fn page_of(host: &str, page: &str) -> Option<(String, String, Vec<Server>)> {
    let url = format!("http://{}:{page}", bracketed(host));
    let mut source = HaproxyPage::new(&RouterName::new(host), plain(&url, GUESS));
    let Ok(Facts::Router(report)) = source.observe(Moment::START).await else { return None };
    let servers = report.rows.iter().filter(|row| row.kind == ProxyKind::Server);
    let servers = servers.map(|row| (row.server.to_string(), row.address.as_ref().map(ToString::to_string)));
    Some((host.to_owned(), url, servers.collect()))
}

/// Why a router with `servers` may be another cluster's: where none of them is a member, by name or by address.
fn doubt(servers: &[Server], found: &Discovered) -> Option<String> {
    if found.members.is_empty() {
        return Some("no member is known that its servers could be compared with".to_owned());
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
    let names: Vec<&str> = names.into_iter().take(MOST_HOSTS).collect();
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

fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(namespace: &str, members: &[&str], groups: &[u32]) -> FoundScope {
        FoundScope {
            namespace: namespace.to_owned(),
            scope: "nova".to_owned(),
            members: members.iter().map(ToString::to_string).collect(),
            groups: groups.to_vec(),
            led: true,
        }
    }

    #[test]
    fn of_several_namespaces_the_one_with_the_members_is_taken_and_none_in_doubt() {
        let vega = DiscoveredMember { name: "vega".to_owned(), ..DiscoveredMember::default() };
        let with = |candidates: &[FoundScope]| {
            let mut found = Discovered { members: vec![vega.clone()], ..Discovered::default() };
            take_namespace(candidates, &mut found);
            (found.namespace, found.notes.join(" "))
        };
        let (service, stage) = (store("/service/", &["lyra"], &[]), store("/stage/", &["vega"], &[]));
        assert_eq!(with(&[service.clone(), stage]).0.as_deref(), Some("/stage/"));
        let (namespace, notes) = with(&[service.clone(), store("/stage/", &["lyra"], &[])]);
        assert!(namespace.is_none() && notes.contains("/service/ and /stage/"), "{notes}");
        assert_eq!(with(&[service]).0.as_deref(), Some("/service/"));
        let (_, notes) = with(&[store("/service/", &["vega"], &[0, 1])]);
        assert!(notes.contains("nova/0, nova/1"), "{notes}");
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
