//! The lines of an action that is not yet begun.

use std::time::Duration;

use super::draft::{Ask, Draft};
use super::sheet::Sheet;
use super::subject;
use crate::action::Intent;
use crate::action::intent::{AfterDrain, CopySource};
use crate::action::note::Verdict;
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
const MOST_BLOCKS: usize = 3;

/// What the dialog is drawn from, beside the draft itself.
pub(super) struct Scene<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) now: Moment,
    pub(super) zone: &'a jiff::tz::TimeZone,
    /// Why it cannot be confirmed; `None`: it can.
    pub(super) refusal: Option<String>,
    pub(super) width: usize,
}

/// The dialog.
pub(super) fn sheet(draft: &Draft, scene: &Scene<'_>) -> Sheet {
    let title = match draft.plan() {
        Some(plan) => plan.title.to_string(),
        None => format!("{} {}", draft.intent.verb(), scene.snapshot.identity.name),
    };
    let mut foot = blocks(draft, scene.width);
    if let Some((tone, word)) = &draft.word {
        foot.extend(fold(&Line::new().with(word, *tone), scene.width, 0));
    }
    let (last, cursor) = question(draft, scene);
    let mut last = if cursor.is_some() { vec![last] } else { fold(&last, scene.width, 0) };
    foot.append(&mut last);
    Sheet {
        title: super::capital(&title),
        body: body(draft, scene),
        foot,
        scroll: draft.scroll,
        cursor,
        ..Sheet::default()
    }
}

fn body(draft: &Draft, scene: &Scene<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    lines.extend(subject::subject(&draft.intent, scene.snapshot));
    let plan = match &draft.drawn {
        Ok(drawn) => &drawn.plan,
        Err(why) => {
            lines.push(Line::new().with("no plan can be made: ", Tone::Act).plain(why.to_string()));
            candidates(draft, scene, &mut lines);
            return folded(&lines, scene.width);
        }
    };
    for text in &plan.impact {
        lines.push(Line::new().plain(text.as_str()));
    }
    options(draft, scene, &mut lines);
    if let Intent::Configure { changes } = &draft.intent {
        lines.push(Line::new());
        lines.push(Line::new().with("CHANGES", Tone::Strong));
        lines.extend(report::difference::lines(changes, scene.snapshot));
    }
    checks(draft, scene, &mut lines);
    candidates(draft, scene, &mut lines);
    steps(plan, &mut lines);
    folded(&lines, scene.width)
}

fn folded(lines: &[Line], width: usize) -> Vec<Line> {
    lines.iter().flat_map(|line| fold(line, width, 2)).collect()
}

fn checks(draft: &Draft, scene: &Scene<'_>, lines: &mut Vec<Line>) {
    let count = |verdict: Verdict| draft.notes().iter().filter(|note| note.verdict == verdict).count();
    let mut head = Line::new().with("CHECKS", Tone::Strong).plain(format!("   {} pass", count(Verdict::Pass)));
    for (verdict, word, tone) in [
        (Verdict::Warn, "warn", Tone::Look),
        (Verdict::Block, "block", Tone::Act),
        (Verdict::Unknown, "unknown", Tone::Stale),
    ] {
        let count = count(verdict);
        head = head.dim(" · ").with(format!("{count} {word}"), if count > 0 { tone } else { Tone::Dim });
    }
    lines.push(Line::new());
    lines.push(head.dim(if draft.all { "   c: fewer" } else { "   c: all" }));
    lines.extend(report::plan::notes(draft.notes(), scene.now, draft.all));
    for check in &draft.overridden {
        lines.push(Line::new().with(format!("  overridden: {check}"), Tone::Look));
    }
}

fn candidates(draft: &Draft, scene: &Scene<'_>, lines: &mut Vec<Line>) {
    let Intent::Switchover { candidate, .. } = &draft.intent else { return };
    if draft.candidates.is_empty() {
        return;
    }
    lines.push(Line::new());
    let next = if draft.candidates.len() > 1 { "   best first, Tab: the next" } else { "   the only one" };
    lines.push(Line::new().with("CANDIDATES", Tone::Strong).dim(next));
    for one in &draft.candidates {
        let chosen = candidate.as_ref() == Some(&one.member);
        let (sign, tone) = if chosen { ("▸ ", Tone::Strong) } else { ("  ", Tone::Plain) };
        let line = Line::new().with(sign, tone).mark(mark(one)).plain(" ");
        let line = line.with(one.member.as_str(), tone);
        lines.push(line.dim(format!("  {}", subject::words(&one.member, scene.snapshot))));
        // What speaks against the chosen one stands among the checks already.
        for note in one.notes.iter().filter(|note| !chosen && note.verdict >= Verdict::Warn) {
            let is_known = note.verdict == Verdict::Block && !note.lacks_knowledge();
            let tone = if is_known { Tone::Act } else { Tone::Look };
            lines.push(Line::new().plain("      ").with(note.text.as_str(), tone));
        }
    }
}

fn mark(candidate: &Candidate) -> Mark {
    match candidate.notes.iter().map(|note| note.verdict).max() {
        Some(Verdict::Block) if candidate.eligibility() == Eligibility::Unknown => Mark::Silent,
        Some(Verdict::Block) => Mark::Failed,
        Some(Verdict::Warn) => Mark::Partly,
        Some(Verdict::Unknown) => Mark::Silent,
        Some(Verdict::Pass) | None => Mark::Well,
    }
}

