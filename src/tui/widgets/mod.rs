//! What views and dialogs are drawn with. A widget gets data, a place in the buffer and the theme; it asks nobody
//! anything and remembers at most where it was scrolled to.

pub mod ascii;
pub mod frame;
pub mod graph;
pub mod header;
pub mod key_line;
pub mod lines;
pub mod notice;
pub mod panes;
pub mod prompt;
pub mod scroll_bar;
pub mod table;
pub mod wrap;

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::theme::{Role, Theme};
use crate::report::line::Line;
use crate::report::table::Tone;

/// Where and how to draw.
pub struct Canvas<'a> {
    /// The screen.
    pub buffer: &'a mut Buffer,
    /// What things look like.
    pub theme: &'a Theme,
}

impl Canvas<'_> {
    /// The style of a role for text. Plain text has no ground of its own: it stands on whatever is below it.
    pub fn style(&self, role: Role) -> Style {
        let mut style = self.theme.style(role);
        if role == Role::Text {
            style.bg = None;
        }
        style
    }

    /// Fills `area` with blanks in the style of `role`.
    pub fn fill(&mut self, area: Rect, role: Role) {
        let area = area.intersection(self.buffer.area);
        let style = self.theme.style(Role::Text).patch(self.theme.style(role));
        for position in area.positions() {
            if let Some(cell) = self.buffer.cell_mut(position) {
                cell.reset();
                cell.set_style(style);
            }
        }
    }

    /// Lays the style of `role` over `area`, text untouched.
    pub fn tint(&mut self, area: Rect, role: Role) {
        let style = self.style(role);
        self.buffer.set_style(area.intersection(self.buffer.area), style);
    }

    /// Writes `text` at `x`, `y` into at most `width` columns, with an ellipsis where it is cut. Returns the columns
    /// taken.
    pub fn put(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        let area = self.buffer.area;
        if y < area.top() || y >= area.bottom() || x < area.left() || x >= area.right() {
            return 0;
        }
        let room = width.min(area.right() - x);
        let text = clip(text, usize::from(room));
        let (end, _) = self.buffer.set_stringn(x, y, &*text, usize::from(room), style);
        end.saturating_sub(x)
    }

    /// Writes `text` in the style of `role`.
    pub fn as_str(&mut self, x: u16, y: u16, width: u16, text: &str, role: Role) -> u16 {
        let style = self.style(role);
        self.put(x, y, width, text, style)
    }

    /// Writes a line of several tones over whatever background is there. Returns the columns taken.
    pub fn line(&mut self, x: u16, y: u16, width: u16, line: &Line) -> u16 {
        let whole = u16::try_from(line.width()).unwrap_or(u16::MAX) <= width;
        let mut used = 0;
        for span in &line.spans {
            let room = width.saturating_sub(used);
            if room == 0 {
                break;
            }
            used += self.as_str(x + used, y, room, span.text.as_str(), Role::of(span.tone));
        }
        // A cut at the seam of two spans leaves no trace of itself.
        if !whole && used > 0 && used >= width {
            let style = self.style(Role::of(Tone::Dim));
            self.put(x + width - 1, y, 1, "…", style);
        }
        used
    }
}

/// `text` cut to `width` columns, with an ellipsis where something is missing.
pub fn clip(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut used = 0;
    let kept: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used < width
        })
        .collect();
    Cow::Owned(if width == 0 { String::new() } else { kept + "…" })
}

/// `text` without its first `columns` columns, with an ellipsis in their place.
pub fn skip_columns(text: &str, columns: usize) -> Cow<'_, str> {
    if columns == 0 {
        return Cow::Borrowed(text);
    }
    let mut skipped = 0;
    let rest = text.char_indices().find(|(_, c)| {
        let here = skipped;
        skipped += c.width().unwrap_or(0);
        here > columns
    });
    match rest {
        Some((at, _)) => Cow::Owned(format!("…{}", &text[at..])),
        None if text.is_empty() => Cow::Borrowed(text),
        None => Cow::Borrowed("…"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_says_that_it_is_cut() {
        assert_eq!(clip("pg-0", 4), "pg-0");
        assert_eq!(clip("pg-10", 4), "pg-…");
        assert_eq!(clip("日本語", 4), "日…");
        assert_eq!(clip("abc", 0), "");
        assert_eq!(clip("abc", 1), "…");
    }

    #[test]
    fn a_scrolled_text_says_that_its_beginning_is_missing() {
        assert_eq!(skip_columns("select 1", 0), "select 1");
        assert_eq!(skip_columns("select 1", 3), "…ct 1");
        assert_eq!(skip_columns("abc", 9), "…");
    }
}
