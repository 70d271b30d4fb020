//! Actions as jobs, put together: beginning one from a console, and being one.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use futures::future::{BoxFuture, ready};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::acting::{Acting, acting, contacts};
use super::stack::Purpose;
use super::{Misuse, Observers, configured, console, scope, stack};
use crate::action::escort::Told;
use crate::action::outcome::{Ending, Outcome};
use crate::action::permit::Confirmation;
use crate::action::plan::Plan;
use crate::action::record::{ActionId, Operator};
use crate::audit::{Journal, operator};
use crate::cli::act::Beginning;
use crate::cli::args::{Arguments, Shared};
use crate::cli::exit::Exit;
use crate::cli::printer::Printer;
use crate::client::process;
use crate::config::environment::Environment;
use crate::driver::ha::patroni_plan::PatroniManager;
use crate::model::text::Text;
use crate::operate::job::{Followed, Jobs, Process, Remains, SCHEMA, Spec};
use crate::operate::{Event, Limits, Parts, Progress, Request, Rules};

/// How long the process of a job may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where everything lies that outlives a console.
fn state() -> PathBuf {
    console::state_directory(&Environment::of_process())
}

/// Name of this host.
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Who sits at this console.
fn who() -> Operator {
    let environment = Environment::of_process();
    let mut who = operator(|name| environment.get(name).filter(|value| !value.is_empty()), &host(), std::process::id());
    if who.user == *"unknown" {
        // cron and containers set no names.
        who.user = Text::new(format!("uid {}", rustix::process::getuid().as_raw()));
    }
    who
}

#[expect(clippy::disallowed_methods, reason = "an action is named and dated where it is begun")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// What begins a confirmed action as a job, and tells how it goes on. `shared` are the arguments by which the cluster was
/// found; the job finds it by the same.
pub(super) fn beginning(shared: &Shared) -> Beginning {
    let arguments = arguments(shared);
    Box::new(move |plan, confirmation| Box::pin(ready(begin(arguments, plan, confirmation))))
}

fn begin(
    arguments: Vec<String>,
    plan: Plan,
    confirmation: Confirmation,
) -> anyhow::Result<mpsc::UnboundedReceiver<Progress>> {
    let at = now();
    let action = ActionId::new(at, std::process::id());
    let request = Request { action: action.clone(), plan, confirmation, operator: who() };
    let state = state();
    let job = Jobs::below(&state).create(&Spec { schema: SCHEMA, request, at, arguments: arguments.clone() })?;
    let program = std::env::current_exe().context("cannot tell where this program lies")?;
    let mut command = vec![program.to_string_lossy().into_owned()];
    command.extend(arguments);
    command.extend(["job", "run", &action.0].map(str::to_owned));
    process::leave(&command)?;
    let (news, receiver) = mpsc::unbounded_channel();
    let follow: BoxFuture<'static, ()> = Box::pin(async move {
        let journal = Journal::at(state);
        let outcome = match job.follow(&journal, &news, PATIENCE).await {
            // The news end with the outcome.
            Ok(Followed::Ended(_)) => return,
            Ok(Followed::Died(remains)) => died(&remains, &action),
            Ok(Followed::NeverBegan) => Outcome::new(Ending::Failed, "its process did not begin: nothing was sent")
                .next("look at the log: --log"),
            Err(error) => Outcome::new(Ending::Unknown, format!("it can no longer be watched: {error}"))
                .next(format!("pgctl-tui audit {action}")),
        };
        // Nobody listening any more is no trouble.
        let _ = news.send(Progress { at: now(), after: None, event: Event::Ended { outcome } });
    });
    #[expect(clippy::disallowed_methods, reason = "it watches and owes nothing; the job goes on without it")]
    tokio::spawn(follow);
    Ok(receiver)
}

fn died(remains: &Remains, action: &ActionId) -> Outcome {
    let text = if remains.past_no_return {
        "its process died after the point of no return"
    } else {
        "its process died before the point of no return"
    };
    let outcome = Outcome::new(Ending::Unknown, text)
        .next(format!("pgctl-tui audit {action} tells what was done; pgctl-tui status what is"));
    if !remains.escorting {
        return outcome;
    }
    let told: Vec<String> = remains.told.iter().map(Told::words).collect();
    let told = if told.is_empty() { "perhaps something".to_owned() } else { told.join("; ") };
    outcome.next(format!(
        "the routers were told: {told}; their own checks are on and follow in time; pgctl-tui settle proves who leads and \
         tells them at once"
    ))
}

/// The arguments that lead another process to the same configuration and the same cluster. Secrets are never among them.
fn arguments(shared: &Shared) -> Vec<String> {
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
    // Fails where it leads a group already, typed into a shell: then the shell's signals are meant for it.
    let _ = process::own_session();
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
    let manager = PatroniManager::of(&cluster);
    let parts = Parts {
        handle,
        manager: &manager,
        judge: &Rules,
        act,
        companion,
        lock,
        sink: Box::new(Journal::at(state())),
        undo: Box::new(job.undo_file()),
        limits: Limits::default(),
    };
    let outcome = job.conduct(&Process::this(&host()), &access, parts, CancellationToken::new()).await;
    observers.end().await;
    Ok(Exit::of(outcome?.ending))
}
