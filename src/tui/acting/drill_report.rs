//! A report over the whole width, or what there is to say of a scenario without one.

use jiff::tz::TimeZone;

use super::dialog_model::DialogModel;
use crate::action::drill::Scenario;
use crate::action::drill_report::DrillReport;
use crate::action::record::ActionId;
use crate::report::drill;
use crate::report::line::Line;
use crate::report::table::Tone;
use crate::report::text;
use crate::tui::event::ClusterIndex;
use crate::tui::widgets::wrap::fold;

/// Columns before what is told.
const TITLE_WIDTH: usize = 10;

/// Which story is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportSelection {
    /// Of this cluster.
    pub(in crate::tui) cluster: ClusterIndex,
    /// Of drills of this kind.
    pub(in crate::tui) scenario: Scenario,
    /// Of this one; `None`: of the newest, with what such a drill does.
    pub(in crate::tui) action: Option<ActionId>,
}

impl ReportSelection {
    /// The report it tells, among those of the cluster, oldest first; `None`: there is none.
    pub(super) fn report<'a>(&self, reports: &'a [DrillReport]) -> Option<&'a DrillReport> {
        let reported = |report: &&DrillReport| match &self.action {
            Some(action) => report.action == *action,
            None => report.scenario == self.scenario,
        };
        reports.iter().rev().find(reported)
    }
}

/// The dialog. `reports` are those of the cluster, oldest first.
pub(super) fn dialog_model(
    report_selection: &ReportSelection,
    reports: &[DrillReport],
    zone: &TimeZone,
    scroll: usize,
    width: usize,
) -> DialogModel {
    let report = report_selection.report(reports);
    let mut body = Vec::new();
    match (report, &report_selection.action) {
        (Some(report), _) => body.extend(drill::timeline_lines(report, reports, zone, width)),
        (None, Some(_)) => body.push(Line::new().with("no longer there", Tone::Stale)),
        (None, None) => body.push(Line::new().dim("no drill of this scenario recorded")),
    }
    let same: Vec<DrillReport> =
        reports.iter().filter(|report| report.scenario == report_selection.scenario).cloned().collect();
    if same.len() > 1 {
        body.push(Line::new());
        body.push(Line::new().with("DRILLS OF THIS SCENARIO", Tone::Strong));
        body.extend(text::lines(&drill::of_cluster(&same, zone), Some(width)));
    }
    if report_selection.action.is_none() {
        body.push(Line::new());
        body.push(Line::new().with("WHAT IT DOES", Tone::Strong));
        body.extend(drill::about(report_selection.scenario));
    }
    DialogModel {
        title: match report {
            Some(report) => format!("Report of {}", crate::report::units::date_time(report.at, zone)),
            None => super::capital(report_selection.scenario.describe()),
        },
        body: body.iter().flat_map(|line| fold(line, width, TITLE_WIDTH)).collect(),
        scroll,
        is_whole: true,
        ..DialogModel::default()
    }
}
