//! Which columns of a table fit into a width, and how wide each is.

use super::table::Table;

/// Blanks between two columns.
pub const GAP: usize = 2;

/// Index and width of each column kept, in order. Columns of the highest rank go first; those of rank 0 stay and are
/// cut at last.
pub fn fit(table: &Table, width: usize) -> Vec<(usize, usize)> {
    let _ = (table, width);
    Vec::new()
}
