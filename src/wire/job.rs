//! Actions as jobs, put together: beginning one from a console, and being one.

use std::path::PathBuf;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::acting::{Acting, acting, contacts};
use super::stack::Purpose;
use super::{Misuse, Observers, configured, console, drill, scope, stack};
use crate::action::Intent;
use crate::action::note::{Note, Verdict};
use crate::action::outcome::Ending;
use crate::action::permit::Confirmation;
use crate::action::plan::Plan;
use crate::action::record::{ActionId, Operator};
use crate::audit::{Journal, operator};
use crate::cli::act::{Beginning, Begun};
use crate::cli::args::{Arguments, Shared};
use crate::cli::exit::Exit;
use crate::cli::printer::Printer;
use crate::client::logind::{self, Fate};
use crate::client::process;
use crate::config::environment::Environment;
use crate::driver::port::{Act, Manage};
use crate::model::text::Text;
use crate::operate::hand::{Hand, Ledger as _, News};
use crate::operate::job::{
    Job, JobError, JobLedger, Jobs, KEPT, Process, SCHEMA, Spec, line, settled, settling, strike,
};
use crate::operate::{Judge, Limits, OwnHand, Parts, Request};

/// Jobs that are removed at most when a new one is made.
const PRUNED_AT_ONCE: usize = 20;

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
async fn fate() -> Fate {
    logind::fate(who().user.as_str()).await
}

/// What an operator should know of this host before any action.
pub(super) async fn here() -> Vec<Note> {
    let text = match fate().await {
        Fate::Spared | Fate::SparedBelowManager => return Vec::new(),
        Fate::Ended => {
            "the login manager ends what you leave running when you log out, this action among it: stay logged in until it \
             is over, or `loginctl enable-linger` first"
        }
        Fate::Unknown => {
            "whether the login manager ends what you leave running when you log out cannot be told: stay logged in until \
             the action is over"
        }
    };
    vec![Note::new("logout", Verdict::Warn, text)]
}

#[expect(clippy::disallowed_methods, reason = "an action is named and dated where it is begun")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// What begins a confirmed action as a job, and tells how it goes on. `shared` are the arguments by which the cluster was
/// found; the job finds it by the same.
pub(super) fn beginning(shared: &Shared) -> Beginning {
    let hand = Arc::new(hand(shared));
    Box::new(move |plan, confirmation| {
        let begun = hand.begin(plan, confirmation);
        Box::pin(async move {
            let (action, news) = begun.await.map_err(anyhow::Error::msg)?;
            Ok(Begun { action, news, hand })
        })
    })
}

/// The jobs of this user, for reading.
pub(super) fn ledger() -> JobLedger {
    JobLedger::below(state())
}

/// What begins actions as jobs. Only for a console that may act.
pub(super) fn hand(shared: &Shared) -> JobHand {
    JobHand { ledger: ledger(), arguments: arguments(shared) }
}

/// Begins each action in a process of its own.
pub(super) struct JobHand {
    ledger: JobLedger,
    arguments: Vec<String>,
}

impl Hand for JobHand {
    fn begin(&self, plan: Plan, confirmation: Confirmation) -> BoxFuture<'static, Result<(ActionId, News), String>> {
        let (ledger, arguments) = (self.ledger.clone(), self.arguments.clone());
        async move {
            let job = create(&ledger, arguments.clone(), plan, confirmation).await?;
            let program = std::env::current_exe();
            let program = program.map_err(|error| format!("cannot tell where this program lies: {error}"))?;
            let mut command = vec![program.to_string_lossy().into_owned()];
            command.extend(arguments);
            command.extend(["job", "run", &job.action.0].map(str::to_owned));
            if fate().await == Fate::SparedBelowManager {
                command = logind::below_the_user_manager(command);
            }
            let stderr = job.complaints_file().map_err(|error| line(&error))?;
            process::leave(&command, Some(stderr)).map_err(|error| line(&error))?;
            let news = ledger.follow(&job.action);
            Ok((job.action, news))
        }
        .boxed()
    }

    fn ask_to_end(&self, action: &ActionId) -> BoxFuture<'static, Result<(), String>> {
        on_disk(&self.ledger, action, Job::ask_to_end)
    }

    fn acknowledge(&self, action: &ActionId) -> BoxFuture<'static, Result<(), String>> {
        on_disk(&self.ledger, action, Job::acknowledge)
    }

    fn strike(&self, action: &ActionId, steps: Vec<usize>) -> BoxFuture<'static, Result<(), String>> {
        let (ledger, action) = (self.ledger.clone(), action.clone());
        async move { strike(&ledger, &action, &steps).await.map_err(|error| line(&error)) }.boxed()
    }
}

