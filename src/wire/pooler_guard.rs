//! The guard of a job that pauses poolers, put together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::acting::guarding;
use super::{UsageError, configured, drill, job};
use crate::action::plan::Plan;
use crate::action::record::{Entry, Record, SCHEMA};
use crate::audit::{Journal, Sink};
use crate::cli::args::{Arguments, Shared};
use crate::cli::printer::Printer;
use crate::config::environment::Environment;
use crate::config::resolved::PoolerSettings;
use crate::driver::pooler::pgbouncer::PoolerActor;
use crate::driver::port::{NotPerformed, Reply};
use crate::model::name::{ClusterName, PoolerName};
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;
use crate::operate::job::Job;
use crate::operate::pooler_guard::{JobOnDisk, ResumePoolers, guard_poolers};

/// How long a guard may take to stand there.
const START_TIMEOUT: Duration = Duration::from_secs(5);
/// How often it is looked whether it does.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Whether `plan` pauses anything.
pub(super) fn pauses(plan: &Plan) -> bool {
    // What is paused by hand is to stay so: whoever paused it resumes it.
    !plan.intent.leaves_pending_undo()
        && plan.steps.iter().any(|step| step.undo.as_ref().is_some_and(|undo| undo.resumes().is_some()))
}

/// Starts the guard of `job`, and waits until it stands there.
pub(super) async fn set(shared: &Shared, job: &Job) -> anyhow::Result<()> {
    drill::set_guard(shared, &job.action)?;
    let end = Instant::now() + START_TIMEOUT;
    while !job.is_guarded()? {
        if Instant::now() >= end {
            let words = "the process that resumes the poolers if this one dies did not start: nothing was done";
            return Err(anyhow::anyhow!(words));
        }
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

/// What resumes the poolers of a job.
pub(super) struct Actors {
    cluster: ClusterName,
    poolers: BTreeMap<PoolerName, Mutex<PoolerActor>>,
}

/// What resumes the poolers that `job` may have paused; `None`: it pauses none.
pub(super) fn settings(arguments: &Arguments, job: &Job, printer: &mut Printer) -> anyhow::Result<Option<Actors>> {
    let plan = job.spec()?.request.plan;
    if !pauses(&plan) {
        return Ok(None);
    }
    let mut settings = configured(&arguments.shared, None, printer)?;
    settings.clusters.retain(|cluster| cluster.name == plan.cluster);
    let Some(cluster) = settings.clusters.pop() else {
        return Err(UsageError(format!("cluster {} is not configured", plan.cluster)).into());
    };
    let Some(access) = guarding(&cluster, arguments.shared.read_only) else {
        return Err(UsageError(format!("{} is read-only: its poolers cannot be resumed", cluster.name)).into());
    };
    let environment = Arc::new(Environment::of_process());
    let actor = |configured: &PoolerSettings| {
        let actor = PoolerActor::new(configured.clone(), Arc::clone(&environment), &access);
        (configured.name.clone(), Mutex::new(actor))
    };
    let poolers = cluster.poolers.iter().map(actor).collect();
    Ok(Some(Actors { cluster: cluster.name, poolers }))
}

/// Stands guard over the pauses of `job` until it is over.
pub(super) async fn stand(actors: Option<Actors>, job: &Job) -> anyhow::Result<()> {
    let Some(actors) = actors else { return Ok(()) };
    let mut guarded = JobOnDisk::new(job.clone(), Journal::at(job::state()));
    let report = guard_poolers(&mut guarded, &actors).await;
    let mut journal = Journal::at(job::state());
    for (step, reply) in report.resumed {
        tracing::warn!(action = %job.action, "the guard has resumed {reply}");
        let entry = Entry::Undone { step, reply, accepted: Some(true), artefact: None };
        let (action, cluster) = (job.action.clone(), actors.cluster.clone());
        Sink::append(&mut journal, &Record { schema: SCHEMA, action, at: job::now(), cluster, entry }).await?;
    }
    for left in &report.left {
        tracing::error!(action = %job.action, "the guard could not resume {left}");
    }
    Ok(())
}

impl ResumePoolers for Actors {
    fn resume<'a>(&'a self, pooler: &'a PoolerName, database: &'a Text) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        Box::pin(async move {
            let Some(actor) = self.poolers.get(pooler) else {
                let words = "pooler not configured";
                return Err(NotPerformed::NotSent(SourceError::new(FailureKind::Unsupported, pooler.as_str(), words)));
            };
            actor.lock().await.resume(std::slice::from_ref(database)).await
        })
    }
}
