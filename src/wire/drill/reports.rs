//! Drills for the console: their reports.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use crate::action::drill_report::DrillReport;
use crate::model::name::ClusterName;
use crate::operate::drill::Reports;
use crate::operate::job::line;
use crate::operate::ports::Drills;

/// Drills on real clusters.
pub(in crate::wire) struct DrillPanel {
    pub(in crate::wire) reports: Reports,
    /// The longest outage wished for, where the configuration says so.
    pub(in crate::wire) targets: BTreeMap<ClusterName, Duration>,
}

impl Drills for DrillPanel {
    fn reports(&self, cluster: &ClusterName) -> BoxFuture<'static, Result<Vec<DrillReport>, String>> {
        lock_backend(&self.reports, cluster)
    }

    fn target(&self, cluster: &ClusterName) -> Option<Duration> {
        self.targets.get(cluster).copied()
    }
}

/// The reports of `cluster`, oldest first; those that cannot be read are left out, and logged. The error is one line.
pub(in crate::wire) fn lock_backend(
    reports: &Reports,
    cluster: &ClusterName,
) -> BoxFuture<'static, Result<Vec<DrillReport>, String>> {
    let (reports, cluster) = (reports.clone(), cluster.clone());
    async move {
        let listed = tokio::task::spawn_blocking(move || reports.list(Some(&cluster))).await;
        let (reports, defects) = listed.map_err(|error| error.to_string())?.map_err(|error| line(&error))?;
        for defect in defects {
            tracing::warn!(%defect, "a drill report was skipped");
        }
        Ok(reports)
    }
    .boxed()
}
