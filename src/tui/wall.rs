//! The wall: a screen nobody touches, read from across the room. Each cluster large, the worst first; below, one
//! cluster after the other in detail; what is not fresh looks it.

use std::time::Duration;

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::app::App;
use super::effect::Effect;
use super::theme::Role;
use super::views::{PaneBody, View};
use super::widgets::{Canvas, header, table};
use crate::model::snapshot::ClusterHealth;
use crate::report::clusters::{self, Urgency, totals, urgency};
use crate::report::line::Line;
use crate::report::summary::{Summary, summary};
use crate::report::table::Tone;
use crate::report::units;

/// How long a page that somebody turned to stays.
const PAGE_DURATION: Duration = Duration::from_secs(60);

/// How often the whole picture moves by one cell, so that nothing burns in.
const SHIFT_EVERY: u64 = 15 * 60;

/// Rows of a tile, the blank below it included.
const TILE_HEIGHT: u16 = 4;
/// Narrowest tile.
const TILE_WIDTH: u16 = 52;
/// Fewest rows for the detail below the tiles.
const DETAIL: u16 = 10;
/// A picture older than this is drawn as not seen, whatever it says of itself.
const STALE_AFTER: Duration = Duration::from_secs(30);

/// Which cluster is shown in detail, and since when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::tui) struct Wall {
    /// Turns so far; what is shown is this, modulo how much there is to show.
    page: usize,
    next: Option<Duration>,
    /// Somebody turned to a page by hand: it stays until then, whatever is critical.
    held: Option<Duration>,
}

/// What the wall shows of a number of clusters, the worst first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Shown {
    /// Page of tiles, from 0.
    page: usize,
    /// Place of the cluster in detail.
    detail: usize,
    /// It stays among the critical.
    pinned: bool,
}

impl Wall {
    /// Turns the page when it is time.
    pub(in crate::tui) fn tick(&mut self, at: Duration, rotation: Duration, pages: usize) {
        match self.next {
            Some(next) if at < next => {}
            Some(_) => {
                self.page = (self.page + 1) % pages.max(1);
                self.next = Some(at + rotation);
                self.held = None;
            }
            None => self.next = Some(at + rotation),
        }
    }

    /// Turns the page by hand, and leaves it there for a while.
    pub(in crate::tui) fn page(&mut self, step: isize, at: Duration, pages: usize) -> Vec<Effect> {
        let count = isize::try_from(pages).unwrap_or(1).max(1);
        let page = (isize::try_from(self.page).unwrap_or(0) + step).rem_euclid(count);
        self.page = usize::try_from(page).unwrap_or(0);
        (self.next, self.held) = (Some(at + PAGE_DURATION), Some(at + PAGE_DURATION));
        Vec::new()
    }

    /// What to show of `all` clusters of which the first `critical` are critical, `per_page` tiles a page. Where any is
    /// critical, the detail rotates among these alone, and the tiles stay with it: the screen for the room must not show
    /// another cluster during an outage.
    fn shown(&self, all: usize, critical: usize, per_page: usize, at: Duration) -> Shown {
        let pages = all.div_ceil(per_page.max(1)).max(1);
        let held = self.held.is_some_and(|until| at < until);
        if critical == 0 || held {
            return Shown { page: self.page % pages, detail: self.page % all.max(1), pinned: false };
        }
        let detail = self.page % critical;
        Shown { page: detail / per_page.max(1), detail, pinned: true }
    }
}

/// One cluster on the wall.
struct WallEntry {
    summary: Summary,
    urgency: Urgency,
    seen: Duration,
    index: usize,
}

impl WallEntry {
    /// How it does, as far as it is seen at all.
    fn cluster_health(&self) -> ClusterHealth {
        if self.seen > STALE_AFTER { ClusterHealth::Unknown } else { self.summary.cluster_health }
    }

    fn urgency(&self) -> Urgency {
        self.urgency.as_if(self.cluster_health())
    }
}

