//! Drills, put together: running one, guarding it, paying what one left.

pub(super) mod practice;
mod survey;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use self::survey::{probe, survey};
use super::engine::engine;
use super::stack::{self, Purpose};
use super::{Misuse, Observers, configured, job, patience, scope};
use crate::action::Intent;
use crate::action::drill::{Scenario, Survey};
use crate::action::drill_report::Report;
use crate::action::outcome::{Ending, Outcome};
use crate::action::record::ActionId;
use crate::audit::Journal;
use crate::cli::act::args::{ActOutput, Acting as Flags};
use crate::cli::act::{PICTURE, Wanted, run as run_verb};
use crate::cli::args::{Arguments, Shared};
use crate::cli::drill as shown;
use crate::cli::drill::args::{Drill, DrillCommand, DrillOutput};
use crate::cli::exit::Exit;
use crate::cli::printer::Printer;
use crate::cli::wait;
use crate::client::process;
use crate::config::resolved::ClusterSettings;
use crate::driver::ha::patroni_plan::PatroniManager;
use crate::driver::port::drill::Probe;
use crate::driver::runtime::RuntimeBreak;
use crate::health::readiness::Condition;
use crate::model::text::Text;
use crate::observe::once::settled;
use crate::observe::picture::Handle;
use crate::operate::desk::{Desk, HostNotes};
use crate::operate::drill::{Drill as Drilled, DrillAct, DrillRules, Owed, Reports, guard, limits, owed, repay};
use crate::operate::job::{Job, Jobs};
use crate::operate::{Limits, Request};

/// How long a cluster may take to be whole after a drill of a sequence.
const WHOLE: &str = "5m";

/// Does what was typed after `drill`.
pub(super) async fn drill(arguments: &Arguments, typed: &Drill, printer: &mut Printer) -> anyhow::Result<Exit> {
    let (state, shared) = (job::state(), &arguments.shared);
    let reports = Reports::below(&state);
    let cluster = shared.cluster.as_deref();
    let left = owed(&Jobs::below(&state), &Journal::at(state.clone()))?;
    if !matches!(typed.command, Some(DrillCommand::Mend)) {
        shown::owed(&left, printer);
    }
    match &typed.command {
        None => shown::overview(&reports, cluster, printer),
        Some(DrillCommand::List { output }) => shown::list(&reports, cluster, *output, printer),
        Some(DrillCommand::Show { report, output }) => {
            shown::show(&reports, cluster, report.as_deref(), *output, printer)
        }
        Some(DrillCommand::Mend) => pay(shared, &left, printer).await,
        Some(DrillCommand::Run { scenario, target, acting }) => {
            let target = target.as_deref().map(|text| super::span("--target", text)).transpose()?;
            one(arguments, (*scenario).into(), target, acting, printer).await
        }
        Some(DrillCommand::Sequence { file, acting }) => sequence(arguments, file, acting, printer).await,
    }
}

/// The one cluster that is meant.
async fn chosen(shared: &Shared, printer: &mut Printer) -> anyhow::Result<(Arc<ClusterSettings>, Option<String>)> {
    let mut settings = configured(shared, None, printer)?;
    let (Some(cluster), true) = (settings.clusters.pop(), settings.clusters.is_empty()) else {
        return Err(Misuse("several clusters are configured: name one with --cluster".to_owned()).into());
    };
    Box::pin(scope::complete(cluster, settings.path.is_some(), printer)).await
}

/// Plans, confirms and follows one drill, and shows its report.
async fn one(
    arguments: &Arguments,
    scenario: Scenario,
    target: Option<Duration>,
    flags: &Flags,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let shared = &arguments.shared;
    let (cluster, scope) = chosen(shared, printer).await?;
    let observers = Observers::of(vec![stack::stack(&cluster, scope.as_deref(), shared.read_only, Purpose::Once)]);
    let Some(mut handle) = observers.handles.first().cloned() else { return Ok(Exit::Unknown) };
    let snapshot = settled(&mut handle, PICTURE).await.snapshot.clone();
    let begin = match (shared.read_only, cluster.read_only) {
        (true, _) => Err("this is a read-only console".to_owned()),
        (false, true) => Err(format!("{} is configured read-only", cluster.name)),
        (false, false) => Ok(job::beginning(shared)),
    };
    let survey = survey(&cluster, scope.as_deref(), &snapshot, scenario, begin.is_ok()).await;
    let target = target.or(cluster.drills.target);
    let wanted = Wanted::Whole(Intent::Drill { scenario, target });
    let desk = desk(&cluster, survey, HostNotes::known(job::here().await));
    let asked_at = job::now();
    let exit = run_verb(handle, &desk, begin, &wanted, flags, printer).await;
    observers.end().await;
    let exit = exit?;
    if flags.dry_run {
        return Ok(exit);
    }
    let reports = Reports::below(&job::state());
    let (all, _) = reports.list(Some(&cluster.name))?;
    let Some(report) = all.iter().rev().find(|report| report.at >= asked_at && report.scenario == scenario) else {
        return Ok(exit);
    };
    let output = if flags.output == ActOutput::Json { DrillOutput::Json } else { DrillOutput::Table };
    shown::report(report, &all, output, printer)?;
    Ok(if exit == Exit::Done && report.meets_target() == Some(false) { Exit::Findings } else { exit })
}

