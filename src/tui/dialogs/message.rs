//! A text to read.

use crate::report::line::Line;
use crate::tui::widgets::wrap::wrap;

pub(super) fn lines(text: &[String], width: usize) -> Vec<Line> {
    text.iter().flat_map(|line| wrap(line, width)).map(|line| Line::new().plain(line)).collect()
}
