//! What can be pressed in each dialog. A key that is not told here, nor works everywhere, does nothing there.

use super::Dialog;
use crate::tui::app::App;
use crate::tui::keymap::Hint;

impl App {
    /// What can be pressed in `dialog`, the most wanted first. `shown`: its lines, and how many of them show.
    pub(in crate::tui) fn dialog_hints(&self, dialog: &Dialog, shown: (usize, usize)) -> Vec<Hint> {
        let mut hints = match dialog {
            Dialog::Help { .. } => vec![close(&["?", "F1"], "close"), copy()],
            Dialog::Detail { .. } | Dialog::Message { .. } => vec![close(&[], "close"), copy()],
            Dialog::Themes { before, .. } => vec![
                Hint::new(&["Enter"], "take"),
                Hint::new(&["Esc", "q", "Backspace"], format!("back to {}", before.name)),
                copy(),
            ],
            Dialog::Leaving => vec![
                Hint::new(&["Enter", "y", "Ctrl-c"], "leave the console"),
                Hint::new(&["Esc", "q", "Backspace"], "stay"),
            ],
            other => return self.acting_hints(other, shown),
        };
        match dialog {
            Dialog::Themes { .. } => hints.push(choose()),
            _ => hints.extend(scroll(shown)),
        }
        hints
    }
}

/// Leaves a dialog in which nothing is to be decided; `more` keys do too.
pub(in crate::tui) fn close(more: &[&str], word: &'static str) -> Hint {
    let keys: Vec<&str> = ["Esc", "q", "Backspace", "Enter"].into_iter().chain(more.iter().copied()).collect();
    Hint::new(&keys, word)
}

/// Copies what is shown.
pub(in crate::tui) fn copy() -> Hint {
    Hint::new(&["y", "Y"], "copy")
}

const MOVES: [&str; 12] = ["Down", "j", "Up", "k", "PageDown", "Ctrl-f", "PageUp", "Ctrl-b", "Home", "g", "End", "G"];

/// Moves in a text that does not fit; `None`: it does.
pub(in crate::tui) fn scroll((total, visible): (usize, usize)) -> Option<Hint> {
    (total > visible).then(|| Hint::new(&MOVES, "scroll").shown_as("j k"))
}

/// Moves in a list.
pub(in crate::tui) fn choose() -> Hint {
    Hint::new(&MOVES, "choose").shown_as("j k")
}