/// Writes down what is to be done. Nothing runs yet.
pub(super) async fn create(
    ledger: &JobLedger,
    arguments: Vec<String>,
    plan: Plan,
    confirmation: Confirmation,
) -> Result<Job, String> {
    if !console::has_state_directory(&Environment::of_process()) {
        return Err(
            "neither HOME nor XDG_STATE_HOME is set, so that nobody would find again what is to be taken back: set \
                    one of them"
                .to_owned(),
        );
    }
    let at = now();
    let action = ActionId::new(at, std::process::id());
    let request = Request { action, plan, confirmation, operator: who() };
    let spec = Spec { schema: SCHEMA, request, at, arguments };
    let (jobs, journal) = (ledger.jobs(), ledger.journal());
    // Waits for the disk, which the screen must not.
    let created = tokio::task::spawn_blocking(move || {
        let created = jobs.create(&spec);
        // Those long over make room, a few each time.
        match at.checked_sub(KEPT).map(|before| jobs.prune(&journal, before, PRUNED_AT_ONCE)) {
            Ok(Ok(removed)) if removed > 0 => tracing::info!(removed, "jobs that are long over were removed"),
            Ok(Err(error)) => tracing::warn!(%error, "jobs that are long over were not removed"),
            Ok(Ok(_)) | Err(_) => {}
        }
        created
    });
    created.await.map_err(|error| error.to_string())?.map_err(|error| line(&error))
}

/// Does `work` to the files of the job of `action`.
pub(super) fn on_disk(
    ledger: &JobLedger,
    action: &ActionId,
    work: fn(&Job) -> Result<(), JobError>,
) -> BoxFuture<'static, Result<(), String>> {
    let (jobs, action) = (ledger.jobs(), action.clone());
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
    if process::settle_down()? == process::Place::Elsewhere {
        return Ok(Exit::Done);
    }
    let job = Jobs::below(&state()).job(&ActionId(name.to_owned()))?;
    let spec = job.spec()?;
    let mut settings = configured(&arguments.shared, None, printer)?;
    settings.clusters.retain(|cluster| cluster.name == spec.request.plan.cluster);
    let Some(cluster) = settings.clusters.pop() else {
        return Err(Misuse(format!("no cluster {} is configured", spec.request.plan.cluster)).into());
    };
    let (cluster, scope) = Box::pin(scope::complete(cluster, settings.path.is_some(), printer)).await?;
    let read_only = arguments.shared.read_only;
    let observers = Observers::of(vec![stack::stack(&cluster, scope.as_deref(), read_only, Purpose::Stay)]);
    let Some(handle) = observers.handles.first().cloned() else { return Ok(Exit::Unknown) };
    let reached = contacts(&cluster, &handle);
    let Some(Acting { access, act, companion, lock }) = acting(&cluster, scope.as_deref(), read_only, reached) else {
        return Err(Misuse(format!("{} is read-only", cluster.name)).into());
    };
    let cancel = CancellationToken::new();
    end_by_signal(&observers.tracker, &cancel)?;
    let (manager, judge, act, limits): Ways = match &spec.request.plan.intent {
        Intent::Drill { scenario, target } => {
            let what = (*scenario, *target);
            let prepared =
                Box::pin(drill::prepare(&cluster, scope.as_deref(), &spec.request, what, &handle, act)).await?;
            // Before anything is owed.
            drill::set_guard(&arguments.shared, &job.action)?;
            (Arc::new(prepared.manager), Box::new(prepared.rules), Box::new(prepared.act), prepared.limits)
        }
        _ => {
            let act = settling(&spec.request.plan, &ledger(), act)?;
            let rules = OwnHand::waiting(Journal::at(state()));
            (stack::planner(&cluster), Box::new(rules), act, Limits::default())
        }
    };
    let parts = Parts {
        handle,
        manager: &*manager,
        judge: &*judge,
        act,
        companion,
        lock,
        sink: Box::new(Journal::at(state())),
        undo: Box::new(job.undo_file()),
        limits,
    };
    let outcome = job.conduct(&Process::this(&host()), &access, parts, cancel.clone()).await;
    cancel.cancel();
    observers.end().await;
    let outcome = outcome?;
    if outcome.ending == Ending::Done {
        settled(&spec.request.plan, &ledger()).await?;
    }
    Ok(Exit::of(outcome.ending))
}

/// Who plans, judges and acts, and within what limits.
type Ways = (Arc<dyn Manage>, Box<dyn Judge>, Box<dyn Act>, Limits);

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
