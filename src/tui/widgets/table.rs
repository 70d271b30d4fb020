//! A table on the screen: heading, rows, the selection, the sort mark, the scroll bar.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::{Canvas, scroll_bar, skip_columns, wrap};
use crate::model::text::Text;
use crate::report::fit::{GAP, fit};
use crate::report::table::{Align, Cell, Column, Direction, Row, Table};
use crate::tui::theme::Role;

/// What the operator did to a table. Kept by row name, so that it survives refreshing and sorting.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TableState {
    /// Name of the selected row; `None`: the first.
    pub selected: Option<Text>,
    /// Where the selected row was, for when it is gone.
    pub position: usize,
    /// Column and direction sorted by; `None`: natural order.
    pub sort: Option<(usize, Direction)>,
    /// Text that rows are filtered by.
    pub filter: String,
    /// Columns that the last column is scrolled by.
    pub scrolled: usize,
}

impl TableState {
    /// The table as filtered and sorted.
    pub fn arrange(&self, table: &mut Table) {
        table.filter(&self.filter);
        if let Some((column, direction)) = self.sort {
            table.sort(column, direction);
        }
    }

    /// Place of the selection among the rows.
    pub fn index(&self, table: &Table) -> Option<usize> {
        let last = table.rows.len().checked_sub(1)?;
        let found = self.selected.as_ref().and_then(|id| table.rows.iter().position(|row| row.id == *id));
        Some(found.unwrap_or(self.position.min(last)))
    }

    /// Selects the row at `index`, or the last.
    pub fn select(&mut self, table: &Table, index: usize) {
        let Some(last) = table.rows.len().checked_sub(1) else { return };
        self.position = index.min(last);
        self.selected = table.rows.get(self.position).map(|row| row.id.clone());
    }
}

/// What the screen remembers of a table: where it was scrolled to and where it was drawn. For the mouse, for paging,
/// and so that columns never become narrower under the reader's eyes.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TableSurface {
    /// First row shown.
    pub offset: usize,
    /// Place of the heading.
    pub heading: Rect,
    /// Place of the rows.
    pub rows: Rect,
    /// Columns shown: index, where it begins, how wide.
    pub columns: Vec<(usize, u16, u16)>,
    /// Width that the columns were fitted to.
    pub fitted: u16,
}

/// Draws a table that is already arranged.
pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    table: &Table,
    state: &TableState,
    focused: bool,
    surface: &mut TableSurface,
) {
    if area.width < 4 || area.height == 0 {
        *surface = TableSurface::default();
        return;
    }
    if table.rows.is_empty() {
        surface.rows = Rect::default();
        surface.heading = Rect::default();
        empty(canvas, area, table);
        return;
    }
    // A blank on the left, the scroll bar on the right.
    let inner = Rect { x: area.x + 1, width: area.width - 2, ..area };
    place_columns(table, inner, surface);
    surface.heading = Rect { height: 1, ..area };
    surface.rows = Rect { y: area.y + 1, height: area.height - 1, ..area };
    heading(canvas, table, state, surface);

    let visible = usize::from(surface.rows.height);
    let selected = state.index(table);
    scroll_to(surface, selected, table.rows.len(), visible);
    for (place, (index, row)) in surface.rows.rows().zip(table.rows.iter().enumerate().skip(surface.offset)) {
        draw_row(canvas, place.y, table, row, state, surface);
        if selected == Some(index) && focused {
            canvas.tint(place, Role::Selection);
        } else if selected == Some(index) && state.selected.is_some() {
            canvas.tint(place, Role::SelectionIdle);
        }
    }
    let bar = Rect { x: area.right() - 1, width: 1, ..surface.rows };
    scroll_bar::draw(canvas, bar, table.rows.len(), visible, surface.offset);
}

/// Draws a table that nobody works with: no selection, no scroll bar, from the first row on.
pub fn draw_plain(canvas: &mut Canvas<'_>, area: Rect, table: &Table) {
    if area.width < 4 || area.height == 0 {
        return;
    }
    if table.rows.is_empty() {
        return empty(canvas, area, table);
    }
    let (state, mut surface) = (TableState::default(), TableSurface::default());
    place_columns(table, Rect { x: area.x + 1, width: area.width - 2, ..area }, &mut surface);
    surface.heading = Rect { height: 1, ..area };
    heading(canvas, table, &state, &surface);
    for (place, row) in area.rows().skip(1).zip(&table.rows) {
        draw_row(canvas, place.y, table, row, &state, &surface);
    }
}

