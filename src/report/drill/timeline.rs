//! One report in lines: two bars for writes and reads, the states between them, and the figures.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use unicode_width::UnicodeWidthStr as _;

use super::super::line::Line;
use super::super::table::Tone;
use super::super::units;
use super::precise;
use crate::action::drill_report::{DrillHistory, DrillReport, Figures, Phase, PooledFigures, ServiceGap, past};

/// Columns before the bars.
const TITLE_WIDTH: usize = 10;
/// Columns beside a bar that its words take.
const SIDE_WIDTH: usize = 44;
/// Between two states.
const RULE: &str = " │ ";
/// Narrowest and widest bar.
const BAR_WIDTHS: (usize, usize) = (20, 120);

/// The report in lines of about `width` columns. `others` are the cluster's reports to compare with; times are written
/// in `zone`.
pub fn timeline_lines(report: &DrillReport, others: &[DrillReport], zone: &TimeZone, width: usize) -> Vec<Line> {
    let figures = &report.figures;
    let bar = width.saturating_sub(TITLE_WIDTH + SIDE_WIDTH).clamp(BAR_WIDTHS.0, BAR_WIDTHS.1);
    let at = |after: Duration| clock(report.at, after, zone);
    let mut lines = Vec::new();
    let title = format!("{} on {}", report.scenario.describe(), report.cluster);
    let when = units::date_time(report.at, zone);
    lines.push(Line::new().with(title, Tone::Strong).dim(format!("   {when}   report {}", report.action)));

    let mut writes = labelled_line("writes");
    writes.append(rendered(report, figures.outage, &figures.interruptions, bar));
    let writes = match (figures.rto(), figures.outage) {
        (Some(rto), _) => writes.plain("   RTO ").with(precise(rto), Tone::Strong),
        (None, Some(_)) => writes.with("   writes did not recover", Tone::Critical),
        (None, None) => writes.dim("   no fault was injected"),
    };
    lines.push(match (report.target, report.meets_target()) {
        (Some(target), Some(true)) => writes.with(format!("   target {} met", precise(target)), Tone::Ok),
        (Some(target), Some(false)) => writes.with(format!("   target {} missed", precise(target)), Tone::Critical),
        (Some(_), None) | (None, _) => writes,
    });
    if report.cut_short {
        let text = if report.broken.is_some() {
            "aborted: the fault was reverted early"
        } else {
            "ended before the fault was injected"
        };
        lines.push(labelled_line("").with(text, Tone::Warning));
    }
    let mut reads = labelled_line("reads");
    reads.append(rendered(report, figures.read_gap, &figures.read_interruptions, bar));
    lines.push(match (figures.reads, figures.read_gap.map(ServiceGap::length)) {
        (0, _) => reads.dim("   no read succeeded"),
        (_, Some(Some(gap))) => reads.plain(format!("   downtime {}", precise(gap))),
        (_, Some(None)) => reads.with("   reads did not recover", Tone::Critical),
        (_, None) => reads,
    });

    lines.extend(states(report, zone, width));

    let acknowledged = units::exact(figures.acknowledged);
    let lost = labelled_line("lost");
    let lost = match figures.lost {
        Some(0) => lost.plain(format!("0 of {acknowledged} acknowledged rows (RPO 0)")),
        Some(rows) => lost.with(format!("{} of {acknowledged} acknowledged rows", units::exact(rows)), Tone::Critical),
        None => lost.with(format!("unknown, of {acknowledged} acknowledged rows"), Tone::Warning),
    };
    let kept = figures.ambiguous_kept.map(|kept| format!(" (committed: {})", units::exact(kept)));
    let lost =
        lost.dim(format!("   {} without a response{}", units::exact(figures.ambiguous), kept.unwrap_or_default()));
    lines.push(lost.dim(format!("   {} rejected", units::exact(figures.refused))));
    if figures.split_brain > 0 {
        let text =
            format!("rows accepted by the old leader while there was a new one: {}", units::exact(figures.split_brain));
        lines.push(labelled_line("").with(text, Tone::Critical));
    }
    lines.extend(figures.pooled.iter().map(through_pooler));
    lines.push(wrong_reads(report));
    let served = figures.serving_periods.iter().map(|stretch| {
        let timeline = stretch.timeline.map(|timeline| format!(", timeline {timeline}")).unwrap_or_default();
        format!("{} {} rows{timeline}", stretch.node, units::exact(stretch.writes))
    });
    lines.push(labelled_line("served by").plain(served.collect::<Vec<_>>().join(" → ")));
    lines.push(labelled_line("precision").plain(format!(
        "{}; synchronous_commit {}",
        exact_to(figures),
        report.synchronous_commit
    )));
    let others: Vec<&DrillReport> = others.iter().filter(|other| other.at < report.at).collect();
    lines.push(match past(others, report.scenario) {
        Some(DrillHistory { drills, median, best, worst }) => labelled_line("previous").plain(format!(
            "median {} of {}, best {}, worst {}",
            precise(median),
            units::plural(drills, "drill"),
            precise(best),
            precise(worst)
        )),
        None => labelled_line("previous").dim("no previous drill of this scenario"),
    });
    lines.push(match (report.left.as_slice(), report.repaired) {
        ([], Some(repaired)) => labelled_line("reverted").plain(format!("{} {}", at(repaired), report.fault)),
        ([], None) => labelled_line("reverted").dim("nothing to revert"),
        (left, _) => {
            let left: Vec<&str> = left.iter().map(crate::model::text::Text::as_str).collect();
            labelled_line("reverted").with(format!("no: {}", left.join("; ")), Tone::Critical)
        }
    });
    lines
}

