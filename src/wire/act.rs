//! The verbs that act, put together.

use std::sync::Arc;

use super::stack::{Purpose, complete};
use super::{Observers, UsageError, configured, hooks, job};
use crate::action::Intent;
use crate::action::intent::{ConfigurationIntent, PendingUndo};
use crate::action::pending_undo;
use crate::action::record::ActionId;
use crate::action::verb::IntentRequest;
use crate::audit::Journal;
use crate::cli::act::args::ActVerb;
use crate::cli::act::{SNAPSHOT_TIMEOUT, edited, run};
use crate::cli::args::Arguments;
use crate::cli::exit::Exit;
use crate::cli::printer::Printer;
use crate::config::resolved::Settings;
use crate::model::moment::Moment;
use crate::model::name::RouterName;
use crate::observe::once::settled;
use crate::operate::OwnChanges;
use crate::operate::job::{JobState, elsewhere, mark_reverted};
use crate::operate::plan_service::HostNotes;

/// Does what `verb` asks of the one cluster that is meant.
pub(super) async fn act(arguments: &Arguments, verb: &ActVerb, printer: &mut Printer) -> anyhow::Result<Exit> {
    let mut settings = configured(&arguments.shared, None, printer)?;
    let reverted_steps = match verb.wanted(job::now(), &[]) {
        Ok(IntentRequest::Undo(action)) => Some(left(action, &mut settings)?),
        _ => None,
    };
    let (Some(cluster), true) = (settings.clusters.pop(), settings.clusters.is_empty()) else {
        return Err(UsageError("several clusters are configured: choose one with --cluster".to_owned()).into());
    };
    let routers: Vec<RouterName> = cluster.routers.iter().map(|router| router.name.clone()).collect();
    let mut wanted = match reverted_steps {
        Some(intent) => IntentRequest::Whole(intent),
        None => verb.wanted(job::now(), &routers).map_err(|error| UsageError(error.to_string()))?,
    };
    let cluster = Box::pin(complete(cluster, settings.path.is_some(), printer)).await?;
    let read_only = arguments.shared.read_only;
    let observers = Observers::of(vec![cluster.observed(read_only, Purpose::Once)]);
    let Some(mut handle) = observers.handles.first().cloned() else { return Ok(Exit::Unknown) };
    if let IntentRequest::Whole(Intent::Undo { action, pending_undo }) = &mut wanted {
        // Asked from here on, after the book was read.
        let picture = settled(&mut handle, SNAPSHOT_TIMEOUT).await;
        let gone = pending_undo::reverted_already(pending_undo, &picture.snapshot, Moment::START);
        pending_undo.retain(|one| gone.iter().all(|(step, _)| one.step != *step));
        for (step, word) in &gone {
            printer.say(format!("pgctl-tui: step {} of {action} is already reverted: {word}", step + 1));
        }
        if !read_only && !gone.is_empty() && !verb.acting.dry_run {
            let steps: Vec<usize> = gone.iter().map(|(step, _)| *step).collect();
            mark_reverted(&job::job_store(), action, &steps).await?;
        }
        if pending_undo.is_empty() && !gone.is_empty() {
            printer.say(format!("pgctl-tui: {action} has left nothing in place: nothing to do"));
            observers.end().await;
            return Ok(Exit::Done);
        }
    }
    let begin = match (read_only, cluster.settings.read_only) {
        (true, _) => Err("this console is read-only".to_owned()),
        (false, true) => Err(format!("{} is configured read-only", cluster.settings.name)),
        (false, false) => Ok(job::beginning(&arguments.shared)),
    };
    // Nobody is given anything to edit that cannot be written.
    let may_edit = verb.has("edit") && cluster.planner().capabilities().permit(wanted.row()).is_ok();
    if let (true, IntentRequest::Whole(Intent::Configuration(ConfigurationIntent::Configure { changes })), Ok(_)) =
        (may_edit, &wanted, &begin)
    {
        let picture = settled(&mut handle, SNAPSHOT_TIMEOUT).await;
        match edited(&picture.snapshot, changes, Box::new(hooks::edit_text), printer).await {
            Ok(intent) => wanted = IntentRequest::Whole(intent),
            Err(why) => {
                printer.say(format!("pgctl-tui: configure {}: {why}", handle.cluster));
                observers.end().await;
                return Ok(Exit::Refused);
            }
        }
    }
    let rules = OwnChanges::waiting(Journal::at(job::state()));
    let mut plan_service =
        cluster.plan_service(Arc::new(rules), begin.is_ok()).noting(HostNotes::known(job::here().await));
    if let IntentRequest::Whole(intent) = &wanted
        && plan_service.asks(intent)
    {
        let picture = settled(&mut handle, SNAPSHOT_TIMEOUT).await;
        plan_service =
            plan_service.inspect(picture.snapshot.clone(), intent.clone()).await.map_err(anyhow::Error::msg)?;
    }
    let exit = run(handle, &plan_service, begin, &wanted, &verb.acting, printer).await;
    observers.end().await;
    exit
}

/// What takes back what `name` has left, with the settings narrowed to its cluster.
fn left(name: ActionId, settings: &mut Settings) -> anyhow::Result<Intent> {
    let job_store = job::job_store();
    let job = job_store.jobs().job(&name).map_err(|error| UsageError(error.to_string()))?;
    if !job.exists() {
        let words =
            format!("no action {name} of this user on this host: pgctl-tui audit lists the actions with their IDs");
        return Err(UsageError(words).into());
    }
    let plan = job.spec()?.request.plan;
    let cluster = plan.cluster;
    settings.clusters.retain(|known| known.name == cluster);
    if settings.clusters.is_empty() {
        return Err(UsageError(format!("{name} was an action on {cluster}, which is not configured here")).into());
    }
    let state = job.state(&job_store.journal())?;
    if let JobState::Elsewhere(process) = &state {
        return Err(UsageError(format!("{name}: {}", elsewhere(process))).into());
    }
    if matches!(state, JobState::Running(_)) {
        return Err(UsageError(format!(
            "{name} is still running and reverts its changes itself: pgctl-tui audit {name}"
        ))
        .into());
    }
    if let (true, Some(verb)) = (state.pending_undo().is_empty(), plan.intent.ended_by()) {
        let reported = format!("{name} has left nothing to undo; to end what it left in place, run pgctl-tui {verb}");
        return Err(UsageError(reported).into());
    }
    let pending_undo =
        state.pending_undo().iter().map(|(step, order)| PendingUndo { step: *step, order: order.clone() }).collect();
    Ok(Intent::Undo { action: name, pending_undo })
}
