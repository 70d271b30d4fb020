//! One way for every verb that acts.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::json;

use super::args::{ActOutput, Acting};
use super::confirm::{ConfirmAnswer, TerminalOperator, confirmation};
use super::follow::{follow, interrupts};
use crate::action::Intent;
use crate::action::intent::ConfigurationIntent;
use crate::action::note::{CheckNote, CheckVerdict};
use crate::action::parameters::lacks_settings;
use crate::action::permit::Confirmation;
use crate::action::plan::Plan;
use crate::action::record::ActionId;
use crate::action::verb::IntentRequest;
use crate::cli::exit::Exit;
use crate::cli::printer::Printer;
use crate::model::snapshot::Snapshot;
use crate::observe::once::{settled, until};
use crate::observe::picture::Handle;
use crate::operate::plan_service::{CheckedPlan, PlanService};
use crate::operate::ports::{JobLauncher, JobUpdates};
use crate::report;

/// How long the first whole picture may take.
pub const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the servers' settings may take, which no first picture waits for.
const SETTINGS_TIMEOUT: Duration = Duration::from_secs(3);

/// Begins a confirmed action.
pub type Beginning = Box<dyn FnOnce(Plan, Confirmation) -> BoxFuture<'static, anyhow::Result<StartedAction>>>;

/// An action that was begun.
pub struct StartedAction {
    /// Its name.
    pub action: ActionId,
    /// How it goes on.
    pub updates: JobUpdates,
    /// What can ask it to end.
    pub launcher: Arc<dyn JobLauncher>,
}

/// Plans what is `wanted`, shows plan and checks, has it confirmed, and follows it to its end. `begin` is the reason where this
/// console or this cluster may not act.
///
/// # Errors
/// When standard output cannot be written, or the action could not be begun.
pub async fn run(
    mut handle: Handle,
    plan_service: &PlanService,
    begin: Result<Beginning, String>,
    wanted: &IntentRequest,
    acting: &Acting,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    // Told before anything is waited for.
    if let Err(why) = plan_service.permit(wanted.row()) {
        printer.say(format!("pgctl-tui: {} {}: {why}", wanted.verb(), handle.cluster));
        return Ok(Exit::Refused);
    }
    let mut picture = settled(&mut handle, SNAPSHOT_TIMEOUT).await;
    if wanted.needs_settings() && lacks_settings(&picture.snapshot) {
        picture = until(&mut handle, SETTINGS_TIMEOUT, |snapshot| !lacks_settings(snapshot)).await;
    }
    let snapshot = &picture.snapshot;
    let drawn = wanted
        .pinned(snapshot)
        .and_then(|intent| plan_service.make_plan(snapshot, &intent).map_err(|why| why.to_string()));
    let CheckedPlan { plan, notes } = match drawn {
        Ok(drawn) => drawn,
        Err(why) => {
            printer.say(format!("pgctl-tui: {} {}: {why}", wanted.verb(), handle.cluster));
            return Ok(Exit::Refused);
        }
    };
    show(&plan, &notes, snapshot, acting, printer)?;
    if acting.dry_run {
        let blocks = notes.iter().any(|note| note.verdict == CheckVerdict::Block);
        return Ok(if blocks { Exit::Refused } else { Exit::Done });
    }
    let begin = match begin {
        Ok(begin) => begin,
        Err(why) => return Ok(refused(&why, printer)),
    };
    let confirmed = match confirmation(&plan, &notes, acting, &mut TerminalOperator).await {
        ConfirmAnswer::Confirmed(confirmed) => confirmed,
        ConfirmAnswer::Refused(why) => return Ok(refused(&why, printer)),
    };
    // Where it cannot be written down, nothing was sent and nothing will be.
    let under_way = match begin(plan, confirmed).await {
        Ok(under_way) => under_way,
        Err(why) => return Ok(refused(&format!("{why:#}"), printer)),
    };
    let outcome = follow(under_way, interrupts()?, acting.output, printer).await?;
    Ok(Exit::of(outcome.ending))
}

fn refused(why: &str, printer: &mut Printer) -> Exit {
    printer.say(format!("pgctl-tui: refused: {why}"));
    Exit::Refused
}

fn show(
    plan: &Plan,
    notes: &[CheckNote],
    snapshot: &Snapshot,
    acting: &Acting,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    if acting.output == ActOutput::Json {
        let document = json!({ "plan": plan, "hash": plan.hash(), "notes": notes });
        return Ok(printer.document(&serde_json::to_string(&document)?)?);
    }
    for line in report::plan::plan(plan) {
        printer.line(&line)?;
    }
    if let Intent::Configuration(ConfigurationIntent::Configure { changes }) = &plan.intent {
        for line in report::difference::lines(changes, snapshot) {
            printer.line(&line)?;
        }
    }
    for line in report::plan::notes(notes, snapshot.now, acting.dry_run) {
        printer.line(&line)?;
    }
    Ok(())
}
