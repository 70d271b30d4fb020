//! The terminal as a thing that is borrowed and given back. Whatever happens (an error, a panic, a signal), leaving
//! brings back what the shell had: cooked mode, the main screen, the cursor, the mouse.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, mpsc};
use std::thread::ThreadId;
use std::time::Duration;

use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{Command, cursor};

/// How long leaving may wait for a terminal that takes no bytes any more.
const LEAVE_TIMEOUT: Duration = Duration::from_millis(300);

static ENTERED: AtomicBool = AtomicBool::new(false);
static OWNER: Mutex<Option<ThreadId>> = Mutex::new(None);

/// Holds the terminal in raw mode on the alternate screen until dropped.
#[derive(Debug)]
pub struct TerminalGuard {
    mouse: bool,
}

impl TerminalGuard {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When standard input or output is no terminal, or refuses raw mode. Nothing is left behind then.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(io::Error::other("standard input and output must be a terminal"));
        }
        restore_on_panic();
        let guard = Self { mouse };
        guard.take()?;
        Ok(guard)
    }

    fn take(&self) -> io::Result<()> {
        if let Ok(mut owner) = OWNER.lock() {
            *owner = Some(std::thread::current().id());
        }
        enable_raw_mode()?;
        ENTERED.store(true, Ordering::SeqCst);
        let written = write_to_terminal(&enter_sequence(self.mouse));
        if written.is_err() {
            leave();
        }
        written
    }

    /// Gives the terminal back for a while: a child process, a stop.
    pub fn suspend(&self) {
        leave();
    }

    /// Takes the terminal again.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn resume(&mut self, mouse: bool) -> io::Result<()> {
        self.mouse = mouse;
        self.take()
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        leave();
    }
}

/// Leaves raw mode first (which cannot block), then writes what brings the main screen back, and gives up on a
/// terminal that takes no bytes.
fn leave() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    // Both fail only where the terminal is gone, and then there is nothing to bring back.
    let _ = disable_raw_mode();
    let (done, wait) = mpsc::channel();
    let writer = std::thread::Builder::new().name("leave".to_owned()).spawn(move || {
        let _ = write_to_terminal(&leave_sequence());
        let _ = done.send(());
    });
    if writer.is_ok() {
        let _ = wait.recv_timeout(LEAVE_TIMEOUT);
    }
}

fn write_to_terminal(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(bytes)?;
    out.flush()
}

fn ansi(into: &mut String, command: &impl Command) {
    // Writing to a string cannot fail.
    let _ = command.write_ansi(into);
}

fn enter_sequence(mouse: bool) -> Vec<u8> {
    let mut text = String::new();
    ansi(&mut text, &EnterAlternateScreen);
    ansi(&mut text, &cursor::Hide);
    ansi(&mut text, &EnableBracketedPaste);
    if mouse {
        ansi(&mut text, &EnableMouseCapture);
    }
    text.into_bytes()
}

fn leave_sequence() -> Vec<u8> {
    let mut text = String::new();
    ansi(&mut text, &DisableMouseCapture);
    ansi(&mut text, &DisableBracketedPaste);
    ansi(&mut text, &crossterm::style::ResetColor);
    ansi(&mut text, &LeaveAlternateScreen);
    ansi(&mut text, &cursor::Show);
    text.into_bytes()
}

/// What switches mouse reporting on or off.
pub fn mouse_sequence(on: bool) -> Vec<u8> {
    let mut text = String::new();
    if on {
        ansi(&mut text, &EnableMouseCapture);
    } else {
        ansi(&mut text, &DisableMouseCapture);
    }
    text.into_bytes()
}

/// The thread that holds the terminal gives it back before its panic is printed. A panic of any other thread while
/// the terminal is held goes to the log alone: printing it would tear the screen that goes on.
fn restore_on_panic() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let owner = OWNER.lock().is_ok_and(|owner| *owner == Some(std::thread::current().id()));
            if owner || !ENTERED.load(Ordering::SeqCst) {
                leave();
                previous(panic);
            } else {
                tracing::error!(%panic, "a task panicked");
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_entering_switches_on_leaving_switches_off() {
        let entered = String::from_utf8(enter_sequence(true)).unwrap();
        let left = String::from_utf8(leave_sequence()).unwrap();
        for (on, off) in
            [("\x1b[?1049h", "\x1b[?1049l"), ("\x1b[?2004h", "\x1b[?2004l"), ("\x1b[?1000h", "\x1b[?1000l")]
        {
            assert!(entered.contains(on) && left.contains(off), "{on} has no counterpart");
        }
        assert!(entered.contains("\x1b[?25l") && left.contains("\x1b[?25h"));
        assert!(!String::from_utf8(enter_sequence(false)).unwrap().contains("1000h"));
    }
}
