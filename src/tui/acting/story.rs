//! A report over the whole width, or what there is to say of a scenario without one.

use jiff::tz::TimeZone;

use super::sheet::Sheet;
use crate::action::drill::Scenario;
use crate::action::drill_report::Report;
use crate::action::record::ActionId;
use crate::report::drill;
use crate::report::line::Line;
use crate::report::table::Tone;
use crate::report::text;
use crate::tui::event::ClusterIndex;
use crate::tui::widgets::wrap::fold;

/// Columns before what is told.
const TITLE: usize = 10;

/// Which story is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Story {
    /// Of this cluster.
    pub(in crate::tui) cluster: ClusterIndex,
    /// Of drills of this kind.
    pub(in crate::tui) scenario: Scenario,
    /// Of this one; `None`: of the newest, with what such a drill does.
    pub(in crate::tui) action: Option<ActionId>,
}

impl Story {
    /// The report it tells, among those of the cluster, oldest first; `None`: there is none.
    pub(super) fn report<'a>(&self, reports: &'a [Report]) -> Option<&'a Report> {
        let told = |report: &&Report| match &self.action {
            Some(action) => report.action == *action,
            None => report.scenario == self.scenario,
        };
        reports.iter().rev().find(told)
    }
}

/// The dialog. `reports` are those of the cluster, oldest first.
pub(super) fn sheet(story: &Story, reports: &[Report], zone: &TimeZone, scroll: usize, width: usize) -> Sheet {
    let report = story.report(reports);
    let mut body = Vec::new();
    match (report, &story.action) {
        (Some(report), _) => body.extend(drill::story(report, reports, zone, width)),
        (None, Some(_)) => body.push(Line::new().with("no longer there", Tone::Stale)),
        (None, None) => body.push(Line::new().dim("no drill of this kind is on record")),
    }
    let same: Vec<Report> = reports.iter().filter(|report| report.scenario == story.scenario).cloned().collect();
    if same.len() > 1 {
        body.push(Line::new());
        body.push(Line::new().with("DRILLS OF THIS KIND", Tone::Strong));
        body.extend(text::lines(&drill::of_cluster(&same, zone), Some(width)));
    }
    if story.action.is_none() {
        body.push(Line::new());
        body.push(Line::new().with("WHAT IT DOES", Tone::Strong));
        body.extend(drill::about(story.scenario));
    }
    Sheet {
        title: match report {
            Some(report) => format!("Report of {}", crate::report::units::date_time(report.at, zone)),
            None => super::capital(story.scenario.words()),
        },
        body: body.iter().flat_map(|line| fold(line, width, TITLE)).collect(),
        scroll,
        is_whole: true,
        ..Sheet::default()
    }
}