/// Where the plan of a drill is drawn up by what was asked. `here` is what is to be known of this host.
fn desk(cluster: &ClusterSettings, survey: Survey, here: HostNotes) -> Desk {
    let manager = PatroniManager { drill: Some(survey.clone()), ..PatroniManager::of(cluster) };
    Desk::new(Arc::new(manager), Arc::new(DrillRules { survey })).noting(here)
}

/// Runs the drills of a file.
async fn sequence(arguments: &Arguments, file: &Path, flags: &Flags, printer: &mut Printer) -> anyhow::Result<Exit> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| Misuse(format!("cannot read {}: {error}", file.display())))?;
    let sequence = shown::Sequence::read(&text).map_err(|error| Misuse(format!("{}: {error}", file.display())))?;
    let mut arguments = arguments.clone();
    match (&arguments.shared.cluster, sequence.cluster) {
        (Some(named), Some(written)) if *named != written => {
            return Err(Misuse(format!("{} is written for {written}, not for {named}", file.display())).into());
        }
        (None, Some(written)) => arguments.shared.cluster = Some(written),
        (Some(_), _) | (None, None) => {}
    }
    let began = job::now();
    let mut worst = Exit::Done;
    let steps = sequence.steps.len();
    for (at, step) in (1..).zip(sequence.steps) {
        printer.say(format!("drill {at} of {steps}: {}", step.scenario.words()));
        // Given once for all: each drill takes what its own checks ask for.
        let flags = Flags { overrides_where_asked: true, ..flags.clone() };
        let exit = Box::pin(one(&arguments, step.scenario, step.target, &flags, printer)).await?;
        worst = worst.max(exit);
        if !matches!(exit, Exit::Done | Exit::Findings) {
            printer.say(format!("pgctl-tui: drill {at} of {steps} did not come to its end: the sequence ends here"));
            break;
        }
        if flags.dry_run {
            continue;
        }
        let exit = whole(&arguments.shared, printer).await?;
        if exit != Exit::Done {
            printer.say("pgctl-tui: the cluster is not whole again: the sequence ends here");
            worst = worst.max(exit);
            break;
        }
        if at < steps {
            tokio::time::sleep(step.pause).await;
        }
    }
    if !flags.dry_run && flags.output == ActOutput::Table {
        let (mut all, _) = Reports::below(&job::state()).list(None)?;
        all.retain(|report: &Report| report.at >= began);
        shown::table(&crate::report::drill::reports(&all, &crate::cli::status::zone()), printer)?;
    }
    Ok(worst)
}

/// Waits until the cluster is whole.
async fn whole(shared: &Shared, printer: &mut Printer) -> anyhow::Result<Exit> {
    let (cluster, scope) = chosen(shared, printer).await?;
    let observers = Observers::of(vec![stack::stack(&cluster, scope.as_deref(), true, Purpose::Once)]);
    let Some(handle) = observers.handles.first().cloned() else { return Ok(Exit::Unknown) };
    let exit = wait::run(handle, &Condition::Ready, patience("", WHOLE)?, printer).await;
    observers.end().await;
    Ok(exit)
}

/// What runs the drill of `request` in its job's process.
pub(super) struct Prepared {
    pub(super) manager: PatroniManager,
    pub(super) rules: DrillRules,
    pub(super) act: DrillAct,
    pub(super) limits: Limits,
}

