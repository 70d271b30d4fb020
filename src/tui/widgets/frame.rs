//! The frame of a dialog: a box in the middle of the screen with a title.

use ratatui::layout::Rect;

use super::Canvas;
use crate::tui::theme::Role;

/// A box of at most `width` x `height` in the middle of `area`.
pub fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let width = width.min(area.width);
    let height = height.min(area.height);
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// Draws the box and returns its inside.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, title: &str) -> Rect {
    canvas.fill(area, Role::Dialog);
    if area.width < 4 || area.height < 3 {
        return area;
    }
    let role = Role::BorderFocus;
    let (left, right, top, bottom) = (area.left(), area.right() - 1, area.top(), area.bottom() - 1);
    for x in left + 1..right {
        canvas.as_str(x, top, 1, "─", role);
        canvas.as_str(x, bottom, 1, "─", role);
    }
    for y in top + 1..bottom {
        canvas.as_str(left, y, 1, "│", role);
        canvas.as_str(right, y, 1, "│", role);
    }
    for (x, y, corner) in [(left, top, "┌"), (right, top, "┐"), (left, bottom, "└"), (right, bottom, "┘")] {
        canvas.as_str(x, y, 1, corner, role);
    }
    let room = area.width - 4;
    if !title.is_empty() {
        canvas.as_str(left + 1, top, room, &format!(" {title} "), Role::Title);
    }
    Rect { x: left + 2, y: top + 1, width: area.width - 4, height: area.height - 2 }
}
