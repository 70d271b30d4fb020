//! The screen as a file: text, and a picture.

mod svg;

use ratatui::buffer::Buffer;

pub use self::svg::svg;

/// The screen as text, one line a row, blanks at the end removed.
pub fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in buffer.area.rows().map(|row| row.y) {
        let mut line = String::new();
        let mut covered = 0;
        for x in buffer.area.columns().map(|column| column.x) {
            let symbol = buffer[(x, y)].symbol();
            if covered > 0 {
                covered -= 1;
                continue;
            }
            covered = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
            line.push_str(symbol);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn wide_letters_take_their_place_once() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 2));
        buffer.set_string(0, 0, "日本 a", Style::new());
        assert_eq!(text(&buffer), "日本 a\n\n");
    }
}
