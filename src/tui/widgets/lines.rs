//! Lines to read, scrolled as a whole.

use ratatui::layout::Rect;

use super::{Canvas, scroll_bar};
use crate::report::line::Line;

/// Draws `lines` from `offset` on; the bar takes the last column. Returns the offset that was possible.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, lines: &[Line], offset: usize) -> usize {
    if area.is_empty() {
        return 0;
    }
    let visible = usize::from(area.height);
    let offset = offset.min(lines.len().saturating_sub(visible));
    for (y, line) in area.rows().zip(lines.iter().skip(offset)) {
        canvas.line(y.x + 1, y.y, area.width.saturating_sub(2), line);
    }
    let bar = Rect { x: area.right() - 1, width: 1, ..area };
    scroll_bar::draw(canvas, bar, lines.len(), visible, offset);
    offset
}
