//! Asking what the plan of a drill needs to know: containers, the DCS's other clusters, publications, earlier drills.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::action::drill::{FaultKind, Means, Part, Scenario, Survey};
use crate::config::endpoint::RuntimeApi;
use crate::config::environment::Environment;
use crate::config::resolved::ClusterSettings;
use crate::driver::dcs::etcd::find_all_scopes;
use crate::driver::node::postgres::PostgresProbe;
use crate::driver::port::drill::Probe as _;
use crate::driver::runtime::{Place, firewall, means, watchdog};
use crate::model::agent::Address;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::operate::drill::Reports;
use crate::wire::engine::engine;
use crate::wire::{job, stack};

/// The users' way for writing, and for reading.
fn ways(cluster: &ClusterSettings) -> Option<(Address, Option<Address>)> {
    let address = |(host, port): &(String, u16)| Address { host: Text::new(host), port: *port };
    let router = cluster.routers.iter().find(|router| router.write_address.is_some())?;
    Some((address(router.write_address.as_ref()?), router.read_address.as_ref().map(address)))
}

/// The probe; an error: what is missing for one.
pub(super) fn probe(cluster: &ClusterSettings) -> Result<PostgresProbe, Text> {
    let Some((write, read)) = ways(cluster) else {
        return Err(Text::new("no router has a write_address: set write_address and read_address in [[routers]]"));
    };
    let Some(access) = &cluster.drills.probe else {
        return Err(Text::new("no role for the probe is configured: set drills.user, or postgres.acting"));
    };
    Ok(PostgresProbe::new(access.clone(), write, read, Arc::new(Environment::of_process())))
}

/// Asks what a plan needs to know besides the picture. `may_log_in`: the probe's login may be used; a dry run uses it,
/// too, since without it nobody knows of publications, and a check that is not known blocks.
pub(super) async fn survey(
    cluster: &ClusterSettings,
    scope: Option<&str>,
    snapshot: &Snapshot,
    scenario: Scenario,
    may_log_in: bool,
) -> Survey {
    let engine = engine(cluster.drills.engine.as_deref());
    let (parts, dcs) = parts(cluster, snapshot);
    let by = match scenario.breaks() {
        Some(_) => means(&cluster.drills, &engine, &parts).await,
        // Nothing is broken: an engine that does not answer is waited for by nobody.
        None => BTreeMap::new(),
    };
    let probe = probe(cluster);
    let write_address = match &probe {
        Ok(_) => ways(cluster).map(|(write, _)| Ok(Text::new(write.to_string()))),
        Err(why) => Some(Err(why.clone())),
    };
    let publications = match &probe {
        Ok(probe) if may_log_in => Some(match probe.survey().await {
            Ok(ground) => Ok(ground.publications),
            Err(error) => Err(Text::redacted(error.to_string())),
        }),
        Ok(_) | Err(_) => None,
    };
    let others = match &cluster.etcd {
        Some(etcd) if scenario == Scenario::Dcs => Some(match find_all_scopes(etcd).await {
            Ok(found) => {
                let others = found
                    .iter()
                    .filter(|other| other.namespace != cluster.namespace || Some(other.scope.as_str()) != scope);
                Ok(others.map(|other| Text::new(format!("{}{}", other.namespace, other.scope))).collect())
            }
            Err(error) => Err(Text::redacted(error.to_string())),
        }),
        Some(_) | None => None,
    };
    let leader = snapshot.leader().map(|leader| Part::Member(leader.value));
    let means_of = |kind| leader.clone().and_then(|leader| by.get(&(leader, kind)));
    let drops = match scenario {
        Scenario::Freeze => means_of(FaultKind::Freeze),
        Scenario::Cut => means_of(FaultKind::Cut),
        _ => None,
    };
    let firewall = match drops {
        Some(Ok(Means::Container { id, .. })) => firewall(&engine, id).await,
        Some(_) | None => None,
    };
    let guarded = match (cluster.drills.watchdog, means_of(FaultKind::Freeze)) {
        (Some(told), _) => Some(told),
        (None, Some(Ok(Means::Container { id, .. }))) if scenario == Scenario::Freeze => watchdog(&engine, id).await,
        (None, _) => None,
    };
    Survey {
        opted_in: cluster.drills.enabled,
        means: by,
        dcs,
        others,
        publications,
        watchdog: guarded,
        firewall,
        write_address,
        hold: cluster.drills.hold,
        earlier: Reports::below(&job::state()).earlier(&cluster.name),
    }
}

/// Every part with what tells its container, and the names of the DCS's members.
fn parts(cluster: &ClusterSettings, snapshot: &Snapshot) -> (BTreeMap<Part, Place>, Vec<Text>) {
    let is_telling = |host: &String| !matches!(host.as_str(), "127.0.0.1" | "::1" | "localhost" | "");
    let mut parts = BTreeMap::new();
    for member in &snapshot.members {
        let record = snapshot.record().and_then(|reading| reading.last());
        let registration = record.and_then(|content| content.member(&member.name));
        let reached = stack::contact(cluster, &member.name, registration);
        let advertised = registration.and_then(|registration| registration.postgres.as_ref());
        let mut doors: Vec<u16> = reached.postgres.iter().map(|address| address.port).collect();
        doors.extend(reached.agent_url.as_ref().and_then(|url| port_of(url.as_str())));
        let mut hosts: Vec<String> = reached.postgres.iter().map(|address| address.host.to_string()).collect();
        hosts.extend(advertised.map(|address| address.host.to_string()));
        hosts.push(member.name.to_string());
        hosts.retain(is_telling);
        let inner = advertised.map(|address| address.port);
        parts.insert(Part::Member(member.name.clone()), Place { ports: doors, hosts, inner });
    }
    for router in &cluster.routers {
        let mut doors: Vec<u16> = Vec::new();
        doors.extend(router.write_address.iter().chain(&router.read_address).map(|(_, port)| *port));
        doors.extend(router.stats.as_ref().and_then(|stats| port_of(&stats.url)));
        if let Some(RuntimeApi::Tcp(address)) = &router.runtime {
            doors.extend(port_of(address));
        }
        let mut hosts: Vec<String> = router.write_address.iter().map(|(host, _)| host.clone()).collect();
        hosts.push(router.name.to_string());
        hosts.retain(is_telling);
        parts.insert(Part::Router(router.name.clone()), Place { ports: doors, hosts, inner: None });
    }
    let mut dcs = Vec::new();
    for reading in &snapshot.dcs.members {
        let Some(name) = reading.last().map(|member| member.name.clone()).filter(|name| !name.is_empty()) else {
            continue;
        };
        let doors = port_of(reading.source.target.as_str()).into_iter().collect();
        parts.insert(Part::Dcs(name.clone()), Place { ports: doors, hosts: vec![name.to_string()], inner: None });
        dcs.push(name);
    }
    dcs.sort();
    (parts, dcs)
}

/// The port at the end of an address or URL.
fn port_of(text: &str) -> Option<u16> {
    let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = authority.split('/').next()?;
    authority.rsplit_once(':')?.1.parse().ok()
}
