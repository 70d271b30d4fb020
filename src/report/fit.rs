//! Which columns of a table fit into a width, and how wide each is.

use unicode_width::UnicodeWidthStr;

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
