//! One frame. Reads the state; remembers where things are.

use std::rc::Rc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::cluster::ClusterState;
use super::{App, DrawnLayout, Prompt};
use crate::report::summary::summary;
use crate::report::table::Table;
use crate::report::units;
use crate::tui::dialogs::detail_lines;
use crate::tui::theme::Role;
use crate::tui::views::{Pane, PaneBody, View};
use crate::tui::widgets::header::Header;
use crate::tui::widgets::{Canvas, ascii, graph, header, key_line, lines, notice, panes, prompt, table};

/// Smallest terminal with room for anything but an apology.
const MIN_SIZE: (u16, u16) = (40, 8);

/// Columns from which on the run of an action stands beside the view and not below it.
const SIDE_BY_SIDE: u16 = 160;
/// Most columns that it takes there.
const MAX_DOCK_WIDTH: u16 = 100;
/// Rows that it takes below the view, where the view keeps its own least: title, heading, and a few members.
const MIN_DOCK: u16 = 16;
const MIN_SIDE_HEIGHT: u16 = 7;

impl App {
    /// Draws the whole screen into `buffer`. Returns where the cursor stands while something is typed.
    pub fn render(&mut self, buffer: &mut Buffer) -> Option<Position> {
        self.follow_order();
        let mut surface = std::mem::take(&mut self.surface);
        surface.panes.clear();
        surface.keys.clear();
        surface.width = buffer.area.width;
        let cursor = self.draw(buffer, &mut surface);
        self.drawn_panes.take();
        if self.options.ascii {
            ascii::letters_only(buffer);
        }
        self.surface = surface;
        cursor
    }

