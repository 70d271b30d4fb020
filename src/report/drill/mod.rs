//! Drills: what can be practised and how it went, a report in lines, and the same in Markdown.

mod about;
mod markdown;
mod timeline;

use std::time::Duration;

use jiff::tz::TimeZone;

use super::table::{Cell, Column, Row, SortKey, Table, Tone};
use super::units::{self, DATE_TIME_WIDTH};
use crate::action::drill::Scenario;
use crate::action::drill_report::{DrillReport, past};
use crate::model::text::Text;

pub use about::about;
pub use markdown::markdown;
pub use timeline::{figures, timeline_lines};

/// Columns of [`scenarios`]. Rows are named by the scenario.
pub const SCENARIO_COLUMNS: &[Column] = &[
    Column::text("scenario", "SCENARIO", 0, 12, 12),
    Column::text("what", "WHAT IT DOES", 1, 21, 21),
    Column::numbers("drills", "DRILLS", 0, 6),
    Column::numbers("median_s", "MEDIAN", 0, 9),
    Column::numbers("best_s", "BEST", 1, 9),
    Column::numbers("worst_s", "WORST", 1, 9),
    Column::numbers("last_s", "LAST", 0, 9),
    Column::numbers("lost_rows", "ROWS LOST", 0, 7),
    Column::text("last_at", "WHEN", 1, DATE_TIME_WIDTH, DATE_TIME_WIDTH),
];

const AT: Column = Column::text("at", "WHEN", 0, DATE_TIME_WIDTH, DATE_TIME_WIDTH);
const CLUSTER: Column = Column::text("cluster", "CLUSTER", 1, 7, 20);
const SCENARIO: Column = Column::text("scenario", "SCENARIO", 0, 10, 10);
const RTO: Column = Column::numbers("rto_s", "RTO", 0, 8);
const TARGET: Column = Column::text("target", "TARGET", 1, 10, 14);
const LOST: Column = Column::numbers("lost_rows", "ROWS LOST", 0, 7);
const WRONG: Column = Column::numbers("wrong_reads", "BAD READS", 2, 11);
const UNDONE: Column = Column::text("undone", "REVERTED", 1, 6, 10);
const REPORT: Column = Column::text("report", "REPORT", 0, 8, 32);

/// Columns of [`reports`]. Rows are named by the report.
pub const REPORT_COLUMNS: &[Column] = &[AT, CLUSTER, SCENARIO, RTO, TARGET, LOST, WRONG, UNDONE, REPORT];

/// Columns of [`of_cluster`].
pub const CLUSTER_COLUMNS: &[Column] = &[AT, SCENARIO, RTO, TARGET, LOST, WRONG, UNDONE, REPORT];

/// Every scenario with how its drills went. `reports` are of one cluster, oldest first.
pub fn scenarios(reports: &[DrillReport], zone: &TimeZone) -> Table {
    let mut table = Table::new(SCENARIO_COLUMNS, "no scenarios", "");
    for scenario in Scenario::ALL {
        let past = past(reports, scenario);
        let last = reports.iter().rev().find(|report| report.scenario == scenario);
        let of_past = |pick: fn(crate::action::drill_report::DrillHistory) -> Duration| {
            past.map_or_else(Cell::none, |past| seconds(pick(past), Tone::Plain))
        };
        let drills = reports.iter().filter(|report| report.scenario == scenario).count();
        let cells = vec![
            Cell::text(scenario.as_str(), Tone::Strong),
            Cell::text(scenario.describe(), Tone::Plain),
            Cell::number(drills as f64, drills.to_string(), Tone::Dim),
            of_past(|past| past.median),
            of_past(|past| past.best),
            of_past(|past| past.worst),
            last.map_or_else(Cell::none, |last| if last.cut_short { cut_short() } else { rto(last) }),
            last.map_or_else(Cell::none, lost),
            last.map_or_else(Cell::none, |last| when(last, zone)),
        ];
        table.rows.push(Row { id: Text::new(scenario.as_str()), cells });
    }
    table
}

