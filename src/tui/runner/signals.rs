//! The signals that end or wake the console.

use std::io;

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal as Listener, SignalKind, signal};

use crate::tui::event::Signal;

/// Listens to signals.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Listener,
    hang_up: Listener,
    interrupt: Listener,
    resume: Listener,
}

impl Signals {
    /// Starts listening.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            resume: signal(SignalKind::from_raw(Number::CONT.as_raw()))?,
        })
    }

    /// The next signal.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.hang_up.recv() => Signal::HangUp,
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.resume.recv() => Signal::Continue,
        }
    }

    /// The next signal that ends the console even while a child has the terminal: Ctrl-C is the child's then.
    pub(super) async fn next_fatal(&mut self) -> Signal {
        loop {
            match self.next().await {
                fatal @ (Signal::Terminate | Signal::HangUp) => return fatal,
                Signal::Interrupt | Signal::Continue => {}
            }
        }
    }
}

/// Stops this process and its group, as Ctrl-Z in a cooked terminal does.
pub(super) fn stop() -> io::Result<()> {
    rustix::process::kill_current_process_group(Number::TSTP).map_err(io::Error::from)
}
