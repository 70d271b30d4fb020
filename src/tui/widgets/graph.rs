//! A curve of a few rows: the latest on the right, gaps left empty, the largest value and the span written beside it.

use std::time::Duration;

use ratatui::layout::Rect;

use super::Canvas;
use crate::model::series::Series;
use crate::report::units;
use crate::tui::theme::Role;

/// What the numbers of a curve are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesRate,
    /// Seconds.
    Seconds,
    /// A count.
    Count,
}

impl Unit {
    /// `value` in words.
    pub fn describe(self, value: f32) -> String {
        let whole = value.max(0.0) as u64;
        match self {
            Self::Bytes => units::bytes(whole),
            Self::BytesRate => units::bytes_rate(whole),
            Self::Seconds => units::duration(Duration::from_secs_f32(value.max(0.0))),
            Self::Count => units::count(whole),
        }
    }
}

/// A curve.
#[derive(Clone, PartialEq, Debug)]
pub struct Graph {
    /// What it shows.
    pub title: String,
    /// Unit of the values.
    pub unit: Unit,
    /// Values, oldest first; `None` is a gap.
    pub samples: Vec<Option<f32>>,
    /// Time between two values.
    pub step: Duration,
}

/// Rows that a curve takes: its title, its body.
pub const HEIGHT: u16 = 4;

/// Columns for the scale.
const SCALE: u16 = 10;

const LEVELS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

impl Graph {
    /// A curve of `series`.
    pub fn new(title: String, unit: Unit, series: &Series) -> Self {
        Self { title, unit, samples: series.samples().collect(), step: series.step() }
    }

    /// The newest `columns` values. Never squeezed: one column is one step, so a curve does not change its shape.
    fn window(&self, columns: usize) -> &[Option<f32>] {
        &self.samples[self.samples.len().saturating_sub(columns)..]
    }
}

/// Columns that a graph takes beside others, for an area of `width` columns with `count` graphs.
pub fn across(width: u16, count: usize) -> u16 {
    let most = (width / 38).max(1);
    most.min(u16::try_from(count).unwrap_or(u16::MAX)).max(1)
}

/// Draws graphs side by side, as many as fit, the rest in further rows.
pub fn draw_all(canvas: &mut Canvas<'_>, area: Rect, graphs: &[Graph]) {
    let columns = across(area.width, graphs.len());
    let width = area.width / columns;
    for (index, graph) in graphs.iter().enumerate() {
        let index = u16::try_from(index).unwrap_or(u16::MAX);
        let place =
            Rect { x: area.x + index % columns * width, y: area.y + index / columns * HEIGHT, width, height: HEIGHT };
        if place.bottom() > area.bottom() {
            return;
        }
        draw(canvas, place, graph);
    }
}

/// Draws one graph: title and newest value, then the body with the scale on its left.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, graph: &Graph) {
    if area.height < 2 || area.width < SCALE + 6 {
        return;
    }
    let plot = Rect { x: area.x + SCALE + 1, y: area.y + 1, width: area.width - SCALE - 3, height: area.height - 1 };
    let window = graph.window(usize::from(plot.width));
    let most = window.iter().copied().flatten().fold(0.0_f32, f32::max);
    let newest = window.last().copied().flatten();
    let now = newest.map_or_else(|| "?".to_owned(), |value| graph.unit.describe(value));
    let span = units::duration(graph.step * u32::try_from(window.len()).unwrap_or(u32::MAX));
    let used = canvas.as_str(area.x + 1, area.y, area.width - 2, &graph.title, Role::Text);
    let tone = if newest.is_some() { Role::Strong } else { Role::Stale };
    let used = used + canvas.as_str(area.x + 2 + used, area.y, 12, &now, tone);
    canvas.as_str(area.x + 4 + used, area.y, area.width.saturating_sub(used + 5), &format!("last {span}"), Role::Dim);

    scale(canvas, area, plot, &graph.unit.describe(most));
    let rows = f32::from(plot.height);
    let first = plot.right() - u16::try_from(window.len()).unwrap_or(u16::MAX).min(plot.width);
    for (x, value) in (first..plot.right()).zip(window) {
        let Some(value) = value else { continue };
        let filled = if most > 0.0 { value / most * rows * 8.0 } else { 0.0 };
        // A zero that was measured is a line at the bottom; a gap is nothing.
        let eighths = (filled.round() as usize).max(1);
        for row in 0..plot.height {
            let here = eighths.saturating_sub(usize::from(row) * 8).min(8);
            if here > 0 {
                canvas.as_str(x, plot.bottom() - 1 - row, 1, LEVELS[here - 1], Role::Graph);
            }
        }
    }
}

fn scale(canvas: &mut Canvas<'_>, area: Rect, plot: Rect, most: &str) {
    let right = |text: &str| u16::try_from(SCALE as usize - text.chars().count().min(SCALE as usize)).unwrap_or(0);
    canvas.as_str(area.x + right(most), plot.y, SCALE, most, Role::GraphAxis);
    if plot.height > 1 {
        canvas.as_str(area.x + right("0"), plot.bottom() - 1, SCALE, "0", Role::GraphAxis);
    }
    for y in plot.top()..plot.bottom() {
        canvas.as_str(area.x + SCALE, y, 1, "│", Role::Border);
    }
}
