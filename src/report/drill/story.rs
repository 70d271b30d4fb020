//! One report in lines: two bars for writes and reads, the states between them, and the figures.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use unicode_width::UnicodeWidthStr as _;

use super::super::line::Line;
use super::super::table::Tone;
use super::super::units;
use super::precise;
use crate::action::drill_report::{Figures, Gap, Past, Phase, Report, past};

/// Columns before the bars.
const TITLE: usize = 10;
/// Columns beside a bar that its words take.
const BESIDE: usize = 44;
/// Between two states.
const RULE: &str = " │ ";
/// Narrowest and widest bar.
const BAR: (usize, usize) = (20, 120);

/// The report in lines of about `width` columns. `others` are the cluster's reports to compare with; times are written
/// in `zone`.
pub fn story(report: &Report, others: &[Report], zone: &TimeZone, width: usize) -> Vec<Line> {
    let figures = &report.figures;
    let bar = width.saturating_sub(TITLE + BESIDE).clamp(BAR.0, BAR.1);
    let at = |after: Duration| clock(report.at, after, zone);
    let mut lines = Vec::new();
    let title = format!("{} on {}", report.scenario.words(), report.cluster);
    let when = units::date_time(report.at, zone);
    lines.push(Line::new().with(title, Tone::Strong).dim(format!("   {when}   report {}", report.action)));

    let mut writes = titled("writes");
    writes.append(drawn(report, figures.outage, &figures.interruptions, bar));
    let writes = match (figures.rto(), figures.outage) {
        (Some(rto), _) => writes.plain("   RTO ").with(precise(rto), Tone::Strong),
        (None, Some(_)) => writes.with("   writes did not come back", Tone::Act),
        (None, None) => writes.dim("   nothing was broken"),
    };
    lines.push(match (report.target, report.meets_target()) {
        (Some(target), Some(true)) => writes.with(format!("   target {} kept", precise(target)), Tone::Well),
        (Some(target), Some(false)) => writes.with(format!("   target {} missed", precise(target)), Tone::Act),
        (Some(_), None) | (None, _) => writes,
    });
    if report.cut_short {
        let text = if report.broken.is_some() {
            "cut short: the fault was taken back before its time"
        } else {
            "ended before anything was broken"
        };
        lines.push(titled("").with(text, Tone::Look));
    }
    let mut reads = titled("reads");
    reads.append(drawn(report, figures.read_gap, &figures.read_interruptions, bar));
    lines.push(match (figures.reads, figures.read_gap.map(Gap::length)) {
        (0, _) => reads.dim("   no read was answered"),
        (_, Some(Some(gap))) => reads.plain(format!("   gap {}", precise(gap))),
        (_, Some(None)) => reads.with("   reads did not come back", Tone::Act),
        (_, None) => reads,
    });

    lines.extend(states(report, zone, width));

    let acknowledged = units::exact(figures.acknowledged);
    let lost = titled("lost");
    let lost = match figures.lost {
        Some(0) => lost.plain(format!("0 of {acknowledged} acknowledged rows (RPO 0)")),
        Some(rows) => lost.with(format!("{} of {acknowledged} acknowledged rows", units::exact(rows)), Tone::Act),
        None => lost.with(format!("unknown, of {acknowledged} acknowledged rows"), Tone::Look),
    };
    let kept = figures.ambiguous_kept.map(|kept| format!(" ({} of them are there)", units::exact(kept)));
    let lost = lost.dim(format!("   {} unanswered{}", units::exact(figures.ambiguous), kept.unwrap_or_default()));
    lines.push(lost.dim(format!("   {} refused", units::exact(figures.refused))));
    if figures.split_brain > 0 {
        let text =
            format!("{} rows were taken by the old leader beside the new one", units::exact(figures.split_brain));
        lines.push(titled("").with(text, Tone::Act));
    }
    lines.push(wrong_reads(report));
    let served = figures.stretches.iter().map(|stretch| {
        let timeline = stretch.timeline.map(|timeline| format!(", timeline {timeline}")).unwrap_or_default();
        format!("{} {} rows{timeline}", stretch.node, units::exact(stretch.writes))
    });
    lines.push(titled("served by").plain(served.collect::<Vec<_>>().join(" → ")));
    lines.push(titled("exact to").plain(format!(
        "{}; synchronous_commit {}",
        exact_to(figures),
        report.synchronous_commit
    )));
    let others: Vec<&Report> = others.iter().filter(|other| other.at < report.at).collect();
    lines.push(match past(others, report.scenario) {
        Some(Past { drills, median, best, worst }) => titled("before").plain(format!(
            "median {} of {}, best {}, worst {}",
            precise(median),
            units::plural(drills, "drill"),
            precise(best),
            precise(worst)
        )),
        None => titled("before").dim("no drill of this kind"),
    });
    lines.push(match (report.left.as_slice(), report.mended) {
        ([], Some(mended)) => titled("undone").plain(format!("{} {}", at(mended), report.fault)),
        ([], None) => titled("undone").dim("there was nothing to undo"),
        (left, _) => {
            let left: Vec<&str> = left.iter().map(crate::model::text::Text::as_str).collect();
            titled("undone").with(format!("no: {}", left.join("; ")), Tone::Act)
        }
    });
    lines
}

