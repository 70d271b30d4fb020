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
const SHRUNKEN_PERCENT: i64 = 50;

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
    let has_shrunk = change.is_some_and(|change| change <= -SHRUNKEN_PERCENT);
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
    let (count, readable) = (inventory.dumps.len(), inventory.readable());
    let hard_links =
        (names > 0).then(|| format!("; {} of the same files under other names", units::plural(names, "link")));
    let some = (readable < count).then(|| format!("; {readable} readable"));
    let line = Line::new().dim(format!("{}, {}", units::plural(count, "dump"), units::bytes(inventory.bytes())));
    lines.push(line.dim(hard_links.unwrap_or_default()).dim(some.unwrap_or_default()));
    lines
}

#[cfg(test)]
mod tests {
    use super::super::test_support::rendered;
    use super::*;
    use crate::model::dump::{DirectoryDefect, DumpDescription};

    fn dump(path: &str, hour: &str, size: u64, defect: Option<&str>) -> ListedDump {
        ListedDump {
            path: path.into(),
            other_names: if defect.is_none() { vec!["daily/bank-20261201.sql.gz".into()] } else { Vec::new() },
            modified: format!("2026-12-01T{hour}:00:00Z").parse().expect("a time"),
            dump: DumpDescription {
                format: DumpFormat::Custom,
                compression: DumpCompression::Gzip,
                wrapped_in: DumpCompression::None,
                size: Some(size),
                database: Some("bank".into()),
                begun: None,
                server_version: Some("17.12 (Debian 17.12-0+deb13u1)".into()),
                dump_version: None,
                archive_version: None,
                contents: None,
            },
            database: Some("bank".into()),
            defect: defect.map(Into::into),
        }
    }

    #[test]
    fn a_dump_that_is_damaged_or_much_smaller_and_a_link_that_misleads_are_seen() {
        let dumps = vec![
            dump("last/bank-3.sql.gz", "12", 40 << 20, None),
            dump("last/bank-2.sql.gz", "11", 0, Some("there is nothing in it")),
            dump("last/bank-1.sql.gz", "10", 100 << 20, None),
        ];
        let defects = vec![DirectoryDefect::BrokenLink { link: "last/bank-latest.sql.gz".into() }];
        let inventory = DumpInventory { dumps, defects };
        let now = "2026-12-01T13:00:00Z".parse().expect("a time");
        insta::assert_snapshot!(rendered(&table(&inventory, now, &TimeZone::UTC)), @r"
        DUMP                DATABASE  WRITTEN                       AGE      SIZE   CHANGE  FORMAT       SERVER  STATE
        last/bank-3.sql.gz  bank      2026-12-01 12:00:00     1h 0m ago   40.0 MB    -60 %  custom gzip  17.12   much smaller than the one before
        last/bank-2.sql.gz  bank      2026-12-01 11:00:00     2h 0m ago       0 B   -100 %  custom gzip  17.12   there is nothing in it
        last/bank-1.sql.gz  bank      2026-12-01 10:00:00     3h 0m ago  100.0 MB        –  custom gzip  17.12   readable
        ");
        let lines: Vec<String> = footer(&inventory).iter().map(Line::text).collect();
        assert_eq!(
            lines,
            [
                "last/bank-latest.sql.gz is a broken link",
                "3 dumps, 140.0 MB; 2 links of the same files under other names; 2 readable"
            ]
        );
    }
}
