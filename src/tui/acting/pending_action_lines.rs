//! The lines of an action that is not yet begun.

use std::time::Duration;

use super::dialog_model::DialogModel;
use super::dialog_options;
use super::pending_action::{Ask, PendingAction};
use super::subject;
use crate::action::Intent;
use crate::action::intent::{ConfigurationIntent, LeadIntent};
use crate::action::note::CheckVerdict;
use crate::action::plan::{Danger, Plan};
use crate::action::preflight::{Candidate, Eligibility};
use crate::model::moment::Moment;
use crate::model::snapshot::Snapshot;
use crate::report;
use crate::report::line::Line;
use crate::report::symbol::Mark;
use crate::report::table::Tone;
use crate::report::units;
use crate::tui::widgets::wrap::fold;

/// Most lines of blocks below the plan; the others stand among the checks.
const MAX_BLOCKS: usize = 3;

/// What the dialog is drawn from, beside the draft itself.
pub(super) struct PendingActionView<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) now: Moment,
    pub(super) zone: &'a jiff::tz::TimeZone,
    /// Why it cannot be confirmed; `None`: it can.
    pub(super) refusal: Option<String>,
    pub(super) width: usize,
}

/// The dialog.
pub(super) fn dialog_model(pending_action: &PendingAction, view: &PendingActionView<'_>) -> DialogModel {
    let title = match pending_action.plan() {
        Some(plan) => plan.title.to_string(),
        None => format!("{} {}", pending_action.intent.verb(), view.snapshot.identity.name),
    };
    let mut foot = blocks(pending_action, view.width);
    if let Some((tone, word)) = &pending_action.word {
        foot.extend(fold(&Line::new().with(word, *tone), view.width, 0));
    }
    let (last, cursor) = question(pending_action, view);
    let mut last = if cursor.is_some() { vec![last] } else { fold(&last, view.width, 0) };
    foot.append(&mut last);
    DialogModel {
        title: super::capital(&title),
        body: body(pending_action, view),
        foot,
        scroll: pending_action.scroll,
        cursor,
        ..DialogModel::default()
    }
}

fn body(pending_action: &PendingAction, view: &PendingActionView<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    lines.extend(subject::subject(&pending_action.intent, view.snapshot));
    let plan = match &pending_action.drawn {
        Ok(drawn) => &drawn.plan,
        Err(why) => {
            lines.push(Line::new().with("planning failed: ", Tone::Critical).plain(why.to_string()));
            candidates(pending_action, view, &mut lines);
            return folded(&lines, view.width);
        }
    };
    for text in &plan.impact {
        lines.push(Line::new().plain(text.as_str()));
    }
    options(pending_action, view, &mut lines);
    if let Intent::Configuration(ConfigurationIntent::Configure { changes }) = &pending_action.intent {
        lines.push(Line::new());
        lines.push(Line::new().with("CHANGES", Tone::Strong));
        lines.extend(report::difference::lines(changes, view.snapshot));
    }
    checks(pending_action, view, &mut lines);
    candidates(pending_action, view, &mut lines);
    steps(plan, &mut lines);
    folded(&lines, view.width)
}

fn folded(lines: &[Line], width: usize) -> Vec<Line> {
    lines.iter().flat_map(|line| fold(line, width, 2)).collect()
}

fn checks(pending_action: &PendingAction, view: &PendingActionView<'_>, lines: &mut Vec<Line>) {
    let count = |verdict: CheckVerdict| pending_action.notes().iter().filter(|note| note.verdict == verdict).count();
    let mut head = Line::new().with("CHECKS", Tone::Strong).plain(format!("   {} pass", count(CheckVerdict::Pass)));
    for (verdict, word, tone) in [
        (CheckVerdict::Warn, "warn", Tone::Warning),
        (CheckVerdict::Block, "block", Tone::Critical),
        (CheckVerdict::Unknown, "unknown", Tone::Stale),
    ] {
        let count = count(verdict);
        head = head.dim(" · ").with(format!("{count} {word}"), if count > 0 { tone } else { Tone::Dim });
    }
    lines.push(Line::new());
    lines.push(head.dim(if pending_action.all { "   c: fewer" } else { "   c: all" }));
    lines.extend(report::plan::notes(pending_action.notes(), view.now, pending_action.all));
    for check in &pending_action.overridden {
        lines.push(Line::new().with(format!("  overridden: {check}"), Tone::Warning));
    }
}

fn candidates(pending_action: &PendingAction, view: &PendingActionView<'_>, lines: &mut Vec<Line>) {
    let Intent::Lead(LeadIntent::Switchover { candidate, .. }) = &pending_action.intent else { return };
    if pending_action.candidates.is_empty() {
        return;
    }
    lines.push(Line::new());
    let next = if pending_action.candidates.len() > 1 { "   best first, Tab: next" } else { "   the only one" };
    lines.push(Line::new().with("CANDIDATES", Tone::Strong).dim(next));
    for one in &pending_action.candidates {
        let chosen = candidate.as_ref() == Some(&one.member);
        let (sign, tone) = if chosen { ("▸ ", Tone::Strong) } else { ("  ", Tone::Plain) };
        let line = Line::new().with(sign, tone).mark(mark(one)).plain(" ");
        let line = line.with(one.member.as_str(), tone);
        lines.push(line.dim(format!("  {}", subject::describe(&one.member, view.snapshot))));
        // What speaks against the chosen one stands among the checks already.
        for note in one.notes.iter().filter(|note| !chosen && note.verdict >= CheckVerdict::Warn) {
            let is_known = note.verdict == CheckVerdict::Block && !note.lacks_knowledge();
            let tone = if is_known { Tone::Critical } else { Tone::Warning };
            lines.push(Line::new().plain("      ").with(note.text.as_str(), tone));
        }
    }
}

