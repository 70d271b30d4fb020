//! A plan, its checks, and how it goes on, in lines: what is confirmed on the screen and on the command line is the same
//! text.

use super::line::Line;
use super::symbol::Mark;
use super::table::Tone;
use super::units;
use crate::action::note::{Note, Verdict};
use crate::action::outcome::{Ending, Outcome};
use crate::action::plan::{Danger, Plan};
use crate::model::moment::Moment;

/// Columns of the titles at the left.
const TITLE: usize = 12;

/// The plan: what will be sent, in the words in which it will be sent, what the users notice, the same by hand, and by
/// what its outcome is told.
pub fn plan(plan: &Plan) -> Vec<Line> {
    let tone = match plan.danger {
        Danger::Reversible => Tone::Strong,
        Danger::Disruptive => Tone::Look,
        Danger::Destructive => Tone::Act,
    };
    let mut lines = vec![Line::new().with(plan.title.as_str(), tone).dim(format!("   plan {}", plan.hash().short()))];
    for (at, step) in plan.steps.iter().enumerate() {
        let mut line = titled(if at == 0 { "steps" } else { "" });
        line = line.dim(format!("{} ", at + 1)).plain(step.words.as_str());
        // What its opposite undoes has a way back at every step, and a drill takes back what it broke whenever it is ended.
        let ends = plan.intent.can_be_cut_short() && step.undo.is_some();
        if at == plan.no_return && plan.steps.len() > 1 && plan.danger > Danger::Reversible && !ends {
            line = line.with("   no way back from here", Tone::Look);
        }
        if step.undo.is_some() {
            line = line.dim("   taken back at the end");
        }
        lines.push(line);
    }
    section(&mut lines, "users", plan.impact.iter().map(|text| Line::new().plain(text.as_str())));
    section(&mut lines, "by hand", plan.equivalent.iter().map(|text| Line::new().dim(text.as_str())));
    let words = |decides: bool| {
        let expected = plan.expectation.sequence.iter().filter(|expected| expected.decides == decides);
        expected.map(|expected| expected.milestone.words()).collect::<Vec<_>>().join(", ")
    };
    let mut told = titled("done when").plain(words(true));
    let also = words(false);
    if !also.is_empty() {
        told = told.dim(format!("; then {also}"));
    }
    lines.push(told.dim(format!("   within {}", units::duration(plan.expectation.within))));
    lines
}

fn section(lines: &mut Vec<Line>, title: &str, content: impl Iterator<Item = Line>) {
    for (at, text) in content.enumerate() {
        let mut line = titled(if at == 0 { title } else { "" });
        line.append(text);
        lines.push(line);
    }
}

fn titled(title: &str) -> Line {
    let mut line = Line::new().dim(title);
    line.pad_to(TITLE);
    line
}

/// The checks, the gravest first; those that passed only in number, unless `all` are wanted.
pub fn notes(notes: &[Note], now: Moment, all: bool) -> Vec<Line> {
    let mut shown: Vec<&Note> = notes.iter().filter(|note| all || note.verdict != Verdict::Pass).collect();
    shown.sort_by_key(|note| std::cmp::Reverse(note.verdict));
    let mut lines: Vec<Line> = shown.into_iter().map(|note| one_note(note, now)).collect();
    let passed = notes.iter().filter(|note| note.verdict == Verdict::Pass).count();
    if !all && passed > 0 {
        lines.push(Line::new().mark(Mark::Well).dim(format!(" {} passed", units::plural(passed, "check"))));
    }
    lines
}

fn one_note(note: &Note, now: Moment) -> Line {
    let (mark, tone) = match note.verdict {
        Verdict::Pass => (Mark::Well, Tone::Plain),
        Verdict::Unknown => (Mark::Silent, Tone::Stale),
        Verdict::Warn => (Mark::Partly, Tone::Look),
        Verdict::Block => (Mark::Failed, Tone::Act),
    };
    let mut line = Line::new().mark(mark).plain(" ").with(note.text.as_str(), tone);
    if let Some(source) = &note.source {
        let age = note.at.map_or_else(String::new, |at| format!(", {}", units::age(now.since(at))));
        line = line.dim(format!("   {source}{age}"));
    }
    if note.verdict == Verdict::Block && note.can_override {
        line = line.dim(format!("   can be overridden: {}", note.check));
    }
    line
}

/// How it ended, and what is left to do.
pub fn outcome(outcome: &Outcome) -> Vec<Line> {
    let (mark, tone) = match outcome.ending {
        Ending::Done => (Mark::Well, Tone::Well),
        Ending::Refused => (Mark::Partly, Tone::Look),
        Ending::Unverified | Ending::Unknown => (Mark::Silent, Tone::Look),
        Ending::Failed => (Mark::Failed, Tone::Act),
    };
    let first = Line::new().mark(mark).plain(" ").with(outcome.ending.word(), tone);
    let mut lines = vec![first.plain(format!(": {}", outcome.text))];
    section(&mut lines, "next", outcome.next.iter().map(|text| Line::new().plain(text.as_str())));
    lines
}
