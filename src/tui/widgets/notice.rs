//! One line that appears for some seconds above the key line, at the right.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::Canvas;
use crate::tui::event::{Notice, NoticeKind};
use crate::tui::theme::Role;

/// Draws the notice into the last row of `area`.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, notice: &Notice) {
    if area.is_empty() {
        return;
    }
    let (mark, role) = match notice.kind {
        NoticeKind::Done => ("✓", Role::NoticeDone),
        NoticeKind::Failed => ("✖", Role::NoticeFailed),
    };
    let text = format!(" {mark} {} ", notice.text);
    let width = u16::try_from(text.width()).unwrap_or(u16::MAX).min(area.width);
    let place = Rect { x: area.right() - width, y: area.bottom() - 1, width, height: 1 };
    canvas.fill(place, role);
    canvas.word(place.x, place.y, width, &text, role);
}
