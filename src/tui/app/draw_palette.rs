//! The list of commands above the prompt.

use ratatui::layout::Rect;

use super::App;
use crate::tui::palette::{Palette, PaletteEntry};
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;

/// Most entries shown at once.
const MAX_ENTRIES: usize = 12;
const NAME_WIDTH: u16 = 26;
const KEY_WIDTH: u16 = 10;

impl App {
    pub(super) fn draw_palette(&self, canvas: &mut Canvas<'_>, content: Rect, palette: &Palette) {
        let entries = palette.entries();
        let visible = entries.len().min(MAX_ENTRIES).min(usize::from(content.height.saturating_sub(1)));
        let selected = palette.selected.min(entries.len().saturating_sub(1));
        let first = (selected + 1).saturating_sub(visible);
        let height = u16::try_from(visible.max(1)).unwrap_or(1);
        let area = Rect { y: content.bottom() - height, height, ..content };
        canvas.fill(area, Role::Dialog);
        if entries.is_empty() {
            canvas.as_str(area.x + 2, area.y, area.width.saturating_sub(3), "no command fits", Role::Stale);
            return;
        }
        for (offset, (index, entry)) in entries.iter().enumerate().skip(first).take(visible).enumerate() {
            let y = area.y + u16::try_from(offset).unwrap_or(0);
            self.draw_entry(canvas, Rect { y, height: 1, ..area }, entry);
            if index == selected {
                canvas.tint(Rect { y, height: 1, ..area }, Role::Selection);
            }
        }
    }

    /// Why the selected entry cannot be done; empty where it can.
    pub(super) fn palette_hint(&self, palette: &Palette) -> String {
        let entries = palette.entries();
        let Some(entry) = entries.get(palette.selected.min(entries.len().saturating_sub(1))) else {
            return String::new();
        };
        let available = self.availability_with(entry.spec.command, entry.argument.as_deref());
        available.err().map(std::borrow::Cow::into_owned).unwrap_or_default()
    }

    fn draw_entry(&self, canvas: &mut Canvas<'_>, row: Rect, entry: &PaletteEntry) {
        let available = self.availability_with(entry.spec.command, entry.argument.as_deref());
        let role = if available.is_ok() { Role::Text } else { Role::Stale };
        let x = row.x + 2;
        let room = |used: u16| row.width.saturating_sub(used + 3);
        let name = match (&entry.argument, entry.spec.argument) {
            (Some(argument), _) => argument.clone(),
            (None, argument) => format!("{}{}", entry.spec.name, argument.form()),
        };
        let key = entry.spec.keys.first().copied().unwrap_or_default();
        let wide = if key.is_empty() { NAME_WIDTH + KEY_WIDTH - 1 } else { NAME_WIDTH };
        canvas.as_str(x, row.y, room(0).min(wide), &name, role);
        for place in &entry.matched {
            let at = u16::try_from(*place).unwrap_or(u16::MAX);
            if at < wide {
                canvas.tint(Rect { x: x + at, y: row.y, width: 1, height: 1 }, Role::Match);
            }
        }
        canvas.as_str(
            x + NAME_WIDTH,
            row.y,
            room(NAME_WIDTH).min(KEY_WIDTH),
            key,
            if available.is_ok() { Role::Strong } else { Role::Stale },
        );
        let reported = entry.argument.as_ref().and_then(|typed| self.described_argument(entry.spec.command, typed));
        let (text, role) = match &available {
            Ok(()) => (reported.as_deref().unwrap_or(entry.spec.help), Role::Dim),
            Err(reason) => (reason.as_ref(), Role::Stale),
        };
        canvas.as_str(x + NAME_WIDTH + KEY_WIDTH, row.y, room(NAME_WIDTH + KEY_WIDTH), text, role);
    }
}
