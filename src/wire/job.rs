//! Actions as jobs, put together: beginning one from a console, and being one.

use std::path::PathBuf;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::acting::{Acting, acting, member_addresses};
use super::stack::{Purpose, complete};
use super::{Observers, UsageError, configured, console, drill, lock, pooler_guard, retention};
use crate::action::Intent;
use crate::action::inspected::Inspected;
use crate::action::note::{CheckNote, CheckVerdict};
use crate::action::outcome::OutcomeKind;
use crate::action::permit::Confirmation;
use crate::action::plan::Plan;
use crate::action::record::{ActionId, Operator};
use crate::audit::{Journal, operator};
use crate::cli::act::{Beginning, SNAPSHOT_TIMEOUT, StartedAction};
use crate::cli::args::{Arguments, Shared};
use crate::cli::exit::Exit;
use crate::cli::printer::Printer;
use crate::client::logind::{self, SessionPolicy};
use crate::client::process;
use crate::config::environment::Environment;
use crate::driver::port::Act;
use crate::model::text::Text;
use crate::observe::cluster::ClusterSetup;
use crate::observe::once;
use crate::operate::drill::limits;
use crate::operate::job::{
    FileJobStore, Job, JobError, JobSpec, Jobs, Process, SCHEMA, line, mark_all_undone, mark_reverted, recording_undo,
};
use crate::operate::ports::{JobLauncher, JobStore as _, JobUpdates};
use crate::operate::{Limits, OwnChanges, Request, RunnerParts};

/// Where everything lies that outlives a console.
pub(super) fn state() -> PathBuf {
    console::state_directory(&Environment::of_process())
}

/// Name of this host.
pub(super) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Who sits at this console.
pub(super) fn who() -> Operator {
    let environment = Environment::of_process();
    let mut who = operator(|name| environment.get(name).filter(|value| !value.is_empty()), &host(), std::process::id());
    if who.user == *"unknown" {
        // cron and containers set no names.
        who.user = Text::new(format!("uid {}", rustix::process::getuid().as_raw()));
    }
    who
}

/// What becomes of a job when the session ends that this process was started from.
async fn session_policy() -> SessionPolicy {
    logind::session_policy(who().user.as_str()).await
}

/// What an operator should know of this host before any action.
pub(super) async fn here() -> Vec<CheckNote> {
    let text = match session_policy().await {
        SessionPolicy::Survives | SessionPolicy::SurvivesUnderManager => return Vec::new(),
        SessionPolicy::Ended => {
            "systemd-logind kills your processes when you log out, including this action: stay logged in until it \
                has ended, or run `loginctl enable-linger` first"
        }
        SessionPolicy::Unknown => {
            "unknown whether systemd-logind kills your processes when you log out: stay logged in until \
                the action has ended"
        }
    };
    vec![CheckNote::new("logout", CheckVerdict::Warn, text)]
}

#[expect(clippy::disallowed_methods, reason = "an action is named and dated where it is started")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// What begins a confirmed action as a job, and tells how it goes on. `shared` are the arguments by which the cluster was
/// found; the job finds it by the same.
pub(super) fn beginning(shared: &Shared) -> Beginning {
    let launcher = Arc::new(launcher(shared));
    Box::new(move |plan, confirmation| {
        let begun = launcher.begin(plan, confirmation);
        Box::pin(async move {
            let (action, updates) = begun.await.map_err(anyhow::Error::msg)?;
            Ok(StartedAction { action, updates, launcher })
        })
    })
}

/// The jobs of this user, for reading.
pub(super) fn job_store() -> FileJobStore {
    FileJobStore::below(state())
}

/// What begins actions as jobs. Only for a console that may act.
pub(super) fn launcher(shared: &Shared) -> ProcessJobLauncher {
    ProcessJobLauncher { job_store: job_store(), arguments: arguments(shared) }
}

/// Begins each action in a process of its own.
pub(super) struct ProcessJobLauncher {
    job_store: FileJobStore,
    arguments: Vec<String>,
}

