//! The verbs that act, put together.

use std::sync::Arc;

use super::stack::Purpose;
use super::{Misuse, Observers, configured, hooks, job, scope, stack};
use crate::action::Intent;
use crate::action::debt;
use crate::action::intent::Owed;
use crate::action::record::ActionId;
use crate::audit::Journal;
use crate::cli::act::args::ActVerb;
use crate::cli::act::{PICTURE, Wanted, edited, intent, run};
use crate::cli::args::Arguments;
use crate::cli::exit::Exit;
use crate::cli::printer::Printer;
use crate::config::resolved::Settings;
use crate::model::moment::Moment;
use crate::model::name::RouterName;
use crate::observe::once::settled;
use crate::operate::OwnHand;
use crate::operate::desk::{Desk, HostNotes};
use crate::operate::job::{JobState, elsewhere, strike};

/// Does what `verb` asks of the one cluster that is meant.
pub(super) async fn act(arguments: &Arguments, verb: &ActVerb, printer: &mut Printer) -> anyhow::Result<Exit> {
    let mut settings = configured(&arguments.shared, None, printer)?;
    let left = match verb {
        ActVerb::Undo { action, .. } => left(action, &mut settings)?,
        _ => Vec::new(),
    };
    let (Some(cluster), true) = (settings.clusters.pop(), settings.clusters.is_empty()) else {
        return Err(Misuse("several clusters are configured: name one with --cluster".to_owned()).into());
    };
    let routers: Vec<RouterName> = cluster.routers.iter().map(|router| router.name.clone()).collect();
    let mut wanted = match (verb, left) {
        (ActVerb::Undo { action, .. }, owed) => Wanted::Whole(Intent::Undo { action: ActionId(action.clone()), owed }),
        (verb, _) => intent(verb, job::now(), &routers).map_err(|error| Misuse(error.to_string()))?,
    };
    let (cluster, scope) = Box::pin(scope::complete(cluster, settings.path.is_some(), printer)).await?;
    let read_only = arguments.shared.read_only;
    let observers = Observers::of(vec![stack::stack(&cluster, scope.as_deref(), read_only, Purpose::Once)]);
    let Some(mut handle) = observers.handles.first().cloned() else { return Ok(Exit::Unknown) };
    if let Wanted::Whole(Intent::Undo { action, owed }) = &mut wanted {
        // Asked from here on, after the book was read.
        let picture = settled(&mut handle, PICTURE).await;
        let gone = debt::gone(owed, &picture.snapshot, Moment::START);
        owed.retain(|one| gone.iter().all(|(step, _)| one.step != *step));
        for (step, word) in &gone {
            printer.say(format!("pgctl-tui: step {} of {action} is taken back already: {word}", step + 1));
        }
        if !read_only && !gone.is_empty() && !verb.acting().dry_run {
            let steps: Vec<usize> = gone.iter().map(|(step, _)| *step).collect();
            strike(&job::ledger(), action, &steps).await?;
        }
        if owed.is_empty() && !gone.is_empty() {
            printer.say(format!("pgctl-tui: {action} has left nothing that still stands: nothing to do"));
            observers.end().await;
            return Ok(Exit::Done);
        }
    }
    let begin = match (read_only, cluster.read_only) {
        (true, _) => Err("this is a read-only console".to_owned()),
        (false, true) => Err(format!("{} is configured read-only", cluster.name)),
        (false, false) => Ok(job::beginning(&arguments.shared)),
    };
    if let (ActVerb::Configure { edit: true, .. }, Wanted::Whole(Intent::Configure { changes }), Ok(_)) =
        (verb, &wanted, &begin)
    {
        let picture = settled(&mut handle, PICTURE).await;
        match edited(&picture.snapshot, changes, Box::new(hooks::edit_text), printer).await {
            Ok(intent) => wanted = Wanted::Whole(intent),
            Err(why) => {
                printer.say(format!("pgctl-tui: configure {}: {why}", handle.cluster));
                observers.end().await;
                return Ok(Exit::Refused);
            }
        }
    }
    let rules = OwnHand::waiting(Journal::at(job::state()));
    let desk = Desk::new(stack::planner(&cluster), Arc::new(rules)).noting(HostNotes::known(job::here().await));
    let exit = run(handle, &desk, begin, &wanted, verb.acting(), printer).await;
    observers.end().await;
    exit
}

/// What the action called `name` has left, with the settings narrowed to its cluster.
fn left(name: &str, settings: &mut Settings) -> anyhow::Result<Vec<Owed>> {
    let ledger = job::ledger();
    let job = ledger.jobs().job(&ActionId(name.to_owned()))?;
    let plan = job.spec()?.request.plan;
    let cluster = plan.cluster;
    settings.clusters.retain(|known| known.name == cluster);
    if settings.clusters.is_empty() {
        return Err(Misuse(format!("{name} acted on {cluster}, which is not configured here")).into());
    }
    let state = job.state(&ledger.journal())?;
    if let JobState::Elsewhere(process) = &state {
        return Err(Misuse(format!("{name}: {}", elsewhere(process))).into());
    }
    if matches!(state, JobState::Running(_)) {
        return Err(Misuse(format!("{name} still runs, and takes back itself: pgctl-tui audit {name}")).into());
    }
    if let (true, Some(verb)) = (state.owed().is_empty(), plan.intent.ended_by()) {
        let told = format!("{name} has left nothing to be taken back; what it was to leave ends by pgctl-tui {verb}");
        return Err(Misuse(told).into());
    }
    Ok(state.owed().iter().map(|(step, order)| Owed { step: *step, order: order.clone() }).collect())
}
