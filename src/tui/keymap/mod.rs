//! From keys to commands. The only room that knows key codes.

mod acting;
mod hint;
mod key;

use std::collections::BTreeMap;

pub use self::acting::ActingKey;
pub use self::hint::Hint;
pub use self::key::{Key, KeyName, NoSuchKey, sequence};
use super::command::{COMMANDS, Command, WALL_COMMANDS};

/// What the keys mean.
#[derive(Clone, Debug)]
pub struct Keymap {
    bindings: BTreeMap<Key, Command>,
}

impl Default for Keymap {
    /// The default keys of the command table.
    fn default() -> Self {
        let pairs = COMMANDS.iter().flat_map(|spec| {
            let keys = spec.keys.iter().filter_map(|name| name.parse::<Key>().ok());
            keys.map(|key| (key, spec.command))
        });
        Self { bindings: pairs.collect() }
    }
}

impl Keymap {
    /// The keys of the wall: leaving and paging.
    pub fn wall() -> Self {
        let mut keymap = Self::default();
        keymap.bindings.retain(|_, command| WALL_COMMANDS.contains(command));
        keymap
    }

    /// What `key` means.
    pub fn command(&self, key: Key) -> Option<Command> {
        self.bindings.get(&key).copied()
    }

    /// The key to name for `command`.
    pub fn key_of(&self, command: Command) -> Option<String> {
        command.spec().and_then(|spec| spec.keys.first()).map(|name| (*name).to_owned())
    }
}

/// What a key means while a line is being typed, beside editing it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PromptKey {
    /// Take the line.
    Accept,
    /// Leave without.
    Cancel,
    /// Complete.
    Complete,
    /// The entry above.
    Up,
    /// The entry below.
    Down,
}

impl PromptKey {
    /// Reads `key`; `None`: it edits the line, or does nothing.
    pub fn of(key: Key) -> Option<Self> {
        match (key.ctrl, key.name) {
            (false, KeyName::Enter) => Some(Self::Accept),
            (false, KeyName::Esc) | (true, KeyName::Char('c' | 'g')) => Some(Self::Cancel),
            (false, KeyName::Tab) => Some(Self::Complete),
            (false, KeyName::Up | KeyName::BackTab) | (true, KeyName::Char('p')) => Some(Self::Up),
            (false, KeyName::Down) | (true, KeyName::Char('n')) => Some(Self::Down),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_key_is_a_key_and_means_one_thing() {
        let mut seen: BTreeMap<Key, &str> = BTreeMap::new();
        for spec in COMMANDS.iter() {
            for name in spec.keys {
                let key: Key = name.parse().unwrap_or_else(|error| panic!("{}: {error}", spec.name));
                if let Some(other) = seen.insert(key, spec.name) {
                    panic!("{key} means both {other} and {}", spec.name);
                }
            }
        }
    }

    #[test]
    fn the_wall_obeys_no_key_but_leaving_and_paging() {
        let wall = Keymap::wall();
        let obeyed: Vec<String> = wall.bindings.keys().map(ToString::to_string).collect();
        assert_eq!(obeyed, ["Ctrl-b", "Ctrl-c", "Ctrl-f", "Ctrl-l", "q", "PageUp", "PageDown"]);
    }
}
