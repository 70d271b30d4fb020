//! From services with roles to a cluster: members, etcd, routers, exporters, and the map of addresses.

use std::collections::{BTreeMap, BTreeSet};

use super::ComposeSource;
use super::agent::{Agent, Store, SureValue};
use super::login;
use super::plain;
use super::pooler::pooler;
use super::preparation::preparation;
use super::project::Project;
use super::reach::{Reached, host_port};
use super::role::{ETCD_PORT, EXPORTER_PORT, PATRONI_PORT, POSTGRES_PORT, Role, roles};
use super::router::router;
use super::server::server_port;
use super::service::Service;
use crate::config::discovered::{Discovered, DiscoveredMember, DiscoveredPreparation};
use crate::config::error::{ConfigError, ConfigProblem, SettingLocation};

type Recognised<'p> = Vec<(&'p Service, BTreeSet<Role>)>;

/// Puts together what the services of `project` make up.
pub(super) fn discover(project: &Project<'_>, source: ComposeSource<'_>) -> Result<Discovered, ConfigError> {
    let recognised: Recognised<'_> = project.services.iter().map(|service| (service, roles(service))).collect();
    let with = |role: Role| -> Vec<&Service> {
        recognised.iter().filter(|(_, roles)| roles.contains(&role)).map(|(service, _)| *service).collect()
    };
    let wrong = |key: &str, problem: String, remedy: &str| {
        let place = SettingLocation::File { path: source.path.to_owned(), line: None };
        ConfigError::Wrong(vec![ConfigProblem {
            location: place,
            key: key.to_owned(),
            problem,
            remedy: remedy.to_owned(),
        }])
    };

    let agents: Vec<Agent<'_>> = with(Role::Patroni).into_iter().map(|service| Agent::new(project, service)).collect();
    let several =
        agents.iter().filter_map(Agent::scope).map(|reported| reported.value).collect::<BTreeSet<_>>().len() > 1;
    let (scope, agents) = chosen(agents, source.scope).map_err(|scopes| {
        let problem = format!("contains {} clusters: {}", scopes.len(), scopes.join(", "));
        wrong("", problem, "choose one with --scope NAME")
    })?;
    if let (Some(wanted), true) = (source.scope, agents.is_empty()) {
        let problem = format!("contains no member of a cluster `{wanted}`");
        let remedy = "omit --scope to list them";
        return Err(wrong("services", problem, &or_profile(project, remedy)));
    }
    // Without an agent, etcd keeps the record of something else.
    let (plain, etcd) =
        if agents.is_empty() { (with(Role::Postgres), Vec::new()) } else { (Vec::new(), with(Role::Etcd)) };
    if agents.is_empty() && plain.is_empty() {
        if let (true, Some(profiles)) = (project.services.is_empty(), project.left_out.profiles()) {
            let problem = format!("all of them belong to profiles, none of which is active: {profiles}");
            return Err(wrong(
                "services",
                problem,
                "choose one with --profile NAME, or COMPOSE_PROFILES as for Compose",
            ));
        }
        let names: Vec<&str> = project.services.iter().map(|service| service.name.as_str()).collect();
        let problem = format!("no PostgreSQL was recognised among: {}", names.join(", "));
        let remedy = "use a running member instead: `pgctl-tui init --patroni URL`";
        return Err(wrong("services", problem, &or_profile(project, remedy)));
    }

    let mut found = Discovered {
        scope: scope.as_ref().map(|scope| scope.value.clone()),
        origin: source.path.file_name().map(|name| name.to_string_lossy().into_owned()),
        notes: project.notes.clone(),
        ..Discovered::default()
    };
    if several {
        let note = "the compose file contains other clusters; check whether the routers and exporters below belong to this one";
        found.notes.push(note.to_owned());
    }
    if scope.is_none() && !agents.is_empty() {
        found.notes.push("the scope is not in the compose file; it is read from the members".to_owned());
    }
    guessed(&mut found.notes, "the scope", scope.as_ref());
    let namespace = agents.iter().find_map(Agent::namespace);
    guessed(&mut found.notes, "the namespace", namespace.as_ref());
    found.namespace = namespace.map(|namespace| namespace.value);

    found.members = agents.iter().map(|agent| member(project, agent)).collect();
    found.members.extend(plain.iter().map(|service| plain::member(project, service)));
    if agents.is_empty() {
        found.notes.push("no Patroni was recognised; the nodes are queried by SQL only".to_owned());
        found.notes.extend(plain::foreign_nodes(&plain));
    }
    found.agents = found.members.iter().filter_map(|member| member.rest.clone()).collect();
    add_etcd(&mut found, project, &etcd, &agents);
    found.routers = with(Role::Router).into_iter().map(|service| router(project, service)).collect();
    found.poolers = with(Role::Pooler).into_iter().map(|service| pooler(project, service)).collect();
    let members: Vec<&Service> = agents.iter().map(|agent| agent.service).chain(plain).collect();
    add_exporters(&mut found, project, &with(Role::Exporter), &members);
    found.address_map = address_map(project, &agents, &members, &etcd);

    let of_agents = agents.iter().map(|agent| (agent.name().value, agent.service.name.clone()));
    let named = |service: &&Service| {
        let name = service.value(&["ETCD_NAME"]).unwrap_or(&service.name);
        (name.to_owned(), service.name.clone())
    };
    found.containers = of_agents.collect();
    found.containers.extend(etcd.iter().map(named));
    found.containers.extend(with(Role::Router).iter().map(|service| (service.name.clone(), service.name.clone())));

    found.preparation = preparation(&project.services, &members, &with(Role::Router));

    let parts = [with(Role::Router), with(Role::Exporter), with(Role::Pooler), etcd, members.clone()].concat();
    found.notes.extend(left_out(project, &parts, found.preparation.as_ref()));

    // What the nodes themselves are given goes before what their clients are.
    let others = project.services.iter().filter(|service| members.iter().all(|member| member.name != service.name));
    let everything: Vec<&Service> = members.iter().copied().chain(others).collect();
    found.postgres_login = login::postgres(project, &everything, &agents);
    if !agents.is_empty() {
        found.agents_login = login::rest(project, &members, &agents);
        found.etcd_login = login::etcd(project, &everything);
    }
    found.members.sort_by(|a, b| a.name.cmp(&b.name));
    add_warnings(&mut found, project, &members, &agents);
    Ok(found)
}

