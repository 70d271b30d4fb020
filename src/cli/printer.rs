//! The only place that writes to standard output and standard error. Data goes to the one, talk to the other; colour
//! only to a terminal that wants it, and nothing depends on it.

use std::io::{self, IsTerminal, Write};

use crate::report::line::Line;
use crate::report::table::Tone;

/// Writes data and talk.
#[derive(Debug)]
pub struct Printer {
    colour: bool,
    width: Option<usize>,
}

impl Printer {
    /// A printer for this process's standard streams.
    pub fn new() -> Self {
        let terminal = io::stdout().is_terminal();
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let width = terminal_size::terminal_size().filter(|_| terminal).map(|(width, _)| usize::from(width.0));
        Self { colour: terminal && wanted, width }
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
            match self.colour.then(|| sgr(span.tone)).flatten() {
                Some(code) => write!(out, "\x1b[{code}m{}\x1b[0m", span.text)?,
                None => write!(out, "{}", span.text)?,
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
        let _ = writeln!(io::stderr().lock(), "{}", text.as_ref());
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
        Tone::Well => Some("32"),
        Tone::Look => Some("33"),
        Tone::Act => Some("1;31"),
        Tone::Stale | Tone::Dim => Some("2"),
        Tone::Strong => Some("1"),
    }
}
