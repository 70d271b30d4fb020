//! Everything known of a row: each fact with its source and its age, opinions that differ below each other.

use unicode_width::UnicodeWidthStr;

use crate::model::text::Text;
use crate::report::detail::{FactLine, Group};
use crate::report::line::Line;
use crate::report::table::Tone;
use crate::tui::app::App;
use crate::tui::views::View;
use crate::tui::widgets::wrap::wrap;

/// Widest column of labels.
const LABEL_WIDTH: usize = 24;
/// Widest column of origins.
const ORIGIN_WIDTH: usize = 36;

pub(super) fn lines(app: &App, view: View, pane: &str, row: &Text, width: usize) -> Vec<Line> {
    let groups = app.with_view_model(|scene| view.detail(scene, pane, row)).unwrap_or_default();
    if groups.is_empty() {
        return vec![Line::new().with("no longer there", Tone::Stale)];
    }
    grouped(&groups, width)
}

/// Groups of facts below each other.
pub(in crate::tui) fn grouped(groups: &[Group], width: usize) -> Vec<Line> {
    let facts = || groups.iter().flat_map(|group| &group.facts);
    let label = facts().map(|fact| fact.label.as_str().width()).max().unwrap_or(0).min(LABEL_WIDTH);
    let origin = facts().map(|fact| fact.origin().width()).max().unwrap_or(0).min(ORIGIN_WIDTH);
    let mut lines = Vec::new();
    for group in groups {
        if !lines.is_empty() {
            lines.push(Line::new());
        }
        heading(&mut lines, group);
        for fact in &group.facts {
            lines.extend(fact_lines(fact, label, origin, width));
        }
    }
    lines
}

fn heading(lines: &mut Vec<Line>, group: &Group) {
    if !group.title.is_empty() {
        lines.push(Line::new().with(group.title.as_str(), Tone::Strong));
    }
}

/// Label, value and origin in three columns; a value that is too long goes on below, the origin stays in the first
/// line. Where there is no room for three columns the origin gets a line of its own.
fn fact_lines(fact: &FactLine, label: usize, origin: usize, width: usize) -> Vec<Line> {
    let from = fact.origin();
    let beside = width > label + origin + 24;
    let room = if beside { width - label - origin - 4 } else { width.saturating_sub(label + 2) };
    // A fact without an origin may use its place.
    let room = if beside && from.is_empty() { width - label - 2 } else { room };
    let mut lines = Vec::new();
    for (index, part) in wrap(fact.value.as_str(), room).into_iter().enumerate() {
        let mut line = Line::new();
        if index == 0 {
            line.push(fact.label.as_str(), Tone::Dim);
        }
        line.pad_to(label + 2);
        line.push(part, fact.tone);
        if index == 0 && beside && !from.is_empty() {
            line.pad_to(width - origin);
            line.push(&from, Tone::Dim);
        }
        lines.push(line);
    }
    if !beside && !from.is_empty() {
        let mut line = Line::new();
        line.pad_to(label + 4);
        line.push(&from, Tone::Dim);
        lines.push(line);
    }
    lines
}