/// The agents of the one cluster that is meant, or the scopes to choose from.
fn chosen<'p>(
    agents: Vec<Agent<'p>>,
    wanted: Option<&str>,
) -> Result<(Option<SureValue>, Vec<Agent<'p>>), Vec<String>> {
    let mut scopes: BTreeMap<String, SureValue> = BTreeMap::new();
    for reported in agents.iter().filter_map(Agent::scope) {
        scopes.entry(reported.value.clone()).or_insert(reported);
    }
    match (wanted, scopes.len()) {
        (Some(wanted), 1..) => {
            let of_it = |agent: &Agent<'_>| agent.scope().is_some_and(|reported| reported.value == wanted);
            Ok((scopes.remove(wanted), agents.into_iter().filter(of_it).collect()))
        }
        (Some(wanted), 0) => Ok((Some(SureValue { value: wanted.to_owned(), guessed_from: None }), agents)),
        (None, 0 | 1) => Ok((scopes.into_values().next(), agents)),
        (None, _) => Err(scopes.into_keys().collect()),
    }
}

fn guessed(notes: &mut Vec<String>, what: &str, reported: Option<&SureValue>) {
    if let Some(SureValue { value, guessed_from: Some(from) }) = reported {
        notes.push(format!("{what} `{value}` was taken from {from}; it must match patroni.yml"));
    }
}

fn member(project: &Project<'_>, agent: &Agent<'_>) -> DiscoveredMember {
    let service = agent.service;
    let name = agent.name();
    let mut remarks = Vec::new();
    if let Some(from) = &name.guessed_from {
        remarks.push(format!("The name was taken from {from}; it must match the name in Patroni."));
    }
    let own_name = service.hostname.as_deref().unwrap_or(&service.name);
    let scheme = if agent.rest_tls() { "https" } else { "http" };
    let rest_port = agent.rest_port();
    let advertised = agent.advertised_rest();
    let api_host = advertised.as_ref().map_or(own_name, |address| &address.host);
    let api_port = advertised.as_ref().and_then(|address| address.port).unwrap_or(rest_port);
    let postgres_port = agent.postgres_port();
    let database = agent.advertised_postgres();
    let rest = reached(project, service, rest_port, "Patroni", &mut remarks);
    let postgres = reached(project, service, postgres_port, "PostgreSQL", &mut remarks);
    DiscoveredMember {
        name: name.value,
        api_url: Some(format!("{scheme}://{}", host_port(api_host, api_port))),
        host: Some(database.as_ref().map_or_else(|| own_name.to_owned(), |address| address.host.clone())),
        port: Some(database.and_then(|address| address.port).unwrap_or(postgres_port)),
        rest: rest.map(|(host, port)| format!("{scheme}://{}", host_port(&host, port))),
        postgres,
        remarks,
        ..DiscoveredMember::default()
    }
}

