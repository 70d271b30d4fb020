//! Asking what the plan of a drill needs to know: containers, the DCS's other clusters, publications, earlier drills.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use crate::action::Intent;
use crate::action::drill::{ClusterPart, FaultKind, InjectionMethod, Scenario, Survey};
use crate::action::inspected::Inspected;
use crate::action::plan::Infeasible;
use crate::config::endpoint::{PoolerAddress, RuntimeApi};
use crate::config::environment::Environment;
use crate::config::resolved::ClusterSettings;
use crate::driver::node::postgres::PostgresProbe;
use crate::driver::port::Inspect;
use crate::driver::port::drill::Probe as _;
use crate::driver::runtime::{PartLocation, firewall, injection_methods, watchdog};
use crate::model::agent::Address;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::operate::drill::Reports;
use crate::wire::engine::engine;
use crate::wire::job;
use crate::wire::stack::{AssembledStack, member_address};
use crate::wire::{own_pauses, pooler_traffic};

/// The users' way for writing, and for reading.
fn acting_access(cluster: &ClusterSettings) -> Option<(Address, Option<Address>)> {
    let address = |(host, port): &(String, u16)| Address { host: Text::new(host), port: *port };
    let router = cluster.routers.iter().find(|router| router.write_address.is_some())?;
    Some((address(router.write_address.as_ref()?), router.read_address.as_ref().map(address)))
}

/// The probe; an error: what is missing for one.
pub(super) fn probe(cluster: &ClusterSettings) -> Result<PostgresProbe, Text> {
    let Some((write, read)) = acting_access(cluster) else {
        return Err(Text::new("no router has a write_address: set write_address and read_address in [[routers]]"));
    };
    let Some(access) = &cluster.drills.probe else {
        return Err(Text::new("no role for the probe is configured: set drills.user or postgres.acting"));
    };
    let probe = PostgresProbe::new(access.clone(), write, read, Arc::new(Environment::of_process()));
    // Clients of a pooler that listens on a socket alone are on its host.
    let poolers = cluster.poolers.iter().filter_map(|pooler| match &pooler.address {
        PoolerAddress::Tcp(host, port) => Some((pooler.name.clone(), Address { host: Text::new(host), port: *port })),
        PoolerAddress::Unix(_) => None,
    });
    Ok(probe.through(poolers))
}

/// Asks what the plan of a drill needs to know besides the picture, and by which way writers come.
pub(in crate::wire) struct Surveyor {
    /// Its cluster.
    pub(in crate::wire) cluster: AssembledStack,
    /// The probe's login may be used; a dry run uses it, too, since without it nobody knows of publications, and a check that
    /// is not known blocks.
    pub(in crate::wire) may_log_in: bool,
}

impl Inspect for Surveyor {
    fn asks(&self, intent: &Intent) -> bool {
        let settings = &self.cluster.settings;
        matches!(intent, Intent::Drill { .. })
            || pooler_traffic::matters(settings, intent)
            || own_pauses::matter(settings, intent)
    }

    fn inspect<'a>(
        &'a self,
        snapshot: &'a Snapshot,
        intent: &'a Intent,
    ) -> BoxFuture<'a, Result<Inspected, Infeasible>> {
        async move {
            let pooler_traffic = pooler_traffic::ask(&self.cluster.settings, snapshot, intent).await;
            let mut inspected = Inspected { pooler_traffic, ..Inspected::default() };
            if own_pauses::matter(&self.cluster.settings, intent) {
                inspected.own_pauses = own_pauses::find(self.cluster.settings.name.clone()).await;
            }
            let Intent::Drill { scenario, .. } = intent else { return Ok(inspected) };
            // The scope that is followed, be it configured or learnt.
            let scope = snapshot.identity.scope.as_ref().map(Text::as_str);
            let scope = scope.or(self.cluster.scope.as_deref());
            let survey = survey(&self.cluster, scope, snapshot, *scenario, self.may_log_in).await;
            Ok(Inspected { drill: Some(survey), ..inspected })
        }
        .boxed()
    }
}

