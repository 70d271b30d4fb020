//! One key press as a plain value with a name the operator can read. Terminal key codes are known here and nowhere
//! else.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use serde::{Deserialize, Serialize};
use tui_input::InputRequest;

/// What was pressed, without modifiers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyName {
    /// A character, capital letters as themselves.
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Tab with shift.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// A function key.
    F(u8),
}

/// A key press. Shift is part of the character; only control and alt are kept apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Key {
    /// The key.
    pub name: KeyName,
    /// With control.
    pub ctrl: bool,
    /// With alt.
    pub alt: bool,
}

impl Key {
    /// The key without modifiers.
    pub const fn plain(name: KeyName) -> Self {
        Self { name, ctrl: false, alt: false }
    }

    /// What the terminal sent; `None` for releases and for keys that nothing here uses.
    pub fn from_terminal(event: KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let name = match event.code {
            KeyCode::Char(c) => KeyName::Char(c),
            KeyCode::Enter => KeyName::Enter,
            KeyCode::Esc => KeyName::Esc,
            KeyCode::Tab => KeyName::Tab,
            KeyCode::BackTab => KeyName::BackTab,
            KeyCode::Backspace => KeyName::Backspace,
            KeyCode::Delete => KeyName::Delete,
            KeyCode::Up => KeyName::Up,
            KeyCode::Down => KeyName::Down,
            KeyCode::Left => KeyName::Left,
            KeyCode::Right => KeyName::Right,
            KeyCode::Home => KeyName::Home,
            KeyCode::End => KeyName::End,
            KeyCode::PageUp => KeyName::PageUp,
            KeyCode::PageDown => KeyName::PageDown,
            KeyCode::F(number) => KeyName::F(number),
            _ => return None,
        };
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        Some(Self { name, ctrl, alt: event.modifiers.contains(KeyModifiers::ALT) })
    }

    /// A key with Alt, as Escape and the key.
    pub fn as_escape_and_key(self) -> Option<(Self, Self)> {
        self.alt.then_some((Self::plain(KeyName::Esc), Self { alt: false, ..self }))
    }

    /// What this key does in a one-line input; `None`: nothing.
    pub fn edit(self) -> Option<InputRequest> {
        match (self.ctrl, self.name) {
            (false, KeyName::Char(c)) => Some(InputRequest::InsertChar(c)),
            (false, KeyName::Backspace) => Some(InputRequest::DeletePrevChar),
            (false, KeyName::Delete) => Some(InputRequest::DeleteNextChar),
            (true, KeyName::Left) => Some(InputRequest::GoToPrevWord),
            (true, KeyName::Right) => Some(InputRequest::GoToNextWord),
            (false, KeyName::Left) => Some(InputRequest::GoToPrevChar),
            (false, KeyName::Right) => Some(InputRequest::GoToNextChar),
            (false, KeyName::Home) | (true, KeyName::Char('a')) => Some(InputRequest::GoToStart),
            (false, KeyName::End) | (true, KeyName::Char('e')) => Some(InputRequest::GoToEnd),
            (true, KeyName::Backspace | KeyName::Char('w')) => Some(InputRequest::DeletePrevWord),
            (true, KeyName::Char('u')) => Some(InputRequest::DeleteLine),
            (true, KeyName::Char('k')) => Some(InputRequest::DeleteTillEnd),
            _ => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("Ctrl-")?;
        }
        if self.alt {
            f.write_str("Alt-")?;
        }
        match self.name {
            KeyName::Char(' ') => f.write_str("Space"),
            KeyName::Char(c) => write!(f, "{c}"),
            KeyName::Enter => f.write_str("Enter"),
            KeyName::Esc => f.write_str("Esc"),
            KeyName::Tab => f.write_str("Tab"),
            KeyName::BackTab => f.write_str("Shift-Tab"),
            KeyName::Backspace => f.write_str("Backspace"),
            KeyName::Delete => f.write_str("Delete"),
            KeyName::Up => f.write_str("Up"),
            KeyName::Down => f.write_str("Down"),
            KeyName::Left => f.write_str("Left"),
            KeyName::Right => f.write_str("Right"),
            KeyName::Home => f.write_str("Home"),
            KeyName::End => f.write_str("End"),
            KeyName::PageUp => f.write_str("PageUp"),
            KeyName::PageDown => f.write_str("PageDown"),
            KeyName::F(number) => write!(f, "F{number}"),
        }
    }
}

/// The text names no key.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no such key: {0}")]
pub struct NoSuchKey(String);

impl FromStr for Key {
    type Err = NoSuchKey;

    fn from_str(text: &str) -> Result<Self, NoSuchKey> {
        let wrong = || NoSuchKey(text.to_owned());
        let (mut rest, mut ctrl, mut alt) = (text, false, false);
        loop {
            if let Some(after) = rest.strip_prefix("Ctrl-").filter(|after| !after.is_empty()) {
                (rest, ctrl) = (after, true);
            } else if let Some(after) = rest.strip_prefix("Alt-").filter(|after| !after.is_empty()) {
                (rest, alt) = (after, true);
            } else {
                break;
            }
        }
        let mut characters = rest.chars();
        let name = match (characters.next(), characters.next()) {
            (Some(c), None) => KeyName::Char(c),
            _ => match rest {
                "Space" => KeyName::Char(' '),
                "Enter" => KeyName::Enter,
                "Esc" => KeyName::Esc,
                "Tab" => KeyName::Tab,
                "Shift-Tab" => KeyName::BackTab,
                "Backspace" => KeyName::Backspace,
                "Delete" => KeyName::Delete,
                "Up" => KeyName::Up,
                "Down" => KeyName::Down,
                "Left" => KeyName::Left,
                "Right" => KeyName::Right,
                "Home" => KeyName::Home,
                "End" => KeyName::End,
                "PageUp" => KeyName::PageUp,
                "PageDown" => KeyName::PageDown,
                other => {
                    let digits = other.strip_prefix('F').ok_or_else(wrong)?;
                    KeyName::F(digits.parse().map_err(|_| wrong())?)
                }
            },
        };
        Ok(Self { name, ctrl, alt })
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for Key {
    type Error = NoSuchKey;

    fn try_from(text: String) -> Result<Self, NoSuchKey> {
        text.parse()
    }
}

/// Reads a row of key presses: characters as themselves, other keys as `<Enter>`, `<Ctrl-c>`.
///
/// # Errors
/// When the text between angle brackets names no key.
pub fn sequence(text: &str) -> Result<Vec<Key>, NoSuchKey> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match rest.strip_prefix('<').and_then(|after| after.split_once('>')) {
            Some((name, after)) if !name.is_empty() => {
                keys.push(name.parse()?);
                rest = after;
            }
            _ => {
                keys.push(Key::plain(KeyName::Char(c)));
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_name_is_read_back() {
        for text in ["q", "Q", "Space", "Ctrl-c", "Alt-x", "Ctrl-Alt-F5", "Shift-Tab", "PageDown", "-", "<"] {
            let key: Key = text.parse().unwrap();
            assert_eq!(key.to_string(), text);
        }
        assert!("Hyper".parse::<Key>().is_err());
    }

    #[test]
    fn a_sequence_mixes_characters_and_named_keys() {
        let keys = sequence("3j/pg-1<Enter>").unwrap();
        let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["3", "j", "/", "p", "g", "-", "1", "Enter"]);
    }
}
