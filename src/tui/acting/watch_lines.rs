//! The lines of an action that runs, or ran: the states it leads through with their times, its steps with the far ends'
//! own words, and how it ended.

use std::time::Duration;

use jiff::Timestamp;

use super::clock::{self, Stall, Waits};
use super::dialog_model::DialogModel;
use super::subject;
use super::watch::Watch;
use crate::action::drill_report::DrillReport;
use crate::action::outcome::OutcomeKind;
use crate::action::plan::Danger;
use crate::model::snapshot::Snapshot;
use crate::operate::{Event, Progress};
use crate::report;
use crate::report::drill;
use crate::report::line::Line;
use crate::report::table::Tone;
use crate::report::units;
use crate::tui::widgets::wrap::fold;

/// Columns of the time of a state.
const CLOCK_WIDTH: usize = 9;
/// Columns of the bar at most.
const MAX_BAR_WIDTH: usize = 40;
/// Share of the longest wait above which it is told loudly.
const NEARLY: f64 = 0.8;

/// What it is drawn from, beside the action itself.
pub(super) struct WatchView<'a> {
    /// The picture of its cluster, where this console shows it.
    pub(super) snapshot: Option<&'a Snapshot>,
    /// The wall clock; `None`: as for the picture.
    pub(super) now: Option<Timestamp>,
    /// The report of a drill that is over.
    pub(super) report: Option<&'a DrillReport>,
    /// This console may ask it to end.
    pub(super) may_end: bool,
}

/// The dialog.
pub(super) fn dialog_model(watch: &Watch, view: &WatchView<'_>, scroll: usize, width: usize) -> DialogModel {
    let mut body = Vec::new();
    if let (Some(snapshot), false) = (view.snapshot, watch.is_over()) {
        body.extend(subject::under_way(&watch.plan, snapshot));
    }
    if let Some(who) = &watch.by {
        body.push(Line::new().dim(format!("started by {who}, process {}", who.pid)));
    }
    let reported = |lines: &[Line]| lines.iter().flat_map(|line| fold(line, width, 2)).collect::<Vec<_>>();
    let mut states_of = Vec::new();
    let waits = states(watch, view.now, &mut states_of);
    // What is waited for stays in sight until somebody scrolls.
    let follow = waits.map(|at| reported(&body).len() + reported(&states_of[..=at]).len() - 1);
    body.append(&mut states_of);
    steps(watch, &mut body);
    remarks(watch, &mut body);
    let mut foot = foot(watch, view, width);
    foot.extend(
        view.report.map(|report| drill::figures(report).plain("   ").with("Enter", Tone::Strong).plain(" report")),
    );
    let title = match &watch.action {
        Some(action) => format!("{} · {action}", super::capital(watch.plan.title.as_str())),
        None => super::capital(watch.plan.title.as_str()),
    };
    DialogModel {
        title,
        body: reported(&body),
        foot: reported(&foot),
        scroll,
        follow,
        is_whole: true,
        ..DialogModel::default()
    }
}

fn moment(after: Option<Duration>) -> String {
    after.map_or_else(String::new, |after| format!("{:>6.1} s", after.as_secs_f64()))
}

/// A sign, a time, what it is, and what it was told from.
fn state(sign: &str, tone: Tone, after: Option<Duration>, words: &str, evidence: &str) -> Line {
    let mut line = Line::new().with(sign, tone);
    line.pad_to(2);
    line.push(moment(after), Tone::Dim);
    line.pad_to(2 + CLOCK_WIDTH);
    line.push(words, if tone == Tone::Dim { Tone::Dim } else { Tone::Plain });
    if !evidence.is_empty() {
        line.push(format!("   {evidence}"), Tone::Dim);
    }
    line
}

