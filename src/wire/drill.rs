//! Drills, put together: running one, guarding it, paying what one left.

pub(super) mod reports;
pub(super) mod survey;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use self::survey::probe;
use super::engine::engine;
use super::stack::{AssembledStack, Purpose, complete};
use super::{Observers, UsageError, configured, job, pooler_guard, time_limit};
use crate::action::Intent;
use crate::action::drill::Scenario;
use crate::action::drill_report::DrillReport;
use crate::action::outcome::{Outcome, OutcomeKind};
use crate::action::record::ActionId;
use crate::action::verb::IntentRequest;
use crate::audit::Journal;
use crate::cli::act::args::{ActOutput, Acting as Flags};
use crate::cli::act::{SNAPSHOT_TIMEOUT, run as run_verb};
use crate::cli::args::{Arguments, Shared};
use crate::cli::drill as shown;
use crate::cli::drill::args::{Drill, DrillCommand, DrillOutput};
use crate::cli::exit::Exit;
use crate::cli::printer::Printer;
use crate::cli::wait;
use crate::client::process;
use crate::config::resolved::ClusterSettings;
use crate::driver::port::Act;
use crate::driver::port::drill::Probe;
use crate::driver::runtime::RuntimeFaultInjector;
use crate::health::readiness::Condition;
use crate::model::text::Text;
use crate::observe::cluster::ClusterSetup;
use crate::observe::once::settled;
use crate::observe::picture::Handle;
use crate::operate::drill::{Drill as Drilled, DrillAct, PendingRepair, Reports, guard, pending_repairs, repair_all};
use crate::operate::job::{Job, Jobs};
use crate::operate::plan_service::HostNotes;
use crate::operate::{OwnChanges, Request};

/// How long a cluster may take to be whole after a drill of a sequence.
const WHOLE: &str = "5m";

/// Does what was typed after `drill`.
pub(super) async fn drill(arguments: &Arguments, typed: &Drill, printer: &mut Printer) -> anyhow::Result<Exit> {
    let (state, shared) = (job::state(), &arguments.shared);
    let reports = Reports::below(&state);
    let cluster = shared.cluster.as_deref();
    let left = pending_repairs(&Jobs::below(&state), &Journal::at(state.clone()))?;
    if !matches!(typed.command, Some(DrillCommand::Mend)) {
        shown::pending_repairs(&left, printer);
    }
    match &typed.command {
        None => shown::overview(&reports, cluster, printer),
        Some(DrillCommand::List { output }) => shown::list(&reports, cluster, *output, printer),
        Some(DrillCommand::Show { report, output }) => {
            shown::show(&reports, cluster, report.as_deref(), *output, printer)
        }
        Some(DrillCommand::Mend) => repair_pending(shared, &left, printer).await,
        Some(DrillCommand::Run { scenario, target, acting }) => {
            let target = target.as_deref().map(|text| super::span("--target", text)).transpose()?;
            one(arguments, (*scenario).into(), target, acting, printer).await
        }
        Some(DrillCommand::Sequence { file, acting }) => sequence(arguments, file, acting, printer).await,
    }
}

/// The one cluster that is meant.
async fn chosen(shared: &Shared, printer: &mut Printer) -> anyhow::Result<AssembledStack> {
    let mut settings = configured(shared, None, printer)?;
    let (Some(cluster), true) = (settings.clusters.pop(), settings.clusters.is_empty()) else {
        return Err(UsageError("several clusters are configured: choose one with --cluster".to_owned()).into());
    };
    Box::pin(complete(cluster, settings.path.is_some(), printer)).await
}

