//! The composition root: the only place that names concrete drivers and clients together. It puts parts together and
//! decides nothing about clusters.

mod acknowledged;
mod act;
pub mod acting;
mod backup;
mod checks;
mod console;
mod discover;
mod drill;
mod engine;
mod hooks;
mod inventory;
mod job;
mod lock;
mod log;
pub mod outside;
mod own_pauses;
mod pauses;
mod pooler_guard;
mod pooler_traffic;
pub mod rehearsal;
mod retention;
mod stack;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unreported_tests;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::CommandFactory as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cli::args::{self, Arguments, Awaited, Output, Shared, Verb};
use crate::cli::exit::Exit;
use crate::cli::printer::{Printer, is_closed};
use crate::cli::{ack, audit, doctor, status, wait, watch};
use crate::client::{cause, descriptors, process};
use crate::config::environment::Environment;
use crate::config::error::ConfigError;
use crate::config::resolved::{ClusterSettings, Settings};
use crate::config::{Flags, duration, load, long_duration};
use crate::health::readiness::Condition;
use crate::model::name::NodeName;
use crate::model::source::SourceError;
use crate::observe::cluster::{ClusterSetup, start};
use crate::observe::picture::Handle;
use stack::{AssembledStack, Purpose};

/// How long tasks may take to end once nobody needs them.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(200);

/// The shortest time in which any source can answer.
const MIN_TIMEOUT: Duration = Duration::from_millis(10);

/// Does what the arguments ask, and says how it ended. Errors are said here, in one line each.
pub fn run(arguments: &Arguments) -> Exit {
    let mut printer = Printer::new();
    // Kept to the end: it writes what is left of the log.
    let _log = match arguments.shared.log.as_deref().map(log::begin).transpose() {
        Ok(guard) => guard,
        Err(error) => return report_problem(&error, &mut printer),
    };
    match act(arguments, &mut printer) {
        Ok(exit) => exit,
        Err(error) => report_problem(&error, &mut printer),
    }
}

fn act(arguments: &Arguments, printer: &mut Printer) -> anyhow::Result<Exit> {
    match &arguments.verb {
        Some(Verb::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "pgctl-tui", &mut script);
            printer.document(&String::from_utf8_lossy(&script))?;
            return Ok(Exit::Done);
        }
        Some(Verb::Man) => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Arguments::command()).render(&mut page)?;
            printer.document(&String::from_utf8_lossy(&page))?;
            return Ok(Exit::Done);
        }
        _ => {}
    }
    // One thread drives every source and the screen: there is little to do and much to wait for, so handing work from
    // thread to thread would cost more than the work. Frames are written by a thread of their own.
    descriptors::raise_limit();
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().context("cannot start the runtime")?;
    let outcome = runtime.block_on(perform(arguments, printer));
    // Name resolution that hangs must not hold the end back.
    runtime.shutdown_background();
    outcome
}

async fn perform(arguments: &Arguments, printer: &mut Printer) -> anyhow::Result<Exit> {
    match &arguments.verb {
        None => {
            let settings = configured(&arguments.shared, None, printer)?;
            console::on_clusters(arguments, settings, printer).await
        }
        Some(Verb::Demo(demo)) => console::on_simulation(arguments, demo, printer).await,
        Some(Verb::Status(args)) => {
            let settings = configured(&arguments.shared, args.name.as_deref(), printer)?;
            let whole = args.full || args.check || args.watch || args.output != Output::Table;
            let purpose = match (whole, args.watch) {
                (false, _) => Purpose::Glance,
                (true, false) => Purpose::Once,
                (true, true) => Purpose::Watch,
            };
            let options = status::Options {
                output: args.output,
                schema: args.schema,
                check: args.check,
                glance: !whole && settings.clusters.iter().any(|cluster| cluster.postgres.is_some()),
                watch: args.watch.then(|| interval(&settings)),
                timeout: time_limit("--timeout", &args.timeout)?,
            };
            let observers = Observers::start_once(settings, true, purpose, printer).await?;
            let exit = status::run(observers.handles.clone(), &options, printer).await;
            observers.end().await;
            exit
        }
        Some(Verb::Wait(args)) => {
            let settings = configured(&arguments.shared, None, printer)?;
            let [_] = settings.clusters.as_slice() else {
                return Err(UsageError("several clusters are configured: choose one with --cluster".to_owned()).into());
            };
            let node = args.node.as_ref().map(NodeName::new);
            let condition = match args.condition {
                Awaited::Ready if node.is_some() => {
                    return Err(
                        UsageError("`wait ready` applies to the whole cluster: omit the node".to_owned()).into()
                    );
                }
                Awaited::Ready => Condition::Ready,
                Awaited::Leader => Condition::Leader(node),
                Awaited::Streaming => Condition::Streaming(node),
            };
            let timeout = time_limit("--timeout", &args.timeout)?;
            let mut observers = Observers::start_once(settings, true, Purpose::Once, printer).await?;
            let Some(handle) = observers.handles.pop() else { return Ok(Exit::Unknown) };
            let exit = wait::run(handle, &condition, timeout, printer).await;
            observers.end().await;
            Ok(exit)
        }
        Some(Verb::Watch(args)) => watch(arguments, args, printer).await,
        Some(Verb::Ack(args)) => ack(arguments, args, printer).await,
        Some(Verb::Doctor(args)) => {
            let settings = configured(&arguments.shared, args.name.as_deref(), printer)?;
            let lines = checks::examine(&settings, printer).await?;
            doctor::run(&lines, args.output, printer)
        }
        Some(Verb::Act(verb)) => act::act(arguments, verb, printer).await,
        Some(Verb::Drill(typed)) => drill::drill(arguments, typed, printer).await,
        Some(Verb::Job(args::Job::Run { action })) => Box::pin(job::run(arguments, action, printer)).await,
        Some(Verb::Job(args::Job::Guard { action })) => drill::stand_guard(arguments, action, printer).await,
        Some(Verb::Audit(args::Audit { work: Some(args::AuditWork::Prune(prune)), .. })) => {
            audit::prune(&job::job_store(), prune, printer)
        }
        Some(Verb::Audit(args)) => {
            let Some(filter) = audit::filter(args, arguments.shared.cluster.as_deref()) else {
                let text = "--since: use a duration such as 2h or a time such as 2026-11-21T14:00:00Z";
                return Err(UsageError(text.to_owned()).into());
            };
            audit::run(&job::job_store(), &filter, args.output, printer)
        }
        Some(Verb::Backup(args)) => backup::run(args, printer).await,
        Some(Verb::Init(args)) => Box::pin(discover::init(&arguments.shared, args, printer)).await,
        Some(Verb::Completions { .. } | Verb::Man) => Ok(Exit::Done),
    }
}