async fn survey(
    assembled: &AssembledStack,
    scope: Option<&str>,
    snapshot: &Snapshot,
    scenario: Scenario,
    may_log_in: bool,
) -> Survey {
    let cluster = &*assembled.settings;
    let engine = engine(cluster.drills.engine.as_deref());
    let (parts, dcs) = parts(cluster, snapshot);
    let by = match scenario.breaks() {
        Some(_) => injection_methods(&cluster.drills, &engine, &parts).await,
        // Nothing is broken: an engine that does not answer is waited for by nobody.
        None => BTreeMap::new(),
    };
    let probe = probe(cluster);
    let write_address = match &probe {
        Ok(_) => acting_access(cluster).map(|(write, _)| Ok(Text::new(write.to_string()))),
        Err(why) => Some(Err(why.clone())),
    };
    let publications = match &probe {
        Ok(probe) if may_log_in => Some(match probe.environment().await {
            Ok(ground) => Ok(ground.publications),
            Err(error) => Err(Text::redacted(error.to_string())),
        }),
        Ok(_) | Err(_) => None,
    };
    let others = match scenario {
        Scenario::Dcs => assembled.other_clusters(scope).await,
        _ => None,
    };
    let leader = snapshot.leader().map(|leader| ClusterPart::Member(leader.value));
    let means_of = |kind| leader.clone().and_then(|leader| by.get(&(leader, kind)));
    let drops = match scenario {
        Scenario::Freeze => means_of(FaultKind::Freeze),
        Scenario::Cut => means_of(FaultKind::Cut),
        _ => None,
    };
    let firewall = match drops {
        Some(Ok(InjectionMethod::Container { id, .. })) => firewall(&engine, id).await,
        Some(_) | None => None,
    };
    let guarded = match (cluster.drills.watchdog, means_of(FaultKind::Freeze)) {
        (Some(reported), _) => Some(reported),
        (None, Some(Ok(InjectionMethod::Container { id, .. }))) if scenario == Scenario::Freeze => {
            watchdog(&engine, id).await
        }
        (None, _) => None,
    };
    Survey {
        opted_in: cluster.drills.enabled,
        injection_methods: by,
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
fn parts(cluster: &ClusterSettings, snapshot: &Snapshot) -> (BTreeMap<ClusterPart, PartLocation>, Vec<Text>) {
    let is_telling = |host: &String| !matches!(host.as_str(), "127.0.0.1" | "::1" | "localhost" | "");
    let mut parts = BTreeMap::new();
    for member in &snapshot.members {
        let record = snapshot.record().and_then(|reading| reading.last());
        let registration = record.and_then(|content| content.member(&member.name));
        let reached = member_address(cluster, &member.name, registration);
        let advertised = registration.and_then(|registration| registration.postgres.as_ref());
        let mut endpoints: Vec<(String, u16)> =
            reached.postgres.iter().map(|address| (address.host.to_string(), address.port)).collect();
        endpoints.extend(reached.agent_url.as_ref().and_then(|url| host_and_port(url.as_str())));
        let mut hosts: Vec<String> = reached.postgres.iter().map(|address| address.host.to_string()).collect();
        hosts.extend(advertised.map(|address| address.host.to_string()));
        hosts.push(member.name.to_string());
        hosts.retain(is_telling);
        let inner = advertised.map(|address| address.port);
        parts.insert(ClusterPart::Member(member.name.clone()), PartLocation { endpoints, hosts, inner });
    }
    for router in &cluster.routers {
        let mut endpoints: Vec<(String, u16)> =
            router.write_address.iter().chain(&router.read_address).cloned().collect();
        endpoints.extend(router.stats.as_ref().and_then(|stats| host_and_port(&stats.url)));
        if let Some(RuntimeApi::Tcp(address)) = &router.runtime {
            endpoints.extend(host_and_port(address));
        }
        let mut hosts: Vec<String> = router.write_address.iter().map(|(host, _)| host.clone()).collect();
        hosts.push(router.name.to_string());
        hosts.retain(is_telling);
        parts.insert(ClusterPart::Router(router.name.clone()), PartLocation { endpoints, hosts, inner: None });
    }
    let mut dcs = Vec::new();
    for reading in &snapshot.dcs.members {
        let Some(name) = reading.last().map(|member| member.name.clone()).filter(|name| !name.is_empty()) else {
            continue;
        };
        let endpoints = host_and_port(reading.source.target.as_str()).into_iter().collect();
        parts.insert(
            ClusterPart::Dcs(name.clone()),
            PartLocation { endpoints, hosts: vec![name.to_string()], inner: None },
        );
        dcs.push(name);
    }
    dcs.sort();
    (parts, dcs)
}

/// Host and port of an address or URL.
fn host_and_port(text: &str) -> Option<(String, u16)> {
    let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = authority.split('/').next()?;
    let (host, port) = authority.rsplit_once(':')?;
    Some((host.rsplit('@').next()?.to_owned(), port.parse().ok()?))
}
