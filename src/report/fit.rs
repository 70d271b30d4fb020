//! Which columns of a table fit into a width, and how wide each is.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::table::{Column, Table};

/// Blanks between two columns.
pub const GAP: usize = 2;

/// Index and width of each column kept, in order.
///
/// Free columns (without a widest width) shrink first, down to their least width; then columns of the highest rank go;
/// what is left at last is cut, the widest first, but never below one character.
pub fn fit(table: &Table, width: usize) -> Vec<(usize, usize)> {
    let mut kept: Vec<(usize, usize)> =
        table.columns.iter().enumerate().map(|(at, column)| (at, natural(table, at, column))).collect();
    loop {
        let over = total(&kept).saturating_sub(width);
        if over == 0 {
            return kept;
        }
        if shrink_free(table, &mut kept, over) {
            continue;
        }
        let rank = |at: usize| table.columns[at].rank;
        // Of one rank, the rightmost goes first.
        let Some(place) = (0..kept.len()).max_by_key(|place| (rank(kept[*place].0), *place)) else { return kept };
        if rank(kept[place].0) > 0 {
            kept.remove(place);
            // A free column that was shrunk takes back what is free now.
            for (at, wide) in &mut kept {
                *wide = natural(table, *at, &table.columns[*at]);
            }
            continue;
        }
        let Some(widest) = kept.iter_mut().filter(|(_, wide)| *wide > 1).max_by_key(|(_, wide)| *wide) else {
            return kept;
        };
        widest.1 -= 1;
    }
}

/// `text` in at most `width` columns; where it is longer, `…` stands for the rest.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        let next = kept.width() + c.width().unwrap_or_default();
        if next + 1 > width {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

fn total(kept: &[(usize, usize)]) -> usize {
    kept.iter().map(|(_, wide)| wide).sum::<usize>() + GAP * kept.len().saturating_sub(1)
}

fn natural(table: &Table, at: usize, column: &Column) -> usize {
    let cells = table.rows.iter().filter_map(|row| row.cells.get(at)).map(super::table::Cell::width);
    let widest = cells.chain([column.title.width(), usize::from(column.min_width)]).max().unwrap_or_default();
    match column.max_width {
        0 => widest,
        most => widest.min(usize::from(most).max(column.title.width())),
    }
}

/// Takes up to `over` from the free columns; says whether any gave.
fn shrink_free(table: &Table, kept: &mut [(usize, usize)], over: usize) -> bool {
    let mut left = over;
    for (at, wide) in kept.iter_mut().rev() {
        let column = &table.columns[*at];
        if column.max_width > 0 {
            continue;
        }
        let least = usize::from(column.min_width).max(column.title.width());
        let give = wide.saturating_sub(least).min(left);
        *wide -= give;
        left -= give;
    }
    left < over
}

#[cfg(test)]
mod tests {
    use super::super::table::{Cell, Row, Tone};
    use super::*;

    const COLUMNS: &[Column] = &[
        Column::text("name", "NAME", 0, 4, 10),
        Column::numbers("lag", "LAG", 1, 6),
        Column::text("extra", "EXTRA", 2, 5, 8),
        Column::text("notes", "NOTES", 0, 6, 0),
    ];

    fn table() -> Table {
        let mut table = Table::new(COLUMNS, "", "");
        let cell = |text: &str| Cell::text(text, Tone::Plain);
        let cells = vec![cell("pg-0"), cell("1 B"), cell("something long"), cell("a note of some length")];
        table.rows = vec![Row { id: "pg-0".into(), cells }];
        table
    }

    #[test]
    fn free_text_gives_way_first_then_the_columns_of_the_highest_rank() {
        let table = table();
        assert_eq!(fit(&table, 100), [(0, 4), (1, 6), (2, 8), (3, 21)]);
        assert_eq!(fit(&table, 35), [(0, 4), (1, 6), (2, 8), (3, 11)]);
        assert_eq!(fit(&table, 28), [(0, 4), (1, 6), (3, 14)]);
        assert_eq!(fit(&table, 14), [(0, 4), (3, 8)]);
        assert_eq!(fit(&table, 7), [(0, 3), (3, 2)]);
    }

    #[test]
    fn a_number_column_keeps_its_width_whatever_it_holds() {
        let mut table = table();
        let before = fit(&table, 100)[1];
        table.rows[0].cells[1] = Cell::text("999.9 MB of it", Tone::Plain);
        assert_eq!(fit(&table, 100)[1], before);
    }
}
