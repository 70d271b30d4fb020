//! Copying through the terminal itself (OSC 52), so that it reaches the operator's own desktop over any number of SSH
//! hops. Inside tmux or screen the sequence is wrapped so that it passes through.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest text copied, in bytes: many terminals drop a longer sequence whole.
pub const MAX_LENGTH: usize = 74_000;

/// What stands between this program and the terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Multiplexer {
    /// Nothing.
    #[default]
    None,
    /// tmux.
    Tmux,
    /// GNU screen.
    Screen,
}

impl Multiplexer {
    /// By the values of the environment variables `TMUX` and `TERM`.
    pub fn detect(tmux: Option<&str>, term: Option<&str>) -> Self {
        if tmux.is_some_and(|value| !value.is_empty()) {
            Self::Tmux
        } else if term.is_some_and(|term| term.starts_with("screen")) {
            Self::Screen
        } else {
            Self::None
        }
    }

    /// Wraps `sequence` so that it reaches the terminal behind the multiplexer.
    pub fn pass_through(self, sequence: &str) -> String {
        match self {
            Self::None => sequence.to_owned(),
            Self::Tmux => format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")),
            Self::Screen => format!("\x1bP{sequence}\x1b\\"),
        }
    }
}

/// The sequence that puts `text` on the clipboard; `None` where it is too long for terminals to take.
///
/// tmux takes the plain sequence too where `set-clipboard` is on; both are sent, and a terminal that gets it twice
/// sets the same text twice.
pub fn copy_sequence(text: &str, multiplexer: Multiplexer) -> Option<String> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    let plain = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
    Some(match multiplexer {
        Multiplexer::None => plain,
        Multiplexer::Tmux | Multiplexer::Screen => format!("{}{plain}", multiplexer.pass_through(&plain)),
    })
}

/// The sequence of a desktop notification (OSC 9). `text` must be clean, which [`crate::model::text::Text`] is.
pub fn notify_sequence(text: &crate::model::text::Text, multiplexer: Multiplexer) -> String {
    multiplexer.pass_through(&format!("\x1b]9;{text}\x07"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_encoded_and_wrapped_for_tmux() {
        assert_eq!(copy_sequence("pg-0", Multiplexer::None).unwrap(), "\x1b]52;c;cGctMA==\x07");
        let wrapped = copy_sequence("pg-0", Multiplexer::Tmux).unwrap();
        assert!(wrapped.starts_with("\x1bPtmux;\x1b\x1b]52;c;cGctMA==\x07\x1b\\"), "{wrapped:?}");
    }

    #[test]
    fn too_long_a_text_is_refused_rather_than_cut() {
        assert_eq!(copy_sequence(&"x".repeat(MAX_LENGTH + 1), Multiplexer::None), None);
    }

    #[test]
    fn the_multiplexer_is_reported_by_the_environment() {
        assert_eq!(Multiplexer::detect(Some("/tmp/tmux-0/default,1,0"), Some("screen-256color")), Multiplexer::Tmux);
        assert_eq!(Multiplexer::detect(None, Some("screen.xterm")), Multiplexer::Screen);
        assert_eq!(Multiplexer::detect(Some(""), Some("xterm-256color")), Multiplexer::None);
    }
}
