//! A scroll bar one column wide: where in the whole one is.

use ratatui::layout::Rect;

use super::Canvas;
use crate::tui::theme::Role;

/// Draws the bar in the column `area`, for `total` rows of which `visible` show from `offset` on. Nothing where all
/// show.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, total: usize, visible: usize, offset: usize) {
    let height = usize::from(area.height);
    if total <= visible || height == 0 || area.width == 0 {
        return;
    }
    let thumb = (visible * height / total).clamp(1, height);
    let most = total - visible;
    let start = (offset.min(most) * (height - thumb) + most / 2) / most;
    for row in 0..height {
        let on = (start..start + thumb).contains(&row);
        let (symbol, role) = if on { ("█", Role::Dim) } else { ("│", Role::Border) };
        let y = area.y + u16::try_from(row).unwrap_or(u16::MAX);
        canvas.as_str(area.x, y, 1, symbol, role);
    }
}
