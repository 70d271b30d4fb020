//! The filter while it is being typed: it applies with every letter, and leaving it brings back what was there.

use tui_input::Input;

/// A filter being typed.
#[derive(Clone, Debug)]
pub struct FilterPrompt {
    /// What was typed.
    pub input: Input,
    /// What applied before.
    pub before: String,
}

impl FilterPrompt {
    /// Starts from the filter that applies.
    pub fn new(present: &str) -> Self {
        Self { input: Input::new(present.to_owned()), before: present.to_owned() }
    }
}
