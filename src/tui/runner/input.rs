//! From what the terminal sends to events.
//!
//! A task of its own reads: the terminal's stream wakes only whoever polled it first, so whether something waits already
//! is asked of the queue behind it, never of the stream.

use std::io;

use crossterm::event::{Event as Sent, EventStream, MouseButton, MouseEvent, MouseEventKind};
use futures::StreamExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::tui::event::{Event, Gesture, Mouse};
use crate::tui::keymap::Key;

/// Events that may wait; more are left in the terminal.
const WAITING: usize = 256;

/// What the terminal sends, while it is ours.
pub(super) struct Input {
    queue: mpsc::Receiver<io::Result<Event>>,
    reader: JoinHandle<()>,
}

impl Input {
    /// Begins to read.
    #[expect(clippy::disallowed_methods, reason = "the task is awaited by close, and ends with its queue")]
    pub(super) fn open() -> Self {
        let (sender, queue) = mpsc::channel(WAITING);
        Self { queue, reader: tokio::spawn(read(sender)) }
    }

    /// The next event.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) async fn next(&mut self) -> io::Result<Event> {
        self.queue.recv().await.unwrap_or_else(|| Err(gone()))
    }

    /// An event that waits already.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn waiting(&mut self) -> io::Result<Option<Event>> {
        match self.queue.try_recv() {
            Ok(event) => event.map(Some),
            Err(mpsc::error::TryRecvError::Empty) => Ok(None),
            Err(mpsc::error::TryRecvError::Disconnected) => Err(gone()),
        }
    }

    /// Stops reading, and returns once nobody reads any more.
    pub(super) async fn close(self) {
        self.reader.abort();
        // Aborted is what it is meant to be.
        let _ = self.reader.await;
    }
}

/// The next event of an input that may be closed, in which case none comes.
pub(super) async fn next(input: &mut Option<Input>) -> io::Result<Event> {
    match input {
        Some(input) => input.next().await,
        None => std::future::pending().await,
    }
}

fn gone() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

async fn read(queue: mpsc::Sender<io::Result<Event>>) {
    let mut stream = EventStream::new();
    loop {
        let event = match stream.next().await {
            Some(Ok(event)) => match translate(event) {
                Some(event) => Ok(event),
                None => continue,
            },
            Some(Err(error)) => Err(error),
            None => Err(gone()),
        };
        let over = event.is_err();
        if queue.send(event).await.is_err() || over {
            return;
        }
    }
}

fn translate(event: Sent) -> Option<Event> {
    match event {
        Sent::Key(key) => Key::from_terminal(key).map(Event::Key),
        Sent::Mouse(mouse) => gesture(mouse).map(Event::Mouse),
        Sent::Paste(text) => Some(Event::Paste(text)),
        Sent::Resize(width, height) => Some(Event::Resize { width, height }),
        Sent::FocusGained | Sent::FocusLost => None,
    }
}

fn gesture(mouse: MouseEvent) -> Option<Mouse> {
    let gesture = match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => Gesture::Click,
        MouseEventKind::ScrollUp => Gesture::WheelUp,
        MouseEventKind::ScrollDown => Gesture::WheelDown,
        _ => return None,
    };
    Some(Mouse { gesture, column: mouse.column, row: mouse.row })
}
