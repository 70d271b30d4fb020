//! Every source: whether it answers, how old its word is, how long it took, and what usually mends its trouble.

use super::{Pane, PaneHeight, ViewModel};
use crate::model::observed::Freshness;
use crate::model::snapshot::SourceStatus;
use crate::model::text::Text;
use crate::report::symbol::Mark;
use crate::report::table::{Cell, Column, Row, Table, Tone};
use crate::report::units;

const COLUMNS: &[Column] = &[
    Column::text("source", "SOURCE", 0, 14, 40),
    Column::text("state", "STATE", 0, 8, 8),
    Column::numbers("age-seconds", "AGE", 0, units::AGE_WIDTH),
    Column::numbers("took-seconds", "LATENCY", 1, units::DURATION_WIDTH),
    Column::text("trouble", "ERROR", 0, 12, 48),
    Column::text("remedy", "REMEDY", 2, 12, 0),
];

pub(super) fn panes(view_model: ViewModel<'_>) -> Vec<Pane> {
    let mut table = Table::new(COLUMNS, "no source is configured", "`pgctl-tui init` finds them");
    table.rows = view_model.picture.snapshot.sources().iter().map(row).collect();
    vec![Pane::table("sources", "Sources", table, PaneHeight::Share(1))]
}

fn row(status: &SourceStatus) -> Row {
    let (mark, word, tone) = match status.freshness {
        Freshness::Fresh => (Mark::Ok, "up", Tone::Plain),
        Freshness::Waiting => (Mark::Waiting, "waiting", Tone::Stale),
        Freshness::Stale => (Mark::Silent, "stale", Tone::Stale),
        Freshness::Lost => (Mark::Silent, "no data", Tone::Stale),
    };
    let seconds = |span: std::time::Duration, text: String| Cell::number(span.as_secs_f64(), text, tone);
    let name = Text::new(status.source.to_string());
    let words = |text: Option<&str>, tone: Tone| text.map_or_else(Cell::none, |text| Cell::text(text, tone));
    Row {
        id: name.clone(),
        cells: vec![
            Cell::text(name, tone).marked(mark),
            Cell::text(word, tone),
            status.age.map_or_else(Cell::unknown, |age| seconds(age, units::age(age))),
            status.took.map_or_else(Cell::unknown, |took| seconds(took, units::latency(took))),
            words(status.failure_kind.as_deref(), Tone::Warning),
            words(status.remedy.as_deref(), Tone::Plain),
        ],
    }
}
