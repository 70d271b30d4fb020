//! The panes of the present view, the one in focus, and the row selected in it.

use std::rc::Rc;

use super::cluster::ClusterState;
use super::{App, PaneKey};
use crate::model::text::Text;
use crate::report::table::{Direction, Table};
use crate::tui::views::{Pane, PaneBody, View, ViewModel};
use crate::tui::widgets::table::TableState;

impl App {
    /// Does `work` with what the view is made from. `None` where there is no cluster at all.
    pub(in crate::tui) fn with_view_model<T>(&self, work: impl FnOnce(ViewModel<'_>) -> T) -> Option<T> {
        let size = (self.surface.width, self.surface.height);
        self.cluster().map(|cluster| self.with_view_model_of(cluster, size, work))
    }

    /// Does `work` with what a view of `cluster` is made from, on a screen that gives the view `size`.
    pub(in crate::tui) fn with_view_model_of<T>(
        &self,
        cluster: &ClusterState,
        (width, height): (u16, u16),
        work: impl FnOnce(ViewModel<'_>) -> T,
    ) -> T {
        let whole_fleet = self.view == View::Clusters && self.wall.is_none();
        let fleet: Vec<_> = self.clusters.iter().filter(|_| whole_fleet).map(ClusterState::entry).collect();
        let drills = (self.view == View::Drill).then(|| self.drill_view_model(cluster));
        let now = cluster.now(self.at);
        let (picture, zone) = (cluster.shown(), &self.options.zone);
        work(ViewModel { picture, fleet: &fleet, drills: drills.as_ref(), now, zone, width, height })
    }

    /// Panes of the view on the screen as drawn last, tables filtered and sorted. While a frame is drawn, those of the frame.
    pub(in crate::tui) fn panes(&self) -> Rc<Vec<Pane>> {
        if let Some(panes) = &*self.drawn_panes.borrow() {
            return Rc::clone(panes);
        }
        Rc::new(self.panes_for((self.surface.width, self.surface.height)))
    }

    /// Panes of the view on a screen that gives it `size`, tables filtered and sorted.
    pub(in crate::tui) fn panes_for(&self, size: (u16, u16)) -> Vec<Pane> {
        let Some(cluster) = self.cluster() else { return Vec::new() };
        let mut panes = self.with_view_model_of(cluster, size, |view_model| self.view.panes(view_model));
        for pane in &mut panes {
            if let PaneBody::Table(table) = &mut pane.body {
                self.table_state(self.view, &pane.key).arrange(table);
            }
        }
        panes
    }

    /// Place of the pane in focus among `panes`.
    pub(in crate::tui) fn focused(&self, panes: &[Pane]) -> usize {
        let chosen = self.pane_focus.get(&self.view);
        let by_name = panes.iter().position(|pane| chosen.is_some_and(|key| pane.key == key.as_str()));
        by_name.or_else(|| panes.iter().position(Pane::takes_focus)).unwrap_or(0)
    }

    pub(in crate::tui) fn table_state(&self, view: View, key: &str) -> TableState {
        self.tables.get(&(view, key.to_owned())).cloned().unwrap_or_default()
    }

    /// The pane in focus, where it is a table, with its key.
    pub(in crate::tui) fn focused_table(&self) -> Option<(PaneKey, Table)> {
        self.with_focused_table(|key, table| (key, table.clone()))
    }

    /// Does `work` with the pane in focus, where it is a table, and its key.
    pub(in crate::tui) fn with_focused_table<T>(&self, work: impl FnOnce(PaneKey, &Table) -> T) -> Option<T> {
        let panes = self.panes();
        let pane = panes.get(self.focused(&panes))?;
        match &pane.body {
            PaneBody::Table(table) => Some(work((self.view, pane.key.to_string()), table)),
            PaneBody::Lines(_) | PaneBody::Graphs(_) => None,
        }
    }

    /// The pane in focus and the name of its selected row.
    pub(in crate::tui) fn selection(&self) -> Option<(PaneKey, Text)> {
        let selected = self.with_focused_table(|key, table| {
            let index = self.table_state(key.0, &key.1).index(table)?;
            let id = table.rows.get(index)?.id.clone();
            Some((key, id))
        });
        selected.flatten()
    }

    /// Moves the selection of the pane in focus to where `to` says, given the present place and the number of rows.
    pub(in crate::tui) fn select(&mut self, to: impl FnOnce(usize, usize) -> usize) {
        if let Some((key, table)) = self.focused_table() {
            let state = self.tables.entry(key).or_default();
            let present = state.index(&table).unwrap_or(0);
            state.select(&table, to(present, table.rows.len()));
        } else {
            self.scroll_lines(to);
        }
    }

    fn scroll_lines(&mut self, to: impl FnOnce(usize, usize) -> usize) {
        let panes = self.panes();
        if let Some(pane) = panes.get(self.focused(&panes))
            && let PaneBody::Lines(lines) = &pane.body
        {
            let offset = self.surface.lines.entry((self.view, pane.key.to_string())).or_default();
            *offset = to(*offset, lines.len());
        }
    }

    /// Rows of a page of the pane in focus.
    pub(in crate::tui) fn page(&self) -> usize {
        let visible = self.with_focused_table(|key, _| {
            let surface = self.surface.tables.get(&key)?;
            Some(usize::from(surface.rows.height))
        });
        visible.flatten().unwrap_or(10).max(2) - 1
    }

    /// Focuses the pane `step` further on.
    pub(in crate::tui) fn move_focus(&mut self, step: isize) {
        let panes = self.panes();
        let able: Vec<&Pane> = panes.iter().filter(|pane| pane.takes_focus()).collect();
        if able.is_empty() {
            return;
        }
        let present =
            panes.get(self.focused(&panes)).and_then(|pane| able.iter().position(|other| other.key == pane.key));
        let count = isize::try_from(able.len()).unwrap_or(1);
        let next =
            present.and_then(|place| isize::try_from(place).ok()).map_or(0, |place| (place + step).rem_euclid(count));
        if let Some(pane) = usize::try_from(next).ok().and_then(|next| able.get(next)) {
            self.pane_focus.insert(self.view, pane.key.to_string());
        }
    }

    /// Sorts the pane in focus by the column `step` further on; past the last column the natural order comes back.
    pub(in crate::tui) fn move_sort(&mut self, step: isize) {
        let Some((key, table)) = self.focused_table() else { return };
        let columns = isize::try_from(table.columns.len()).unwrap_or(1);
        let state = self.tables.entry(key).or_default();
        let present = state.sort.and_then(|(column, _)| isize::try_from(column).ok()).unwrap_or(-1);
        // -1 stands for the natural order.
        let next = (present + 1 + step).rem_euclid(columns + 1) - 1;
        let direction = state.sort.map_or(Direction::Ascending, |(_, direction)| direction);
        state.sort = usize::try_from(next).ok().map(|column| (column, direction));
    }

    /// Sorts the pane by `column`; a second time turns the direction.
    pub(in crate::tui) fn sort_by(&mut self, key: PaneKey, column: usize) {
        let state = self.tables.entry(key).or_default();
        state.sort = match state.sort {
            Some((sorted, Direction::Ascending)) if sorted == column => Some((column, Direction::Descending)),
            _ => Some((column, Direction::Ascending)),
        };
    }

    /// Turns the direction of the sort.
    pub(in crate::tui) fn turn_sort(&mut self) {
        let Some((key, _)) = self.focused_table() else { return };
        let state = self.tables.entry(key).or_default();
        state.sort = Some(match state.sort {
            Some((column, Direction::Ascending)) => (column, Direction::Descending),
            Some((column, Direction::Descending)) => (column, Direction::Ascending),
            None => (0, Direction::Descending),
        });
    }

    /// Scrolls the free text of the pane in focus by `columns`.
    pub(in crate::tui) fn scroll_text(&mut self, columns: isize) {
        if let Some((key, table)) = self.focused_table() {
            let longest = table.rows.iter().flat_map(|row| &row.cells).map(crate::report::table::Cell::width).max();
            let state = self.tables.entry(key).or_default();
            state.scrolled = state.scrolled.saturating_add_signed(columns).min(longest.unwrap_or(0));
        }
    }
}