/// `watch`, with the hook of the configuration or of the command line.
async fn watch(arguments: &Arguments, args: &args::Watch, printer: &mut Printer) -> anyhow::Result<Exit> {
    let settings = configured(&arguments.shared, args.name.as_deref(), printer)?;
    let options = watch::Options {
        output: args.output,
        findings_only: args.findings,
        timeout: time_limit("--timeout", &args.timeout)?,
    };
    let mut command = settings.ui.wall.hook.clone();
    if let Some(program) = args.exec.as_ref().or(arguments.console.hook.as_ref()) {
        command = vec![program.display().to_string()];
    }
    let reported = (!command.is_empty()).then(|| hooks::alert(command, settings.ui.wall.hook_pause));
    let (tell, task) =
        reported.map_or((None, None), |(tell, task)| (Some(Box::new(tell) as watch::AlertSink), Some(task)));
    let observers = Observers::start(&settings, true, Purpose::Watch);
    acknowledged::tell(&observers.handles).await;
    observers.follow_acknowledged();
    let exit = watch::run(observers.handles.clone(), &options, tell, printer).await;
    observers.end().await;
    // What waits for the program is still told: the last finding before the end may be the one that matters.
    if let Some(task) = task
        && tokio::time::timeout(hooks::HOOK_TIMEOUT, task).await.is_err()
    {
        printer.say("pgctl-tui: the hook was too slow for the last findings");
    }
    exit
}

/// `ack`: lists what is acknowledged, or acknowledges one finding as it stands now.
async fn ack(arguments: &Arguments, args: &args::Ack, printer: &mut Printer) -> anyhow::Result<Exit> {
    let settings = configured(&arguments.shared, None, printer)?;
    let store = acknowledged::store();
    let Some(meant) = &args.finding else {
        let known = store.read()?;
        return ack::list(&known, &settings, printer);
    };
    if arguments.shared.read_only {
        printer.say("pgctl-tui: not acknowledged: this console is read-only");
        return Ok(Exit::Refused);
    }
    let span = long_duration(&args.span).map_err(|problem| UsageError(format!("--for {}: {problem}", args.span)))?;
    let observers = Observers::start(&settings, true, Purpose::Once);
    acknowledged::tell(&observers.handles).await;
    let pictures = ack::pictures(observers.handles.clone(), time_limit("--timeout", &args.timeout)?).await;
    observers.end().await;
    let (cluster, finding) = match ack::find(&pictures, meant) {
        Ok(found) => found,
        Err(why) => return Err(UsageError(why).into()),
    };
    let reason = args.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    let known = match (args.off, reason) {
        (true, _) => None,
        (false, Some(reason)) => Some((crate::model::text::Text::new(reason), span)),
        (false, None) => return Err(UsageError("--reason: give a reason for other operators".to_owned()).into()),
    };
    let word = if known.is_some() { "acknowledged" } else { "not acknowledged any more" };
    acknowledged::note(&cluster, &finding, known)?;
    printer.say(format!("{cluster}: {word}: {}", finding.title));
    Ok(Exit::Done)
}

/// Says an error with its causes in one line. Wrong configuration has its own exit code.
fn report_problem(error: &anyhow::Error, printer: &mut Printer) -> Exit {
    // The reader of a pipe has gone: nobody wants to hear more.
    if is_closed(error) {
        return Exit::Done;
    }
    printer.say(format!("pgctl-tui: {}", one_line(error)));
    if error.is::<ConfigError>() || error.is::<UsageError>() { Exit::Usage } else { Exit::Failed }
}

