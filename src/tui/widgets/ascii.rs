//! The screen for terminals that know ASCII alone: every symbol becomes a letter of the same width.

use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr;

use crate::report::symbol::letter;

/// Replaces every symbol in `buffer`. Letters of the operator's own language that have no replacement become `?`.
pub fn letters_only(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if symbol.is_ascii() {
            continue;
        }
        let width = symbol.width().max(1);
        let first = symbol.chars().next().unwrap_or('?');
        let stands = letter(first).or_else(|| rendered(first)).unwrap_or('?');
        let text: String = std::iter::repeat_n(stands, width).collect();
        cell.set_symbol(&text);
    }
}

/// Boxes, bars and levels, which only the screen uses.
fn rendered(symbol: char) -> Option<char> {
    Some(match symbol {
        '┌' | '┐' | '┘' | '┤' | '┬' | '┴' => '+',
        '█' | '▇' | '▆' => '#',
        '═' | '▅' | '▄' => '=',
        '▃' | '▂' => '-',
        '▁' => '_',
        '░' => '.',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn nothing_but_ascii_is_left_and_nothing_moves() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 13, 1));
        buffer.set_string(0, 0, "┌─● ▆█ é日 ok", Style::new());
        letters_only(&mut buffer);
        let text: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert!(text.is_ascii(), "{text}");
        assert_eq!(buffer.content[12].symbol(), "k");
        assert!(text.starts_with("+-* ## ?"), "{text}");
    }
}
