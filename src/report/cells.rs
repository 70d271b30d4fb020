//! Cells of one kind each: a number with its unit, a fact with its freshness. What is not known is `?`, never 0.

use std::time::Duration;

use super::table::{Cell, Row, Tone};
use super::units;
use crate::model::moment::Moment;
use crate::model::observed::{Observed, Reading};
use crate::model::postgres::{SqlPart, SqlReport};
use crate::model::text::Text;

/// A fact drawn by `draw`: `?` where nobody said it, grey where the one who said it is silent now.
pub(crate) fn fact_cell<T>(fact: Option<Observed<T>>, draw: impl FnOnce(T) -> Cell) -> Cell {
    let Some(fact) = fact else { return Cell::unknown() };
    let cell = draw(fact.value);
    if fact.fresh { cell } else { Cell { tone: Tone::Stale, ..cell } }
}

/// Bytes.
pub(crate) fn bytes(value: Option<u64>, tone: Tone) -> Cell {
    value.map_or_else(Cell::unknown, |value| Cell::number(value as f64, units::bytes(value), tone))
}

/// A count.
pub(crate) fn count(value: Option<u64>, tone: Tone) -> Cell {
    value.map_or_else(Cell::unknown, |value| Cell::number(value as f64, units::count(value), tone))
}

/// Events a second.
pub(crate) fn rate(value: Option<u64>, tone: Tone) -> Cell {
    value.map_or_else(Cell::unknown, |value| Cell::number(value as f64, units::rate(value), tone))
}

/// A length of time, sorted in seconds.
pub(crate) fn span(value: Option<Duration>, tone: Tone) -> Cell {
    value.map_or_else(Cell::unknown, |value| Cell::number(value.as_secs_f64(), units::duration(value), tone))
}

/// A short length of time in milliseconds, sorted in seconds.
pub(crate) fn latency(value: Option<Duration>, tone: Tone) -> Cell {
    value.map_or_else(Cell::unknown, |value| Cell::number(value.as_secs_f64(), units::latency(value), tone))
}

/// How long ago.
pub(crate) fn ago(value: Option<Duration>, tone: Tone) -> Cell {
    value.map_or_else(Cell::unknown, |value| Cell::number(value.as_secs_f64(), units::age(value), tone))
}

/// Words that may be empty: then they do not apply.
pub(crate) fn text_cell(text: &Text, tone: Tone) -> Cell {
    if text.is_empty() { Cell::none() } else { Cell::text(text.clone(), tone) }
}

/// Words that may be unknown.
pub(crate) fn text_or_unknown(text: Option<&Text>, tone: Tone) -> Cell {
    text.filter(|text| !text.is_empty()).map_or_else(Cell::unknown, |text| Cell::text(text.clone(), tone))
}

/// How long ago a source answered.
pub(crate) fn seen<T>(reading: &Reading<T>, now: Moment) -> Cell {
    let tone = if reading.is_fresh(now) { Tone::Dim } else { Tone::Stale };
    ago(reading.age(now), tone)
}

/// How long ago a part of what PostgreSQL told was asked for.
pub(crate) fn seen_part(reading: &Reading<SqlReport>, part: SqlPart, now: Moment) -> Cell {
    let tone = if reading.is_fresh(now) { Tone::Dim } else { Tone::Stale };
    ago(reading.part(now, part, |_| Some(())).map(|fact| fact.age(now)), tone)
}

/// A row of an answer: all of it grey where the source is silent now.
pub(crate) fn row<T>(reading: &Reading<T>, now: Moment, id: impl Into<Text>, mut cells: Vec<Cell>) -> Row {
    if !reading.is_fresh(now) {
        for cell in &mut cells {
            cell.tone = Tone::Stale;
        }
    }
    Row { id: id.into(), cells }
}

/// `-` where a value does not apply, else `?` where it is unknown.
pub(crate) fn or_none(applies: bool, cell: impl FnOnce() -> Cell) -> Cell {
    if applies { cell() } else { Cell::none() }
}
