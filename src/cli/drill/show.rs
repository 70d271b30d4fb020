//! Reports on standard output.

use serde_json::json;

use super::super::exit::Exit;
use super::super::printer::Printer;
use super::super::status::zone;
use super::args::DrillOutput;
use crate::action::drill_report::DrillReport;
use crate::operate::drill::{PendingRepair, Reports};
use crate::report::drill as lines;
use crate::report::table::Table;
use crate::report::text;

/// Columns where the output is no terminal.
const WIDTH: usize = 100;

/// What is shown of it.
pub type Shown = anyhow::Result<Exit>;

/// The reports that can be read; what cannot is said.
fn readable(reports: &Reports, cluster: Option<&str>, printer: &mut Printer) -> anyhow::Result<Vec<DrillReport>> {
    let (mut found, defects) = reports.list(None)?;
    for defect in defects {
        printer.say(format!("pgctl-tui: {defect}"));
    }
    found.retain(|report| cluster.is_none_or(|cluster| report.cluster == *cluster));
    Ok(found)
}

/// Prints `table`.
///
/// # Errors
/// When standard output cannot be written.
pub fn table(table: &Table, printer: &mut Printer) -> anyhow::Result<()> {
    for line in text::lines(table, printer.width()) {
        printer.line(&line)?;
    }
    Ok(())
}

/// The scenarios, with how their drills went.
///
/// # Errors
/// When the reports cannot be read, or standard output not be written.
pub fn overview(reports: &Reports, cluster: Option<&str>, printer: &mut Printer) -> Shown {
    let found = readable(reports, cluster, printer)?;
    table(&lines::scenarios(&found, &zone()), printer)?;
    printer.say("start one: pgctl-tui drill run SCENARIO; preview: --dry-run");
    Ok(Exit::Done)
}

/// Every report.
///
/// # Errors
/// As [`overview`].
pub fn list(reports: &Reports, cluster: Option<&str>, output: DrillOutput, printer: &mut Printer) -> Shown {
    let found = readable(reports, cluster, printer)?;
    match output {
        DrillOutput::Table => table(&lines::reports(&found, &zone()), printer)?,
        DrillOutput::Json => {
            let document = json!({ "schema_version": 1, "reports": found });
            printer.document(&serde_json::to_string_pretty(&document)?)?;
        }
        DrillOutput::Markdown => {
            for report in &found {
                printer.document(&lines::markdown(report, &found, &zone()))?;
            }
        }
    }
    Ok(Exit::Done)
}

/// One report: the one whose name begins so, else the newest. Exit code 1: there is none.
///
/// # Errors
/// As [`overview`].
pub fn show(
    reports: &Reports,
    cluster: Option<&str>,
    name: Option<&str>,
    output: DrillOutput,
    printer: &mut Printer,
) -> Shown {
    let found = readable(reports, cluster, printer)?;
    let one = match name {
        Some(name) => reports.find(name)?,
        None => found.last().cloned(),
    };
    let Some(one) = one else {
        printer.say(match name {
            Some(_) => "pgctl-tui: no report with this ID, or several; see: pgctl-tui drill list",
            None => "pgctl-tui: no drills recorded; start one: pgctl-tui drill run switchover",
        });
        return Ok(Exit::Usage);
    };
    report(&one, &found, output, printer)?;
    Ok(Exit::Done)
}

/// Prints `report`; `others` are those to compare with.
///
/// # Errors
/// When standard output cannot be written.
pub fn report(
    report: &DrillReport,
    others: &[DrillReport],
    output: DrillOutput,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let of_it: Vec<DrillReport> = others.iter().filter(|other| other.cluster == report.cluster).cloned().collect();
    match output {
        DrillOutput::Table => {
            for line in lines::timeline_lines(report, &of_it, &zone(), printer.width().unwrap_or(WIDTH)) {
                printer.line(&line)?;
            }
        }
        DrillOutput::Json => printer.document(&serde_json::to_string(report)?)?,
        DrillOutput::Markdown => printer.document(&lines::markdown(report, &of_it, &zone()))?,
    }
    Ok(())
}

/// Says what drills have left standing.
pub fn pending_repairs(all: &[PendingRepair], printer: &mut Printer) {
    for pending_undo in all {
        let what = pending_undo.describe().join("; ");
        printer.say(format!(
            "pgctl-tui: {} ({}) died and left: {what} → pgctl-tui drill revert",
            pending_undo.title, pending_undo.action
        ));
    }
}
