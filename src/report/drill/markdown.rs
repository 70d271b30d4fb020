//! A report in Markdown, for the page where exercises are filed.

use jiff::tz::TimeZone;

use super::super::units;
use super::precise;
use crate::action::drill_report::{Past, Report, past};

/// The report as a document. `others` are the cluster's reports to compare with; times are written in `zone`.
pub fn markdown(report: &Report, others: &[Report], zone: &TimeZone) -> String {
    let figures = &report.figures;
    let unknown = || "unknown".to_owned();
    let mut rows: Vec<(&str, String)> = vec![
        ("Begun", format!("{} by {}", units::date_time(report.at, zone), report.operator)),
        ("Fault", if report.fault.is_empty() { "none".to_owned() } else { report.fault.to_string() }),
        ("RTO", figures.rto().map_or_else(unknown, precise)),
    ];
    if let Some(target) = report.target {
        let kept = match report.meets_target() {
            Some(true) => "kept",
            Some(false) => "missed",
            None => "not tried",
        };
        rows.push(("Target", format!("{}, {kept}", precise(target))));
    }
    if report.cut_short {
        rows.push(("Cut short", "the fault was taken back before its time".to_owned()));
    }
    let lost = figures.lost.map_or_else(unknown, units::exact);
    let kept = figures.ambiguous_kept.map_or_else(unknown, units::exact);
    rows.extend([
        ("RPO", format!("{lost} of {} acknowledged rows lost", units::exact(figures.acknowledged))),
        ("Unanswered rows", format!("{}, of which {kept} are there", units::exact(figures.ambiguous))),
        ("Rows of a split brain", units::exact(figures.split_brain)),
        ("Read gap", figures.read_gap.and_then(crate::action::drill_report::Gap::length).map_or_else(unknown, precise)),
        (
            "Wrong reads",
            format!(
                "{} by the primary, {} stale, {} of lost rows, of {}",
                figures.reads_by_primary, figures.reads_stale, figures.reads_of_lost_rows, figures.reads
            ),
        ),
        ("`synchronous_commit`", report.synchronous_commit.to_string()),
        ("Exact to", super::story::exact_to(figures)),
        (
            "Undone",
            if report.left.is_empty() {
                "yes".to_owned()
            } else {
                let left: Vec<&str> = report.left.iter().map(crate::model::text::Text::as_str).collect();
                format!("**no**: {}", left.join("; "))
            },
        ),
    ]);
    let mut others: Vec<&Report> = others.iter().filter(|other| other.at < report.at).collect();
    others.retain(|other| other.action != report.action);
    if let Some(Past { drills, median, best, worst }) = past(others, report.scenario) {
        let drills = units::plural(drills, "drill");
        rows.push((
            "Before",
            format!("median {} of {drills}, best {}, worst {}", precise(median), precise(best), precise(worst)),
        ));
    }
    let mut text = format!("# Drill on {}: {}\n\n| | |\n|---|---|\n", report.cluster, report.scenario.words());
    for (name, value) in rows {
        line(&mut text, &format!("| {name} | {} |", escaped(&value)));
    }
    line(&mut text, "\n## States\n");
    line(&mut text, "| state | after the fault |\n|---|---|");
    for seen in &report.phases {
        line(&mut text, &format!("| {} | {} |", seen.phase.words(), precise(seen.after)));
    }
    line(&mut text, "\n## Who served writes\n");
    line(&mut text, "| node | timeline | from | to | rows |\n|---|---|---|---|---|");
    for stretch in &figures.stretches {
        let timeline = stretch.timeline.map_or_else(unknown, |timeline| timeline.to_string());
        let (from, to) = (precise(stretch.from), precise(stretch.to));
        let node = escaped(stretch.node.as_str());
        line(&mut text, &format!("| {node} | {timeline} | {from} | {to} | {} |", units::exact(stretch.writes)));
    }
    line(&mut text, &format!("\nReport {}. Times in the last table count from the begin of the probe.", report.action));
    text
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// Cells end at a bar.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}
