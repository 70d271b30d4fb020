//! The terminal as ratatui writes to it: collected into frames, and never asked anything. A question (where is the
//! cursor?) would be answered among the keys, which another reader takes; the answer would never come.

use std::io;

use crossterm::terminal::window_size;
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

use super::writer::Bytes;

/// What is assumed of a terminal that does not tell its size.
const DEFAULT_SIZE: Size = Size { width: 80, height: 24 };

/// A backend whose bytes are collected.
pub(super) struct CollectingBackend {
    inner: CrosstermBackend<Bytes>,
    bytes: Bytes,
    cursor: Position,
    cursor_shown: Option<bool>,
}

impl CollectingBackend {
    /// A backend without a frame.
    pub(super) fn new() -> Self {
        let bytes = Bytes::default();
        Self { inner: CrosstermBackend::new(bytes.clone()), bytes, cursor: Position::ORIGIN, cursor_shown: None }
    }

    /// The bytes collected since the last time.
    pub(super) fn take(&self) -> Vec<u8> {
        self.bytes.take()
    }

    /// Somebody else had the terminal: nothing is known of its cursor.
    pub(super) fn forget(&mut self) {
        self.cursor_shown = None;
    }
}

impl Backend for CollectingBackend {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.inner.draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.cursor_shown.replace(false) == Some(false) {
            return Ok(());
        }
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if self.cursor_shown.replace(true) == Some(true) {
            return Ok(());
        }
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.cursor = position.into();
        self.inner.set_cursor_position(self.cursor)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.inner.clear()
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.inner.clear_region(region)
    }

    fn size(&self) -> io::Result<Size> {
        let reported = window_size()?;
        let size = Size { width: reported.columns, height: reported.rows };
        Ok(if size.width == 0 || size.height == 0 { DEFAULT_SIZE } else { size })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size()?, pixels: Size::ZERO })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