impl JobLauncher for ProcessJobLauncher {
    fn begin(
        &self,
        plan: Plan,
        confirmation: Confirmation,
    ) -> BoxFuture<'static, Result<(ActionId, JobUpdates), String>> {
        let (job_store, arguments) = (self.job_store.clone(), self.arguments.clone());
        async move {
            let job = create(&job_store, arguments.clone(), plan, confirmation).await?;
            let program = std::env::current_exe();
            let program = program.map_err(|error| format!("cannot determine the path of this program: {error}"))?;
            let mut command = vec![program.to_string_lossy().into_owned()];
            command.extend(arguments);
            command.extend(["job", "run", &job.action.0].map(str::to_owned));
            if session_policy().await == SessionPolicy::SurvivesUnderManager {
                command = logind::below_the_user_manager(command);
            }
            let stderr = job.diagnostics_file().map_err(|error| line(&error))?;
            process::spawn_detached(&command, Some(stderr)).map_err(|error| line(&error))?;
            let updates = job_store.follow(&job.action);
            Ok((job.action, updates))
        }
        .boxed()
    }

    fn ask_to_end(&self, action: &ActionId) -> BoxFuture<'static, Result<(), String>> {
        on_disk(&self.job_store, action, Job::ask_to_end)
    }

    fn acknowledge(&self, action: &ActionId) -> BoxFuture<'static, Result<(), String>> {
        on_disk(&self.job_store, action, Job::acknowledge)
    }

    fn mark_reverted(&self, action: &ActionId, steps: Vec<usize>) -> BoxFuture<'static, Result<(), String>> {
        let (job_store, action) = (self.job_store.clone(), action.clone());
        async move { mark_reverted(&job_store, &action, &steps).await.map_err(|error| line(&error)) }.boxed()
    }
}

/// Writes down what is to be done. Nothing runs yet.
pub(super) async fn create(
    job_store: &FileJobStore,
    arguments: Vec<String>,
    plan: Plan,
    confirmation: Confirmation,
) -> Result<Job, String> {
    if !console::has_state_directory(&Environment::of_process()) {
        return Err("neither HOME nor XDG_STATE_HOME is set, so pending undos could not be stored: set \
                one of them"
            .to_owned());
    }
    let at = now();
    let action = ActionId::new(at, std::process::id());
    let request = Request { action, plan, confirmation, operator: who() };
    let spec = JobSpec { schema: SCHEMA, request, at, arguments };
    let jobs = job_store.jobs();
    // Waits for the disk, which the screen must not.
    let created = tokio::task::spawn_blocking(move || jobs.create(&spec));
    created.await.map_err(|error| error.to_string())?.map_err(|error| line(&error))
}

/// Does `work` to the files of the job of `action`.
pub(super) fn on_disk(
    job_store: &FileJobStore,
    action: &ActionId,
    work: fn(&Job) -> Result<(), JobError>,
) -> BoxFuture<'static, Result<(), String>> {
    let (jobs, action) = (job_store.jobs(), action.clone());
    async move {
        let done = tokio::task::spawn_blocking(move || jobs.job(&action).and_then(|job| work(&job))).await;
        done.map_err(|error| error.to_string())?.map_err(|error| line(&error))
    }
    .boxed()
}

/// The arguments that lead another process to the same configuration and the same cluster. Secrets are never among them.
pub(super) fn arguments(shared: &Shared) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut add = |flag: &str, value: String| arguments.extend([flag.to_owned(), value]);
    if let Some(config) = &shared.config {
        // The job has another working directory than the shell may have by then.
        let path = std::path::absolute(config).unwrap_or_else(|_| config.clone());
        add("--config", path.to_string_lossy().into_owned());
    }
    let texts = [
        ("--cluster", &shared.cluster),
        ("--scope", &shared.scope),
        ("--namespace", &shared.namespace),
        ("--interval", &shared.interval),
    ];
    for (flag, text) in texts {
        if let Some(text) = text {
            add(flag, text.clone());
        }
    }
    if let Some(log) = &shared.log {
        let path = std::path::absolute(log).unwrap_or_else(|_| log.clone());
        add("--log", path.to_string_lossy().into_owned());
    }
    for url in &shared.patroni {
        add("--patroni", url.clone());
    }
    for url in &shared.etcd {
        add("--etcd", url.clone());
    }
    arguments
}