/// The states it leads through: those that were seen by their time, then the one that is waited for, then the rest.
/// Returns which line is of that one.
fn states(watch: &Watch, now: Option<Timestamp>, lines: &mut Vec<Line>) -> Option<usize> {
    let happened = |wanted: fn(&Event) -> bool| watch.updates.iter().find(|progress| wanted(&progress.event));
    let requested = clock::requested(watch);
    // Counted from the request, which is what users begin to notice, and not from what prepares it.
    let zero = requested.and_then(|progress| progress.after).unwrap_or_default();
    let before = [
        ("state collected", happened(|event| matches!(event, Event::Checked { .. }))),
        ("operation lock acquired", happened(|event| matches!(event, Event::Locked))),
        ("logged; checks repeated", happened(|event| matches!(event, Event::Started))),
        ("requested", requested),
    ];
    let mut all: Vec<(String, Option<&Progress>)> =
        before.into_iter().map(|(words, found)| (words.to_owned(), found)).collect();
    let expected = watch.plan.expectation.sequence.iter().map(|expected| &expected.milestone);
    let mut awaited: Vec<_> =
        expected.map(|milestone| (milestone.describe(), clock::reached(watch, milestone))).collect();
    // What comes out of turn stands where it came.
    awaited.sort_by_key(|(_, found)| found.map_or((true, None), |progress| (false, progress.after)));
    all.append(&mut awaited);
    let mut waits = None;
    for (words, found) in all {
        let evidence = match found.map(|progress| &progress.event) {
            Some(Event::Reached { evidence, .. }) => evidence.as_str(),
            _ => "",
        };
        lines.push(match found {
            Some(progress) => {
                let after = progress.after.map(|after| after.saturating_sub(zero));
                state("✓", Tone::Ok, after, &words, evidence)
            }
            None if waits.is_none() && !watch.is_over() => {
                waits = Some(lines.len());
                state("◌", Tone::Warning, now.and_then(|now| clock::since_request(watch, now)), &words, "…")
            }
            None => state("–", Tone::Dim, None, &words, ""),
        });
    }
    waits
}

fn steps(watch: &Watch, lines: &mut Vec<Line>) {
    lines.push(Line::new());
    lines.push(Line::new().with("STEPS AND RESPONSES", Tone::Strong));
    for (at, step) in watch.plan.steps.iter().enumerate() {
        let began = watch.updates.iter().any(|progress| match &progress.event {
            Event::StepBegan { step, .. } => *step == at,
            _ => false,
        });
        let tone = if began { Tone::Plain } else { Tone::Dim };
        let line = Line::new().dim(format!("{} ", at + 1)).with(step.text.as_str(), tone);
        let ended = watch.updates.iter().any(|progress| match &progress.event {
            Event::StepEnded { step, .. } => *step == at,
            _ => false,
        });
        let runs = began && !ended && !watch.is_over();
        lines.push(if runs { line.with("   …", Tone::Warning) } else { line });
        // How far it came is of no interest once it is there.
        if (runs || watch.is_reverting(at))
            && let Some(progress) = watch.progress_of(at)
        {
            lines.push(Line::new().dim("    progress  ").plain(progress.describe()));
        }
        for progress in &watch.updates {
            match &progress.event {
                Event::StepEnded { step, took, reply, accepted } if *step == at => {
                    lines.push(
                        answer("response", reply.as_str(), *accepted).dim(format!("   {}", units::latency(*took))),
                    );
                }
                Event::Made { step, artefact } if *step == at => {
                    lines.push(Line::new().dim("    created  ").plain(artefact.describe()));
                }
                Event::Reported { step, reported } if *step == at => {
                    let line = answer("sent", reported.reply.as_str(), reported.accepted)
                        .plain(format!("  {}", reported.describe()));
                    lines.push(line.dim(format!("   {}", reported.why)));
                }
                Event::Undone { step, reply, accepted } if *step == at => {
                    lines.push(answer(report::journal::revert_result(*accepted), reply.as_str(), *accepted));
                }
                _ => {}
            }
        }
    }
}

fn answer(label: &str, reply: &str, accepted: Option<bool>) -> Line {
    let tone = match accepted {
        Some(true) => Tone::Ok,
        Some(false) => Tone::Warning,
        None => Tone::Critical,
    };
    let line = Line::new().dim(format!("    {label}  "));
    if reply.is_empty() { line.dim("(empty)") } else { line.with(reply, tone) }
}