    /// The screen in `width` x `height`, for saving it.
    pub fn screen(&mut self, width: u16, height: u16) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        self.render(&mut buffer);
        buffer
    }

    fn draw(&self, buffer: &mut Buffer, surface: &mut DrawnLayout) -> Option<Position> {
        let area = buffer.area;
        let mut canvas = Canvas { buffer, theme: &self.theme };
        canvas.fill(area, Role::Text);
        if area.width < MIN_SIZE.0 || area.height < MIN_SIZE.1 {
            too_small(&mut canvas, area);
            return None;
        }
        if self.wall.is_some() {
            self.draw_wall(&mut canvas, area);
            return None;
        }
        let key_rows = key_line::height(area.height);
        let keys = Rect { y: area.bottom() - key_rows, height: key_rows, ..area };
        let content = Rect { y: area.y + header::HEIGHT, height: area.height - header::HEIGHT - key_rows, ..area };
        if let Some(cluster) = self.cluster() {
            header::draw(&mut canvas, area, &self.header(cluster));
        } else {
            canvas.as_str(content.x + 1, content.y, content.width - 2, "no cluster is configured", Role::Stale);
        }
        let (beside, front) = self.docked(content);
        surface.height = beside.height;
        surface.width = beside.width;
        let panes = self.draw_panes(&mut canvas, beside, surface);
        let (dialog, typing) = self.draw_dialog(&mut canvas, front);
        surface.dialog = dialog;
        let (here, always) = (self.hints(&panes, dialog), self.always(&panes));
        surface.keys = key_line::draw(&mut canvas, keys, &self.key_line(&here, &always), &self.keymap);
        if let Some((notice, _)) = &self.notice {
            // At the top: the bottom asks, and names the keys that are needed next.
            let place = Rect { y: area.y + header::HEIGHT - 1, height: content.height + 1, ..area };
            notice::draw(&mut canvas, place, notice);
        }
        let prompt_row = Rect { y: keys.bottom() - 1, height: 1, ..keys };
        self.draw_prompt(&mut canvas, content, prompt_row).or(typing)
    }

    fn header(&self, cluster: &ClusterState) -> Header {
        let snapshot = &cluster.shown().snapshot;
        let mut summary = summary(snapshot, cluster.now(self.at));
        if self.options.read_only {
            summary.access = crate::report::line::Span::new("READ-ONLY", crate::report::table::Tone::Plain);
        }
        let breadcrumb_parts =
            std::iter::once(self.view.title().to_owned()).chain(self.dialogs.iter().map(super::Dialog::breadcrumb));
        let frozen = self.frozen.map(|_| {
            let ago = cluster.live().snapshot.now.since(snapshot.now) + cluster.since_live(self.at);
            (units::time_of_day(snapshot.wall, &self.options.zone), ago)
        });
        Header {
            summary,
            breadcrumb_parts: breadcrumb_parts.collect(),
            frozen,
            clock: self.clock(),
            place: (self.focus + 1, self.clusters.len()),
            action: self.background(),
        }
    }

    /// What is said of an action that runs and is not in front.
    fn background(&self) -> Option<String> {
        let watch = self.acting.running()?;
        let front = matches!(self.dialogs.last(), Some(super::Dialog::Watch { ticket, .. }) if *ticket == watch.ticket);
        (!front).then(|| format!("{} · press A to view", watch.short()))
    }

    /// The time of day by the clock of the cluster in focus.
    pub(in crate::tui) fn clock(&self) -> String {
        self.cluster().map_or_else(String::new, |cluster| units::time_of_day(self.wall_of(cluster), &self.options.zone))
    }

    /// The wall clock of a cluster's observer, carried on from its newest picture.
    pub(in crate::tui) fn wall_of(&self, cluster: &ClusterState) -> jiff::Timestamp {
        let live = &cluster.live().snapshot;
        live.wall.checked_add(cluster.since_live(self.at)).unwrap_or(live.wall)
    }

    /// Where the view stands and where the dialog on top: an action that runs is watched beside the members that it is
    /// about, so that both are seen; everything else stands above the view.
    fn docked(&self, content: Rect) -> (Rect, Rect) {
        if !matches!(self.dialogs.last(), Some(super::Dialog::Watch { .. })) {
            return (content, content);
        }
        if content.width >= SIDE_BY_SIDE {
            let width = (content.width / 2).min(MAX_DOCK_WIDTH);
            let beside = Rect { width: content.width - width, ..content };
            return (beside, Rect { x: beside.right(), width, ..content });
        }
        // As high from the first second to the last: nothing that is read may move.
        let wanted = MIN_DOCK.max(content.height * 3 / 5);
        let height = wanted.min(content.height.saturating_sub(MIN_SIDE_HEIGHT)).max(content.height / 2);
        let beside = Rect { height: content.height - height, ..content };
        (beside, Rect { y: beside.bottom(), height, ..content })
    }

    fn draw_panes(&self, canvas: &mut Canvas<'_>, area: Rect, surface: &mut DrawnLayout) -> Rc<Vec<Pane>> {
        // The views look at the size of the screen at hand, not of the one drawn before.
        let all = Rc::new(self.panes_for((area.width, area.height)));
        // The lines at the bottom ask for the same several times, and nothing changes until the frame is whole.
        self.drawn_panes.replace(Some(Rc::clone(&all)));
        let focus = self.focused(&all);
        let heights = panes::share(&all, focus, area.width, area.height);
        let gap = u16::from(panes::has_gaps(&heights, area.height));
        let mut y = area.y;
        let several = all.iter().filter(|pane| pane.takes_focus()).count() > 1;
        for (index, (pane, height)) in all.iter().zip(heights).enumerate() {
            let place = Rect { y, height: height.min(area.bottom().saturating_sub(y)), ..area };
            if !place.is_empty() {
                surface.panes.push((pane.key.to_string(), place));
                self.draw_pane(canvas, place, pane, (index == focus, several), surface);
            }
            y = y.saturating_add(height).saturating_add(gap).min(area.bottom());
        }
        all
    }

    fn draw_pane(
        &self,
        canvas: &mut Canvas<'_>,
        area: Rect,
        pane: &Pane,
        (focused, several): (bool, bool),
        surface: &mut DrawnLayout,
    ) {
        let key = (self.view, pane.key.to_string());
        let mut inner = area;
        if !pane.title.is_empty() {
            self.draw_title(canvas, area, pane, focused && several);
            inner.y += 1;
            inner.height -= 1;
        }
        if inner.is_empty() {
            return;
        }
        match &pane.body {
            PaneBody::Table(rows) => {
                let state = self.table_state(self.view, &pane.key);
                let remembered = surface.tables.entry(key).or_default();
                table::draw(canvas, inner, rows, &state, focused, remembered);
                if self.view == View::Findings {
                    self.draw_reasons(canvas, inner, rows, state.index(rows));
                }
            }
            PaneBody::Lines(text) => {
                let offset = surface.lines.get(&key).copied().unwrap_or(0);
                let possible = lines::draw(canvas, inner, text, offset);
                surface.lines.insert(key, possible);
            }
            PaneBody::Graphs(graphs) => graph::draw_all(canvas, inner, graphs),
        }
    }

    /// Evidence and advice of the selected finding, where the list leaves room for them below it.
    fn draw_reasons(&self, canvas: &mut Canvas<'_>, area: Rect, table: &Table, selected: Option<usize>) {
        let Some(row) = selected.and_then(|index| table.rows.get(index)) else { return };
        let used = u16::try_from(table.rows.len()).unwrap_or(u16::MAX).saturating_add(2);
        let left = area.height.saturating_sub(used);
        let Some(cluster) = self.cluster() else { return };
        let size = (area.width, area.height);
        let mut groups =
            self.with_view_model_of(cluster, size, |view_model| self.view.detail(view_model, "findings", &row.id));
        // The list itself says what it is.
        groups.retain(|group| group.title != "Finding");
        let place = Rect {
            x: area.x + 1,
            y: area.y + used.min(area.height),
            width: area.width.saturating_sub(2),
            height: left,
        };
        let lines = detail_lines(&groups, usize::from(place.width));
        if lines.len() <= usize::from(left) {
            for (row, line) in place.rows().zip(&lines) {
                canvas.line(row.x, row.y, row.width, line);
            }
        }
    }

    /// Title, number of rows, filter and sort of a pane, with a rule to the right edge.
    fn draw_title(&self, canvas: &mut Canvas<'_>, area: Rect, pane: &Pane, marked: bool) {
        let y = area.y;
        let mut x = area.x + 1;
        let role = if marked { Role::BorderFocus } else { Role::Border };
        for column in area.left()..area.right() {
            canvas.as_str(column, y, 1, "─", role);
        }
        let mut put = |text: &str, role: Role| {
            let room = area.right().saturating_sub(x);
            x += canvas.as_str(x, y, room, text, role);
        };
        put(" ", Role::Border);
        put(pane.title.as_str(), if marked { Role::HeadingSorted } else { Role::Title });
        let state = self.table_state(self.view, &pane.key);
        if let PaneBody::Table(table) = &pane.body {
            if !table.rows.is_empty() {
                put(&format!(" {}", table.rows.len()), Role::Dim);
            }
            if !state.filter.is_empty() {
                put(&format!(" · filter {}", state.filter), Role::Match);
            }
        }
        put(" ", Role::Border);
    }

    fn draw_prompt(&self, canvas: &mut Canvas<'_>, content: Rect, row: Rect) -> Option<Position> {
        match self.prompt.as_ref()? {
            Prompt::Filter(filter) => {
                let hint = if filter.input.value().is_empty() { "text to show, or !text to hide" } else { "" };
                Some(prompt::draw(canvas, row, "/", &filter.input, hint))
            }
            Prompt::Palette(palette) => {
                self.draw_palette(canvas, content, palette);
                // The list has less room for it.
                let hint = self.palette_hint(palette);
                Some(prompt::draw(canvas, row, ":", &palette.input, &hint))
            }
        }
    }
}

fn too_small(canvas: &mut Canvas<'_>, area: Rect) {
    let text = format!("terminal too small: {}x{}, needs {}x{}", area.width, area.height, MIN_SIZE.0, MIN_SIZE.1);
    let lines = crate::tui::widgets::wrap::wrap(&text, usize::from(area.width));
    for (row, line) in area.rows().zip(lines) {
        canvas.as_str(row.x, row.y, row.width, &line, Role::Look);
    }
}