fn mark(candidate: &Candidate) -> Mark {
    match candidate.notes.iter().map(|note| note.verdict).max() {
        Some(CheckVerdict::Block) if candidate.eligibility() == Eligibility::Unknown => Mark::Silent,
        Some(CheckVerdict::Block) => Mark::Failed,
        Some(CheckVerdict::Warn) => Mark::Warning,
        Some(CheckVerdict::Unknown) => Mark::Silent,
        Some(CheckVerdict::Pass) | None => Mark::Ok,
    }
}

fn options(pending_action: &PendingAction, view: &PendingActionView<'_>, lines: &mut Vec<Line>) {
    let chosen: Vec<_> = dialog_options::options(&pending_action.intent, view.zone).collect();
    if chosen.is_empty() {
        return;
    }
    lines.push(Line::new());
    let mut line = Line::new().with("OPTIONS", Tone::Strong);
    for (option, value) in chosen {
        line = line.dim(format!("   {}: {} ", option.letter, option.label)).plain(value);
    }
    lines.push(line);
}

fn steps(plan: &Plan, lines: &mut Vec<Line>) {
    lines.push(Line::new());
    lines.push(Line::new().with("STEPS", Tone::Strong).dim(format!("   plan {}", plan.hash().short())));
    for (at, step) in plan.steps.iter().enumerate() {
        let mut line = Line::new().dim(format!("{} ", at + 1)).plain(step.text.as_str());
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
    for (at, text) in plan.equivalent.iter().enumerate() {
        let label = if at == 0 { "same as   " } else { "     or   " };
        let line = Line::new().dim(label).plain(text.as_str());
        lines.push(if at == 0 { line.dim("   y: copy") } else { line });
    }
    let words = plan.expectation.sequence.iter().map(|expected| expected.milestone.describe()).collect::<Vec<_>>();
    if !words.is_empty() {
        let within = units::duration(plan.expectation.within);
        lines.push(Line::new().dim("done when ").plain(words.join(", ")).dim(format!("   within {within}")));
    }
    lines.push(
        Line::new()
            .dim("locking   ")
            .dim("by the operation lock, which other consoles respect; Patroni itself does not"),
    );
}

fn blocks(pending_action: &PendingAction, width: usize) -> Vec<Line> {
    let blocks = pending_action.blocks();
    let mut lines: Vec<Line> = Vec::new();
    for note in blocks.iter().take(MAX_BLOCKS) {
        let mut line = Line::new().mark(Mark::Failed).plain(" ").with(note.text.as_str(), Tone::Critical);
        if note.can_override {
            line = line.dim("   o: override");
        }
        lines.extend(fold(&line, width, 2));
    }
    if blocks.len() > MAX_BLOCKS {
        lines.push(Line::new().with(format!("and {} more blocking checks", blocks.len() - MAX_BLOCKS), Tone::Critical));
    }
    lines
}

/// The last line: what is asked, or how to go on. With the columns before the cursor where something is typed.
fn question(pending_action: &PendingAction, view: &PendingActionView<'_>) -> (Line, Option<usize>) {
    let Some(typing) = &pending_action.typing else {
        return (confirm_line(pending_action, view), None);
    };
    let label = match &typing.ask {
        Ask::Reason => "Reason (for the journal): ".to_owned(),
        Ask::Name(name) => format!("Type {name} to run it: "),
        Ask::Option(option) => option.question().unwrap_or(option.label).to_owned(),
        Ask::Yes => return (Line::new().with("Run it?   ", Tone::Strong).plain("y yes · any other key no"), None),
    };
    let typed = typing.input.value();
    let columns = unicode_width::UnicodeWidthStr::width(label.as_str());
    // The end of a long line counts.
    let room = view.width.saturating_sub(columns + 1).max(8);
    let skipped = typing.input.visual_scroll(room);
    let shown: String = typed.chars().skip(skipped).collect();
    let cursor = columns + typing.input.visual_cursor().saturating_sub(skipped);
    (Line::new().with(label, Tone::Strong).plain(shown), Some(cursor))
}

fn confirm_line(pending_action: &PendingAction, view: &PendingActionView<'_>) -> Line {
    if let Some(refusal) = &view.refusal {
        return Line::new().with("Cannot run: ", Tone::Critical).plain(refusal);
    }
    let danger = pending_action.plan().map(|plan| plan.danger);
    let (word, tone) = match danger {
        Some(Danger::Destructive) => ("destructive", Tone::Critical),
        Some(Danger::Disruptive) => ("disruptive", Tone::Warning),
        Some(Danger::Reversible) | None => ("reversible", Tone::Plain),
    };
    Line::new().with("Enter", Tone::Strong).plain(" to confirm and run it   ").with(word, tone)
}

/// Age above which a picture proves nothing for an action.
pub(super) const MAX_CHECK_AGE: Duration = Duration::from_secs(6);
