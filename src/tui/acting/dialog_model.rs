//! A dialog of two parts: what is read, which scrolls, and what must always be seen, which does not.

use ratatui::layout::{Position, Rect};

use crate::report::line::Line;
use crate::tui::theme::Role;
use crate::tui::widgets::{Canvas, frame, lines};

/// Widest a dialog becomes: longer lines are hard to read.
const MAX_WIDTH: u16 = 118;

/// What a dialog shows.
#[derive(Clone, Debug, Default)]
pub(in crate::tui) struct DialogModel {
    /// Heading.
    pub(in crate::tui) title: String,
    /// What is read.
    pub(in crate::tui) body: Vec<Line>,
    /// What must always be seen.
    pub(in crate::tui) foot: Vec<Line>,
    /// First line shown of what is read.
    pub(in crate::tui) scroll: usize,
    /// A row of the body that must show, and is marked.
    pub(in crate::tui) selected: Option<usize>,
    /// A line of the body that stays in sight as long as nobody scrolls.
    pub(in crate::tui) follow: Option<usize>,
    /// It takes the whole of the view.
    pub(in crate::tui) is_whole: bool,
    /// Columns before the cursor in the last line of the foot; `None`: nothing is typed.
    pub(in crate::tui) cursor: Option<usize>,
}

/// Columns for text in a dialog on a screen of `area`; `is_whole`: in one that takes the whole of the view.
pub(in crate::tui) fn width_in(area: Rect, is_whole: bool) -> usize {
    let widest = if is_whole { area.width } else { MAX_WIDTH.min(area.width) };
    usize::from(widest.saturating_sub(6))
}

impl DialogModel {
    /// Draws it into `area`. Returns the lines that can be scrolled, how many of them show, and where the cursor stands.
    pub(in crate::tui) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) -> ((usize, usize), Option<Position>) {
        let count = |lines: &[Line]| u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let rule = u16::from(!self.foot.is_empty());
        // Some of the plan must stay in sight even where everything blocks.
        let foot = count(&self.foot).min(area.height.saturating_sub(2 + rule + 3));
        let height = count(&self.body).saturating_add(foot + rule + 2);
        let place = if self.is_whole { area } else { frame::centred(area, MAX_WIDTH.min(area.width), height) };
        let inner = frame::draw(canvas, place, &self.title);
        if place.width < 4 || inner.height < foot + rule {
            return ((self.body.len(), 0), None);
        }
        let wide = |y: u16, height: u16| Rect {
            x: inner.x.saturating_sub(1),
            width: (inner.width + 3).min(place.width.saturating_sub(1)),
            y,
            height,
        };
        let read = wide(inner.y, inner.height - foot - rule);
        let visible = usize::from(read.height);
        let scroll = match self.selected {
            Some(selected) => (selected + 1).saturating_sub(visible).max(self.scroll.min(selected)),
            None if self.scroll == 0 => self.follow.map_or(0, |line| (line + 2).saturating_sub(visible)),
            None => self.scroll,
        };
        let offset = lines::draw(canvas, read, &self.body, scroll);
        if let Some(selected) = self.selected.filter(|selected| (offset..offset + visible).contains(selected)) {
            let y = read.y + u16::try_from(selected - offset).unwrap_or(0);
            canvas.tint(Rect { x: inner.x, y, width: inner.width, height: 1 }, Role::Selection);
        }
        let mut cursor = None;
        if rule > 0 {
            let y = read.bottom();
            for x in place.left() + 1..place.right().saturating_sub(1) {
                canvas.as_str(x, y, 1, "─", Role::Border);
            }
            // The last lines count most.
            let first = self.foot.len() - usize::from(foot);
            for (row, line) in wide(y + 1, foot).rows().zip(self.foot.iter().skip(first)) {
                canvas.line(inner.x, row.y, inner.width, line);
                cursor = self.cursor.map(|columns| Position {
                    x: (inner.x + u16::try_from(columns).unwrap_or(0)).min(inner.right()),
                    y: row.y,
                });
            }
        }
        ((self.body.len(), visible), cursor)
    }

    /// Its text, for the clipboard.
    pub(in crate::tui) fn text(&self) -> String {
        let lines = self.body.iter().chain(&self.foot).map(|line| line.text().trim_end().to_owned());
        std::iter::once(self.title.clone()).chain(lines).collect::<Vec<_>>().join("\n")
    }
}
