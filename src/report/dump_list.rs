//! The dumps of a directory as a table.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::cells;
use super::line::Line;
use super::table::{Cell, Column, Row, SortKey, Table, Tone};
use super::units::{self, AGE_WIDTH, BYTES_WIDTH, DATE_TIME_WIDTH};
use crate::model::dump::{DumpCompression, DumpFormat, DumpInventory, ListedDump};

/// Half of the size of the one before is less than any ordinary day takes away.
const SHRUNKEN_PERCENT: u64 = 50;

/// Columns of [`table`]. Rows are named by their path.
pub const COLUMNS: &[Column] = &[
    Column::text("path", "DUMP", 0, 16, 56),
    Column::text("database", "DATABASE", 1, 8, 24),
    Column::text("written", "WRITTEN", 1, DATE_TIME_WIDTH, DATE_TIME_WIDTH),
    Column::numbers("age-seconds", "AGE", 0, AGE_WIDTH),
    Column::numbers("size-bytes", "SIZE", 0, BYTES_WIDTH),
    Column::numbers("change-percent", "CHANGE", 2, 7),
    Column::text("format", "FORMAT", 3, 6, 16),
    Column::text("server", "SERVER", 3, 5, 8),
    Column::text("state", "STATE", 0, 8, 60),
];

/// Dumps, newest first. Times are written in `zone`; ages are those at `now`.
pub fn table(inventory: &DumpInventory, now: Timestamp, zone: &TimeZone) -> Table {
    let mut table = Table::new(COLUMNS, "no dumps in this directory", "");
    for (index, dump) in inventory.dumps.iter().enumerate() {
        table.rows.push(row(inventory, index, dump, now, zone));
    }
    table
}

fn row(inventory: &DumpInventory, index: usize, dump: &ListedDump, now: Timestamp, zone: &TimeZone) -> Row {
    let change = inventory.before(index).and_then(|before| change(before.dump.size?, dump.dump.size?));
    let has_shrunk = change.is_some_and(|change| change <= -(SHRUNKEN_PERCENT as i64));
    let state = match &dump.defect {
        Some(defect) => Cell::ranked(2, defect.clone(), Tone::Critical),
        None if has_shrunk => Cell::ranked(1, "much smaller than the one before", Tone::Warning),
        None => Cell::ranked(0, "readable", Tone::Ok),
    };
    let age = now.duration_since(dump.modified);
    let cells = vec![
        Cell::text(dump.path.clone(), Tone::Plain),
        cells::text_cell(&dump.database.clone().unwrap_or_default(), Tone::Plain),
        Cell {
            key: SortKey::Number(dump.modified.as_millisecond() as f64),
            ..Cell::text(units::date_time(dump.modified, zone), Tone::Dim)
        },
        // A clock that is ahead makes nothing fresh.
        Duration::try_from(age).map_or_else(|_| Cell::unknown(), |age| cells::ago(Some(age), Tone::Plain)),
        cells::bytes(dump.dump.size, Tone::Plain),
        change.map_or_else(Cell::none, |change| {
            let tone = if has_shrunk { Tone::Warning } else { Tone::Dim };
            Cell::number(change as f64, format!("{change:+} %"), tone)
        }),
        Cell::text(format(dump), Tone::Dim),
        server(dump),
        state,
    ];
    Row { id: dump.path.clone(), cells }
}

fn change(before: u64, now: u64) -> Option<i64> {
    let difference = i64::try_from(now).ok()?.checked_sub(i64::try_from(before).ok()?)?;
    difference.checked_mul(100)?.checked_div(i64::try_from(before).ok()?)
}

fn format(dump: &ListedDump) -> String {
    let by = if dump.dump.wrapped_in == DumpCompression::None { dump.dump.compression } else { dump.dump.wrapped_in };
    match (dump.dump.format, by) {
        (DumpFormat::Unknown, _) => String::new(),
        (format, DumpCompression::None) => format.as_str().to_owned(),
        (format, by) => format!("{} {}", format.as_str(), by.as_str()),
    }
}

fn server(dump: &ListedDump) -> Cell {
    dump.dump.server_version.as_ref().map_or_else(Cell::unknown, |version| {
        Cell::text(version.as_str().split(' ').next().unwrap_or_default(), Tone::Dim)
    })
}

/// What is odd about the directory, and how much there is.
pub fn footer(inventory: &DumpInventory) -> Vec<Line> {
    let mut lines: Vec<Line> =
        inventory.defects.iter().map(|defect| Line::new().with(defect.describe(), Tone::Warning)).collect();
    let names: usize = inventory.dumps.iter().map(|dump| dump.other_names.len()).sum();
    let mut words = format!("{}, {}", units::plural(inventory.dumps.len(), "dump"), units::bytes(inventory.bytes()));
    if names > 0 {
        words += &format!("; {} of the same files under other names", units::plural(names, "link"));
    }
    let readable = inventory.readable();
    if readable < inventory.dumps.len() {
        words += &format!("; {readable} readable");
    }
    lines.push(Line::new().dim(words));
    lines
}
