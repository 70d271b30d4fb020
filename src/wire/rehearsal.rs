//! Acting on simulated clusters, for practice: the runner, the checks, the lock, the files and the dialogs are those of a
//! real cluster. Only what must outlive a console does not: the world ends with the program, so each job runs in it, and
//! its files lie in a directory that goes with it.

mod drill;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::job;
use super::stack::simulated::{manager, planner};
use crate::action::Intent;
use crate::action::permit::{Confirmation, WriteAccess};
use crate::action::plan::Plan;
use crate::action::record::ActionId;
use crate::driver::ha::sim::SimulatedCluster;
use crate::driver::port::{Act, Inspect as _};
use crate::model::name::ClusterName;
use crate::observe::picture::Handle;
use crate::operate::drill::{Reports, limits};
use crate::operate::job::{FileJobStore, Job, JobError, Process, line, mark_reverted, recording_undo};
use crate::operate::plan_service::PlanService;
use crate::operate::ports::{JobLauncher, JobStore as _, JobUpdates};
use crate::operate::{Limits, Rules, RunnerParts};

/// Draws up plans for simulated clusters that somebody manages.
pub fn plan_service() -> PlanService {
    PlanService::new(Arc::new(manager()), Arc::new(Rules))
}

/// Begins actions on simulated clusters.
pub struct DemoJobs {
    clusters: BTreeMap<ClusterName, (SimulatedCluster, Handle)>,
    job_store: FileJobStore,
    /// Of drills; they go with the world that they tell of.
    reports: Reports,
    _directory: TempDir,
}

impl DemoJobs {
    /// A hand on these clusters, each with its observer.
    ///
    /// # Errors
    /// When there is no place for the files of jobs.
    pub fn on(clusters: impl IntoIterator<Item = (SimulatedCluster, Handle)>) -> std::io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("pgctl-tui-demo-").tempdir()?;
        let (job_store, reports) = (FileJobStore::below(directory.path()), Reports::below(directory.path()));
        let clusters = clusters.into_iter().map(|(cluster, handle)| (cluster.name().clone(), (cluster, handle)));
        Ok(Self { clusters: clusters.collect(), job_store, reports, _directory: directory })
    }

    /// Where plans for each cluster are drawn up.
    pub fn plan_services(&self) -> BTreeMap<ClusterName, PlanService> {
        let asking = |cluster: &SimulatedCluster, handle: &Handle| {
            let reports = self.reports.clone();
            PlanService::new(planner(cluster), Arc::new(Rules)).asking(Arc::new(drill::Surveyor {
                cluster: cluster.clone(),
                handle: handle.clone(),
                reports,
            }))
        };
        self.clusters.iter().map(|(name, (cluster, handle))| (name.clone(), asking(cluster, handle))).collect()
    }

    /// The jobs begun here.
    pub fn job_store(&self) -> FileJobStore {
        self.job_store.clone()
    }
}

impl JobLauncher for DemoJobs {
    fn begin(
        &self,
        plan: Plan,
        confirmation: Confirmation,
    ) -> BoxFuture<'static, Result<(ActionId, JobUpdates), String>> {
        let found = self.clusters.get(&plan.cluster).cloned();
        let (job_store, reports) = (self.job_store.clone(), self.reports.clone());
        async move {
            let (cluster, handle) = found.ok_or_else(|| format!("no simulated cluster {}", plan.cluster))?;
            let job = job::create(&job_store, Vec::new(), plan, confirmation).await?;
            let action = job.action.clone();
            #[expect(
                clippy::disallowed_methods,
                reason = "it is followed by its files, as a process of its own would be"
            )]
            tokio::spawn(conduct(job, cluster, handle, job_store.clone(), reports));
            let updates = job_store.follow(&action);
            Ok((action, updates))
        }
        .boxed()
    }

    fn outlives(&self) -> bool {
        false
    }

    fn ask_to_end(&self, action: &ActionId) -> BoxFuture<'static, Result<(), String>> {
        job::on_disk(&self.job_store, action, Job::ask_to_end)
    }

    fn acknowledge(&self, action: &ActionId) -> BoxFuture<'static, Result<(), String>> {
        job::on_disk(&self.job_store, action, Job::acknowledge)
    }

    fn mark_reverted(&self, action: &ActionId, steps: Vec<usize>) -> BoxFuture<'static, Result<(), String>> {
        let (job_store, action) = (self.job_store.clone(), action.clone());
        async move { mark_reverted(&job_store, &action, &steps).await.map_err(|error| line(&error)) }.boxed()
    }
}

/// Is the job, in this process.
async fn conduct(job: Job, cluster: SimulatedCluster, handle: Handle, job_store: FileJobStore, reports: Reports) {
    let (access, ticking) = (WriteAccess::granted(), drill::ticking(&handle));
    let actor: Box<dyn Act> = Box::new(cluster.actor(&access, Arc::clone(&ticking)));
    let lead_watcher = Arc::new(cluster.actor(&access, Arc::clone(&ticking)));
    let unreadable = |error: JobError| tracing::warn!(error = line(&error), "a job of the demo cannot be read");
    let request = match job.spec() {
        Ok(spec) => spec.request,
        Err(error) => return unreadable(error),
    };
    let intent = &request.plan.intent;
    let surveyor = drill::Surveyor { cluster: cluster.clone(), handle: handle.clone(), reports: reports.clone() };
    let inspected = match surveyor.inspect(&handle.latest().snapshot, intent).await {
        Ok(inspected) => inspected,
        Err(error) => return tracing::warn!(%error, "a job of the demo cannot be planned again"),
    };
    let (act, limits): (Box<dyn Act>, _) = match *intent {
        Intent::Drill { scenario, target } => {
            let what = (scenario, target);
            (Box::new(drill::actor(&cluster, &handle, &access, &request, what, actor, reports)), limits())
        }
        _ => match recording_undo(&request.plan, &job_store, actor) {
            Ok(act) => (act, Limits::default()),
            Err(error) => return unreadable(error),
        },
    };
    let planner = planner(&cluster);
    let parts = RunnerParts {
        handle,
        planner: &*planner,
        inspected: &inspected,
        judge: &Rules,
        act,
        lead_watcher,
        lock: Box::new(cluster.lock(ticking)),
        sink: Box::new(job_store.journal()),
        undo: Box::new(job.undo_file()),
        limits,
    };
    let process = Process::this(&job::host());
    if let Err(error) = job.conduct(&process, &access, parts, CancellationToken::new()).await {
        // Its files tell that it never began.
        tracing::warn!(error = line(&error), "a job of the demo was not run");
    }
}
