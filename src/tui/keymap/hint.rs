//! A key that can be pressed where one is, and what it does there: what the line of keys shows, a click on it presses,
//! and the help lists first.

use std::borrow::Cow;

use super::key::Key;

/// The hint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hint {
    /// Every key that does it; the first is the one that is shown, and pressed by a click.
    pub keys: Vec<Key>,
    /// What is shown in place of the first key, such as both of a pair.
    shown: Option<&'static str>,
    /// What it does, in a word or two.
    pub word: Cow<'static, str>,
}

impl Hint {
    /// A hint for `keys` by name; a name that is none is left out.
    pub fn new(keys: &[&str], word: impl Into<Cow<'static, str>>) -> Self {
        Self { keys: keys.iter().filter_map(|name| name.parse().ok()).collect(), shown: None, word: word.into() }
    }

    /// A hint for a letter.
    pub fn letter(letter: char, word: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&[letter.encode_utf8(&mut [0; 4])], word)
    }

    /// Shown as `keys`, of which each does its half of it.
    #[must_use]
    pub fn shown_as(mut self, keys: &'static str) -> Self {
        self.shown = Some(keys);
        self
    }

    /// The same without its word, where there is no room for it.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self { word: "".into(), ..self.clone() }
    }

    /// How its key is written.
    pub fn key(&self) -> String {
        match (self.shown, self.keys.first()) {
            (Some(shown), _) => shown.to_owned(),
            (None, Some(key)) => key.to_string(),
            (None, None) => String::new(),
        }
    }
}