impl App {
    /// Draws the wall.
    pub(in crate::tui) fn draw_wall(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let Some(wall) = &self.wall else { return };
        let shift = u16::try_from(self.at.as_secs() / SHIFT_EVERY % 2).unwrap_or(0);
        let area = Rect { x: area.x + shift, width: area.width.saturating_sub(1), ..area };
        let mut entries: Vec<WallEntry> = (0..self.clusters.len()).map(|index| self.entry(index)).collect();
        entries.sort_by(|a, b| b.urgency().cmp(&a.urgency()).then_with(|| a.summary.cluster.cmp(&b.summary.cluster)));

        let foot = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
        let body = Rect { height: area.height.saturating_sub(1), ..area };
        let columns = (body.width / TILE_WIDTH).clamp(1, u16::try_from(entries.len().max(1)).unwrap_or(1));
        let rows = u16::try_from(entries.len()).unwrap_or(u16::MAX).div_ceil(columns);
        let wanted = rows.saturating_mul(TILE_HEIGHT).saturating_add(1);
        let tiles_height = if body.height > wanted.saturating_add(DETAIL) { wanted } else { body.height };
        let per_page = usize::from((tiles_height / TILE_HEIGHT).max(1) * columns);
        let pages = entries.len().div_ceil(per_page).max(1);
        let critical = entries.iter().filter(|entry| entry.cluster_health() == ClusterHealth::Critical).count();
        let shown = wall.shown(entries.len(), critical, per_page, self.at);
        let first = shown.page * per_page;
        Self::draw_wall_totals(canvas, Rect { height: 1, ..body }, &entries);
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
            && let Some(entry) = entries.get(shown.detail)
        {
            let place = Rect { y: body.y + tiles_height, height: body.height - tiles_height, ..body };
            self.draw_wall_detail(canvas, place, entry, shown.pinned);
        }
        let clock = self.clock();
        let count = units::plural(self.clusters.len(), "cluster");
        let page = if pages > 1 { format!(" · page {}/{pages}", shown.page + 1) } else { String::new() };
        let text = format!("read-only · {count}{page} · {clock}");
        let width = u16::try_from(text.width()).unwrap_or(u16::MAX).min(foot.width);
        canvas.as_str(foot.x + (foot.width - width) / 2, foot.y, width, &text, Role::Dim);
    }

    fn entry(&self, index: usize) -> WallEntry {
        let cluster = &self.clusters[index];
        let live = cluster.live();
        let (urgency, summary) = (urgency(&live.snapshot), summary(&live.snapshot, cluster.now(self.at)));
        WallEntry { summary, urgency, seen: cluster.since_live(self.at), index }
    }

    /// The first line: how many clusters are in each state, and whether they are real.
    fn draw_wall_totals(canvas: &mut Canvas<'_>, area: Rect, entries: &[WallEntry]) {
        let totals = totals(entries.iter().map(WallEntry::cluster_health));
        let used = canvas.line(area.x + 2, area.y, area.width.saturating_sub(4), &totals);
        if entries.iter().any(|entry| entry.summary.simulated) {
            let badge = " simulated ";
            let width = u16::try_from(badge.width()).unwrap_or(u16::MAX);
            if used + width + 6 <= area.width {
                canvas.as_str(area.right() - width - 2, area.y, width, badge, Role::BadgeSimulated);
            }
        }
    }

    fn draw_wall_detail(&self, canvas: &mut Canvas<'_>, area: Rect, entry: &WallEntry, pinned: bool) {
        for x in area.left() + 1..area.right().saturating_sub(1) {
            canvas.as_str(x, area.y, 1, "─", Role::Border);
        }
        let name = entry.summary.cluster.as_str();
        let role = Role::of_cluster(entry.summary.colour.as_ref().map(crate::model::text::Text::as_str));
        let used = canvas.as_str(area.x + 2, area.y + 1, area.width.saturating_sub(4), name, role);
        let pin = if pinned { "  (pinned: critical)" } else { "" };
        let used =
            used + canvas.as_str(area.x + 2 + used, area.y + 1, area.width.saturating_sub(4 + used), pin, Role::Act);
        let room = area.width.saturating_sub(6 + used);
        canvas.line(area.x + 4 + used, area.y + 1, room, &entry.summary.within(usize::from(room)));
        let Some(cluster) = self.clusters.get(entry.index) else { return };
        let mut y = area.y + 3;
        let panes = self.with_view_model_of(cluster, (area.width, area.height), |scene| View::Topology.panes(scene));
        for pane in panes {
            let left = area.bottom().saturating_sub(y);
            if left < 2 {
                return;
            }
            let place = Rect { y, height: left, ..area };
            y += 1 + match pane.body {
                PaneBody::Table(mut table) => {
                    let rows = u16::try_from(table.rows.len()).unwrap_or(u16::MAX).saturating_add(1);
                    table.rows.truncate(usize::from(left - 1));
                    // Nobody selects anything here: the table is drawn without its selection.
                    table::draw_plain(canvas, place, &table);
                    rows.min(left)
                }
                PaneBody::Lines(lines) => {
                    for (row, line) in place.rows().zip(&lines) {
                        canvas.line(row.x + 1, row.y, row.width.saturating_sub(2), line);
                    }
                    u16::try_from(lines.len()).unwrap_or(u16::MAX).min(left)
                }
                PaneBody::Graphs(_) => 0,
            };
        }
    }
}