fn options(draft: &Draft, scene: &Scene<'_>, lines: &mut Vec<Line>) {
    let mut told: Vec<(&str, String)> = Vec::new();
    let when =
        |at: &Option<jiff::Timestamp>| at.map_or_else(|| "now".to_owned(), |at| units::date_time(at, scene.zone));
    let yes = |on: bool| if on { "on" } else { "off" }.to_owned();
    match &draft.intent {
        Intent::Switchover { at, swift, .. } => {
            told.push(("t: when", when(at)));
            // At its time Patroni carries it out by itself, and nobody is there to tell a router.
            if at.is_none() {
                told.push(("s: swift", yes(*swift)));
            }
        }
        Intent::Restart { at, only_pending, .. } => {
            told.push(("t: when", when(at)));
            told.push(("p: only where a setting waits for it", yes(*only_pending)));
        }
        Intent::Drain { then, wait, .. } => {
            let words = match then {
                AfterDrain::Leave => "leave it drained",
                AfterDrain::Restart => "restart it, and serve again",
                AfterDrain::Reinitialise => "copy it anew, and serve again",
            };
            told.push(("n: then", words.to_owned()));
            told.push(("t: wait at most", units::duration(*wait)));
        }
        Intent::Drill { target, .. } => {
            told.push(("t: target", target.map_or_else(|| "none".to_owned(), units::latency)));
        }
        Intent::Reinitialise { source, again, .. } => {
            let from = if *source == CopySource::Leader { "the leader" } else { "whom Patroni chooses" };
            told.push(("l: copy from", from.to_owned()));
            told.push(("g: end a copy under way", yes(*again)));
        }
        _ => return,
    }
    lines.push(Line::new());
    let mut line = Line::new().with("OPTIONS", Tone::Strong);
    for (name, value) in told {
        line = line.dim(format!("   {name} ")).plain(value);
    }
    lines.push(line);
}

fn steps(plan: &Plan, lines: &mut Vec<Line>) {
    lines.push(Line::new());
    lines.push(Line::new().with("STEPS", Tone::Strong).dim(format!("   plan {}", plan.hash().short())));
    for (at, step) in plan.steps.iter().enumerate() {
        let mut line = Line::new().dim(format!("{} ", at + 1)).plain(step.words.as_str());
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
    for (at, text) in plan.equivalent.iter().enumerate() {
        let label = if at == 0 { "same as   " } else { "     or   " };
        let line = Line::new().dim(label).plain(text.as_str());
        lines.push(if at == 0 { line.dim("   y: copy") } else { line });
    }
    let words = plan.expectation.sequence.iter().map(|expected| expected.milestone.words()).collect::<Vec<_>>();
    if !words.is_empty() {
        let within = units::duration(plan.expectation.within);
        lines.push(Line::new().dim("watched   ").plain(words.join(", ")).dim(format!("   within {within}")));
    }
    lines.push(
        Line::new()
            .dim("guarded   ")
            .dim("by the operation lock, which other consoles see; Patroni itself does not heed it"),
    );
}

fn blocks(draft: &Draft, width: usize) -> Vec<Line> {
    let blocks = draft.blocks();
    let mut lines: Vec<Line> = Vec::new();
    for note in blocks.iter().take(MOST_BLOCKS) {
        let mut line = Line::new().mark(Mark::Failed).plain(" ").with(note.text.as_str(), Tone::Act);
        if note.can_override {
            line = line.dim("   o: override");
        }
        lines.extend(fold(&line, width, 2));
    }
    if blocks.len() > MOST_BLOCKS {
        lines.push(Line::new().with(format!("and {} more that block", blocks.len() - MOST_BLOCKS), Tone::Act));
    }
    lines
}

/// The last line: what is asked, or how to go on. With the columns before the cursor where something is typed.
fn question(draft: &Draft, scene: &Scene<'_>) -> (Line, Option<usize>) {
    let Some(typing) = &draft.typing else {
        return (standing(draft, scene), None);
    };
    let label = match &typing.ask {
        Ask::Reason => "Why, for the journal: ".to_owned(),
        Ask::Name(name) => format!("Type {name} to run it: "),
        Ask::Wait => "How long to wait for its sessions (90s, 10m; empty: 1 min): ".to_owned(),
        Ask::Target => "The longest outage wished for (30s; empty: none): ".to_owned(),
        Ask::Time => "When (+10m, or 2026-11-21T03:00:00+01:00; empty: now): ".to_owned(),
        Ask::Yes => return (Line::new().with("Run it?   ", Tone::Strong).plain("y yes · any other key no"), None),
    };
    let typed = typing.input.value();
    let columns = unicode_width::UnicodeWidthStr::width(label.as_str());
    // The end of a long line counts.
    let room = scene.width.saturating_sub(columns + 1).max(8);
    let skipped = typing.input.visual_scroll(room);
    let shown: String = typed.chars().skip(skipped).collect();
    let cursor = columns + typing.input.visual_cursor().saturating_sub(skipped);
    (Line::new().with(label, Tone::Strong).plain(shown), Some(cursor))
}

fn standing(draft: &Draft, scene: &Scene<'_>) -> Line {
    if let Some(refusal) = &scene.refusal {
        return Line::new().with("It cannot be run: ", Tone::Act).plain(refusal);
    }
    let danger = draft.plan().map(|plan| plan.danger);
    let (word, tone) = match danger {
        Some(Danger::Destructive) => ("destructive", Tone::Act),
        Some(Danger::Disruptive) => ("disruptive", Tone::Look),
        Some(Danger::Reversible) | None => ("reversible", Tone::Plain),
    };
    Line::new().with("Enter", Tone::Strong).plain(" to confirm and run it   ").with(word, tone)
}

/// Age above which a picture proves nothing for an action.
pub(super) const OLDEST: Duration = Duration::from_secs(6);