/// An error with its causes, and what mends it where a source tells.
fn one_line(error: &anyhow::Error) -> String {
    let reported = cause::chain(error.as_ref());
    match error.chain().find_map(|cause| cause.downcast_ref::<SourceError>()) {
        Some(failure) => format!("{reported} → {}", failure.failure_kind.remedy()),
        None => reported,
    }
}

/// Something on the command line that only shows once the configuration is read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UsageError(String);

/// The settings of the clusters asked for.
fn configured(shared: &Shared, name: Option<&str>, printer: &mut Printer) -> anyhow::Result<Settings> {
    let mut settings = load(&flags(shared), &Environment::of_process())?;
    process::withhold(settings.secret_variables());
    for warning in &settings.warnings {
        printer.say(format!("pgctl-tui: {warning}"));
    }
    if let Some(shortage) = descriptors::shortage(settings.clusters.len()) {
        printer.say(format!("pgctl-tui: {shortage}"));
    }
    if let Some(name) = name.or(shared.cluster.as_deref()) {
        let known: Vec<String> = settings.clusters.iter().map(|cluster| cluster.name.to_string()).collect();
        settings.clusters.retain(|cluster| cluster.name == *name);
        if settings.clusters.is_empty() {
            let text = format!("cluster \"{name}\" is not configured; available: {}", known.join(", "));
            return Err(UsageError(text).into());
        }
    }
    Ok(settings)
}

fn flags(shared: &Shared) -> Flags {
    Flags {
        config: shared.config.clone(),
        interval: shared.interval.clone(),
        theme: None,
        read_only: shared.read_only,
        patroni: shared.patroni.clone(),
        etcd: shared.etcd.clone(),
        scope: shared.scope.clone(),
        namespace: shared.namespace.clone(),
    }
}

fn interval(settings: &Settings) -> Duration {
    settings.clusters.iter().map(|cluster| cluster.interval).min().unwrap_or(Duration::from_secs(1))
}

fn span(flag: &str, text: &str) -> anyhow::Result<Duration> {
    duration(text).map_err(|problem| UsageError(format!("{flag} {text}: {problem}")).into())
}

/// A span to wait for answers. One in which none can come would show an empty picture as if nothing were configured.
fn time_limit(flag: &str, text: &str) -> anyhow::Result<Duration> {
    let span = span(flag, text)?;
    if span < MIN_TIMEOUT {
        let least = MIN_TIMEOUT.as_millis();
        return Err(UsageError(format!("{flag} {text}: too short for any response; use {least}ms or more")).into());
    }
    Ok(span)
}

/// The running observers of some clusters.
struct Observers {
    handles: Vec<Handle>,
    /// The settings of each, in the same order; empty where the cluster is simulated, or was completed elsewhere.
    settings: Vec<Arc<ClusterSettings>>,
    tracker: TaskTracker,
    cancel: CancellationToken,
}

impl Observers {
    /// Starts observing every cluster at once. What a scope is that the configuration leaves open is found out on the way:
    /// a cluster that cannot tell it is in trouble by itself, and keeps no other waiting.
    fn start(settings: &Settings, read_only: bool, purpose: Purpose) -> Self {
        let settings: Vec<_> = settings.clusters.iter().cloned().map(Arc::new).collect();
        let stacks =
            settings.iter().map(|cluster| AssembledStack::of(cluster, None).observed(read_only, purpose)).collect();
        Self { settings, ..Self::of(stacks) }
    }

    /// As [`Observers::start`], for what is over after one look: where one cluster alone is asked for and its scope cannot be
    /// told, that is a mistake in what was asked.
    async fn start_once(
        mut settings: Settings,
        read_only: bool,
        purpose: Purpose,
        printer: &mut Printer,
    ) -> anyhow::Result<Self> {
        if let [cluster] = settings.clusters.as_mut_slice()
            && cluster.scope.is_none()
        {
            cluster.scope = Box::pin(stack::scope(cluster, printer)).await?;
        }
        let observers = Self::start(&settings, read_only, purpose);
        acknowledged::tell(&observers.handles).await;
        Ok(observers)
    }

    fn of(stacks: Vec<ClusterSetup>) -> Self {
        let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
        let handles = stacks.into_iter().map(|stack| start(stack, &tracker, &cancel)).collect();
        Self { handles, settings: Vec::new(), tracker, cancel }
    }

    /// From now on follows what other consoles of this host acknowledge.
    fn follow_acknowledged(&self) {
        let follow = acknowledged::follow(self.handles.clone());
        let cancel = self.cancel.clone();
        self.tracker.spawn(async move {
            cancel.run_until_cancelled(follow).await;
        });
    }

    /// Ends every task, waiting for it as long as [`SHUTDOWN_TIMEOUT`].
    async fn end(self) {
        self.cancel.cancel();
        self.tracker.close();
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, self.tracker.wait()).await.is_err() {
            tracing::warn!("some source tasks did not end in time");
        }
    }
}
