//! The wall: a screen nobody touches, read from across the room. Each cluster large, the worst first; below, one
//! cluster after the other in detail; what is not fresh looks it.

use std::time::Duration;

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::app::App;
use super::effect::Effect;
use super::theme::Role;
use super::views::{Body, View};
use super::widgets::{Canvas, header, table};
use crate::model::snapshot::Wellbeing;
use crate::report::clusters::{Urgency, urgency};
use crate::report::summary::{Summary, summary};
use crate::report::units;

/// How long a page that somebody turned to stays.
const HELD: Duration = Duration::from_secs(60);

/// How often the whole picture moves by one cell, so that nothing burns in.
const SHIFT_EVERY: u64 = 15 * 60;

/// Rows of a tile, the blank below it included.
const TILE_HEIGHT: u16 = 4;
/// Narrowest tile.
const TILE_WIDTH: u16 = 52;
/// Fewest rows for the detail below the tiles.
const DETAIL: u16 = 10;
/// A picture older than this is drawn as not seen, whatever it says of itself.
const UNSEEN: Duration = Duration::from_secs(30);

/// Which cluster is shown in detail, and since when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::tui) struct Wall {
    page: usize,
    next: Option<Duration>,
}

impl Wall {
    /// Turns the page when it is time.
    pub(in crate::tui) fn tick(&mut self, at: Duration, rotation: Duration, pages: usize) {
        match self.next {
            Some(next) if at < next => {}
            Some(_) => {
                self.page = (self.page + 1) % pages.max(1);
                self.next = Some(at + rotation);
            }
            None => self.next = Some(at + rotation),
        }
    }

    /// Turns the page by hand, and leaves it there for a while.
    pub(in crate::tui) fn page(&mut self, step: isize, at: Duration, pages: usize) -> Vec<Effect> {
        let count = isize::try_from(pages).unwrap_or(1).max(1);
        let page = (isize::try_from(self.page).unwrap_or(0) + step).rem_euclid(count);
        self.page = usize::try_from(page).unwrap_or(0);
        self.next = Some(at + HELD);
        Vec::new()
    }
}

/// One cluster on the wall.
struct Entry {
    summary: Summary,
    urgency: Urgency,
    seen: Duration,
    index: usize,
}

impl Entry {
    /// How it does, as far as it is seen at all.
    fn wellbeing(&self) -> Wellbeing {
        if self.seen > UNSEEN { Wellbeing::Unknown } else { self.summary.wellbeing }
    }

    fn urgency(&self) -> Urgency {
        self.urgency.as_if(self.wellbeing())
    }
}

impl App {
    /// Draws the wall.
    pub(in crate::tui) fn draw_wall(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let Some(wall) = &self.wall else { return };
        let shift = u16::try_from(self.at.as_secs() / SHIFT_EVERY % 2).unwrap_or(0);
        let area = Rect { x: area.x + shift, width: area.width.saturating_sub(1), ..area };
        let mut entries: Vec<Entry> = (0..self.clusters.len()).map(|index| self.entry(index)).collect();
        entries.sort_by(|a, b| b.urgency().cmp(&a.urgency()).then_with(|| a.summary.cluster.cmp(&b.summary.cluster)));

        let foot = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
        let body = Rect { height: area.height.saturating_sub(1), ..area };
        let columns = (body.width / TILE_WIDTH).clamp(1, u16::try_from(entries.len().max(1)).unwrap_or(1));
        let rows = u16::try_from(entries.len()).unwrap_or(u16::MAX).div_ceil(columns);
        let wanted = rows.saturating_mul(TILE_HEIGHT).saturating_add(1);
        let tiles_height = if body.height > wanted.saturating_add(DETAIL) { wanted } else { body.height };
        let per_page = usize::from((tiles_height / TILE_HEIGHT).max(1) * columns);
        let pages = entries.len().div_ceil(per_page).max(1);
        let first = wall.page % pages * per_page;
        let tile_width = body.width / columns;
        for (place, entry) in entries.iter().skip(first).take(per_page).enumerate() {
            let place = u16::try_from(place).unwrap_or(u16::MAX);
            let (column, row) = (place % columns, place / columns);
            let tile = Rect {
                x: body.x + column * tile_width,
                y: body.y + 1 + row * TILE_HEIGHT,
                width: tile_width,
                height: (TILE_HEIGHT - 1).min(body.bottom().saturating_sub(body.y + 1 + row * TILE_HEIGHT)),
            };
            draw_tile(canvas, tile, entry);
        }
        if tiles_height < body.height
            && let Some(entry) = entries.get(wall.page % entries.len().max(1))
        {
            let place = Rect { y: body.y + tiles_height, height: body.height - tiles_height, ..body };
            self.draw_wall_detail(canvas, place, entry);
        }
        let clock = self.clock();
        let count = units::plural(self.clusters.len(), "cluster");
        let page = if pages > 1 { format!(" · page {}/{pages}", wall.page % pages + 1) } else { String::new() };
        let text = format!("read-only · {count}{page} · {clock}");
        let width = u16::try_from(text.width()).unwrap_or(u16::MAX).min(foot.width);
        canvas.word(foot.x + (foot.width - width) / 2, foot.y, width, &text, Role::Dim);
    }

    fn entry(&self, index: usize) -> Entry {
        let cluster = &self.clusters[index];
        let live = cluster.live();
        let (urgency, summary) = (urgency(&live.snapshot), summary(&live.snapshot, cluster.now(self.at)));
        Entry { summary, urgency, seen: cluster.since_live(self.at), index }
    }

