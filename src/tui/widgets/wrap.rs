//! Breaking text into lines of a given width, between words where there are any.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::report::line::Line;

/// `text` in lines of at most `width` columns; a word longer than that is cut. Always at least one line.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        let bare = word.trim_end().width();
        if used > 0 && used + bare > width {
            lines.push(String::new());
            used = 0;
        }
        for c in word.chars() {
            let columns = c.width().unwrap_or(0);
            if used + columns > width {
                if c == ' ' {
                    continue;
                }
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
                used += columns;
            }
        }
    }
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

/// A line of several tones in lines of at most `width` columns, broken between words; every line but the first begins with
/// `indent` blanks. What is set off by several blanks, such as a source behind what it says, stays whole where it can.
pub fn fold(line: &Line, width: usize, indent: usize) -> Vec<Line> {
    if line.width() <= width {
        return vec![line.clone()];
    }
    let indent = indent.min(width / 2);
    let mut folded = vec![Line::new()];
    let (mut used, mut is_bare) = (0, true);
    for span in &line.spans {
        let text = span.text.as_str();
        let aside = text.trim();
        let is_aside = text.starts_with("   ") && aside.width() <= width - indent;
        if is_aside && !is_bare && used + text.trim_end().width() > width {
            used = width;
        }
        for word in span.text.as_str().split_inclusive(' ') {
            let bare = word.trim_end_matches(' ');
            for piece in wrap(bare, width - indent).iter().filter(|piece| !piece.is_empty()) {
                let columns = piece.width();
                if used + columns > width && !is_bare {
                    let mut next = Line::new();
                    next.pad_to(indent);
                    folded.push(next);
                    used = indent;
                }
                if let Some(last) = folded.last_mut() {
                    last.push(piece, span.tone);
                }
                used += columns;
                is_bare = false;
            }
            let blanks = word.len() - bare.len();
            // Blanks at the place where a line is broken are not needed, and nothing more fits behind them.
            if used + blanks < width
                && let Some(last) = folded.last_mut()
            {
                last.push(&word[bare.len()..], span.tone);
                used += blanks;
            } else if blanks > 0 {
                used = width;
            }
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::symbol::Mark;

    #[test]
    fn words_stay_whole_where_they_fit() {
        assert_eq!(wrap("bring back a majority", 10), ["bring back", "a majority"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn a_line_of_several_tones_is_broken_between_words_and_loses_none() {
        let line = Line::new().mark(Mark::Ok).plain(" pg-1 streams from pg-0, receiver live").dim("   SQL pg-1, 0.3 s");
        let folded: Vec<String> = fold(&line, 24, 2).iter().map(|line| line.text().trim_end().to_owned()).collect();
        assert_eq!(folded, ["● pg-1 streams from", "  pg-0, receiver live", "  SQL pg-1, 0.3 s"]);
        assert_eq!(fold(&line, 200, 2), [line]);
    }

    #[test]
    fn a_source_is_not_torn_and_no_blank_is_lost_where_a_line_is_full() {
        let texts = |line: &Line, width| -> Vec<String> {
            fold(line, width, 2).iter().map(|line| line.text().trim_end().to_owned()).collect()
        };
        let line = Line::new().plain("pg-router knows pg-1").dim("   HAProxy, 1 s ago");
        assert_eq!(texts(&line, 32), ["pg-router knows pg-1", "  HAProxy, 1 s ago"]);
        let line = Line::new().plain("abcdefgh ij k lmno");
        assert_eq!(texts(&line, 12), ["abcdefgh ij", "  k lmno"]);
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_no_letter_is_lost(text in "[a-z ]{0,80}", width in 1_usize..30) {
            let lines = wrap(&text, width);
            prop_assert!(lines.iter().all(|line| line.width() <= width));
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
