//! A plan, its checks, and how it goes on, in lines: what is confirmed on the screen and on the command line is the same
//! text.

use super::line::Line;
use super::symbol::Mark;
use super::table::Tone;
use super::units;
use crate::action::note::{CheckNote, CheckVerdict};
use crate::action::outcome::{Outcome, OutcomeKind};
use crate::action::plan::{Danger, Plan};
use crate::model::moment::Moment;

/// Columns of the titles at the left.
const TITLE_WIDTH: usize = 12;

/// The plan: what will be sent, in the words in which it will be sent, what the users notice, the same by hand, and by
/// what its outcome is told.
pub fn plan(plan: &Plan) -> Vec<Line> {
    let tone = match plan.danger {
        Danger::Reversible => Tone::Strong,
        Danger::Disruptive => Tone::Warning,
        Danger::Destructive => Tone::Critical,
    };
    let mut lines = vec![Line::new().with(plan.title.as_str(), tone).dim(format!("   plan {}", plan.hash().short()))];
    for (at, step) in plan.steps.iter().enumerate() {
        let mut line = labelled_line(if at == 0 { "steps" } else { "" });
        line = line.dim(format!("{} ", at + 1)).plain(step.text.as_str());
        // What its opposite undoes has a way back at every step, and a drill takes back what it broke whenever it is ended.
        let ends = plan.intent.can_be_cut_short() && step.undo.is_some();
        if at == plan.no_return && plan.steps.len() > 1 && plan.danger > Danger::Reversible && !ends {
            line = line.with("   point of no return", Tone::Warning);
        }
        if step.undo.is_some() {
            let stays = plan.intent.leaves_pending_undo();
            line = line.dim(if stays { "   stays, can be undone" } else { "   reverted at the end" });
        }
        lines.push(line);
    }
    section(&mut lines, "impact", plan.impact.iter().map(|text| Line::new().plain(text.as_str())));
    section(&mut lines, "manually", plan.equivalent.iter().map(|text| Line::new().dim(text.as_str())));
    let words = |decides: bool| {
        let expected = plan.expectation.sequence.iter().filter(|expected| expected.decides == decides);
        expected.map(|expected| expected.milestone.describe()).collect::<Vec<_>>().join(", ")
    };
    let mut reported = labelled_line("done when").plain(words(true));
    let also = words(false);
    if !also.is_empty() {
        reported = reported.dim(format!("; then {also}"));
    }
    lines.push(reported.dim(format!("   within {}", units::duration(plan.expectation.within))));
    lines
}

fn section(lines: &mut Vec<Line>, title: &str, content: impl Iterator<Item = Line>) {
    for (at, text) in content.enumerate() {
        let mut line = labelled_line(if at == 0 { title } else { "" });
        line.append(text);
        lines.push(line);
    }
}

fn labelled_line(title: &str) -> Line {
    let mut line = Line::new().dim(title);
    line.pad_to(TITLE_WIDTH);
    line
}

/// The checks, the gravest first; those that passed only in number, unless `all` are wanted.
pub fn notes(notes: &[CheckNote], now: Moment, all: bool) -> Vec<Line> {
    let mut shown: Vec<&CheckNote> = notes.iter().filter(|note| all || note.verdict != CheckVerdict::Pass).collect();
    shown.sort_by_key(|note| std::cmp::Reverse(note.verdict));
    let mut lines: Vec<Line> = shown.into_iter().map(|note| one_note(note, now)).collect();
    let passed = notes.iter().filter(|note| note.verdict == CheckVerdict::Pass).count();
    if !all && passed > 0 {
        lines.push(Line::new().mark(Mark::Ok).dim(format!(" {} passed", units::plural(passed, "check"))));
    }
    lines
}

fn one_note(note: &CheckNote, now: Moment) -> Line {
    let (mark, tone) = match note.verdict {
        CheckVerdict::Pass => (Mark::Ok, Tone::Plain),
        CheckVerdict::Unknown => (Mark::Silent, Tone::Stale),
        CheckVerdict::Warn => (Mark::Warning, Tone::Warning),
        CheckVerdict::Block => (Mark::Failed, Tone::Critical),
    };
    let mut line = Line::new().mark(mark).plain(" ").with(note.text.as_str(), tone);
    if let Some(source) = &note.source {
        let age = note.at.map_or_else(String::new, |at| format!(", {}", units::age(now.since(at))));
        line = line.dim(format!("   {source}{age}"));
    }
    if note.verdict == CheckVerdict::Block && note.can_override {
        line = line.dim(format!("   can be overridden: {}", note.check));
    }
    line
}

/// How it ended, and what is left to do.
pub fn outcome(outcome: &Outcome) -> Vec<Line> {
    let (mark, tone) = match outcome.ending {
        OutcomeKind::Done => (Mark::Ok, Tone::Ok),
        OutcomeKind::Refused => (Mark::Warning, Tone::Warning),
        OutcomeKind::Unverified | OutcomeKind::Unknown => (Mark::Silent, Tone::Warning),
        OutcomeKind::Failed => (Mark::Failed, Tone::Critical),
    };
    let first = Line::new().mark(mark).plain(" ").with(outcome.ending.as_str(), tone);
    let mut lines = vec![first.plain(format!(": {}", outcome.text))];
    section(&mut lines, "next", outcome.next.iter().map(|text| Line::new().plain(text.as_str())));
    lines
}