/// The fault and what was seen after it, in as many lines as it takes; no state is broken.
fn states(report: &Report, zone: &TimeZone, width: usize) -> Vec<Line> {
    let Some(broken) = report.broken else { return vec![titled("")] };
    let mut lines = vec![titled("").plain(format!("{} fault", clock(report.at, broken, zone)))];
    for seen in &report.phases {
        let tone = if seen.phase == Phase::FirstWrite { Tone::Strong } else { Tone::Plain };
        let state = Line::new().with(format!("{} +{}", seen.phase.words(), precise(seen.after)), tone);
        match lines.last_mut() {
            Some(last) if last.width() + RULE.width() + state.width() <= width => {
                last.push(RULE, Tone::Dim);
                last.append(state);
            }
            _ => {
                let mut next = titled("");
                next.append(state);
                lines.push(next);
            }
        }
    }
    lines
}

/// The figures that count, in one line.
pub fn figures(report: &Report) -> Line {
    let line = Line::new().plain("RTO ");
    let line = match report.figures.rto() {
        Some(rto) => line.with(precise(rto), Tone::Strong),
        None => line.with("unknown", Tone::Look),
    };
    let line = match (report.target, report.meets_target()) {
        (Some(target), Some(true)) => line.with(format!("   target {} kept", precise(target)), Tone::Well),
        (Some(target), Some(false)) => line.with(format!("   target {} missed", precise(target)), Tone::Act),
        _ if report.cut_short => line.with("   cut short", Tone::Look),
        (Some(_), None) | (None, _) => line,
    };
    let acknowledged = units::exact(report.figures.acknowledged);
    match report.figures.lost {
        Some(0) => line.plain(format!("   0 of {acknowledged} rows lost")),
        Some(rows) => line.with(format!("   {} of {acknowledged} rows lost", units::exact(rows)), Tone::Act),
        None => line.with("   how many rows were lost is unknown", Tone::Look),
    }
}

fn wrong_reads(report: &Report) -> Line {
    let figures = &report.figures;
    let counts = [
        (figures.reads_by_primary, "by the primary"),
        (figures.reads_stale, "stale"),
        (figures.reads_of_lost_rows, "of lost rows"),
    ];
    let named: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", units::exact(count)))
        .collect();
    let line = titled("wrong").plain(format!("{} of {} reads", units::exact(figures.wrong_reads()), figures.reads));
    if named.is_empty() { line } else { line.with(format!(": {}", named.join(", ")), Tone::Look) }
}

/// A bar over the whole drill, blank where nothing went through.
fn drawn(report: &Report, longest: Option<Gap>, gaps: &[Gap], width: usize) -> Line {
    let step = report.lasted.as_secs_f64() / width as f64;
    let mut line = Line::new();
    let all: Vec<Gap> = longest.iter().chain(gaps).copied().collect();
    for column in 0..width {
        let (from, to) = (column as f64 * step, (column + 1) as f64 * step);
        let missing: f64 = all.iter().map(|gap| covered(*gap, report.lasted, from, to)).fold(0.0, f64::max);
        // More than half of a column without success is drawn as such.
        let is_missing = step > 0.0 && missing > step / 2.0;
        line.push(if is_missing { " " } else { "▇" }, if is_missing { Tone::Act } else { Tone::Well });
    }
    line
}

fn covered(gap: Gap, lasted: Duration, from: f64, to: f64) -> f64 {
    let end = gap.to.unwrap_or(lasted).as_secs_f64();
    (end.min(to) - gap.from.as_secs_f64().max(from)).max(0.0)
}

fn titled(title: &str) -> Line {
    let mut line = Line::new().dim(title);
    line.pad_to(TITLE);
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
            "{} at its begin and {} at its end, as sampled every {}",
            units::latency(precision.begin),
            units::latency(precision.end),
            units::latency(figures.interval)
        ),
        None => format!(
            "{} and one step of {} at each end",
            units::latency(figures.clock_error),
            units::latency(figures.interval)
        ),
    }
}