    fn draw_wall_detail(&self, canvas: &mut Canvas<'_>, area: Rect, entry: &Entry) {
        for x in area.left() + 1..area.right().saturating_sub(1) {
            canvas.word(x, area.y, 1, "─", Role::Border);
        }
        let name = entry.summary.cluster.as_str();
        let role = Role::of_cluster(entry.summary.colour.as_ref().map(crate::model::text::Text::as_str));
        let used = canvas.word(area.x + 2, area.y + 1, area.width.saturating_sub(4), name, role);
        canvas.line(area.x + 4 + used, area.y + 1, area.width.saturating_sub(6 + used), &entry.summary.line());
        let Some(cluster) = self.clusters.get(entry.index) else { return };
        let mut y = area.y + 3;
        let panes = self.with_scene_of(cluster, (area.width, area.height), |scene| View::Topology.panes(scene));
        for pane in panes {
            let left = area.bottom().saturating_sub(y);
            if left < 2 {
                return;
            }
            let place = Rect { y, height: left, ..area };
            y += 1 + match pane.body {
                Body::Table(mut table) => {
                    let rows = u16::try_from(table.rows.len()).unwrap_or(u16::MAX).saturating_add(1);
                    table.rows.truncate(usize::from(left - 1));
                    // Nobody selects anything here: the table is drawn without its selection.
                    table::draw_plain(canvas, place, &table);
                    rows.min(left)
                }
                Body::Lines(lines) => {
                    for (row, line) in place.rows().zip(&lines) {
                        canvas.line(row.x + 1, row.y, row.width.saturating_sub(2), line);
                    }
                    u16::try_from(lines.len()).unwrap_or(u16::MAX).min(left)
                }
                Body::Graphs(_) => 0,
            };
        }
    }
}

/// A band in the state's colour with name and leader, what is worst below it, and the numbers.
fn draw_tile(canvas: &mut Canvas<'_>, area: Rect, entry: &Entry) {
    if area.width < 12 || area.height == 0 {
        return;
    }
    let Entry { summary, seen, .. } = entry;
    let wellbeing = entry.wellbeing();
    let mark = header::mark(wellbeing);
    let (band, state) = (band(wellbeing), Role::of(mark.tone()));
    let area = Rect { x: area.x + 1, width: area.width - 2, ..area };
    canvas.fill(Rect { height: 1, ..area }, band);
    let room = area.width.saturating_sub(2);
    let name = format!("{} {}   {}", mark.symbol(), summary.cluster.as_str().to_uppercase(), summary.leader.text);
    let used = canvas.word(area.x + 1, area.y, room, &name, band);
    let age = summary.age_text.text.as_str();
    let width = u16::try_from(age.width()).unwrap_or(u16::MAX);
    if used + width + 2 <= room {
        canvas.word(area.right() - width - 1, area.y, width, age, band);
    }
    let what = match (&summary.worst, wellbeing) {
        _ if *seen > UNSEEN => format!("not seen for {}", units::duration(*seen)),
        (_, Wellbeing::Unknown) => summary.age_text.text.to_string(),
        (Some(worst), _) => worst.text.to_string(),
        (None, Wellbeing::Look | Wellbeing::Act) => "no finding yet, but a part is not in order".to_owned(),
        (None, Wellbeing::Well) => "all well".to_owned(),
    };
    if area.height > 1 {
        canvas.word(area.x + 1, area.y + 1, room, &what, state);
    }
    if area.height > 2 {
        let role = if wellbeing == Wellbeing::Unknown { Role::Stale } else { Role::Text };
        canvas.word(area.x + 1, area.y + 2, room, &numbers(summary, usize::from(room)), role);
    }
}

fn band(wellbeing: Wellbeing) -> Role {
    match wellbeing {
        Wellbeing::Well => Role::WallWell,
        Wellbeing::Look => Role::WallLook,
        Wellbeing::Act => Role::WallAct,
        Wellbeing::Unknown => Role::WallStale,
    }
}

fn numbers(summary: &Summary, room: usize) -> String {
    let sessions = |count: Option<u64>| count.map_or_else(|| "?".to_owned(), units::count);
    let (writes, reads) = (sessions(summary.write_sessions), sessions(summary.read_sessions));
    let paused = summary.paused.as_ref().map_or(String::new(), |paused| format!("   {}", paused.text));
    let line =
        |sessions: String| format!("lag {}   {sessions}   members {}{paused}", summary.lag.text, summary.members.text);
    let whole = line(format!("{writes} write / {reads} read sessions"));
    if whole.width() <= room { whole } else { line(format!("{writes} w / {reads} r")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_spelt_out_where_there_is_room() {
        let summary = summary(&crate::report::test_support::healthy(), crate::report::test_support::now());
        assert!(numbers(&summary, 60).contains("83 write / 83 read sessions"), "{}", numbers(&summary, 60));
        assert!(numbers(&summary, 40).contains("83 w / 83 r"));
    }

    #[test]
    fn pages_turn_by_themselves_and_stay_where_somebody_turned_them_to() {
        let second = Duration::from_secs(1);
        let mut wall = Wall::default();
        wall.tick(Duration::ZERO, 10 * second, 3);
        wall.tick(9 * second, 10 * second, 3);
        assert_eq!(wall.page, 0);
        wall.tick(10 * second, 10 * second, 3);
        assert_eq!(wall.page, 1);
        wall.page(-1, 11 * second, 3);
        wall.page(-1, 11 * second, 3);
        wall.tick(60 * second, 10 * second, 3);
        assert_eq!(wall.page, 2);
        wall.tick(71 * second, 10 * second, 3);
        assert_eq!(wall.page, 0);
    }
}
