//! Drills on simulated clusters: the world has its own faults and its own client, and everything else is as ever.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::super::drill::practice::kept;
use super::{Rehearsal, manager};
use crate::action::drill::{FaultKind, Means, Part, Scenario, Survey};
use crate::action::drill_report::Report;
use crate::action::permit::WriteAccess;
use crate::driver::ha::patroni_plan::PatroniManager;
use crate::driver::ha::sim::{SimulatedCluster, Ticking};
use crate::driver::port::Act;
use crate::driver::port::drill::Probe;
use crate::model::name::ClusterName;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::observe::picture::Handle;
use crate::operate::Request;
use crate::operate::desk::Desk;
use crate::operate::drill::{Drill, DrillAct, DrillRules, Reports};
use crate::operate::hand::Drills;

/// How long the store stays without its majority at the least.
const HOLD: Duration = Duration::from_secs(30);

/// What runs a drill.
pub(super) struct Prepared {
    pub(super) manager: PatroniManager,
    pub(super) rules: DrillRules,
    pub(super) act: DrillAct,
}

/// Prepares the drill of `request`; `inner` carries out what is not peculiar to drills.
pub(super) async fn prepare(
    cluster: &SimulatedCluster,
    handle: &Handle,
    access: &WriteAccess,
    request: &Request,
    (scenario, target): (Scenario, Option<Duration>),
    inner: Box<dyn Act>,
    reports: Reports,
) -> Prepared {
    let clock = ticking(handle);
    let probe: Arc<dyn Probe> = Arc::new(cluster.probe(access, Arc::clone(&clock)));
    let survey = survey(cluster, &*probe, &handle.latest().snapshot, &reports).await;
    let drill = Drill {
        action: request.action.clone(),
        cluster: cluster.name().clone(),
        scenario,
        operator: request.operator.clone(),
        target,
    };
    let breaker = Box::new(cluster.actor(access, clock));
    Prepared {
        manager: PatroniManager { drill: Some(survey.clone()), ..manager(cluster) },
        rules: DrillRules { survey },
        act: DrillAct::new(drill, inner, breaker, probe, handle.clone(), reports),
    }
}

/// The observer's clock, for whoever acts on the world.
pub(super) fn ticking(handle: &Handle) -> Ticking {
    let clock = handle.clock;
    Arc::new(move || clock.now())
}

/// What no picture shows of a simulated cluster.
async fn survey(cluster: &SimulatedCluster, probe: &dyn Probe, snapshot: &Snapshot, reports: &Reports) -> Survey {
    let breakable = cluster.breakable();
    let members = breakable.iter().filter(|(_, kind)| *kind == FaultKind::Kill);
    let dcs = members.filter_map(|(part, _)| match part {
        Part::Dcs(name) => Some(name.clone()),
        Part::Member(_) | Part::Router(_) => None,
    });
    let dcs = dcs.collect();
    let publications = match probe.survey().await {
        Ok(ground) => Ok(ground.publications),
        Err(error) => Err(Text::redacted(error.to_string())),
    };
    let address = snapshot.routers.iter().find_map(|router| router.write_address.as_ref());
    Survey {
        opted_in: true,
        means: breakable.into_iter().map(|place| (place, Ok(Means::Simulated))).collect(),
        dcs,
        others: Some(Ok(Vec::new())),
        publications: Some(publications),
        watchdog: Some(false),
        firewall: Some(true),
        write_address: address.map(|address| Ok(Text::new(address.to_string()))),
        hold: HOLD,
        earlier: reports.earlier(cluster.name()),
    }
}

impl Drills for Rehearsal {
    fn reports(&self, cluster: &ClusterName) -> BoxFuture<'static, Result<Vec<Report>, String>> {
        kept(&self.reports, cluster)
    }

    fn prepare(&self, cluster: &ClusterName, _scenario: Scenario) -> BoxFuture<'static, Result<Desk, String>> {
        let found = self.clusters.get(cluster).cloned();
        let (reports, name) = (self.reports.clone(), cluster.clone());
        async move {
            let (cluster, handle) = found.ok_or_else(|| format!("no cluster {name} is simulated"))?;
            let probe = cluster.probe(&WriteAccess::granted(), ticking(&handle));
            let survey = survey(&cluster, &probe, &handle.latest().snapshot, &reports).await;
            let planner = PatroniManager { drill: Some(survey.clone()), ..manager(&cluster) };
            Ok(Desk::new(Arc::new(planner), Arc::new(DrillRules { survey })))
        }
        .boxed()
    }
}
