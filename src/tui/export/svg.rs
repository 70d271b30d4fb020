//! The screen as an SVG picture: monospaced text in the theme's colours. One `text` element a run of one style, each
//! with its length, so that any monospaced font keeps the columns.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::Modifier;
use unicode_width::UnicodeWidthStr;

use crate::tui::theme::{Role, Theme, colour};

/// Width of a column and height of a row, in pixels.
const COLUMN: f32 = 8.4;
const ROW: f32 = 18.0;
/// Where the letters stand within their row.
const BASELINE: f32 = 13.5;
const MARGIN: f32 = 10.0;

/// The picture. `theme` gives the colours of what the terminal would decide.
pub fn svg(buffer: &Buffer, theme: &Theme) -> String {
    let area = buffer.area;
    let ground = theme.style(Role::Text);
    let paper = colour::hex(ground.bg).unwrap_or_else(|| "#101418".to_owned());
    let ink = colour::hex(ground.fg).unwrap_or_else(|| "#d0d0d0".to_owned());
    let width = f32::from(area.width) * COLUMN + 2.0 * MARGIN;
    let height = f32::from(area.height) * ROW + 2.0 * MARGIN;
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\">\n\
         <style>text {{ font-family: \"DejaVu Sans Mono\", \"Liberation Mono\", Menlo, Consolas, monospace; \
         font-size: 14px; white-space: pre; }}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"{paper}\"/>"
    );
    let colours = Colours { paper, ink };
    for y in area.top()..area.bottom() {
        for run in runs(buffer, y) {
            draw_run(&mut out, &run, y - area.top(), &colours);
        }
    }
    out.push_str("</svg>\n");
    out
}

struct Colours {
    paper: String,
    ink: String,
}

/// Cells of one style beside each other.
struct Run<'a> {
    start: u16,
    columns: u16,
    text: String,
    cell: &'a Cell,
}

fn runs(buffer: &Buffer, y: u16) -> Vec<Run<'_>> {
    let area = buffer.area;
    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut x = area.left();
    while x < area.right() {
        let cell = &buffer[(x, y)];
        let columns = u16::try_from(cell.symbol().width().max(1)).unwrap_or(1);
        match runs.last_mut() {
            Some(run) if run.cell.style() == cell.style() => {
                run.text.push_str(cell.symbol());
                run.columns += columns;
            }
            _ => runs.push(Run { start: x - area.left(), columns, text: cell.symbol().to_owned(), cell }),
        }
        x += columns;
    }
    runs
}

fn draw_run(out: &mut String, run: &Run<'_>, row: u16, colours: &Colours) {
    let modifier = run.cell.modifier;
    let mut ink = colour::hex(run.cell.fg).unwrap_or_else(|| colours.ink.clone());
    let mut paper = colour::hex(run.cell.bg).unwrap_or_else(|| colours.paper.clone());
    if modifier.contains(Modifier::REVERSED) {
        std::mem::swap(&mut ink, &mut paper);
    }
    let x = MARGIN + f32::from(run.start) * COLUMN;
    let y = MARGIN + f32::from(row) * ROW;
    let width = f32::from(run.columns) * COLUMN;
    if paper != colours.paper {
        let _ =
            writeln!(out, "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{ROW}\" fill=\"{paper}\"/>");
    }
    if run.text.chars().all(|c| c == ' ' || level(c).is_some()) {
        return draw_levels(out, run, (x, y), &ink);
    }
    let body = run.text.trim_end();
    if body.trim().is_empty() {
        return;
    }
    // Blanks in front are left out rather than drawn: not every reader of SVG keeps them.
    let lead = body.len() - body.trim_start().len();
    let body = body.trim_start();
    let x = x + lead as f32 * COLUMN;
    let length = body.width() as f32 * COLUMN;
    let mut style = String::new();
    if modifier.contains(Modifier::BOLD) {
        style.push_str(" font-weight=\"bold\"");
    }
    if modifier.contains(Modifier::ITALIC) {
        style.push_str(" font-style=\"italic\"");
    }
    if modifier.contains(Modifier::UNDERLINED) {
        style.push_str(" text-decoration=\"underline\"");
    }
    if modifier.contains(Modifier::DIM) {
        style.push_str(" opacity=\"0.6\"");
    }
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{length:.1}\" lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\" \
         fill=\"{ink}\"{style}>{}</text>",
        y + BASELINE,
        escape(body)
    );
}

/// Share of its row that a block fills from below, in eighths.
fn level(c: char) -> Option<u8> {
    ('▁'..='█').contains(&c).then(|| u8::try_from(u32::from(c) - u32::from('▁') + 1).unwrap_or(8))
}

/// Bars as rectangles: as letters they would have seams between them.
fn draw_levels(out: &mut String, run: &Run<'_>, (x, y): (f32, f32), ink: &str) {
    for (column, c) in run.text.chars().enumerate() {
        let Some(eighths) = level(c) else { continue };
        let height = f32::from(eighths) / 8.0 * ROW;
        let (left, top) = (x + column as f32 * COLUMN, y + ROW - height);
        let _ = writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{top:.2}\" width=\"{COLUMN}\" height=\"{height:.2}\" fill=\"{ink}\" shape-rendering=\"crispEdges\"/>"
        );
    }
}

/// What XML does not allow raw; control characters, which it does not allow at all, are dropped.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn markup_in_names_stays_text() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 30, 1));
        buffer.set_string(0, 0, "a<script>&\"b\"", Style::new());
        let picture = svg(&buffer, &Theme::default());
        assert!(picture.contains("a&lt;script&gt;&amp;&quot;b&quot;"), "{picture}");
        assert!(!picture.contains("<script"));
    }

    #[test]
    fn blanks_in_front_move_the_text_and_styles_are_carried_over() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 1));
        buffer.set_string(2, 0, "x", Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED));
        let picture = svg(&buffer, &Theme::default());
        assert!(picture.contains("x=\"26.8\"") && picture.contains("font-weight=\"bold\""), "{picture}");
    }
}
