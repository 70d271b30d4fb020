//! A HAProxy container: where its statistics page and its runtime API are, from a mounted `haproxy.cfg` where there is
//! one, else from the ports it publishes.

use super::login;
use super::project::Project;
use super::reach::Reached;
use super::service::Service;
use crate::config::discovered::{DiscoveredLogin, DiscoveredRouter};

/// Ports that statistics pages are usually found on, with the path they usually have there.
const STATISTICS: [(u16, &str); 4] = [(7000, "/"), (8404, "/stats"), (1936, "/"), (9000, "/")];
/// Ports that the runtime API is usually found on.
const RUNTIME: [u16; 3] = [9999, 9998, 1999];

/// What a `haproxy.cfg` says of the two.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Configured {
    stats: Option<(u16, String)>,
    user: Option<String>,
    runtime: Option<u16>,
}

pub(super) fn router(project: &Project<'_>, service: &Service) -> DiscoveredRouter {
    let mounted = project.mounted(service, |target| target.ends_with("haproxy.cfg"));
    let mounted = mounted.or_else(|| project.mounted_within(service, "haproxy.cfg"));
    let configured = mounted.map(|(_, text)| read(&text)).unwrap_or_default();
    let mut remarks = Vec::new();
    let reached = |port: u16| match project.reach(service, port) {
        Reached::At(host, port) => Some(super::reach::host_port(&host, port)),
        Reached::Unknown | Reached::Unpublished => None,
    };

    let path = service.environment.iter().find_map(|(name, variable)| {
        let like = ["_STATS_PATH", "_STATS_URI"].iter().any(|ending| name.ends_with(ending));
        (like && variable.value.starts_with('/')).then(|| variable.value.clone())
    });
    let stats = match &configured.stats {
        Some((port, uri)) => {
            let reached = reached(*port);
            if reached.is_none() {
                remarks.push(format!("Its statistics page on port {port} of the container is not published."));
            }
            reached.map(|address| (address, uri.clone()))
        }
        None => {
            let usual = STATISTICS.iter().find_map(|(port, usual)| Some((reached(*port)?, (*usual).to_owned())));
            usual.map(|(address, usual)| {
                if path.is_none() {
                    remarks.push(format!("The path {usual} of the statistics page is a guess from its port."));
                }
                (address, path.clone().unwrap_or(usual))
            })
        }
    };
    if stats.is_none() && configured.stats.is_none() {
        let ports: Vec<String> = service.ports.iter().map(|port| port.container.to_string()).collect();
        remarks.push(if ports.is_empty() {
            "It publishes no port, so neither its statistics page nor its runtime API is reached.".to_owned()
        } else {
            format!("No statistics page was recognised among its ports {}.", ports.join(", "))
        });
    }

    let runtime = match configured.runtime {
        Some(port) => reached(port),
        None => RUNTIME.iter().find_map(|port| reached(*port)),
    };
    let others = RUNTIME.iter().filter_map(|port| reached(*port)).filter(|other| runtime.as_ref() != Some(other));
    let others: Vec<String> = others.collect();
    if configured.runtime.is_none() && !others.is_empty() {
        remarks.push(format!("Perhaps a runtime API of another level: {}.", others.join(", ")));
    }

    let in_file = |user: String| DiscoveredLogin {
        user,
        password: None,
        remarks: vec!["Its password is in haproxy.cfg (stats auth).".to_owned()],
    };
    DiscoveredRouter {
        name: service.name.clone(),
        stats: stats.map(|(address, path)| format!("http://{address}{}", if path == "/" { "" } else { path.as_str() })),
        login: login::statistics(project, service).or_else(|| configured.user.map(in_file)),
        runtime,
        remarks,
    }
}

/// Reads the few lines that matter here.
fn read(text: &str) -> Configured {
    let mut found = Configured::default();
    let mut port = None;
    let mut page: Option<(Option<u16>, Option<String>)> = None;
    let mut pages = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        match words.as_slice() {
            ["global" | "defaults" | "frontend" | "backend" | "listen" | "userlist" | "peers" | "resolvers", ..] => {
                pages.extend(page.take());
                port = None;
            }
            ["bind", address, ..] => {
                port = port.or_else(|| last_port(address));
                if let Some((bound, _)) = &mut page {
                    *bound = bound.or(port);
                }
            }
            ["stats", "enable", ..] => page = page.or(Some((port, None))),
            ["stats", "uri", uri, ..] => page = Some((port, Some((*uri).to_owned()))),
            ["stats", "auth", login, ..] => found.user = login.split_once(':').map(|(user, _)| user.to_owned()),
            ["stats", "socket", address, ..] => found.runtime = found.runtime.or_else(|| last_port(address)),
            _ => {}
        }
    }
    pages.extend(page);
    // HAProxy's own default where `stats enable` stands alone.
    let whole =
        |(port, uri): (Option<u16>, Option<String>)| Some((port?, uri.unwrap_or_else(|| "/haproxy?stats".to_owned())));
    found.stats = pages.into_iter().find_map(whole);
    found
}

/// The port of `*:7000`, `:::7000`, `ipv4@0.0.0.0:9999`; none of a socket's path.
fn last_port(address: &str) -> Option<u16> {
    if address.starts_with('/') || address.starts_with("unix@") {
        return None;
    }
    address.split(',').next()?.rsplit_once(':')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("listen stats\n  mode http\n  bind *:7000\n  stats enable\n  stats uri /\n", Some((7000, "/")), None)]
    #[case("frontend f\n  bind :5000\nfrontend s\n  stats uri /s # page\n  bind 0.0.0.0:8404\n", Some((8404, "/s")), None)]
    #[case("listen s\n  bind :1936\n  stats enable\n  stats auth me:secret\n", Some((1936, "/haproxy?stats")), None)]
    #[case("global\n  stats socket /run/h.sock\n  stats socket ipv4@*:9999 level admin\n", None, Some(9999))]
    #[case("defaults\n  mode tcp\n  stats enable\n", None, None)]
    #[case("", None, None)]
    fn the_page_and_the_runtime_api_are_read_from_haproxys_own_file(
        #[case] text: &str,
        #[case] stats: Option<(u16, &str)>,
        #[case] runtime: Option<u16>,
    ) {
        let found = read(text);
        assert_eq!(found.stats.as_ref().map(|(port, uri)| (*port, uri.as_str())), stats);
        assert_eq!(found.runtime, runtime);
        assert!(!format!("{found:?}").contains("secret"));
    }
}