/// A band in the state's colour with name and leader, what is worst below it, and the numbers.
fn draw_tile(canvas: &mut Canvas<'_>, area: Rect, entry: &WallEntry) {
    if area.width < 12 || area.height == 0 {
        return;
    }
    let WallEntry { summary, seen, .. } = entry;
    let cluster_health = entry.cluster_health();
    let mark = header::mark(cluster_health);
    let (band, state) = (band(cluster_health), Role::of(mark.tone()));
    let area = Rect { x: area.x + 1, width: area.width - 2, ..area };
    canvas.fill(Rect { height: 1, ..area }, band);
    let room = area.width.saturating_sub(2);
    let name = format!("{} {}   {}", mark.symbol(), summary.cluster.as_str().to_uppercase(), summary.leader.text);
    let used = canvas.as_str(area.x + 1, area.y, room, &name, band);
    let age = summary.age_text.text.as_str();
    let width = u16::try_from(age.width()).unwrap_or(u16::MAX);
    if used + width + 2 <= room {
        canvas.as_str(area.right() - width - 1, area.y, width, age, band);
    }
    let what = match (summary.headline(), cluster_health) {
        _ if *seen > STALE_AFTER => format!("no data for {}", units::duration(*seen)),
        (None, ClusterHealth::Unknown) => summary.age_text.text.to_string(),
        (Some(_), _) | (None, ClusterHealth::Warning | ClusterHealth::Critical | ClusterHealth::Ok) => String::new(),
    };
    if area.height > 1 {
        let headline = summary.headline().filter(|_| what.is_empty());
        match headline {
            Some(line) => canvas.line(area.x + 1, area.y + 1, room, &header::fitted(line, usize::from(room))),
            None if what.is_empty() => {
                canvas.as_str(area.x + 1, area.y + 1, room, clusters::state(cluster_health), state)
            }
            None => canvas.as_str(area.x + 1, area.y + 1, room, &what, state),
        };
    }
    if area.height > 2 {
        let mut line = numbers(summary, usize::from(room));
        // What was last known of a cluster that is not seen is not how it is.
        if cluster_health == ClusterHealth::Unknown {
            for span in &mut line.spans {
                span.tone = Tone::Stale;
            }
        }
        canvas.line(area.x + 1, area.y + 2, room, &line);
    }
}

fn band(cluster_health: ClusterHealth) -> Role {
    match cluster_health {
        ClusterHealth::Ok => Role::WallWell,
        ClusterHealth::Warning => Role::WallLook,
        ClusterHealth::Critical => Role::WallAct,
        ClusterHealth::Unknown => Role::WallStale,
    }
}

/// The numbers of a tile, each in its tone: what is old is grey.
fn numbers(summary: &Summary, room: usize) -> Line {
    let sessions = |count: Option<u64>| {
        let tone = if count.is_some() { Tone::Plain } else { Tone::Stale };
        (count.map_or_else(|| "?".to_owned(), units::count), tone)
    };
    let build = |[write, read]: [&str; 2]| {
        let mut line = Line::new().plain("lag ").with(summary.lag.text.as_str(), summary.lag.tone).plain("   ");
        for (count, word) in [(summary.write_sessions, write), (summary.read_sessions, read)] {
            let (text, tone) = sessions(count);
            line.push(format!("{text}{word}"), tone);
        }
        line.push("   members ", Tone::Plain);
        line.push(summary.members.text.as_str(), summary.members.tone);
        for span in [&summary.blocked, &summary.paused].into_iter().flatten() {
            line.push("   ", Tone::Plain);
            line.push(span.text.as_str(), span.tone);
        }
        line
    };
    let whole = build([" write / ", " read sessions"]);
    if whole.width() <= room { whole } else { build([" w / ", " r"]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_spelt_out_where_there_is_room() {
        let summary = summary(&crate::report::test_support::healthy(), crate::report::test_support::now());
        assert!(numbers(&summary, 60).text().contains("83 write / 83 read sessions"));
        assert!(numbers(&summary, 40).text().contains("83 w / 83 r"));
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

    #[test]
    fn the_detail_stays_with_what_is_critical_and_rotates_among_all_where_nothing_is() {
        let second = Duration::from_secs(1);
        let mut wall = Wall::default();
        let mut details = Vec::new();
        for turn in 0..6_u32 {
            wall.tick(second * 15 * turn, second * 15, 5);
            details.push(wall.shown(5, 2, 2, second * 15 * turn).detail);
        }
        assert!(
            details.iter().all(|detail| *detail < 2) && details.contains(&0) && details.contains(&1),
            "{details:?}"
        );
        let details: Vec<_> =
            (0..5).map(|page| Wall { page, ..Wall::default() }.shown(5, 0, 2, second).detail).collect();
        assert_eq!(details, [0, 1, 2, 3, 4]);
        // Somebody who turns a page sees that page.
        wall.page(3, 100 * second, 5);
        let shown = wall.shown(5, 2, 2, 101 * second);
        assert!(!shown.pinned && shown.detail == wall.page % 5);
        assert!(wall.shown(5, 2, 2, 200 * second).pinned);
    }

    #[test]
    fn the_last_known_lag_of_a_dead_leader_is_grey() {
        use crate::report::test_support::{cut, dcs_lost, healthy, now, seconds};
        let mut snapshot = healthy();
        for name in ["pg-0", "pg-1", "pg-2"] {
            cut(&mut snapshot, name, seconds(38));
        }
        dcs_lost(&mut snapshot, seconds(38));
        let line = numbers(&summary(&snapshot, now()), 60);
        let lag = line.spans.iter().find(|span| span.text.as_str().contains("kB")).expect("a lag");
        assert_eq!(lag.tone, Tone::Stale, "{}", line.text());
    }
}
