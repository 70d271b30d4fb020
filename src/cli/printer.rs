//! The only place that writes to standard output and standard error. Data goes to the one, talk to the other; colour
//! only to a terminal that wants it, and nothing depends on it.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use crate::config::Environment;
use crate::config::environment::variable;
use crate::report::line::Line;
use crate::report::symbol::letters;
use crate::report::table::Tone;

/// Whether `error` says that the reader of a pipe has gone.
pub fn is_closed(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes data and talk.
#[derive(Debug)]
pub struct Printer {
    colour: bool,
    /// Symbols are replaced by letters.
    letters: bool,
    width: Option<usize>,
}

impl Printer {
    /// A printer for this process's standard streams.
    pub fn new() -> Self {
        let terminal = io::stdout().is_terminal();
        let wanted = variable("NO_COLOR").is_none() && variable("TERM").is_none_or(|term| term != "dumb");
        let width = terminal_size::terminal_size().filter(|_| terminal).map(|(width, _)| usize::from(width.0));
        Self { colour: terminal && wanted, letters: Environment::of_process().is_narrow(), width }
    }

    /// Columns of the terminal; `None` where the output is not one, and lines need not be cut.
    pub fn width(&self) -> Option<usize> {
        self.width
    }

    /// Writes one line of data.
    ///
    /// # Errors
    /// When standard output cannot be written; a closed pipe among them.
    pub fn line(&mut self, line: &Line) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for span in &line.spans {
            let text = self.lettered(span.text.as_str());
            match self.colour.then(|| sgr(span.tone)).flatten() {
                Some(code) => write!(out, "\x1b[{code}m{text}\x1b[0m")?,
                None => write!(out, "{text}")?,
            }
        }
        writeln!(out)
    }

    /// Writes a whole document as it is.
    ///
    /// # Errors
    /// As [`Printer::line`].
    pub fn document(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// Writes one line of talk.
    pub fn say(&mut self, text: impl AsRef<str>) {
        // Nobody is left to tell if standard error is gone.
        let _ = writeln!(io::stderr().lock(), "{}", self.lettered(text.as_ref()));
    }

    /// `text` as the terminal's character set has it.
    fn lettered<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.letters { letters(text) } else { Cow::Borrowed(text) }
    }
}

impl Default for Printer {
    fn default() -> Self {
        Self::new()
    }
}

/// The terminal's own 16 colours, so that they suit its background.
fn sgr(tone: Tone) -> Option<&'static str> {
    match tone {
        Tone::Plain => None,
        Tone::Ok => Some("32"),
        Tone::Warning => Some("33"),
        Tone::Critical => Some("1;31"),
        Tone::Stale | Tone::Dim => Some("2"),
        Tone::Strong => Some("1"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_without_utf_8_gets_letters_for_symbols() {
        let narrow = |locale: &str| [("LANG", locale)].into_iter().collect::<Environment>().is_narrow();
        assert_eq!(
            ["C", "POSIX", "en_GB.ISO-8859-1", "C.UTF-8", "de_DE.utf8"].map(narrow),
            [true, true, true, false, false]
        );
        assert!(!Environment::default().is_narrow(), "no locale says nothing");
        let printer = |letters| Printer { colour: false, letters, width: None };
        let line = "● pg-0 · ▲ → …";
        assert!(printer(true).lettered(line).is_ascii());
        assert_eq!(printer(false).lettered(line), line);
    }
}
