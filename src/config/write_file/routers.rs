//! `[[routers]]`.

use super::super::address::HostPort;
use super::super::discovered::{Discovered, DiscoveredRouter};
use super::super::value::http_url;
use super::Asked;
use super::file::{File, clean, text};

pub(super) fn routers(file: &mut File, cluster: &str, found: &Discovered, asked: &Asked) {
    let by_url = asked.routers.iter().map(|(name, url)| DiscoveredRouter {
        name: name.clone(),
        stats: Some(url.clone()),
        ..DiscoveredRouter::default()
    });
    let routers: Vec<DiscoveredRouter> = by_url.chain(found.routers.iter().cloned()).collect();
    let mut names = std::collections::BTreeSet::new();
    for (index, router) in routers.iter().enumerate() {
        let name = clean(&router.name);
        let name = if name.is_empty() || names.contains(&name) { format!("router-{index}") } else { name };
        let stats = router.stats.as_deref().filter(|url| http_url(url).is_ok());
        let has_port = |address: &&str| HostPort::parse(address).is_some_and(|address| address.port.is_some());
        let runtime = router.runtime.as_deref().filter(has_port);
        if stats.is_none() && runtime.is_none() {
            if !router.remarks.is_empty() {
                file.prose(format!("Router {name} was found, but no address to query it:"));
                router.remarks.iter().for_each(|remark| file.prose(remark));
                file.blank();
            }
            continue;
        }
        if !names.insert(name.clone()) {
            continue;
        }
        if let (Some(doubt), Some(url)) = (&router.doubt, stats) {
            file.prose(format!("A router responds at {url}, but {doubt}. If it belongs to this cluster anyway:"));
            file.comment(format!("[[{cluster}.routers]]"));
            file.comment(format!("name = {}", text(&name)));
            file.comment(format!("stats = {}", text(url)));
            file.blank();
            continue;
        }
        file.line(format!("[[{cluster}.routers]]"));
        file.set("name", &text(&name), "");
        router.remarks.iter().for_each(|remark| file.prose(remark));
        if let Some(url) = stats {
            file.set("stats", &text(url), "");
        }
        if let Some(address) = runtime {
            file.set("runtime", &text(&format!("tcp:{address}")), "");
        }
        acting(file, router);
        let known = [("write_address", &router.write_address, "5000"), ("read_address", &router.read_address, "5001")];
        for (key, address, usual) in known {
            match address.as_deref().filter(has_port) {
                Some(address) => file.set(key, &text(address), ""),
                None => file.comment(format!("{key} = \"10.0.0.21:{usual}\"   # {}", purpose(key))),
            }
        }
        if stats.is_some() {
            file.login(router.login.as_ref());
        }
        file.blank();
    }
    if names.is_empty() {
        file.comment(format!("[[{cluster}.routers]]"));
        file.comment("name = \"haproxy\"");
        file.comment("stats = \"http://10.0.0.21:7000/;csv\"");
        file.comment("runtime = \"tcp:10.0.0.21:9999\"     # or \"unix:/run/haproxy/admin.sock\"");
        acting(file, &DiscoveredRouter::default());
        for (key, usual) in [("write_address", "5000"), ("read_address", "5001")] {
            file.comment(format!("{key} = \"10.0.0.21:{usual}\"   # {}", purpose(key)));
        }
        file.blank();
    }
}

/// What `server`, `settle` and swift switchovers want to know.
fn acting(file: &mut File, router: &DiscoveredRouter) {
    let what = "at level admin: for `server`, `drain`, `fix-routing` and swift switchovers";
    match &router.acting_runtime {
        Some(address) => file.set("acting", &format!("{{ runtime = {} }}", text(&format!("tcp:{address}"))), what),
        None => file.comment(format!("acting = {{ runtime = \"tcp:10.0.0.21:9999\" }}   # {what}")),
    }
    let backends: Vec<String> = router.write_backends.iter().map(|name| text(&clean(name))).collect();
    let what = "the backends that route to the leader: a swift switchover does not guess";
    if backends.is_empty() {
        file.comment(format!("write_backends = [\"primary\"]   # {what}"));
    } else {
        file.set("write_backends", &format!("[{}]", backends.join(", ")), "by name and by its current target: check");
    }
}

fn purpose(key: &str) -> &'static str {
    if key == "write_address" { "where clients connect to the leader through it" } else { "and where to the replicas" }
}
