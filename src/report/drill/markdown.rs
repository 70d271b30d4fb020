//! A report in Markdown, for the page where exercises are filed.

use jiff::tz::TimeZone;

use super::super::units;
use super::precise;
use crate::action::drill_report::{DrillHistory, DrillReport, past};

/// The report as a document. `others` are the cluster's reports to compare with; times are written in `zone`.
pub fn markdown(report: &DrillReport, others: &[DrillReport], zone: &TimeZone) -> String {
    let figures = &report.figures;
    let unknown = || "unknown".to_owned();
    let mut rows: Vec<(&str, String)> = vec![
        ("Started", format!("{} by {}", units::date_time(report.at, zone), report.operator)),
        ("Fault", if report.fault.is_empty() { "none".to_owned() } else { report.fault.to_string() }),
        ("RTO", figures.rto().map_or_else(unknown, precise)),
    ];
    if let Some(target) = report.target {
        let kept = match report.meets_target() {
            Some(true) => "met",
            Some(false) => "missed",
            None => "not measured",
        };
        rows.push(("Target", format!("{}, {kept}", precise(target))));
    }
    if report.cut_short {
        rows.push(("Aborted", "the fault was reverted early".to_owned()));
    }
    let lost = figures.lost.map_or_else(unknown, units::exact);
    let kept = figures.ambiguous_kept.map_or_else(unknown, units::exact);
    rows.extend([
        ("RPO", format!("{lost} of {} acknowledged rows lost", units::exact(figures.acknowledged))),
        ("Rows without a response", format!("{}, of which {kept} were committed", units::exact(figures.ambiguous))),
        ("Rows written during split brain", units::exact(figures.split_brain)),
        (
            "Read downtime",
            figures.read_gap.and_then(crate::action::drill_report::ServiceGap::length).map_or_else(unknown, precise),
        ),
        (
            "Bad reads",
            format!(
                "{} served by the primary, {} stale, {} of lost rows, out of {}",
                figures.reads_by_primary, figures.reads_stale, figures.reads_of_lost_rows, figures.reads
            ),
        ),
        ("`synchronous_commit`", report.synchronous_commit.to_string()),
        ("Precision", super::timeline::exact_to(figures)),
        (
            "Reverted",
            if report.left.is_empty() {
                "yes".to_owned()
            } else {
                let left: Vec<&str> = report.left.iter().map(crate::model::text::Text::as_str).collect();
                format!("**no**: {}", left.join("; "))
            },
        ),
    ]);
    rows.extend(figures.pooled.iter().map(|pooled| ("Through a pooler", super::timeline::pooled_words(pooled))));
    let mut others: Vec<&DrillReport> = others.iter().filter(|other| other.at < report.at).collect();
    others.retain(|other| other.action != report.action);
    if let Some(DrillHistory { drills, median, best, worst }) = past(others, report.scenario) {
        let drills = units::plural(drills, "drill");
        rows.push((
            "Previous drills",
            format!("median {} of {drills}, best {}, worst {}", precise(median), precise(best), precise(worst)),
        ));
    }
    let mut text = format!("# Drill on {}: {}\n\n| | |\n|---|---|\n", report.cluster, report.scenario.describe());
    for (name, value) in rows {
        line(&mut text, &format!("| {name} | {} |", escaped(&value)));
    }
    line(&mut text, "\n## Milestones\n");
    line(&mut text, "| milestone | after the fault |\n|---|---|");
    for seen in &report.phases {
        line(&mut text, &format!("| {} | {} |", seen.phase.describe(), precise(seen.after)));
    }
    line(&mut text, "\n## Who served writes\n");
    line(&mut text, "| node | timeline | from | to | rows |\n|---|---|---|---|---|");
    for stretch in &figures.serving_periods {
        let timeline = stretch.timeline.map_or_else(unknown, |timeline| timeline.to_string());
        let (from, to) = (precise(stretch.from), precise(stretch.to));
        let node = escaped(stretch.node.as_str());
        line(&mut text, &format!("| {node} | {timeline} | {from} | {to} | {} |", units::exact(stretch.writes)));
    }
    line(
        &mut text,
        &format!("\nReport {}. Times in the last table are relative to the start of the probe.", report.action),
    );
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
