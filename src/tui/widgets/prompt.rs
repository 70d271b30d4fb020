//! One line to type into, in the place of the key line.

use ratatui::layout::{Position, Rect};
use tui_input::Input;

use super::Canvas;
use crate::tui::theme::Role;

/// Draws the prompt and returns where the cursor stands.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, sign: &str, input: &Input, hint: &str) -> Position {
    canvas.fill(area, Role::Prompt);
    let used = canvas.as_str(area.x + 1, area.y, area.width.saturating_sub(1), sign, Role::KeyLineKey);
    let x = area.x + 1 + used;
    let room = area.right().saturating_sub(x + 1);
    let scroll = input.visual_scroll(usize::from(room.max(1)));
    let shown: String = skip_whole(input.value(), scroll);
    let typed = canvas.as_str(x, area.y, room, &shown, Role::Prompt);
    canvas.as_str(x + typed + 2, area.y, room.saturating_sub(typed + 2), hint, Role::Dim);
    let cursor = input.visual_cursor().saturating_sub(scroll);
    Position { x: x + u16::try_from(cursor).unwrap_or(0).min(room), y: area.y }
}

fn skip_whole(text: &str, columns: usize) -> String {
    let mut skipped = 0;
    text.chars()
        .skip_while(|c| {
            let skip = skipped < columns;
            skipped += unicode_width::UnicodeWidthChar::width(*c).unwrap_or(0);
            skip
        })
        .collect()
}
