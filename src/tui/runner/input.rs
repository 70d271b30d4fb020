//! From what the terminal sends to events.

use std::io;

use crossterm::event::{Event as Sent, EventStream, MouseButton, MouseEvent, MouseEventKind};
use futures::StreamExt as _;

use crate::tui::event::{Event, Gesture, Mouse};
use crate::tui::keymap::Key;

/// The next event; `None` for what nothing here uses. Never comes while the terminal is somebody else's.
///
/// # Errors
/// When the terminal is gone.
pub(super) async fn next(stream: &mut Option<EventStream>) -> io::Result<Option<Event>> {
    let Some(stream) = stream else { return std::future::pending().await };
    match stream.next().await {
        Some(Ok(event)) => Ok(translate(event)),
        Some(Err(error)) => Err(error),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
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
