//! What changed, with time and source.

use jiff::tz::TimeZone;

use super::table::{Column, Table};
use super::units::DATE_TIME_WIDTH;
use crate::model::event::Event;

/// Columns of [`table`]. Rows are named by the event's place in the slice given, oldest 0.
pub const COLUMNS: &[Column] = &[
    Column::words("at", "WHEN", 0, DATE_TIME_WIDTH, DATE_TIME_WIDTH),
    Column::words("severity", "SEVERITY", 2, 8, 8),
    Column::words("kind", "KIND", 1, 11, 13),
    Column::words("subject", "ABOUT", 1, 8, 24),
    Column::words("text", "WHAT", 0, 20, 0),
    Column::words("source", "SOURCE", 1, 9, 24),
];

/// Events, newest first. `events` is oldest first, as the picture has it; times are written in `zone`.
pub fn table(events: &[Event], zone: &TimeZone) -> Table {
    let _ = (events, zone);
    Table::new(COLUMNS, "", "")
}
