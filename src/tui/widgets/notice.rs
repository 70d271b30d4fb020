//! A word that appears for some seconds in the place of the headline, at the right; a long one goes on below it.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::Canvas;
use super::wrap::wrap;
use crate::tui::event::{Notice, NoticeKind};
use crate::tui::theme::Role;

/// Rows that a long notice takes at most.
const MAX_ENTRIES: usize = 3;

/// Draws the notice into the first row of `area`, or rows where one is too short for it.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, notice: &Notice) {
    if area.is_empty() {
        return;
    }
    let (mark, role) = match notice.kind {
        NoticeKind::Done => ("✓", Role::NoticeDone),
        NoticeKind::Failed => ("✖", Role::NoticeFailed),
    };
    let text = format!("{mark} {}", notice.text);
    let mut lines = wrap(&text, usize::from(area.width.saturating_sub(2)));
    let room = MAX_ENTRIES.min(usize::from(area.height));
    if let Some(rest) = (lines.len() > room).then(|| lines.split_off(room - 1)) {
        lines.push(rest.join(" "));
    }
    let widest = lines.iter().map(|line| line.width()).max().unwrap_or(0) + 2;
    let width = u16::try_from(widest).unwrap_or(u16::MAX).min(area.width);
    let height = u16::try_from(lines.len()).unwrap_or(1);
    let place = Rect { x: area.right() - width, y: area.y, width, height };
    canvas.fill(place, role);
    for (row, line) in place.rows().zip(&lines) {
        canvas.as_str(row.x + 1, row.y, width.saturating_sub(2), line, role);
    }
}
