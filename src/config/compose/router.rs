//! A HAProxy container: where its statistics page, its runtime API, and the cluster behind it are reached, from a mounted
//! `haproxy.cfg` where there is one, else from the ports it publishes.

use super::haproxy_cfg::{Configured, read};
use super::labels::proxied_page;
use super::login;
use super::project::Project;
use super::reach::Reached;
use super::service::Service;
use crate::config::discovered::{DiscoveredLogin, DiscoveredRouter};

/// Ports that statistics pages are usually found on, with the path they usually have there.
const STATISTICS: [(u16, &str); 4] = [(7000, "/"), (8404, "/stats"), (1936, "/"), (9000, "/")];
/// Ports that the runtime API is usually found on.
const RUNTIME: [u16; 3] = [9999, 9998, 1999];

/// Ports that usually lead to the leader: Patroni's own example, then PostgreSQL's.
const WRITE: [u16; 2] = [5000, 5432];
/// Ports that usually lead to the replicas.
const READ: [u16; 2] = [5001, 5433];

pub(super) fn router(project: &Project<'_>, service: &Service) -> DiscoveredRouter {
    let mounted = project.mounted(service, |target| target.ends_with("haproxy.cfg"));
    let mounted = mounted.or_else(|| project.mounted_within(service, "haproxy.cfg"));
    let by_file = mounted.is_some();
    let configured = mounted.map(|(_, text)| read(&text)).unwrap_or_default();
    let mut remarks = configured.remarks.clone();
    let reached = |port: u16| match project.reach(service, port) {
        Reached::At(host, port) => Some(super::reach::host_port(&host, port)),
        Reached::Unknown | Reached::Unpublished => None,
    };

    // At an address of its own every port would seem to be reached: a guess counts only where the port is opened.
    let opened = |port: u16| if service.opens(port) { reached(port) } else { None };

    let path = service.environment.iter().find_map(|(name, variable)| {
        let like = ["_STATS_PATH", "_STATS_URI"].iter().any(|ending| name.ends_with(ending));
        (like && variable.value.starts_with('/')).then(|| variable.value.clone())
    });
    // A reverse proxy in front of the page says in its labels under which name it is seen.
    let proxied = proxied_page(service);
    let stats = match &configured.stats {
        Some((port, uri)) => {
            let reached = reached(*port);
            if reached.is_none() && proxied.is_none() {
                remarks.push(format!("Its statistics page on port {port} of the container is not published."));
            }
            reached.map(|address| (address, uri.clone()))
        }
        None => {
            let usual = STATISTICS.iter().find_map(|(port, usual)| Some((opened(*port)?, (*usual).to_owned())));
            usual.map(|(address, usual)| {
                if path.is_none() {
                    remarks.push(format!("The path {usual} of the statistics page is guessed from its port."));
                }
                (address, path.clone().unwrap_or(usual))
            })
        }
    };
    let page_path = stats.as_ref().map(|(_, path)| path.clone()).or_else(|| path.clone());
    let page_path = page_path.or_else(|| configured.stats.as_ref().map(|(_, uri)| uri.clone()));
    let by_proxy = proxied.map(|page| {
        remarks.push("Its statistics page is behind a reverse proxy, according to its labels.".to_owned());
        page.url(page_path.as_deref())
    });
    if stats.is_none() && configured.stats.is_none() && by_proxy.is_none() {
        let ports: Vec<String> = service.ports.iter().map(|port| port.container.to_string()).collect();
        remarks.push(if ports.is_empty() {
            "It publishes no port, so its statistics page and runtime API are unreachable.".to_owned()
        } else {
            format!("No statistics page was recognised among its ports {}.", ports.join(", "))
        });
    }

    let runtime = match configured.runtime {
        Some(port) => reached(port),
        None => RUNTIME.iter().find_map(|port| opened(*port)),
    };
    let others = RUNTIME.iter().filter_map(|port| opened(*port)).filter(|other| runtime.as_ref() != Some(other));
    let runtime_perhaps = if configured.runtime.is_none() { others.collect() } else { Vec::new() };

    let (write_address, read_address) = addresses(&configured, by_file, reached, opened, &mut remarks);

    let in_file = |user: String| DiscoveredLogin {
        user,
        password: None,
        remarks: vec!["Its password is in haproxy.cfg (stats auth).".to_owned()],
    };
    DiscoveredRouter {
        name: service.name.clone(),
        stats: stats
            .map(|(address, path)| format!("http://{address}{}", if path == "/" { "" } else { path.as_str() }))
            .or(by_proxy),
        login: login::statistics(project, service).or_else(|| configured.user.map(in_file)),
        runtime,
        runtime_perhaps,
        acting_runtime: None,
        write_backends: Vec::new(),
        write_address,
        read_address,
        remarks,
        doubt: None,
    }
}

/// Where clients reach the leader and the replicas: as its file says, else by the usual ports.
fn addresses(
    configured: &Configured,
    by_file: bool,
    reached: impl Fn(u16) -> Option<String>,
    opened: impl Fn(u16) -> Option<String>,
    remarks: &mut Vec<String>,
) -> (Option<String>, Option<String>) {
    if by_file {
        return (configured.write.and_then(&reached), configured.read.and_then(&reached));
    }
    let usual = |ports: [u16; 2]| ports.into_iter().find_map(&opened);
    let (write, read) = (usual(WRITE), usual(READ));
    if write.is_some() || read.is_some() {
        remarks.push("Which port routes to the leader, and which to the replicas, is guessed: check both.".to_owned());
    }
    (write, read)
}
