//! Drills for the console: their reports, and the desk that plans the next one. Only where the console may act is there
//! anything to prepare one with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::desk;
use super::survey::survey;
use crate::action::drill::Scenario;
use crate::action::drill_report::Report;
use crate::cli::act::PICTURE;
use crate::config::resolved::ClusterSettings;
use crate::model::name::ClusterName;
use crate::observe::once::settled;
use crate::observe::picture::Handle;
use crate::operate::desk::{Desk, HostNotes};
use crate::operate::drill::Reports;
use crate::operate::hand::Drills;
use crate::operate::job::line;

/// A cluster on which drills can be begun.
#[derive(Clone)]
pub(in crate::wire) struct Ground {
    /// Its settings, as it is followed.
    pub(in crate::wire) cluster: Arc<ClusterSettings>,
    /// Its observer.
    pub(in crate::wire) handle: Handle,
}

/// Drills on real clusters.
pub(in crate::wire) struct Practice {
    reports: Reports,
    grounds: BTreeMap<ClusterName, Ground>,
    here: HostNotes,
}

impl Practice {
    /// Reports from `reports`, and drills on `grounds`: none in a read-only console. `here` is what is to be known of this
    /// host before any action.
    pub(in crate::wire) fn new(reports: Reports, grounds: impl IntoIterator<Item = Ground>, here: &HostNotes) -> Self {
        let grounds = grounds.into_iter().map(|ground| (ground.cluster.name.clone(), ground));
        Self { reports, grounds: grounds.collect(), here: here.clone() }
    }
}

impl Drills for Practice {
    fn reports(&self, cluster: &ClusterName) -> BoxFuture<'static, Result<Vec<Report>, String>> {
        kept(&self.reports, cluster)
    }

    fn target(&self, cluster: &ClusterName) -> Option<Duration> {
        self.grounds.get(cluster)?.cluster.drills.target
    }

    fn prepare(&self, cluster: &ClusterName, scenario: Scenario) -> BoxFuture<'static, Result<Desk, String>> {
        let (ground, name, here) = (self.grounds.get(cluster).cloned(), cluster.clone(), self.here.clone());
        async move {
            let Ground { cluster, mut handle } =
                ground.ok_or_else(|| format!("{name} is read-only here: nothing can be practised on it"))?;
            let snapshot = settled(&mut handle, PICTURE).await.snapshot.clone();
            // The one that is followed, be it configured or learnt.
            let scope = snapshot.identity.scope.as_ref().map(ToString::to_string);
            let survey = survey(&cluster, scope.as_deref(), &snapshot, scenario, true).await;
            Ok(desk(&cluster, survey, here))
        }
        .boxed()
    }
}

/// The reports of `cluster`, oldest first; those that cannot be read are left out, and logged. The error is one line.
pub(in crate::wire) fn kept(
    reports: &Reports,
    cluster: &ClusterName,
) -> BoxFuture<'static, Result<Vec<Report>, String>> {
    let (reports, cluster) = (reports.clone(), cluster.clone());
    async move {
        let listed = tokio::task::spawn_blocking(move || reports.list(Some(&cluster))).await;
        let (reports, defects) = listed.map_err(|error| error.to_string())?.map_err(|error| line(&error))?;
        for defect in defects {
            tracing::warn!(%defect, "a report of a drill is left out");
        }
        Ok(reports)
    }
    .boxed()
}
