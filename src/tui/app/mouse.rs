//! The mouse: a click selects, sorts, or presses what it points at; the wheel moves.

use ratatui::layout::{Position, Rect};

use super::{App, PaneKey};
use crate::tui::effect::Effect;
use crate::tui::event::{Gesture, Mouse};
use crate::tui::views::PaneBody;

/// Rows that one notch of the wheel moves.
const WHEEL_STEP: isize = 3;

impl App {
    pub(super) fn mouse(&mut self, mouse: Mouse) -> Vec<Effect> {
        if !self.mouse || self.wall.is_some() {
            return Vec::new();
        }
        let position = Position { x: mouse.column, y: mouse.row };
        if mouse.gesture == Gesture::Click
            && let Some((_, key)) = self.surface.keys.iter().find(|(place, _)| place.contains(position))
        {
            return self.key(*key);
        }
        self.notice = None;
        if let Some(dialog) = self.dialogs.last_mut() {
            let (total, visible) = self.surface.dialog;
            match mouse.gesture {
                Gesture::WheelUp => dialog.scroll(-WHEEL_STEP, total, visible),
                Gesture::WheelDown => dialog.scroll(WHEEL_STEP, total, visible),
                Gesture::Click => {}
            }
            return Vec::new();
        }
        let under = self.surface.panes.iter().find(|(_, place)| place.contains(position)).map(|(key, _)| key.clone());
        match mouse.gesture {
            Gesture::Click => self.click(position, under),
            Gesture::WheelUp => self.wheel(under.as_deref(), -WHEEL_STEP),
            Gesture::WheelDown => self.wheel(under.as_deref(), WHEEL_STEP),
        }
        Vec::new()
    }

    fn wheel(&mut self, under: Option<&str>, rows: isize) {
        self.focus_pane(under);
        self.select(|present, count| present.saturating_add_signed(rows).min(count.saturating_sub(1)));
    }

    fn focus_pane(&mut self, key: Option<&str>) {
        let panes = self.panes();
        if let Some(pane) = panes.iter().find(|pane| key == Some(&*pane.key))
            && pane.takes_focus()
        {
            self.pane_focus.insert(self.view, pane.key.to_string());
        }
    }

    fn click(&mut self, position: Position, under: Option<String>) {
        let Some(pane) = under else { return };
        self.focus_pane(Some(&pane));
        let key: PaneKey = (self.view, pane);
        let Some(surface) = self.surface.tables.get(&key).cloned() else { return };
        if surface.heading.contains(position) {
            let column = surface.columns.iter().find(|(_, x, width)| {
                Rect { x: *x, y: position.y, width: width.saturating_add(1), height: 1 }.contains(position)
            });
            if let Some((column, ..)) = column {
                self.sort_by(key, *column);
            }
        } else if surface.rows.contains(position) {
            let index = surface.offset + usize::from(position.y - surface.rows.y);
            self.select_in(key, index);
        }
    }

    fn select_in(&mut self, key: PaneKey, index: usize) {
        let panes = self.panes();
        if let Some(PaneBody::Table(table)) =
            panes.iter().find(|pane| pane.key == key.1.as_str()).map(|pane| &pane.body)
            && index < table.rows.len()
        {
            self.tables.entry(key).or_default().select(table, index);
        }
    }
}