/// Where this host reaches `port` of `service`; what to do where it does not becomes a remark.
pub(super) fn reached(
    project: &Project<'_>,
    service: &Service,
    port: u16,
    what: &str,
    remarks: &mut Vec<String>,
) -> Option<(String, u16)> {
    match project.reach(service, port) {
        Reached::At(host, port) => Some((host, port)),
        Reached::Unknown => {
            remarks.push(format!(
                "{what} is published on a port that Docker picks at every start; `docker compose port {} {port}` \
                    shows it. Better: ports: [\"127.0.0.1:{port}:{port}\"]",
                service.name
            ));
            None
        }
        Reached::Unpublished => {
            remarks.push(format!(
                "{what} on port {port} of the container is not published; add to service {}: ports: \
                    [\"127.0.0.1:{port}:{port}\"], with a different first port for each member.",
                service.name
            ));
            None
        }
    }
}

fn add_etcd(found: &mut Discovered, project: &Project<'_>, services: &[&Service], agents: &[Agent<'_>]) {
    let store = agents.iter().find_map(Agent::store);
    if let Some(Store::Other(name)) = &store {
        found.notes.push(format!("the DCS is {name}, which is read only through the REST API of Patroni"));
        return;
    }
    let mut unpublished = Vec::new();
    for service in services {
        match project.reach(service, etcd_port(service)) {
            Reached::At(host, port) => {
                let scheme = if etcd_tls(service) { "https" } else { "http" };
                found.etcd.push(format!("{scheme}://{}", host_port(&host, port)));
            }
            Reached::Unknown | Reached::Unpublished => unpublished.push(service.name.as_str()),
        }
    }
    if !unpublished.is_empty() {
        found.notes.push(format!(
            "etcd is not published by the service {}; the DCS state is read through the Patroni REST API: with a \
                delay, and without the health of etcd itself",
            unpublished.join(", ")
        ));
    }
    if let Some(Store::Etcd { hosts, tls }) = store {
        // What the compose file does not run itself is reached as Patroni reaches it.
        let here = |host: &str| {
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            project.services.iter().any(|service| service.names().any(|own| own == name))
        };
        let scheme = if tls { "https" } else { "http" };
        let outside = hosts.iter().filter(|host| !here(host) && host.contains(|c: char| c.is_alphanumeric()));
        found.etcd.extend(outside.map(|host| {
            let port = if host.contains(':') { String::new() } else { format!(":{ETCD_PORT}") };
            format!("{scheme}://{host}{port}")
        }));
    }
}

const ETCD_URLS: [&str; 2] = ["ETCD_LISTEN_CLIENT_URLS", "ETCD_ADVERTISE_CLIENT_URLS"];

/// The client URLs of an etcd container, by environment or command line.
fn etcd_urls(service: &Service) -> Vec<String> {
    let flags = ["--listen-client-urls", "--advertise-client-urls"];
    let by_flag = service.command.iter().enumerate().filter_map(|(at, word)| {
        let (flag, value) = word.split_once('=').map_or((word.as_str(), None), |(flag, value)| (flag, Some(value)));
        flags.contains(&flag).then(|| value.or_else(|| service.command.get(at + 1).map(String::as_str)))?
    });
    let reported = ETCD_URLS.iter().filter_map(|name| service.value(&[name])).chain(by_flag);
    reported
        .flat_map(|urls| urls.split(','))
        .map(|url| url.trim().to_owned())
        .filter(|url| url.contains("://"))
        .collect()
}