/// Every report, newest first. `reports` is oldest first.
pub fn reports(reports: &[DrillReport], zone: &TimeZone) -> Table {
    let mut table = Table::new(REPORT_COLUMNS, "no drills recorded", "start one: pgctl-tui drill run switchover");
    table.rows = reports.iter().rev().map(|report| row(report, true, zone)).collect();
    table
}

/// The same where all of them are of one cluster, which need not be named in each row.
pub fn of_cluster(reports: &[DrillReport], zone: &TimeZone) -> Table {
    let mut table = Table::new(CLUSTER_COLUMNS, "no drills recorded for this cluster", "");
    table.rows = reports.iter().rev().map(|report| row(report, false, zone)).collect();
    table
}

/// The outage to expect of a drill of `scenario`, in a few words; `reports` are of one cluster.
pub fn expectation(reports: &[DrillReport], scenario: Scenario) -> String {
    match past(reports, scenario) {
        Some(past) => format!("{} (median of {})", precise(past.median), past.drills),
        None => "not measured yet".to_owned(),
    }
}

fn row(report: &DrillReport, with_cluster: bool, zone: &TimeZone) -> Row {
    let wrong = report.figures.wrong_reads();
    let reverted_steps = if report.left.is_empty() { ("yes", Tone::Dim) } else { ("no", Tone::Critical) };
    let mut cells = vec![when(report, zone)];
    cells.extend(with_cluster.then(|| Cell::text(report.cluster.as_str(), Tone::Plain)));
    cells.extend([
        Cell::text(report.scenario.as_str(), Tone::Strong),
        rto(report),
        target(report),
        lost(report),
        Cell::number(wrong as f64, units::exact(wrong), if wrong == 0 { Tone::Dim } else { Tone::Warning }),
        Cell::text(reverted_steps.0, reverted_steps.1),
        Cell::text(report.action.0.as_str(), Tone::Dim),
    ]);
    Row { id: Text::new(&report.action.0), cells }
}

fn when(report: &DrillReport, zone: &TimeZone) -> Cell {
    Cell {
        key: SortKey::Number(report.at.as_second() as f64),
        ..Cell::text(units::date_time(report.at, zone), Tone::Dim)
    }
}

fn seconds(span: Duration, tone: Tone) -> Cell {
    Cell::number(span.as_secs_f64(), precise(span), tone)
}

/// A drill that was not gone through: its outage says nothing.
fn cut_short() -> Cell {
    Cell { key: SortKey::Unknown, ..Cell::text("aborted", Tone::Dim) }
}

fn rto(report: &DrillReport) -> Cell {
    match (report.figures.rto(), report.meets_target()) {
        (Some(rto), _) if report.cut_short => seconds(rto, Tone::Dim),
        (Some(rto), Some(false)) => seconds(rto, Tone::Warning),
        (Some(rto), _) => seconds(rto, Tone::Plain),
        (None, _) => Cell::unknown(),
    }
}

fn target(report: &DrillReport) -> Cell {
    match (report.target, report.meets_target()) {
        _ if report.cut_short => cut_short(),
        (Some(target), Some(true)) => Cell::text(format!("{} met", precise(target)), Tone::Ok),
        (Some(target), Some(false)) => Cell::text(format!("{} missed", precise(target)), Tone::Warning),
        (Some(_), None) | (None, _) => Cell::none(),
    }
}

fn lost(report: &DrillReport) -> Cell {
    match report.figures.lost {
        Some(0) => Cell::number(0.0, "0", Tone::Dim),
        Some(lost) => Cell::number(lost as f64, units::exact(lost), Tone::Critical),
        None => Cell::unknown(),
    }
}

/// A span to the hundredth of a second: drills are compared.
fn precise(span: Duration) -> String {
    units::precise(span)
}
