//! Drills: what can be practised and how it went, and every report of the cluster.

use std::borrow::Cow;

use super::{Pane, PaneHeight, ViewModel, nothing};
use crate::action::drill::Scenario;
use crate::action::drill_report::DrillReport;
use crate::report::drill;
use crate::report::line::Line;
use crate::report::symbol::Mark;
use crate::report::table::{Cell, Table, Tone};
use crate::tui::widgets::wrap::fold;

/// Name of the table of scenarios.
pub(in crate::tui) const SCENARIOS: &str = "scenarios";
/// Name of the table of reports.
pub(in crate::tui) const STATUS_INTERVAL: &str = "reports";

/// A drill that runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Running {
    /// What is practised; `None`: the lock does not tell.
    pub scenario: Option<Scenario>,
    /// How it stands with it.
    pub text: String,
}

/// What the view is made from beside the picture.
#[derive(Clone, Debug)]
pub struct DrillViewModel<'a> {
    /// Reports of the cluster, oldest first, or why they cannot be read; `None`: not read yet.
    pub reports: Option<Result<&'a [DrillReport], &'a str>>,
    /// Whether this console has reports at all.
    pub has_reports: bool,
    /// The drill that runs now.
    pub running: Option<Running>,
    /// Why none can be begun here; `None`: one can.
    pub refusal: Option<Cow<'static, str>>,
}

pub(super) fn panes(view_model: ViewModel<'_>) -> Vec<Pane> {
    let Some(drills) = view_model.drills else { return Vec::new() };
    let known = drills.reports.and_then(Result::ok).unwrap_or_default();
    let mut table = drill::scenarios(known, view_model.zone);
    if let Some(scenario) = drills.running.as_ref().and_then(|running| running.scenario) {
        mark(&mut table, scenario);
    }
    // The bar takes the last column.
    let width = usize::from(view_model.width).saturating_sub(3).max(1);
    let standing = fold(&status_line(drills), width, 2);
    let mut panes = vec![
        Pane::table(SCENARIOS, "Scenarios", table, PaneHeight::Natural),
        Pane::lines("standing", "", standing, PaneHeight::Natural),
    ];
    let reported = |lines: Vec<Line>| {
        let lines = lines.iter().flat_map(|line| fold(line, width, 0)).collect();
        Pane::lines(STATUS_INTERVAL, "Reports", lines, PaneHeight::Share(1))
    };
    panes.push(match drills.reports {
        _ if !drills.has_reports => reported(nothing("no report directory is available")),
        None => reported(nothing("reading …")),
        Some(Err(why)) => reported(vec![Line::new().with(why, Tone::Critical)]),
        Some(Ok([])) => reported(beginning(view_model.picture.snapshot.identity.name.as_str())),
        Some(Ok(reports)) => {
            Pane::table(STATUS_INTERVAL, "Reports", drill::of_cluster(reports, view_model.zone), PaneHeight::Share(1))
        }
    });
    panes
}

/// Sets the scenario that runs apart.
fn mark(table: &mut Table, scenario: Scenario) {
    let row = table.rows.iter_mut().find(|row| row.id.as_str() == scenario.as_str());
    if let Some(first) = row.and_then(|row| row.cells.first_mut()) {
        *first = Cell { tone: Tone::Warning, ..first.clone() }.marked(Mark::Warning);
    }
}

/// What runs; else how one is begun, or why none can be.
fn status_line(drills: &DrillViewModel<'_>) -> Line {
    if let Some(running) = &drills.running {
        let what = running.scenario.map_or("a drill", Scenario::describe);
        return Line::new()
            .mark(Mark::Warning)
            .with(format!(" running: {what}"), Tone::Warning)
            .plain(format!("   {}", running.text));
    }
    let look = "   Enter: last result";
    match &drills.refusal {
        Some(why) => Line::new().with(format!("drills are not available here: {why}"), Tone::Stale).dim(look),
        None => Line::new().with("a b", Tone::Strong).plain(" start the selected one").dim(look),
    }
}

/// For whoever sees this for the first time.
fn beginning(cluster: &str) -> Vec<Line> {
    // As many words as have room on the smallest usual screen.
    vec![
        Line::new().with(format!("No drills recorded for {cluster}."), Tone::Strong).plain(
            " A drill injects a fault, reverts it, and measures the impact on clients: how long writes were down (RTO), how many \
                 acknowledged rows were lost (RPO), and when each milestone was reached.",
        ),
        Line::new()
            .plain("Start with ")
            .with("switchover", Tone::Strong)
            .plain(", which injects no fault: its dialog shows plan and checks, and asks for confirmation. ")
            .plain("All others need drills.enabled = true: docs/drills.md."),
    ]
}