/// What clients of one pooler noticed.
fn through_pooler(pooled: &PooledFigures) -> Line {
    let line = labelled_line("pooler").plain(pooled_words(pooled));
    let error = pooled.first_error.as_ref().map(|error| format!("   {error}"));
    let line = line.with(error.unwrap_or_default(), Tone::Warning);
    match pooled.lost {
        Some(lost) if lost > 0 => line.with(format!("   {} rows lost", units::exact(lost)), Tone::Critical),
        Some(_) | None => line,
    }
}

/// In words: waits apart from errors.
pub(super) fn pooled_words(pooled: &PooledFigures) -> String {
    let wait = pooled.longest_wait.map_or_else(
        || "no row was acknowledged".to_owned(),
        |wait| format!("longest wait {} in {} rows", precise(wait), units::exact(pooled.acknowledged)),
    );
    let errors =
        if pooled.errors == 0 { "no errors".to_owned() } else { format!("errors: {}", units::exact(pooled.errors)) };
    format!("{}: {wait}, {errors}", pooled.pooler)
}

/// The fault and what was seen after it, in as many lines as it takes; no state is broken.
fn states(report: &DrillReport, zone: &TimeZone, width: usize) -> Vec<Line> {
    let Some(broken) = report.broken else { return vec![labelled_line("")] };
    let mut lines = vec![labelled_line("").plain(format!("{} fault", clock(report.at, broken, zone)))];
    for seen in &report.phases {
        let tone = if seen.phase == Phase::FirstWrite { Tone::Strong } else { Tone::Plain };
        let state = Line::new().with(format!("{} +{}", seen.phase.describe(), precise(seen.after)), tone);
        match lines.last_mut() {
            Some(last) if last.width() + RULE.width() + state.width() <= width => {
                last.push(RULE, Tone::Dim);
                last.append(state);
            }
            _ => {
                let mut next = labelled_line("");
                next.append(state);
                lines.push(next);
            }
        }
    }
    lines
}

/// The figures that count, in one line.
pub fn figures(report: &DrillReport) -> Line {
    let line = Line::new().plain("RTO ");
    let line = match report.figures.rto() {
        Some(rto) => line.with(precise(rto), Tone::Strong),
        None => line.with("unknown", Tone::Warning),
    };
    let line = match (report.target, report.meets_target()) {
        (Some(target), Some(true)) => line.with(format!("   target {} met", precise(target)), Tone::Ok),
        (Some(target), Some(false)) => line.with(format!("   target {} missed", precise(target)), Tone::Critical),
        _ if report.cut_short => line.with("   aborted", Tone::Warning),
        (Some(_), None) | (None, _) => line,
    };
    let acknowledged = units::exact(report.figures.acknowledged);
    match report.figures.lost {
        Some(0) => line.plain(format!("   0 of {acknowledged} rows lost")),
        Some(rows) => line.with(format!("   {} of {acknowledged} rows lost", units::exact(rows)), Tone::Critical),
        None => line.with("   number of lost rows unknown", Tone::Warning),
    }
}

fn wrong_reads(report: &DrillReport) -> Line {
    let figures = &report.figures;
    let counts = [
        (figures.reads_by_primary, "served by the primary"),
        (figures.reads_stale, "stale"),
        (figures.reads_of_lost_rows, "of lost rows"),
    ];
    let named: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", units::exact(count)))
        .collect();
    let line =
        labelled_line("bad reads").plain(format!("{} of {} reads", units::exact(figures.wrong_reads()), figures.reads));
    if named.is_empty() { line } else { line.with(format!(": {}", named.join(", ")), Tone::Warning) }
}

/// A bar over the whole drill, blank where nothing went through.
fn rendered(report: &DrillReport, longest: Option<ServiceGap>, gaps: &[ServiceGap], width: usize) -> Line {
    let step = report.lasted.as_secs_f64() / width as f64;
    let mut line = Line::new();
    let all: Vec<ServiceGap> = longest.iter().chain(gaps).copied().collect();
    for column in 0..width {
        let (from, to) = (column as f64 * step, (column + 1) as f64 * step);
        let missing: f64 = all.iter().map(|gap| covered(*gap, report.lasted, from, to)).fold(0.0, f64::max);
        // More than half of a column without success is drawn as such.
        let is_missing = step > 0.0 && missing > step / 2.0;
        line.push(if is_missing { " " } else { "▇" }, if is_missing { Tone::Critical } else { Tone::Ok });
    }
    line
}

fn covered(gap: ServiceGap, lasted: Duration, from: f64, to: f64) -> f64 {
    let end = gap.to.unwrap_or(lasted).as_secs_f64();
    (end.min(to) - gap.from.as_secs_f64().max(from)).max(0.0)
}

fn labelled_line(title: &str) -> Line {
    let mut line = Line::new().dim(title);
    line.pad_to(TITLE_WIDTH);
    line
}

fn clock(at: Timestamp, after: Duration, zone: &TimeZone) -> String {
    let after = SignedDuration::try_from(after).unwrap_or_default();
    units::time_of_day(at.checked_add(after).unwrap_or(at), zone)
}

/// How exactly the outage is known, as sampled.
pub(super) fn exact_to(figures: &Figures) -> String {
    match figures.precision {
        Some(precision) => format!(
            "{} at the start and {} at the end, sampled every {}",
            units::latency(precision.begin),
            units::latency(precision.end),
            units::latency(figures.interval)
        ),
        None => format!(
            "{} plus one sampling interval of {} at each end",
            units::latency(figures.clock_error),
            units::latency(figures.interval)
        ),
    }
}