fn remarks(watch: &Watch, lines: &mut Vec<Line>) {
    for progress in &watch.updates {
        if let Event::Remark { text } = &progress.event {
            lines.push(Line::new().dim(moment(progress.after)).plain("  ").with(text.as_str(), Tone::Warning));
        }
    }
}

fn foot(watch: &Watch, view: &WatchView<'_>, width: usize) -> Vec<Line> {
    let now = view.now;
    if let Some(outcome) = &watch.outcome {
        let mut lines = report::plan::outcome(outcome);
        lines.extend(figures(watch, now));
        return lines;
    }
    let mut line = Line::new().with("running", Tone::Warning);
    if let Some(running) = now.and_then(|now| clock::running(watch, now)) {
        line = line.plain(format!(" {}", seconds(running)));
    }
    let waits = now.and_then(|now| clock::waits(watch, now));
    line = match &waits {
        Some(waits) => line.plain(format!("   waiting for {}", waits.for_what)),
        None => line.plain(format!("   {}", watch.status_line())),
    };
    let more = if watch.asked {
        Line::new().with("   cancellation requested", Tone::Warning)
    } else if watch.is_past_no_return() && watch.can_be_ended() && view.may_end {
        Line::new().dim("   x: revert the fault now")
    } else if watch.is_past_no_return() && !watch.can_be_ended() {
        // What its opposite undoes has a way back at every step.
        let past = watch.plan.danger > Danger::Reversible;
        Line::new().dim(if past {
            "   past the point of no return: it will be completed"
        } else {
            "   it will be completed"
        })
    } else {
        Line::new()
    };
    // What runs, and for how long, comes first where there is room for one line.
    if line.width() + more.width() <= width {
        line.append(more);
    }
    let mut lines = vec![line];
    // One line each from the beginning on, so that nothing moves while somebody reads.
    lines.push(waits.map_or_else(Line::new, |waits| bar(&waits, width)));
    lines.extend(now.and_then(|now| clock::stall(watch, now)).map(|stands| stands_still(&stands)));
    lines
}

/// How much of the longest wait is over.
fn bar(waits: &Waits, width: usize) -> Line {
    let words = format!("  {} of max {}", seconds(waits.since), longest(waits.at_most));
    let room = width.saturating_sub(words.chars().count() + 1).min(MAX_BAR_WIDTH);
    let share = waits.since.as_secs_f64() / waits.at_most.as_secs_f64().max(0.001);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between nothing and the room there is"
    )]
    let full = ((share.clamp(0.0, 1.0) * room as f64) as usize).min(room);
    let tone = if share >= NEARLY { Tone::Critical } else { Tone::Warning };
    Line::new().with("█".repeat(full), tone).dim("░".repeat(room - full)).plain(words)
}

fn stands_still(stands: &Stall) -> Line {
    match &stands.until {
        None => Line::new()
            .with(format!("writes down for {}", seconds(stands.lasted)), Tone::Critical)
            .dim(format!("   since {}", stands.since)),
        Some(until) => Line::new()
            .plain(format!("writes were down for about {}", seconds(stands.lasted)))
            .dim(format!("   from {} until {until}, as observed", stands.since)),
    }
}

/// What is known in figures of one that is over.
fn figures(watch: &Watch, now: Option<Timestamp>) -> Vec<Line> {
    let took = clock::took(watch).filter(|_| watch.outcome.as_ref().is_some_and(|one| one.ending == OutcomeKind::Done));
    let took = took.map(|took| Line::new().plain(format!("done in {}", seconds(took))).dim("   since the request"));
    let still = now.and_then(|now| clock::stall(watch, now)).map(|stands| stands_still(&stands));
    took.into_iter().chain(still).collect()
}

/// A limit: in seconds as long as one counts in them.
fn longest(span: Duration) -> String {
    if span < Duration::from_secs(600) { format!("{} s", span.as_secs()) } else { units::duration(span) }
}

fn seconds(span: Duration) -> String {
    if span < Duration::from_secs(100) { format!("{:.1} s", span.as_secs_f64()) } else { units::duration(span) }
}
