//! The line at the bottom of every view: the views by digit, and how to find everything else.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::Canvas;
use crate::tui::command::Command;
use crate::tui::keymap::Keymap;
use crate::tui::theme::Role;
use crate::tui::views::View;

/// What always stands at the right, the last given up first.
const ALWAYS: [(Command, &str); 4] =
    [(Command::Help, "help"), (Command::Palette, "command"), (Command::Filter, "filter"), (Command::Quit, "quit")];

/// Draws the line and returns where each command can be clicked.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, current: View, keymap: &Keymap) -> Vec<(Rect, Command)> {
    canvas.fill(area, Role::KeyLine);
    let mut places = Vec::new();
    let long: usize = View::NUMBERED.iter().map(|view| view.title().width() + 3).sum();
    let room_for_long = long + 12 < usize::from(area.width);
    let mut x = area.x + 1;
    for view in View::NUMBERED {
        let Some(key) = keymap.key_of(Command::View(view)) else { continue };
        let title = if room_for_long { view.title() } else { view.short_title() };
        let width = u16::try_from(key.width() + 1 + title.width()).unwrap_or(u16::MAX);
        if x.saturating_add(width) >= area.right() {
            break;
        }
        let (key_role, role) = if view == current {
            (Role::KeyLineCurrent, Role::KeyLineCurrent)
        } else {
            (Role::KeyLineKey, Role::KeyLine)
        };
        let used = canvas.word(x, area.y, width, &key, key_role);
        canvas.word(x + used + 1, area.y, width, title, role);
        places.push((Rect { x, y: area.y, width, height: 1 }, Command::View(view)));
        x += width + 1;
    }
    // From the right, as many as fit; where even two do not, all but the first stand without their words.
    let mut always: Vec<(String, &str, Command)> =
        ALWAYS.iter().filter_map(|(command, word)| keymap.key_of(*command).map(|key| (key, *word, *command))).collect();
    let room = usize::from(area.right().saturating_sub(x));
    if always.iter().take(2).map(width_of).sum::<usize>() > room {
        always.iter_mut().skip(1).for_each(|(_, word, _)| *word = "");
    }
    while always.iter().map(width_of).sum::<usize>() > room {
        always.pop();
    }
    let mut end = area.right();
    for (key, word, command) in &always {
        let width = u16::try_from(width_of(&(key.clone(), word, *command))).unwrap_or(u16::MAX);
        end = end.saturating_sub(width);
        let used = canvas.word(end + 1, area.y, width, key, Role::KeyLineKey);
        canvas.word(end + 2 + used, area.y, width, word, Role::KeyLine);
        places.push((Rect { x: end + 1, y: area.y, width: width - 1, height: 1 }, *command));
    }
    places
}

fn width_of((key, word, _): &(String, &str, Command)) -> usize {
    // A key alone stands close to its neighbours: it only does where room is scarce.
    let word = if word.is_empty() { 0 } else { word.width() + 2 };
    key.width() + word + 1
}
