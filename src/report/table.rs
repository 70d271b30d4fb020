//! A table as data: columns with a rank for narrow terminals, cells with a tone and a key to sort by.
//!
//! The screen and the command line draw the same table; only how they draw it differs.

use std::cmp::Ordering;

use crate::model::text::Text;

/// What a colour means. One meaning each; the theme decides on the colour.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Tone {
    /// Ordinary text.
    #[default]
    Plain,
    /// In order.
    Well,
    /// Look at it.
    Look,
    /// Act on it.
    Act,
    /// Old, unknown, or silent.
    Stale,
    /// Secondary: labels, units, sources.
    Dim,
    /// Names that lead the eye: the cluster, the leader.
    Strong,
}

/// Which side a column hugs. Numbers hug the right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Align {
    /// Left.
    Left,
    /// Right.
    Right,
}

/// One column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    /// Name in CSV and for sorting; stable, kebab-case.
    pub key: &'static str,
    /// Heading on the screen.
    pub title: &'static str,
    /// Alignment.
    pub align: Align,
    /// 0 is never dropped; on a narrow terminal the highest rank goes first.
    pub rank: u8,
    /// Cells before and after fitting; the screen never makes it narrower than this.
    pub min_width: u16,
    /// Widest it may grow; 0 is without limit (the last, free-text column).
    pub max_width: u16,
}

/// What a cell sorts by. Unknown sorts last in either direction: it is not small and not large.
#[derive(Clone, PartialEq, PartialOrd, Debug)]
pub enum SortKey {
    /// By number.
    Number(f64),
    /// By text.
    Text(Text),
    /// Unknown.
    Unknown,
}

/// One cell.
#[derive(Clone, PartialEq, Debug)]
pub struct Cell {
    /// Text.
    pub text: Text,
    /// Tone.
    pub tone: Tone,
    /// Key to sort by.
    pub key: SortKey,
}

impl Cell {
    /// Text that sorts as text.
    pub fn text(text: impl Into<Text>, tone: Tone) -> Self {
        let text = text.into();
        Self { key: SortKey::Text(text.clone()), text, tone }
    }

    /// A number written as `text`.
    pub fn number(value: f64, text: impl Into<Text>, tone: Tone) -> Self {
        Self { text: text.into(), tone, key: SortKey::Number(value) }
    }

    /// Not known: `?`.
    pub fn unknown() -> Self {
        Self { text: Text::new("?"), tone: Tone::Stale, key: SortKey::Unknown }
    }

    /// Does not apply: `–`. Not the same as unknown.
    pub fn none() -> Self {
        Self { text: Text::new("–"), tone: Tone::Dim, key: SortKey::Unknown }
    }
}

/// One row, named so that a selection survives sorting and refreshing.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// Name of the row, unique in its table.
    pub id: Text,
    /// One cell a column.
    pub cells: Vec<Cell>,
}

/// What to show in place of an empty table: why it is empty, and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Empty {
    /// Why.
    pub reason: Text,
    /// What to do, one line; may be empty.
    pub hint: Text,
}

/// A table.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// Columns.
    pub columns: &'static [Column],
    /// Rows in their natural order.
    pub rows: Vec<Row>,
    /// Why it is empty, where it is.
    pub empty: Empty,
}

/// Direction of a sort.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Direction {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

impl Table {
    /// An empty table with the reason why it is empty.
    pub fn new(columns: &'static [Column], reason: impl Into<Text>, hint: impl Into<Text>) -> Self {
        Self { columns, rows: Vec::new(), empty: Empty { reason: reason.into(), hint: hint.into() } }
    }

    /// Sorts by column `index`; equal rows keep their natural order, unknown ones go last.
    pub fn sort(&mut self, index: usize, direction: Direction) {
        self.rows.sort_by(|a, b| match (a.cells.get(index), b.cells.get(index)) {
            (Some(a), Some(b)) => compare(&a.key, &b.key, direction),
            _ => Ordering::Equal,
        });
    }

    /// Keeps the rows in which any cell contains `needle`, letter case ignored. A leading `!` keeps the others.
    pub fn filter(&mut self, needle: &str) {
        let (inverse, needle) = needle.strip_prefix('!').map_or((false, needle), |rest| (true, rest));
        let needle = needle.trim().to_lowercase();
        if needle.is_empty() {
            return;
        }
        self.rows.retain(|row| {
            let found = row.cells.iter().any(|cell| cell.text.as_str().to_lowercase().contains(&needle));
            found != inverse
        });
        if self.rows.is_empty() {
            self.empty = Empty { reason: Text::new("no row matches the filter"), hint: Text::new("Esc clears it") };
        }
    }
}

fn compare(a: &SortKey, b: &SortKey, direction: Direction) -> Ordering {
    match (a, b) {
        (SortKey::Unknown, SortKey::Unknown) => Ordering::Equal,
        (SortKey::Unknown, _) => Ordering::Greater,
        (_, SortKey::Unknown) => Ordering::Less,
        (a, b) => {
            let order = a.partial_cmp(b).unwrap_or(Ordering::Equal);
            if direction == Direction::Descending { order.reverse() } else { order }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] =
        &[Column { key: "lag", title: "LAG", align: Align::Right, rank: 0, min_width: 3, max_width: 8 }];

    fn table() -> Table {
        let mut table = Table::new(COLUMNS, "nothing", "");
        let row = |id: &str, cell| Row { id: id.into(), cells: vec![cell] };
        table.rows = vec![
            row("a", Cell::unknown()),
            row("b", Cell::number(3.0, "3 B", Tone::Plain)),
            row("c", Cell::number(1.0, "1 B", Tone::Plain)),
        ];
        table
    }

    fn ids(table: &Table) -> String {
        table.rows.iter().map(|row| row.id.as_str()).collect()
    }

    #[test]
    fn unknown_sorts_last_both_ways() {
        let mut table = table();
        table.sort(0, Direction::Ascending);
        assert_eq!(ids(&table), "cba");
        table.sort(0, Direction::Descending);
        assert_eq!(ids(&table), "bca");
    }

    #[test]
    fn a_filter_keeps_or_with_a_bang_drops_and_says_when_nothing_is_left() {
        let mut kept = table();
        kept.filter("3 b");
        assert_eq!(ids(&kept), "b");
        let mut dropped = table();
        dropped.filter("!3 b");
        assert_eq!(ids(&dropped), "ac");
        dropped.filter("nothing like it");
        assert_eq!(dropped.empty.reason, "no row matches the filter");
    }
}