/// Plans, confirms and follows one drill, and shows its report.
async fn one(
    arguments: &Arguments,
    scenario: Scenario,
    target: Option<Duration>,
    flags: &Flags,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let (shared, state) = (&arguments.shared, job::state());
    let cluster = chosen(shared, printer).await?;
    let observers = Observers::of(vec![cluster.observed(shared.read_only, Purpose::Once)]);
    let Some(mut handle) = observers.handles.first().cloned() else { return Ok(Exit::Unknown) };
    let snapshot = settled(&mut handle, SNAPSHOT_TIMEOUT).await.snapshot.clone();
    let begin = match (shared.read_only, cluster.settings.read_only) {
        (true, _) => Err("this console is read-only".to_owned()),
        (false, true) => Err(format!("{} is configured read-only", cluster.settings.name)),
        (false, false) => Ok(job::beginning(shared)),
    };
    let target = target.or(cluster.settings.drills.target);
    let intent = Intent::Drill { scenario, target };
    let rules = Arc::new(OwnChanges::waiting(Journal::at(state)));
    let plan_service = cluster.plan_service(rules, begin.is_ok()).noting(HostNotes::known(job::here().await));
    let plan_service = plan_service.inspect(snapshot, intent.clone()).await.map_err(anyhow::Error::msg)?;
    let wanted = IntentRequest::Whole(intent);
    let asked_at = job::now();
    let exit = run_verb(handle, &plan_service, begin, &wanted, flags, printer).await;
    observers.end().await;
    let exit = exit?;
    if flags.dry_run {
        return Ok(exit);
    }
    let reports = Reports::below(&job::state());
    let (all, _) = reports.list(Some(&cluster.settings.name))?;
    let Some(report) = all.iter().rev().find(|report| report.at >= asked_at && report.scenario == scenario) else {
        return Ok(exit);
    };
    let output = if flags.output == ActOutput::Json { DrillOutput::Json } else { DrillOutput::Table };
    shown::report(report, &all, output, printer)?;
    Ok(if exit == Exit::Done && report.meets_target() == Some(false) { Exit::Findings } else { exit })
}

/// Runs the drills of a file.
async fn sequence(arguments: &Arguments, file: &Path, flags: &Flags, printer: &mut Printer) -> anyhow::Result<Exit> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| UsageError(format!("cannot read {}: {error}", file.display())))?;
    let sequence = shown::Sequence::read(&text).map_err(|error| UsageError(format!("{}: {error}", file.display())))?;
    let mut arguments = arguments.clone();
    match (&arguments.shared.cluster, sequence.cluster) {
        (Some(named), Some(written)) if *named != written => {
            return Err(UsageError(format!("{} is written for {written}, not for {named}", file.display())).into());
        }
        (None, Some(written)) => arguments.shared.cluster = Some(written),
        (Some(_), _) | (None, None) => {}
    }
    let began = job::now();
    let mut worst = Exit::Done;
    let steps = sequence.steps.len();
    for (at, step) in (1..).zip(sequence.steps) {
        printer.say(format!("drill {at} of {steps}: {}", step.scenario.describe()));
        // Given once for all: each drill takes what its own checks ask for.
        let flags = Flags { overrides_where_asked: true, ..flags.clone() };
        let exit = Box::pin(one(&arguments, step.scenario, step.target, &flags, printer)).await?;
        worst = worst.max(exit);
        if !matches!(exit, Exit::Done | Exit::Findings) {
            printer.say(format!("pgctl-tui: drill {at} of {steps} was not completed: the sequence stops here"));
            break;
        }
        if flags.dry_run {
            continue;
        }
        let exit = run_guard(&arguments.shared, printer).await?;
        if exit != Exit::Done {
            printer.say("pgctl-tui: the cluster has not recovered: the sequence stops here");
            worst = worst.max(exit);
            break;
        }
        if at < steps {
            tokio::time::sleep(step.pause).await;
        }
    }
    if !flags.dry_run && flags.output == ActOutput::Table {
        let (mut all, _) = Reports::below(&job::state()).list(None)?;
        all.retain(|report: &DrillReport| report.at >= began);
        shown::table(&crate::report::drill::reports(&all, &crate::cli::status::zone()), printer)?;
    }
    Ok(worst)
}

/// Waits until the cluster is whole.
async fn run_guard(shared: &Shared, printer: &mut Printer) -> anyhow::Result<Exit> {
    let cluster = chosen(shared, printer).await?;
    let observers = Observers::of(vec![cluster.observed(true, Purpose::Once)]);
    let Some(handle) = observers.handles.first().cloned() else { return Ok(Exit::Unknown) };
    let exit = wait::run(handle, &Condition::Ready, time_limit("", WHOLE)?, printer).await;
    observers.end().await;
    Ok(exit)
}

