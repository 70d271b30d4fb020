//! A table as aligned lines for the command line. Nothing here depends on colour: tones only add to what is said.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::fit::{GAP, fit};
use super::line::Line;
use super::table::{Align, Cell, Table, Tone};

/// Heading and rows, fitted into `width` columns; `None`: as wide as they are. An empty table gives its reason and hint.
/// Blanks at the end of a line are left out.
pub fn lines(table: &Table, width: Option<usize>) -> Vec<Line> {
    if table.rows.is_empty() {
        let hint = Line::new().dim(table.empty.hint.as_str());
        let lines = [Line::new().with(table.empty.reason.as_str(), Tone::Stale), hint];
        return lines.into_iter().filter(|line| !line.spans.is_empty()).collect();
    }
    let columns = fit(table, width.unwrap_or(usize::MAX));
    let mut lines = Vec::with_capacity(table.rows.len() + 1);
    let heading = columns.iter().map(|(at, wide)| {
        let column = &table.columns[*at];
        (Line::new().dim(cut(column.title, *wide)), *wide, column.align)
    });
    lines.push(joined(heading));
    for row in &table.rows {
        let cells = columns.iter().map(|(at, wide)| {
            let cell = row.cells.get(*at).map(|cell| rendered(cell, *wide)).unwrap_or_default();
            (cell, *wide, table.columns[*at].align)
        });
        lines.push(joined(cells));
    }
    lines
}

fn joined(cells: impl Iterator<Item = (Line, usize, Align)>) -> Line {
    let mut line = Line::new();
    let mut edge = 0;
    for (cell, wide, align) in cells {
        let start = match align {
            Align::Left => edge,
            Align::Right => edge + wide.saturating_sub(cell.width()),
        };
        if cell.width() > 0 {
            line.pad_to(start);
            line.append(cell);
        }
        edge += wide + GAP;
    }
    line
}

fn rendered(cell: &Cell, wide: usize) -> Line {
    let mut line = Line::new().dim(cell.lead.as_str());
    if let Some(mark) = cell.mark {
        line = line.mark(mark).plain(" ");
    }
    let left = wide.saturating_sub(line.width());
    line.with(cut(cell.text.as_str(), left), cell.tone)
}

/// `text` in at most `width` columns; what is cut ends in an ellipsis.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut taken = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if taken + wide + 1 > width {
            break;
        }
        kept.push(c);
        taken += wide;
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::report::table::Table;
    use crate::report::{test_support, topology};

    #[test]
    fn an_empty_table_says_why() {
        let table = Table::new(topology::COLUMNS, "nothing is there", "look elsewhere");
        let text: Vec<_> = lines(&table, None).iter().map(Line::text).collect();
        assert_eq!(text, ["nothing is there", "look elsewhere"]);
    }

    #[test]
    fn on_80_columns_the_numbers_that_decide_are_still_there() {
        let table = topology::table(&test_support::healthy());
        let head = lines(&table, Some(80))[0].text();
        for title in ["MEMBER", "ROLE", "STATE", "TL", "LAG"] {
            assert!(head.contains(title), "{title} in {head}");
        }
        assert!(!head.contains("UP"), "{head}");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_asked_for(width in 10_usize..300) {
            for snapshot in [test_support::healthy(), test_support::leaderless(), test_support::split()] {
                for line in lines(&topology::table(&snapshot), Some(width)) {
                    // Ten columns of one character and their gaps are the least there is.
                    prop_assert!(line.text().width() <= width.max(40), "{}", line.text());
                }
            }
        }

        #[test]
        fn a_cut_is_never_wider_than_asked_for(text in any::<String>(), width in 0_usize..40) {
            prop_assert!(cut(crate::model::text::Text::new(&text).as_str(), width).width() <= width);
        }
    }
}
