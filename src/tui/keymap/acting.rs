//! What keys mean in the dialogs of actions.

use super::key::{Key, KeyName};

/// What a key means in a dialog of actions while nothing is typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ActingKey {
    /// Leave the dialog.
    Leave,
    /// Confirm, or take what is selected.
    Enter,
    /// One line up.
    Up,
    /// One line down.
    Down,
    /// One page up.
    PageUp,
    /// One page down.
    PageDown,
    /// The next candidate.
    Next,
    /// The candidate before.
    Previous,
    /// A letter, which each dialog gives a meaning of its own.
    Letter(char),
}

impl ActingKey {
    /// Reads `key`; `None`: it means what it always means.
    pub fn of(key: Key) -> Option<Self> {
        if key.ctrl || key.alt {
            return None;
        }
        Some(match key.name {
            // `q` closes what is on top, whatever that is.
            KeyName::Esc | KeyName::Backspace | KeyName::Char('q') => Self::Leave,
            KeyName::Enter => Self::Enter,
            KeyName::Up => Self::Up,
            KeyName::Down => Self::Down,
            KeyName::PageUp => Self::PageUp,
            KeyName::PageDown => Self::PageDown,
            KeyName::Tab => Self::Next,
            KeyName::BackTab => Self::Previous,
            KeyName::Char(c) => Self::Letter(c),
            KeyName::Delete | KeyName::Left | KeyName::Right | KeyName::Home | KeyName::End | KeyName::F(_) => {
                return None;
            }
        })
    }
}