fn etcd_port(service: &Service) -> u16 {
    if service.opens(ETCD_PORT) {
        return ETCD_PORT;
    }
    let ports =
        etcd_urls(service).into_iter().filter_map(|url| url.rsplit_once(':')?.1.trim_end_matches('/').parse().ok());
    ports.into_iter().find(|port| service.opens(*port)).unwrap_or(ETCD_PORT)
}

fn etcd_tls(service: &Service) -> bool {
    etcd_urls(service).iter().any(|url| url.starts_with("https:")) || service.value(&["ETCD_CERT_FILE"]).is_some()
}

/// Gives each exporter to the member that it asks.
fn add_exporters(found: &mut Discovered, project: &Project<'_>, exporters: &[&Service], members: &[&Service]) {
    for service in exporters {
        let url = match project.reach(service, EXPORTER_PORT) {
            Reached::At(host, port) => format!("http://{}/metrics", host_port(&host, port)),
            Reached::Unknown | Reached::Unpublished => {
                found.notes.push(format!("the exporter {} is not published and therefore not queried", service.name));
                continue;
            }
        };
        let target = asked_by(service, members);
        match target.and_then(|index| found.members.get_mut(index)) {
            Some(member) => member.exporter = Some(url),
            None => found.notes.push(format!(
                "the node of exporter {} at {url} was not recognised; set it as exporter under that node",
                service.name
            )),
        }
    }
}

/// The member that an exporter stands beside: by container, by network, by the address it is given, by name.
fn asked_by(exporter: &Service, members: &[&Service]) -> Option<usize> {
    let same = members.iter().position(|member| member.name == exporter.name);
    let network = exporter.network_mode.as_deref().and_then(|mode| mode.strip_prefix("service:"));
    let shared = || members.iter().position(|member| Some(member.name.as_str()) == network);
    let given = || {
        let values = || exporter.environment.values().map(|variable| variable.value.as_str());
        let asks = |name: &str| values().any(|value| hosts_in(value).any(|host| host == name));
        one_of(members, |member| member.names().any(asks))
    };
    let alike = || {
        let begins = |name: &str| exporter.name.starts_with(name) || exporter.name.ends_with(name);
        // Of `pg-1` and `pg-10` the longer one is meant.
        let longest = |member: &&Service| member.names().filter(|name| begins(name)).map(str::len).max();
        let best = members.iter().enumerate().filter_map(|(index, member)| Some((longest(member)?, index))).max();
        best.map(|(_, index)| index)
    };
    same.or_else(shared).or_else(given).or_else(alike)
}

/// The only member that is so; none where several are.
fn one_of(members: &[&Service], so: impl Fn(&Service) -> bool) -> Option<usize> {
    let mut those = members.iter().enumerate().filter(|(_, member)| so(member)).map(|(index, _)| index);
    let first = those.next()?;
    those.next().is_none().then_some(first)
}

/// Words of a value that may be hosts: `pg-0`, `pg-0:5432/db`, `postgresql://user:password@pg-0:5432/db`.
pub(super) fn hosts_in(value: &str) -> impl Iterator<Item = &str> {
    let behind_user = value.rsplit_once('@').map_or(value, |(_, host)| host);
    behind_user.split(|c: char| !(c.is_alphanumeric() || ".-_".contains(c))).filter(|word| !word.is_empty())
}

/// From every name and address that containers know each other by to where this host reaches the same port. Names that
/// several containers share, such as an alias for any node, lead nowhere.
fn address_map(
    project: &Project<'_>,
    agents: &[Agent<'_>],
    members: &[&Service],
    etcd: &[&Service],
) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut add = |from: String, to: &str| {
        if from != to {
            all.entry(from).or_default().insert(to.to_owned());
        }
    };
    for service in members.iter().chain(etcd) {
        let mut ports: BTreeSet<u16> = service.ports.iter().map(|port| port.container).collect();
        // At a fixed address every port is reached, published or not.
        if !service.addresses.is_empty() {
            if members.iter().any(|member| member.name == service.name) {
                ports.extend(usual_ports(service, agents));
            } else {
                ports.insert(ETCD_PORT);
            }
        }
        for port in ports {
            let Reached::At(host, reached) = project.reach(service, port) else { continue };
            let to = host_port(&host, reached);
            for name in service.names() {
                add(host_port(name, port), &to);
            }
        }
    }
    for agent in agents {
        let reported =
            [(agent.advertised_rest(), agent.rest_port()), (agent.advertised_postgres(), agent.postgres_port())];
        for (advertised, port) in reported {
            if let (Some(advertised), Reached::At(host, reached)) = (advertised, project.reach(agent.service, port)) {
                add(host_port(&advertised.host, advertised.port.unwrap_or(port)), &host_port(&host, reached));
            }
        }
    }
    let unique = all.into_iter().filter_map(|(from, to)| {
        let mut to = to.into_iter();
        let first = to.next()?;
        to.next().is_none().then_some((from, first))
    });
    unique.collect()
}

