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
use crate::action::Intent;
use crate::action::permit::{Confirmation, WriteAccess};
use crate::action::plan::Plan;
use crate::action::record::ActionId;
use crate::driver::ha::patroni_plan::PatroniManager;
use crate::driver::ha::sim::SimulatedCluster;
use crate::driver::port::Act;
use crate::model::name::{ClusterName, RouterName};
use crate::model::text::Text;
use crate::observe::picture::Handle;
use crate::operate::desk::Desk;
use crate::operate::drill::{Reports, limits};
use crate::operate::hand::{Hand, Ledger as _, News};
use crate::operate::job::{Job, JobError, JobLedger, Process, line, settling, strike};
use crate::operate::{Judge, Limits, Parts, Rules};

/// What makes plans for a simulated cluster: every way to act is open.
pub fn manager(cluster: &SimulatedCluster) -> PatroniManager {
    PatroniManager {
        rest_user: None,
        sql: Some((Text::new("operator"), Text::new("postgres"))),
        config_prefix: None,
        reads_etcd: true,
        address_map: cluster.address_map(),
        runtimes: [(RouterName::new("pg-router"), Text::new("tcp-connect:pg-router:7001"))].into(),
        drill: None,
    }
}

/// Draws up plans for a simulated cluster.
pub fn desk(cluster: &SimulatedCluster) -> Desk {
    Desk::new(Arc::new(manager(cluster)), Arc::new(Rules))
}

/// Begins actions on simulated clusters.
pub struct Rehearsal {
    clusters: BTreeMap<ClusterName, (SimulatedCluster, Handle)>,
    ledger: JobLedger,
    /// Of drills; they go with the world that they tell of.
    reports: Reports,
    _directory: TempDir,
}

impl Rehearsal {
    /// A hand on these clusters, each with its observer.
    ///
    /// # Errors
    /// When there is no place for the files of jobs.
    pub fn on(clusters: impl IntoIterator<Item = (SimulatedCluster, Handle)>) -> std::io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("pgctl-tui-demo-").tempdir()?;
        let (ledger, reports) = (JobLedger::below(directory.path()), Reports::below(directory.path()));
        let clusters = clusters.into_iter().map(|(cluster, handle)| (cluster.name().clone(), (cluster, handle)));
        Ok(Self { clusters: clusters.collect(), ledger, reports, _directory: directory })
    }

    /// Where plans for each cluster are drawn up.
    pub fn desks(&self) -> BTreeMap<ClusterName, Desk> {
        self.clusters.iter().map(|(name, (cluster, _))| (name.clone(), desk(cluster))).collect()
    }

    /// The jobs begun here.
    pub fn ledger(&self) -> JobLedger {
        self.ledger.clone()
    }
}

impl Hand for Rehearsal {
    fn begin(&self, plan: Plan, confirmation: Confirmation) -> BoxFuture<'static, Result<(ActionId, News), String>> {
        let found = self.clusters.get(&plan.cluster).cloned();
        let (ledger, reports) = (self.ledger.clone(), self.reports.clone());
        async move {
            let (cluster, handle) = found.ok_or_else(|| format!("no cluster {} is simulated", plan.cluster))?;
            let job = job::create(&ledger, Vec::new(), plan, confirmation).await?;
            let action = job.action.clone();
            #[expect(
                clippy::disallowed_methods,
                reason = "it is followed by its files, as a process of its own would be"
            )]
            tokio::spawn(conduct(job, cluster, handle, ledger.clone(), reports));
            let news = ledger.follow(&action);
            Ok((action, news))
        }
        .boxed()
    }

    fn outlives(&self) -> bool {
        false
    }

    fn ask_to_end(&self, action: &ActionId) -> BoxFuture<'static, Result<(), String>> {
        job::on_disk(&self.ledger, action, Job::ask_to_end)
    }

    fn acknowledge(&self, action: &ActionId) -> BoxFuture<'static, Result<(), String>> {
        job::on_disk(&self.ledger, action, Job::acknowledge)
    }

    fn strike(&self, action: &ActionId, steps: Vec<usize>) -> BoxFuture<'static, Result<(), String>> {
        let (ledger, action) = (self.ledger.clone(), action.clone());
        async move { strike(&ledger, &action, &steps).await.map_err(|error| line(&error)) }.boxed()
    }
}

/// Is the job, in this process.
async fn conduct(job: Job, cluster: SimulatedCluster, handle: Handle, ledger: JobLedger, reports: Reports) {
    let (access, ticking) = (WriteAccess::granted(), drill::ticking(&handle));
    let actor: Box<dyn Act> = Box::new(cluster.actor(&access, Arc::clone(&ticking)));
    let companion = Arc::new(cluster.actor(&access, Arc::clone(&ticking)));
    let unreadable = |error: JobError| tracing::warn!(error = line(&error), "a job of the demo cannot be read");
    let request = match job.spec() {
        Ok(spec) => spec.request,
        Err(error) => return unreadable(error),
    };
    let (manager, judge, act, limits): (_, Box<dyn Judge>, Box<dyn Act>, _) = match request.plan.intent {
        Intent::Drill { scenario, target } => {
            let what = (scenario, target);
            let prepared = drill::prepare(&cluster, &handle, &access, &request, what, actor, reports).await;
            (prepared.manager, Box::new(prepared.rules), Box::new(prepared.act), limits())
        }
        _ => match settling(&request.plan, &ledger, actor) {
            Ok(act) => (manager(&cluster), Box::new(Rules), act, Limits::default()),
            Err(error) => return unreadable(error),
        },
    };
    let parts = Parts {
        handle,
        manager: &manager,
        judge: &*judge,
        act,
        companion,
        lock: Box::new(cluster.lock(ticking)),
        sink: Box::new(ledger.journal()),
        undo: Box::new(job.undo_file()),
        limits,
    };
    let process = Process::this(&job::host());
    if let Err(error) = job.conduct(&process, &access, parts, CancellationToken::new()).await {
        // Its files tell that it never began.
        tracing::warn!(error = line(&error), "a job of the demo was not run");
    }
}