/// What carries out the drill of `request` in its job's process; `inner` is what else it sends with.
///
/// # Errors
/// When there is nothing to probe with.
pub(super) fn actor(
    cluster: &ClusterSettings,
    request: &Request,
    (scenario, target): (Scenario, Option<Duration>),
    handle: &Handle,
    inner: Box<dyn Act>,
) -> anyhow::Result<DrillAct> {
    let probe: Arc<dyn Probe> = Arc::new(probe(cluster).map_err(|why| anyhow::anyhow!(why.to_string()))?);
    let fault_injector = Box::new(RuntimeFaultInjector::new(&cluster.name, &engine(cluster.drills.engine.as_deref())));
    let drill = Drilled {
        action: request.action.clone(),
        cluster: cluster.name.clone(),
        scenario,
        operator: request.operator.clone(),
        target,
    };
    Ok(DrillAct::new(drill, inner, fault_injector, probe, handle.clone(), Reports::below(&job::state())))
}

/// Starts the process that undoes what `action` leaves if its own dies.
pub(super) fn set_guard(shared: &Shared, action: &ActionId) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("cannot determine the path of this program")?;
    let mut command = vec![program.to_string_lossy().into_owned()];
    command.extend(job::arguments(shared));
    command.extend(["job", "guard", &action.0].map(str::to_owned));
    let job = Jobs::below(&job::state()).job(action)?;
    process::spawn_detached(&command, Some(job.diagnostics_file()?))?;
    Ok(())
}

/// Is the guard of the job called `name`.
pub(super) async fn stand_guard(arguments: &Arguments, name: &str, printer: &mut Printer) -> anyhow::Result<Exit> {
    if process::settle_down()? == process::ExecContext::Elsewhere {
        return Ok(Exit::Done);
    }
    let state = job::state();
    let job = Jobs::below(&state).job(&ActionId(name.to_owned()))?;
    let poolers = pooler_guard::settings(arguments, &job, printer)?;
    let _on_guard = job.on_guard()?;
    // Both at once: what a drill has broken is mended in minutes, and clients wait for seconds at most.
    let journal = Journal::at(state);
    let (resumed, drill) = tokio::join!(pooler_guard::stand(poolers, &job), guard(&job, &journal));
    resumed?;
    let Some(pending_undo) = drill? else { return Ok(Exit::Done) };
    tracing::warn!(action = %pending_undo.action, "the action has ended with pending undos");
    repair_one(&arguments.shared, &job, &pending_undo, printer).await
}

/// Pays what drills left.
async fn repair_pending(shared: &Shared, left: &[PendingRepair], printer: &mut Printer) -> anyhow::Result<Exit> {
    let mut worst = Exit::Done;
    let jobs = Jobs::below(&job::state());
    for pending_undo in
        left.iter().filter(|pending_undo| shared.cluster.as_ref().is_none_or(|name| pending_undo.cluster == **name))
    {
        let job = jobs.job(&pending_undo.action)?;
        worst = worst.max(Box::pin(repair_one(shared, &job, pending_undo, printer)).await?);
    }
    if left.is_empty() {
        printer.say("no drill has left anything to revert");
    }
    Ok(worst)
}

async fn repair_one(
    shared: &Shared,
    job: &Job,
    pending_undo: &PendingRepair,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let mut shared = shared.clone();
    shared.cluster = Some(pending_undo.cluster.to_string());
    let assembled = chosen(&shared, printer).await?;
    let cluster = &assembled.settings;
    if shared.read_only || cluster.read_only {
        return Err(UsageError(format!("{} is read-only: what a drill left cannot be reverted", cluster.name)).into());
    }
    let stack = assembled.observed(false, Purpose::Stay);
    let observers = Observers::of(vec![ClusterSetup { attentive: true, ..stack }]);
    let Some(handle) = observers.handles.first().cloned() else { return Ok(Exit::Unknown) };
    let mut fault_injector = RuntimeFaultInjector::new(&cluster.name, &engine(cluster.drills.engine.as_deref()));
    let probe = probe(cluster).ok();
    let probe = probe.as_ref().map(|probe| probe as &dyn Probe);
    let mut journal = Journal::at(job::state());
    let left = repair_all(pending_undo, job, &handle, &mut fault_injector, probe, &mut journal).await;
    observers.end().await;
    let outcome = if left.is_empty() {
        Outcome::new(OutcomeKind::Done, format!("reverted: {}", pending_undo.describe().join("; ")))
    } else {
        let words: Vec<&str> = left.iter().map(Text::as_str).collect();
        Outcome::new(OutcomeKind::Failed, format!("still to be reverted: {}", words.join("; ")))
    };
    for line in crate::report::plan::outcome(&outcome) {
        printer.line(&line)?;
    }
    Ok(Exit::of(outcome.ending))
}