/// The ports at which a node is asked.
fn usual_ports(service: &Service, agents: &[Agent<'_>]) -> Vec<u16> {
    let has_agent = agents.iter().any(|agent| agent.service.name == service.name);
    if has_agent { vec![PATRONI_PORT, POSTGRES_PORT] } else { vec![server_port(service)] }
}

/// Services that are none of the `parts` of the cluster, such as its backup.
fn left_out(project: &Project<'_>, parts: &[&Service], preparation: Option<&DiscoveredPreparation>) -> Option<String> {
    let prepares = |service: &Service| {
        let container = service.container_name.as_ref().unwrap_or(&service.name);
        preparation.is_some_and(|preparation| preparation.container == *container)
    };
    let is_part = |service: &Service| prepares(service) || parts.iter().any(|part| part.name == service.name);
    let others = project.services.iter().filter(|service| !is_part(service));
    let names: Vec<&str> = others.map(|service| service.name.as_str()).collect();
    (!names.is_empty()).then(|| format!("ignored, not part of the cluster according to the file: {}", names.join(", ")))
}

/// What else may help where services were left out.
fn or_profile(project: &Project<'_>, remedy: &str) -> String {
    match project.left_out.profiles() {
        Some(profiles) => format!("activate a profile with --profile NAME ({profiles}), or {remedy}"),
        None => remedy.to_owned(),
    }
}

/// Ports of the host that several services claim: it gives each to one of them, and the others do not start.
fn shared_ports(project: &Project<'_>) -> Vec<String> {
    let published = project.services.iter().flat_map(|service| &service.ports);
    let places: BTreeSet<(&str, u16)> =
        published.filter_map(|port| Some((port.address.as_str(), port.host?))).collect();
    let claims = places.into_iter().filter_map(|(address, port)| {
        let names: Vec<&str> = project.claimants(address, port).map(|service| service.name.as_str()).collect();
        let several = names.len() > 1;
        several.then(|| {
            let place = host_port(address, port);
            format!("{} publish the same port of the host, {place}: it reaches at most one of them", names.join(", "))
        })
    });
    claims.collect()
}

fn add_warnings(found: &mut Discovered, project: &Project<'_>, members: &[&Service], agents: &[Agent<'_>]) {
    let nothing = found.members.iter().all(|member| member.rest.is_none() && member.postgres.is_none());
    if nothing && !found.members.is_empty() {
        found.notes.insert(
            0,
            "no port of any PostgreSQL node is published: this cluster is unreachable from outside of the compose network. \
                Publish the ports listed below, or run the console in a container of the same network"
                .to_owned(),
        );
    }
    for service in members.iter().filter(|service| service.copies.is_some_and(|copies| copies > 1)) {
        found.notes.push(format!(
            "service {} has several replicas; only one of its containers can be configured here",
            service.name
        ));
    }
    let own = |service: &&&Service| {
        usual_ports(service, agents).into_iter().any(|port| project.is_reached_by_own_address(service, port))
    };
    let fixed: Vec<&str> = members.iter().filter(own).map(|service| service.name.as_str()).collect();
    if !fixed.is_empty() {
        found.notes.push(format!(
            "{} have fixed container addresses, which are reachable only from the host of the container engine; \
                publish their ports for other hosts",
            fixed.join(", ")
        ));
    }
    found.notes.extend(shared_ports(project));
    let nameless = |agent: &Agent<'_>| agent.service.hostname.is_none() && agent.advertised_rest().is_none();
    if !nothing && agents.iter().any(nameless) {
        found.notes.push(
            "members without `hostname:` may advertise an address that changes at every start; the addresses configured \
                for each node below still work"
                .to_owned(),
        );
    }
}
