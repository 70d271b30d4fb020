//! Drills on simulated clusters: the world has its own faults and its own client, and everything else is as ever.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::super::drill::reports::lock_backend;
use super::DemoJobs;
use crate::action::Intent;
use crate::action::drill::{ClusterPart, FaultKind, InjectionMethod, Scenario, Survey};
use crate::action::drill_report::DrillReport;
use crate::action::inspected::Inspected;
use crate::action::permit::WriteAccess;
use crate::action::plan::Infeasible;
use crate::driver::ha::sim::{SimulatedCluster, Ticking};
use crate::driver::port::drill::Probe;
use crate::driver::port::{Act, Inspect};
use crate::model::name::ClusterName;
use crate::model::snapshot::Snapshot;
use crate::model::stack::Promoter;
use crate::model::text::Text;
use crate::observe::picture::Handle;
use crate::operate::Request;
use crate::operate::drill::{Drill, DrillAct, Reports};
use crate::operate::ports::Drills;

/// How long the store stays without its majority at the least.
const DEFAULT_HOLD: Duration = Duration::from_secs(30);

/// What carries out the drill of `request`; `inner` carries out what is not peculiar to drills.
pub(super) fn actor(
    cluster: &SimulatedCluster,
    handle: &Handle,
    access: &WriteAccess,
    request: &Request,
    (scenario, target): (Scenario, Option<Duration>),
    inner: Box<dyn Act>,
    reports: Reports,
) -> DrillAct {
    let clock = ticking(handle);
    let probe: Arc<dyn Probe> = Arc::new(cluster.probe(access, Arc::clone(&clock)));
    let drill = Drill {
        action: request.action.clone(),
        cluster: cluster.name().clone(),
        scenario,
        operator: request.operator.clone(),
        target,
    };
    DrillAct::new(drill, inner, Box::new(cluster.actor(access, clock)), probe, handle.clone(), reports)
}

/// The observer's clock, for whoever acts on the world.
pub(super) fn ticking(handle: &Handle) -> Ticking {
    let clock = handle.clock;
    Arc::new(move || clock.now())
}

/// Asks what no picture shows of a simulated cluster.
pub(super) struct Surveyor {
    pub(super) cluster: SimulatedCluster,
    pub(super) handle: Handle,
    pub(super) reports: Reports,
}

impl Inspect for Surveyor {
    fn asks(&self, intent: &Intent) -> bool {
        matches!(intent, Intent::Drill { .. })
    }

    fn inspect<'a>(
        &'a self,
        snapshot: &'a Snapshot,
        intent: &'a Intent,
    ) -> BoxFuture<'a, Result<Inspected, Infeasible>> {
        async move {
            if !self.asks(intent) || self.cluster.identity().traits.promotes == Promoter::Operator {
                return Ok(Inspected::default());
            }
            let probe = self.cluster.probe(&WriteAccess::granted(), ticking(&self.handle));
            let survey = survey(&self.cluster, &probe, snapshot, &self.reports).await;
            Ok(Inspected { drill: Some(survey), ..Inspected::default() })
        }
        .boxed()
    }
}

async fn survey(cluster: &SimulatedCluster, probe: &dyn Probe, snapshot: &Snapshot, reports: &Reports) -> Survey {
    let breakable = cluster.breakable();
    let members = breakable.iter().filter(|(_, kind)| *kind == FaultKind::Kill);
    let dcs = members.filter_map(|(part, _)| match part {
        ClusterPart::Dcs(name) => Some(name.clone()),
        ClusterPart::Member(_) | ClusterPart::Router(_) => None,
    });
    let dcs = dcs.collect();
    let publications = match probe.environment().await {
        Ok(ground) => Ok(ground.publications),
        Err(error) => Err(Text::redacted(error.to_string())),
    };
    let address = snapshot.routers.iter().find_map(|router| router.write_address.as_ref());
    Survey {
        opted_in: true,
        injection_methods: breakable.into_iter().map(|place| (place, Ok(InjectionMethod::Simulated))).collect(),
        dcs,
        others: Some(Ok(Vec::new())),
        publications: Some(publications),
        watchdog: Some(false),
        firewall: Some(true),
        write_address: address.map(|address| Ok(Text::new(address.to_string()))),
        hold: DEFAULT_HOLD,
        earlier: reports.earlier(cluster.name()),
    }
}

impl Drills for DemoJobs {
    fn reports(&self, cluster: &ClusterName) -> BoxFuture<'static, Result<Vec<DrillReport>, String>> {
        lock_backend(&self.reports, cluster)
    }
}