fn empty(canvas: &mut Canvas<'_>, area: Rect, table: &Table) {
    let width = usize::from(area.width.saturating_sub(2));
    let reason = wrap::wrap(table.empty.reason.as_str(), width).into_iter().map(|line| (line, Role::Stale));
    let hint = wrap::wrap(table.empty.hint.as_str(), width).into_iter().map(|line| (line, Role::Dim));
    for (place, (line, role)) in area.rows().zip(reason.chain(hint)) {
        canvas.as_str(place.x + 1, place.y, area.width.saturating_sub(2), &line, role);
    }
}

/// Fits the columns. As long as the same columns are shown at the same width, none becomes narrower than it was: the
/// eye finds a number where it was a second ago.
fn place_columns(table: &Table, inner: Rect, surface: &mut TableSurface) {
    let mut fitted = fit(table, usize::from(inner.width));
    let same = surface.fitted == inner.width
        && surface.columns.len() == fitted.len()
        && surface.columns.iter().zip(&fitted).all(|((before, ..), (now, _))| before == now);
    let gaps = GAP * fitted.len().saturating_sub(1);
    let needed: usize = fitted.iter().map(|(_, width)| width).sum();
    let mut spare = usize::from(inner.width).saturating_sub(needed + gaps);
    let last_is_free =
        fitted.last().and_then(|(index, _)| table.columns.get(*index)).is_some_and(|column| column.max_width == 0);
    let held = fitted.len() - usize::from(last_is_free && !fitted.is_empty());
    if same {
        for ((_, width), (_, _, before)) in fitted.iter_mut().zip(&surface.columns).take(held) {
            let more = usize::from(*before).saturating_sub(*width).min(spare);
            *width += more;
            spare -= more;
        }
    }
    if let Some((_, width)) = fitted.last_mut().filter(|_| last_is_free) {
        *width += spare;
    }
    let mut x = inner.x;
    surface.columns.clear();
    for (index, width) in fitted {
        let width = u16::try_from(width).unwrap_or(u16::MAX).min(inner.right().saturating_sub(x));
        surface.columns.push((index, x, width));
        x = x.saturating_add(width).saturating_add(GAP as u16).min(inner.right());
    }
    surface.fitted = inner.width;
}

fn heading(canvas: &mut Canvas<'_>, table: &Table, state: &TableState, surface: &TableSurface) {
    let y = surface.heading.y;
    for (index, x, width) in &surface.columns {
        let Some(column) = table.columns.get(*index) else { continue };
        let sorted = state.sort.filter(|(sorted, _)| sorted == index);
        let role = if sorted.is_some() { Role::HeadingSorted } else { Role::Heading };
        let used = u16::try_from(column.title.width()).unwrap_or(u16::MAX).min(*width);
        let start = if column.align == Align::Right { x + width - used } else { *x };
        canvas.as_str(start, y, used, column.title, role);
        if let Some((_, direction)) = sorted {
            // In the gap behind the title, so that the title stays where it is.
            let mark = if direction == Direction::Ascending { "▲" } else { "▼" };
            canvas.as_str(start + used, y, 1, mark, role);
        }
    }
}

fn scroll_to(surface: &mut TableSurface, selected: Option<usize>, total: usize, visible: usize) {
    let index = selected.unwrap_or(0);
    if visible == 0 {
        surface.offset = index;
        return;
    }
    surface.offset = surface.offset.clamp((index + 1).saturating_sub(visible), index);
    surface.offset = surface.offset.min(total.saturating_sub(visible));
}

fn draw_row(canvas: &mut Canvas<'_>, y: u16, table: &Table, row: &Row, state: &TableState, surface: &TableSurface) {
    for (index, x, width) in &surface.columns {
        if let (Some(column), Some(cell)) = (table.columns.get(*index), row.cells.get(*index)) {
            let scrolled = if column.max_width == 0 { state.scrolled } else { 0 };
            draw_cell(canvas, (*x, y, *width), column, cell, scrolled);
        }
    }
}

fn draw_cell(canvas: &mut Canvas<'_>, place: (u16, u16, u16), column: &Column, cell: &Cell, scrolled: usize) {
    let (mut x, y, mut width) = place;
    if column.align == Align::Right {
        let used = u16::try_from(cell.width()).unwrap_or(u16::MAX).min(width);
        x += width - used;
        width = used;
    }
    let mut room = |used: u16, x: &mut u16| {
        *x += used;
        width = width.saturating_sub(used);
        width
    };
    let mut left = room(0, &mut x);
    if !cell.lead.is_empty() {
        let used = canvas.as_str(x, y, left, cell.lead.as_str(), Role::Border);
        left = room(used, &mut x);
    }
    if let Some(mark) = cell.mark
        && left >= 2
    {
        canvas.as_str(x, y, 1, mark.symbol().encode_utf8(&mut [0; 4]), Role::of(mark.tone()));
        left = room(2, &mut x);
    }
    if left > 0 {
        canvas.as_str(x, y, left, &skip_columns(cell.text.as_str(), scrolled), Role::of(cell.tone));
    }
}