/// Is the job called `name`: runs it to its end in this process, whatever becomes of the console that began it.
pub(super) async fn run(arguments: &Arguments, name: &str, printer: &mut Printer) -> anyhow::Result<Exit> {
    if process::settle_down()? == process::ExecContext::Elsewhere {
        return Ok(Exit::Done);
    }
    let job = Jobs::below(&state()).job(&ActionId(name.to_owned()))?;
    let spec = job.spec()?;
    let mut settings = configured(&arguments.shared, None, printer)?;
    settings.clusters.retain(|cluster| cluster.name == spec.request.plan.cluster);
    let Some(cluster) = settings.clusters.pop() else {
        return Err(UsageError(format!("cluster {} is not configured", spec.request.plan.cluster)).into());
    };
    let cluster = Box::pin(complete(cluster, settings.path.is_some(), printer)).await?;
    let read_only = arguments.shared.read_only;
    let observers = Observers::of(vec![ClusterSetup { attentive: true, ..cluster.observed(read_only, Purpose::Stay) }]);
    let Some(handle) = observers.handles.first().cloned() else { return Ok(Exit::Unknown) };
    let reached = member_addresses(&cluster.settings, &handle);
    let members = lock::current_members(&handle);
    let acts = acting(&cluster.settings, cluster.scope.as_deref(), read_only, reached, members);
    let Some(Acting { access, act, lead_watcher, lock }) = acts else {
        return Err(UsageError(format!("{} is read-only", cluster.settings.name)).into());
    };
    let cancel = CancellationToken::new();
    end_by_signal(&observers.tracker, &cancel)?;
    let intent = &spec.request.plan.intent;
    let inspector = cluster.inspector(true);
    let inspected = if inspector.asks(intent) {
        let snapshot = once::settled(&mut handle.clone(), SNAPSHOT_TIMEOUT).await.snapshot.clone();
        inspector.inspect(&snapshot, intent).await?
    } else {
        Inspected::default()
    };
    let (act, limits): (Box<dyn Act>, _) = match intent {
        Intent::Drill { scenario, target } => {
            let drill = drill::actor(&cluster.settings, &spec.request, (*scenario, *target), &handle, act)?;
            // Before anything is owed.
            if pooler_guard::pauses(&spec.request.plan) {
                pooler_guard::set(&arguments.shared, &job).await?;
            } else {
                drill::set_guard(&arguments.shared, &job.action)?;
            }
            (Box::new(drill), limits())
        }
        _ => {
            if pooler_guard::pauses(&spec.request.plan) {
                // Before anything is paused, and not by its word: it must be there.
                pooler_guard::set(&arguments.shared, &job).await?;
            }
            (recording_undo(&spec.request.plan, &job_store(), act)?, Limits::default())
        }
    };
    let (planner, rules) = (cluster.planner(), OwnChanges::waiting(Journal::at(state())));
    let parts = RunnerParts {
        handle,
        planner: &*planner,
        inspected: &inspected,
        judge: &rules,
        act,
        lead_watcher,
        lock,
        sink: Box::new(Journal::at(state())),
        undo: Box::new(job.undo_file()),
        limits,
    };
    let outcome = job.conduct(&Process::this(&host()), &access, parts, cancel.clone()).await;
    cancel.cancel();
    observers.end().await;
    let outcome = outcome?;
    if outcome.ending == OutcomeKind::Done {
        mark_all_undone(&spec.request.plan, &job_store()).await?;
    }
    retention::apply(settings.retention, now()).await;
    Ok(Exit::of(outcome.ending))
}

/// SIGTERM and SIGINT ask the job to end as far as it still can, and to take back what is temporary; a
/// hang-up is none of its business.
fn end_by_signal(tracker: &TaskTracker, cancel: &CancellationToken) -> anyhow::Result<()> {
    let (mut term, mut interrupt, mut hang_up) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?);
    let cancel = cancel.clone();
    tracker.spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
            // Whoever began it may go; it stays.
            () = async { while hang_up.recv().await.is_some() {} } => {}
            () = cancel.cancelled() => {}
        }
        cancel.cancel();
    });
    Ok(())
}
