//! The lines of an action that runs, or ran: the states it leads through with their times, its steps with the far ends'
//! own words, and how it ended.

use std::time::Duration;

use super::sheet::Sheet;
use super::subject;
use super::watch::Watch;
use crate::action::drill_report::Report;
use crate::model::snapshot::Snapshot;
use crate::operate::{Event, Progress};
use crate::report;
use crate::report::drill;
use crate::report::line::Line;
use crate::report::table::Tone;
use crate::report::units;
use crate::tui::widgets::wrap::fold;

/// Columns of the time of a state.
const CLOCK: usize = 9;

/// The dialog. `snapshot` is of its cluster and `report` its own, where they are known.
pub(super) fn sheet(
    watch: &Watch,
    snapshot: Option<&Snapshot>,
    report: Option<&Report>,
    scroll: usize,
    width: usize,
) -> Sheet {
    let mut body = Vec::new();
    if let (Some(snapshot), false) = (snapshot, watch.is_over()) {
        body.extend(subject::under_way(&watch.plan, snapshot));
    }
    if let Some(who) = &watch.by {
        body.push(Line::new().dim(format!("begun by {who}, process {}", who.pid)));
    }
    states(watch, &mut body);
    steps(watch, &mut body);
    remarks(watch, &mut body);
    let body = body.iter().flat_map(|line| fold(line, width, 2)).collect();
    let mut foot = foot(watch);
    foot.extend(report.map(|report| drill::figures(report).plain("   ").with("Enter", Tone::Strong).plain(" report")));
    let foot = foot.iter().flat_map(|line| fold(line, width, 2)).collect();
    let hint = match (watch.is_over(), watch.can_be_ended()) {
        (true, _) => "Esc close · y copy",
        (false, false) => "Esc to the background · y copy",
        (false, true) => "Esc to the background · x ask it to end · y copy",
    };
    let title = match &watch.action {
        Some(action) => format!("{} · {action}", super::capital(watch.plan.title.as_str())),
        None => super::capital(watch.plan.title.as_str()),
    };
    Sheet { title, body, foot, hint: hint.to_owned(), scroll, ..Sheet::default() }
}

fn clock(after: Option<Duration>) -> String {
    after.map_or_else(String::new, |after| format!("{:>6.1} s", after.as_secs_f64()))
}

/// A sign, a time, what it is, and what it was told from.
fn state(sign: &str, tone: Tone, after: Option<Duration>, words: &str, evidence: &str) -> Line {
    let mut line = Line::new().with(sign, tone);
    line.pad_to(2);
    line.push(clock(after), Tone::Dim);
    line.pad_to(2 + CLOCK);
    line.push(words, if tone == Tone::Dim { Tone::Dim } else { Tone::Plain });
    if !evidence.is_empty() {
        line.push(format!("   {evidence}"), Tone::Dim);
    }
    line
}

fn states(watch: &Watch, lines: &mut Vec<Line>) {
    let happened = |wanted: fn(&Event) -> bool| watch.news.iter().find(|progress| wanted(&progress.event));
    let running = !watch.is_over();
    let no_return = watch.plan.no_return;
    let requested = watch.news.iter().find(|progress| match &progress.event {
        Event::StepBegan { step, .. } => *step == no_return,
        _ => false,
    });
    // Counted from the request, which is what users begin to notice, and not from what prepares it.
    let zero = requested.and_then(|progress| progress.after).unwrap_or_default();
    let before = [
        ("looked at the cluster", happened(|event| matches!(event, Event::Checked { .. }))),
        ("operation lock taken", happened(|event| matches!(event, Event::Locked))),
        ("written down, everything looked at again", happened(|event| matches!(event, Event::Started))),
    ];
    let mut waits = running;
    let mut line = |words: &str, found: Option<&Progress>, evidence: &str, lines: &mut Vec<Line>| match found {
        Some(progress) => {
            let after = progress.after.map(|after| after.saturating_sub(zero));
            lines.push(state("✓", Tone::Well, after, words, evidence));
        }
        None if waits => {
            waits = false;
            lines.push(state("◌", Tone::Look, None, words, "…"));
        }
        None => lines.push(state("–", Tone::Dim, None, words, "")),
    };
    for (words, found) in before {
        line(words, found, "", lines);
    }
    line("requested", requested, "", lines);
    for expected in &watch.plan.expectation.sequence {
        let reached = watch.news.iter().find_map(|progress| match &progress.event {
            Event::Reached { milestone, evidence } if *milestone == expected.milestone => Some((progress, evidence)),
            _ => None,
        });
        let evidence = reached.map(|(_, evidence)| evidence.as_str()).unwrap_or_default();
        line(&expected.milestone.words(), reached.map(|(progress, _)| progress), evidence, lines);
    }
}

fn steps(watch: &Watch, lines: &mut Vec<Line>) {
    lines.push(Line::new());
    lines.push(Line::new().with("STEPS AND ANSWERS", Tone::Strong));
    for (at, step) in watch.plan.steps.iter().enumerate() {
        let began = watch.news.iter().any(|progress| match &progress.event {
            Event::StepBegan { step, .. } => *step == at,
            _ => false,
        });
        let tone = if began { Tone::Plain } else { Tone::Dim };
        let line = Line::new().dim(format!("{} ", at + 1)).with(step.words.as_str(), tone);
        let ended = watch.news.iter().any(|progress| match &progress.event {
            Event::StepEnded { step, .. } => *step == at,
            _ => false,
        });
        let runs = began && !ended && !watch.is_over();
        lines.push(if runs { line.with("   …", Tone::Look) } else { line });
        for progress in &watch.news {
            match &progress.event {
                Event::StepEnded { step, took, reply, accepted } if *step == at => {
                    lines
                        .push(answer("answer", reply.as_str(), *accepted).dim(format!("   {}", units::latency(*took))));
                }
                Event::Told { step, told } if *step == at => {
                    let line = answer("told", told.reply.as_str(), told.accepted).plain(format!("  {}", told.words()));
                    lines.push(line.dim(format!("   {}", told.why)));
                }
                Event::Undone { step, reply, accepted } if *step == at => {
                    lines.push(answer("taken back", reply.as_str(), *accepted));
                }
                _ => {}
            }
        }
    }
}

fn answer(label: &str, reply: &str, accepted: Option<bool>) -> Line {
    let tone = match accepted {
        Some(true) => Tone::Well,
        Some(false) => Tone::Look,
        None => Tone::Act,
    };
    let line = Line::new().dim(format!("    {label}  "));
    if reply.is_empty() { line.dim("(no words)") } else { line.with(reply, tone) }
}

fn remarks(watch: &Watch, lines: &mut Vec<Line>) {
    for progress in &watch.news {
        if let Event::Remark { text } = &progress.event {
            lines.push(Line::new().dim(clock(progress.after)).plain("  ").with(text.as_str(), Tone::Look));
        }
    }
}

fn foot(watch: &Watch) -> Vec<Line> {
    if let Some(outcome) = &watch.outcome {
        return report::plan::outcome(outcome);
    }
    let mut line = Line::new().with("running", Tone::Look).plain(format!("   {}", watch.standing()));
    if watch.asked {
        line = line.with("   asked to end", Tone::Look);
    } else if watch.is_past_no_return() && watch.can_be_ended() {
        line = line.dim("   x takes back at once what was broken");
    } else if watch.is_past_no_return() {
        line = line.dim("   past the point of no return: it goes to its end");
    }
    vec![line]
}
