//! Symbols that stand for states, and what stands for them where a terminal has none. Every symbol is one column wide,
//! and so is its fallback, so that nothing moves between the two.

use std::borrow::Cow;

use super::table::Tone;
use crate::model::finding::Severity;

/// A state as one symbol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mark {
    /// Answers, and is in order.
    Ok,
    /// Answers, but look at it.
    Warning,
    /// Answers that it is not in order.
    Failed,
    /// Not answered yet, and not yet overdue.
    Waiting,
    /// Does not answer, and is to.
    Absent,
    /// Does not answer: nothing is known.
    Silent,
    /// Nothing that wants a look.
    Quiet,
}

impl Mark {
    /// The symbol.
    pub fn symbol(self) -> char {
        match self {
            Self::Ok => '●',
            Self::Warning => '◐',
            Self::Failed => '✖',
            Self::Waiting => '◌',
            Self::Absent | Self::Silent => '○',
            Self::Quiet => '·',
        }
    }

    /// What it means as a tone.
    pub fn tone(self) -> Tone {
        match self {
            Self::Ok => Tone::Ok,
            Self::Warning | Self::Absent => Tone::Warning,
            Self::Failed => Tone::Critical,
            Self::Waiting | Self::Silent => Tone::Stale,
            Self::Quiet => Tone::Dim,
        }
    }
}

/// How much a finding or an event matters, in one column.
pub fn severity(severity: Severity) -> Mark {
    match severity {
        Severity::Critical => Mark::Failed,
        Severity::Warning => Mark::Warning,
        Severity::Note => Mark::Quiet,
    }
}

/// Takes new connections.
pub const UP: char = '▲';
/// Takes none.
pub const DOWN: char = '▼';

/// What stands for `symbol` on a terminal that knows ASCII alone; `None` for a character that needs no replacement or
/// has none.
pub fn letter(symbol: char) -> Option<char> {
    Some(match symbol {
        '●' => '*',
        '◐' => '!',
        '✖' => 'x',
        '◌' => '.',
        '○' | '…' => '~',
        '▲' | '↑' => '^',
        '▼' | '↓' => 'v',
        '│' | '▏' => '|',
        '├' | '┼' | '±' | '✓' => '+',
        '└' => '`',
        '─' | '–' | '—' => '-',
        '→' | '▸' | '≥' => '>',
        '←' => '<',
        '·' => ':',
        _ => return None,
    })
}

/// `text` with every symbol that this room uses replaced by its letter.
pub fn letters(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| letter(c).unwrap_or(c)).collect())
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthChar;

    use super::*;

    #[test]
    fn every_mark_has_a_letter_of_its_own_and_the_same_width() {
        let marks = [Mark::Ok, Mark::Warning, Mark::Failed, Mark::Waiting, Mark::Silent, Mark::Quiet];
        let letters: std::collections::BTreeSet<_> = marks.iter().filter_map(|mark| letter(mark.symbol())).collect();
        assert_eq!(letters.len(), marks.len());
        assert!(marks.iter().all(|mark| mark.symbol().width() == Some(1)));
    }

    #[test]
    fn text_of_the_operators_own_language_is_left_alone() {
        assert_eq!(letters("├─● naïve → 日本"), "+-* naïve > 日本");
    }
}
