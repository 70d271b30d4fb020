//! Drills: what can be practised and how it went, and every report of the cluster.

use std::borrow::Cow;

use super::{Pane, Scene, Size, nothing};
use crate::action::drill::Scenario;
use crate::action::drill_report::Report;
use crate::report::drill;
use crate::report::line::Line;
use crate::report::symbol::Mark;
use crate::report::table::{Cell, Table, Tone};
use crate::tui::widgets::wrap::fold;

/// Name of the table of scenarios.
pub(in crate::tui) const SCENARIOS: &str = "scenarios";
/// Name of the table of reports.
pub(in crate::tui) const REPORTS: &str = "reports";

/// A drill that runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Running {
    /// What is practised; `None`: the lock does not tell.
    pub scenario: Option<Scenario>,
    /// How it stands with it.
    pub words: String,
}

/// What the view is made from beside the picture.
#[derive(Clone, Debug)]
pub struct DrillScene<'a> {
    /// Reports of the cluster, oldest first, or why they cannot be read; `None`: not read yet.
    pub reports: Option<Result<&'a [Report], &'a str>>,
    /// Whether this console has reports at all.
    pub has_reports: bool,
    /// The drill that runs now.
    pub running: Option<Running>,
    /// Why none can be begun here; `None`: one can.
    pub refusal: Option<Cow<'static, str>>,
}

pub(super) fn panes(scene: Scene<'_>) -> Vec<Pane> {
    let Some(drills) = scene.drills else { return Vec::new() };
    let known = drills.reports.and_then(Result::ok).unwrap_or_default();
    let mut table = drill::scenarios(known, scene.zone);
    if let Some(scenario) = drills.running.as_ref().and_then(|running| running.scenario) {
        mark(&mut table, scenario);
    }
    // The bar takes the last column.
    let width = usize::from(scene.width).saturating_sub(3).max(1);
    let standing = fold(&standing(drills), width, 2);
    let mut panes = vec![
        Pane::table(SCENARIOS, "Scenarios", table, Size::Natural),
        Pane::lines("standing", "", standing, Size::Natural),
    ];
    let told = |lines: Vec<Line>| {
        let lines = lines.iter().flat_map(|line| fold(line, width, 0)).collect();
        Pane::lines(REPORTS, "Reports", lines, Size::Share(1))
    };
    panes.push(match drills.reports {
        _ if !drills.has_reports => told(nothing("this console keeps no reports")),
        None => told(nothing("reading …")),
        Some(Err(why)) => told(vec![Line::new().with(why, Tone::Act)]),
        Some(Ok([])) => told(beginning(scene.picture.snapshot.identity.name.as_str())),
        Some(Ok(reports)) => Pane::table(REPORTS, "Reports", drill::of_cluster(reports, scene.zone), Size::Share(1)),
    });
    panes
}

/// Sets the scenario that runs apart.
fn mark(table: &mut Table, scenario: Scenario) {
    let row = table.rows.iter_mut().find(|row| row.id.as_str() == scenario.word());
    if let Some(first) = row.and_then(|row| row.cells.first_mut()) {
        *first = Cell { tone: Tone::Look, ..first.clone() }.marked(Mark::Partly);
    }
}

/// What runs; else how one is begun, or why none can be.
fn standing(drills: &DrillScene<'_>) -> Line {
    if let Some(running) = &drills.running {
        let what = running.scenario.map_or("a drill", Scenario::words);
        return Line::new()
            .mark(Mark::Partly)
            .with(format!(" running: {what}"), Tone::Look)
            .plain(format!("   {}", running.words));
    }
    let look = "   Enter how it went last";
    match &drills.refusal {
        Some(why) => Line::new().with(format!("none can be begun here: {why}"), Tone::Stale).dim(look),
        None => Line::new().with("a b", Tone::Strong).plain(" practise the selected one").dim(look),
    }
}

/// For whoever sees this for the first time.
fn beginning(cluster: &str) -> Vec<Line> {
    // As many words as have room on the smallest usual screen.
    vec![
        Line::new().with(format!("No drill of {cluster} is on record."), Tone::Strong).plain(
            " A drill breaks something on purpose, undoes it, and says what your users would have noticed: for how long no \
             write was acknowledged (RTO), how many acknowledged rows were lost (RPO), and when each step of the failover \
             was seen.",
        ),
        Line::new()
            .plain("Begin with ")
            .with("switchover", Tone::Strong)
            .plain(", which breaks nothing: its dialog shows the plan and every check, and asks. ")
            .plain("The others need drills.enabled = true for this cluster: docs/drills.md."),
    ]
}
