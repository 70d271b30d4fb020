//! A table as data: columns with a rank for narrow terminals, cells with a tone and a key to sort by.
//!
//! The screen and the command line draw the same table; only how they draw it differs.

use std::cmp::Ordering;

use unicode_width::UnicodeWidthStr;

use super::symbol::Mark;
use crate::model::text::Text;

/// What a colour means. One meaning each; the theme decides on the colour.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Tone {
    /// Ordinary text.
    #[default]
    Plain,
    /// In order.
    Ok,
    /// Look at it.
    Warning,
    /// Act on it.
    Critical,
    /// Old, unknown, or silent.
    Stale,
    /// Secondary: labels, units, sources.
    Dim,
    /// Names that lead the eye: the cluster, the leader.
    Strong,
}

/// What stands for a value that nobody knows.
pub const UNKNOWN: &str = "?";

/// What stands for a value that does not apply.
pub const NONE: &str = "–";

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

impl Column {
    /// A column of words.
    pub const fn text(key: &'static str, title: &'static str, rank: u8, min_width: u16, max_width: u16) -> Self {
        Self { key, title, align: Align::Left, rank, min_width, max_width }
    }

    /// A column of numbers, `width` wide and never another: the eye finds a number where it was a second ago.
    /// Where the numbers have a unit, `key` ends in it: CSV writes them bare.
    pub const fn numbers(key: &'static str, title: &'static str, rank: u8, width: u16) -> Self {
        Self { key, title, align: Align::Right, rank, min_width: width, max_width: width }
    }
}

/// What a cell sorts by. Unknown sorts last in either direction: it is not small and not large.
#[derive(Clone, PartialEq, PartialOrd, Debug)]
pub enum SortKey {
    /// By number: the value itself, in the unit that the column's key names.
    Number(f64),
    /// By a rank that stands for a word: 0 is the least.
    Rank(i64),
    /// By text.
    Text(Text),
    /// Unknown.
    Unknown,
}

/// One cell. Drawn as lead, mark and a blank, text.
#[derive(Clone, PartialEq, Debug)]
pub struct Cell {
    /// Branches of a tree before the text, dim; empty where the table is not a tree or is not in tree order.
    pub lead: Text,
    /// State as one symbol before the text, in a tone of its own.
    pub mark: Option<Mark>,
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
        Self { lead: Text::default(), mark: None, key: SortKey::Text(text.clone()), text, tone }
    }

    /// A number written as `text`.
    pub fn number(value: f64, text: impl Into<Text>, tone: Tone) -> Self {
        Self { lead: Text::default(), mark: None, text: text.into(), tone, key: SortKey::Number(value) }
    }

    /// A word that sorts by `rank`, not by its letters.
    pub fn ranked(rank: i64, text: impl Into<Text>, tone: Tone) -> Self {
        Self { lead: Text::default(), mark: None, text: text.into(), tone, key: SortKey::Rank(rank) }
    }

    /// Not known: `?`.
    pub fn unknown() -> Self {
        Self { lead: Text::default(), mark: None, text: Text::new(UNKNOWN), tone: Tone::Stale, key: SortKey::Unknown }
    }

    /// Does not apply: `–`. Not the same as unknown.
    pub fn none() -> Self {
        Self { lead: Text::default(), mark: None, text: Text::new(NONE), tone: Tone::Dim, key: SortKey::Unknown }
    }

    /// The same with a symbol before it.
    #[must_use]
    pub fn marked(mut self, mark: Mark) -> Self {
        self.mark = Some(mark);
        self
    }

    /// The same with branches of a tree before it.
    #[must_use]
    pub fn led(mut self, lead: impl Into<Text>) -> Self {
        self.lead = lead.into();
        self
    }

    /// Columns it takes on a terminal.
    pub fn width(&self) -> usize {
        let mark = if self.mark.is_some() { 2 } else { 0 };
        self.lead.as_str().width() + mark + self.text.as_str().width()
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

    /// Sorts by column `index`; equal rows keep their natural order, unknown ones go last. Branches of a tree go: they
    /// would lead nowhere.
    pub fn sort(&mut self, index: usize, direction: Direction) {
        self.drop_leads();
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
        self.drop_leads();
        if self.rows.is_empty() {
            self.empty = Empty { reason: Text::new("no row matches the filter"), hint: Text::new("Esc clears it") };
        }
    }
}

impl Table {
    fn drop_leads(&mut self) {
        for cell in self.rows.iter_mut().flat_map(|row| &mut row.cells) {
            cell.lead = Text::default();
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