/// Prepares the drill of `request`; `acting` is what else it sends with.
///
/// # Errors
/// When there is nothing to probe with.
pub(super) async fn prepare(
    cluster: &Arc<ClusterSettings>,
    scope: Option<&str>,
    request: &Request,
    (scenario, target): (Scenario, Option<Duration>),
    handle: &Handle,
    inner: Box<dyn crate::driver::port::Act>,
) -> anyhow::Result<Prepared> {
    let mut looking = handle.clone();
    let snapshot = settled(&mut looking, PICTURE).await.snapshot.clone();
    let survey = survey(cluster, scope, &snapshot, scenario, true).await;
    let probe: Arc<dyn Probe> = Arc::new(probe(cluster).map_err(|why| anyhow::anyhow!(why.to_string()))?);
    let breaker = Box::new(RuntimeBreak::new(&cluster.name, &engine(cluster.drills.engine.as_deref())));
    let drill = Drilled {
        action: request.action.clone(),
        cluster: cluster.name.clone(),
        scenario,
        operator: request.operator.clone(),
        target,
    };
    let reports = Reports::below(&job::state());
    Ok(Prepared {
        manager: PatroniManager { drill: Some(survey.clone()), ..PatroniManager::of(cluster) },
        rules: DrillRules { survey },
        act: DrillAct::new(drill, inner, breaker, probe, handle.clone(), reports),
        limits: limits(),
    })
}

/// Starts the process that undoes what `action` leaves if its own dies.
pub(super) fn set_guard(shared: &Shared, action: &ActionId) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("cannot tell where this program lies")?;
    let mut command = vec![program.to_string_lossy().into_owned()];
    command.extend(job::arguments(shared));
    command.extend(["job", "guard", &action.0].map(str::to_owned));
    let job = Jobs::below(&job::state()).job(action)?;
    process::leave(&command, Some(job.complaints_file()?))?;
    Ok(())
}

/// Is the guard of the job called `name`.
pub(super) async fn stand_guard(arguments: &Arguments, name: &str, printer: &mut Printer) -> anyhow::Result<Exit> {
    if process::settle_down()? == process::Place::Elsewhere {
        return Ok(Exit::Done);
    }
    let state = job::state();
    let job = Jobs::below(&state).job(&ActionId(name.to_owned()))?;
    let Some(owed) = guard(&job, &Journal::at(state)).await? else { return Ok(Exit::Done) };
    tracing::warn!(action = %owed.action, "the job is over and owes something");
    settle(&arguments.shared, &job, &owed, printer).await
}

/// Pays what drills left.
async fn pay(shared: &Shared, left: &[Owed], printer: &mut Printer) -> anyhow::Result<Exit> {
    let mut worst = Exit::Done;
    let jobs = Jobs::below(&job::state());
    for owed in left.iter().filter(|owed| shared.cluster.as_ref().is_none_or(|name| owed.cluster == **name)) {
        let job = jobs.job(&owed.action)?;
        worst = worst.max(Box::pin(settle(shared, &job, owed, printer)).await?);
    }
    if left.is_empty() {
        printer.say("no drill has left anything");
    }
    Ok(worst)
}

async fn settle(shared: &Shared, job: &Job, owed: &Owed, printer: &mut Printer) -> anyhow::Result<Exit> {
    let mut shared = shared.clone();
    shared.cluster = Some(owed.cluster.to_string());
    let (cluster, scope) = chosen(&shared, printer).await?;
    if shared.read_only || cluster.read_only {
        return Err(Misuse(format!("{} is read-only: what a drill left cannot be undone", cluster.name)).into());
    }
    let observers = Observers::of(vec![stack::stack(&cluster, scope.as_deref(), false, Purpose::Stay)]);
    let Some(handle) = observers.handles.first().cloned() else { return Ok(Exit::Unknown) };
    let mut breaker = RuntimeBreak::new(&cluster.name, &engine(cluster.drills.engine.as_deref()));
    let probe = probe(&cluster).ok();
    let probe = probe.as_ref().map(|probe| probe as &dyn Probe);
    let mut journal = Journal::at(job::state());
    let left = repay(owed, job, &handle, &mut breaker, probe, &mut journal).await;
    observers.end().await;
    let outcome = if left.is_empty() {
        Outcome::new(Ending::Done, format!("undone: {}", owed.words().join("; ")))
    } else {
        let words: Vec<&str> = left.iter().map(Text::as_str).collect();
        Outcome::new(Ending::Failed, format!("still owed: {}", words.join("; ")))
    };
    for line in crate::report::plan::outcome(&outcome) {
        printer.line(&line)?;
    }
    Ok(Exit::of(outcome.ending))
}
