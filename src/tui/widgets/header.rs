//! The lines at the top of every view: who, where, whether to worry, and how old all this is. Always three, so that
//! what is below never moves: the cluster, its state, and the worst finding.

use std::time::Duration;

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::Canvas;
use crate::model::snapshot::ClusterHealth;
use crate::report::fit::cut;
use crate::report::line::Line;
use crate::report::summary::Summary;
use crate::report::symbol::Mark;
use crate::report::table::Tone;
use crate::tui::theme::Role;

/// Rows that the header takes.
pub const HEIGHT: u16 = 3;

/// What the header tells.
#[derive(Clone, Debug)]
pub struct Header {
    /// The cluster.
    pub summary: Summary,
    /// Where one is: view, and what is open above it.
    pub breadcrumb_parts: Vec<String>,
    /// The time of day of a picture that stands still, and how long ago that was; `None`: live.
    pub frozen: Option<(String, Duration)>,
    /// The time of day.
    pub clock: String,
    /// Clusters in all, and which this is, from 1.
    pub place: (usize, usize),
    /// An action of this console that runs in the background, in a few words.
    pub action: Option<String>,
}

/// The symbol of a wellbeing.
pub fn mark(cluster_health: ClusterHealth) -> Mark {
    match cluster_health {
        ClusterHealth::Ok => Mark::Ok,
        ClusterHealth::Warning => Mark::Warning,
        ClusterHealth::Unknown => Mark::Silent,
        ClusterHealth::Critical => Mark::Failed,
    }
}

/// Draws the header.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, header: &Header) {
    let area = Rect { height: area.height.min(HEIGHT), ..area };
    canvas.fill(area, Role::Header);
    if area.is_empty() {
        return;
    }
    let right = draw_right(canvas, area, header);
    draw_left(canvas, Rect { width: right.saturating_sub(area.x), height: 1, ..area }, header);
    if area.height < HEIGHT {
        return;
    }
    let room = area.width.saturating_sub(2);
    let summary = &header.summary;
    canvas.line(area.x + 1, area.y + 1, room, &summary.within(usize::from(room)));
    let mut room = room;
    if let Some(action) = &header.action {
        let text = format!(" {action} ");
        let width = u16::try_from(text.width()).unwrap_or(u16::MAX).min(room);
        canvas.as_str(area.right().saturating_sub(width + 1), area.y + 2, width, &text, Role::BadgeFrozen);
        room = room.saturating_sub(width + 1);
    }
    let Some(headline) = summary.headline() else { return };
    let tone = headline.spans.first().map_or(Tone::Plain, |span| span.tone);
    // What is not told yet, or known to somebody, calls for nobody.
    let symbol = if tone == Tone::Dim { "◌ " } else { "▲ " };
    let used = canvas.as_str(area.x + 1, area.y + 2, room, symbol, Role::of(tone));
    let left = room.saturating_sub(used);
    canvas.line(area.x + 1 + used, area.y + 2, left, &fitted(headline, usize::from(left)));
}

/// The headline in `room` columns: how many more there are keeps its place.
pub fn fitted(headline: Line, room: usize) -> Line {
    let over = headline.width().saturating_sub(room);
    let Some((first, rest)) = headline.spans.split_first().filter(|_| over > 0) else { return headline };
    let wide = first.text.as_str().width().saturating_sub(over);
    let mut line = Line::new().with(cut(first.text.as_str(), wide), first.tone);
    line.spans.extend(rest.iter().cloned());
    line
}

fn draw_left(canvas: &mut Canvas<'_>, area: Rect, header: &Header) {
    let summary = &header.summary;
    let mark = mark(summary.cluster_health);
    let mut x = area.x + 1;
    let mut put = |text: &str, role: Role| {
        let left = area.right().saturating_sub(x);
        if left > 0 {
            x += canvas.as_str(x, area.y, left, text, role);
        }
    };
    put(mark.symbol().encode_utf8(&mut [0; 4]), Role::of(mark.tone()));
    put(" ", Role::Text);
    put(summary.cluster.as_str(), Role::of_cluster(summary.colour.as_ref().map(crate::model::text::Text::as_str)));
    if header.place.1 > 1 {
        put(&format!(" {}/{}", header.place.0, header.place.1), Role::Dim);
    }
    for breadcrumb in &header.breadcrumb_parts {
        put(" ▸ ", Role::Dim);
        put(breadcrumb, Role::Text);
    }
}

/// Badges, clock and age, from the right; on a narrow terminal the least important go. Returns where they begin.
fn draw_right(canvas: &mut Canvas<'_>, area: Rect, header: &Header) -> u16 {
    let summary = &header.summary;
    let mut parts: Vec<(String, Role)> = Vec::new();
    match &header.frozen {
        Some((at, ago)) => {
            parts.push((crate::report::units::age(*ago), Role::Strong));
            parts.push((format!(" FROZEN {at} "), Role::BadgeFrozen));
        }
        None => {
            parts.push((summary.age_text.text.to_string(), Role::of(summary.age_text.tone)));
            parts.push((header.clock.clone(), Role::Text));
        }
    }
    let access = summary.access.text.as_str();
    // The usual state is no warning, and the word stays calm; that a protected cluster can be written to is one.
    let writable = access == "READ-WRITE";
    let role = if writable { Role::Dim } else { Role::BadgeRead };
    parts.push((format!(" {access} "), role));
    if summary.simulated {
        parts.push((" simulated ".to_owned(), Role::BadgeSimulated));
    }
    if summary.protected {
        parts.push((" PROTECTED ".to_owned(), if writable { Role::BadgeWrite } else { Role::BadgeRead }));
    }
    // The name of the cluster and the view need their place too.
    let least = area.x + (area.width / 3).max(20);
    let mut x = area.right().saturating_sub(1);
    // The age is set in a field of fixed width, so that the rest does not move with it.
    for (index, (text, role)) in parts.into_iter().enumerate() {
        let width = u16::try_from(text.width()).unwrap_or(u16::MAX);
        let field = if index == 0 { width.max(10) } else { width };
        if x < least.saturating_add(field) {
            break;
        }
        x -= field;
        canvas.as_str(x + field - width, area.y, width, &text, role);
        x = x.saturating_sub(1);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::summary::summary;
    use crate::report::test_support::{cut as cut_off, healthy, now, seconds};

    #[test]
    fn a_narrow_headline_still_tells_how_many_more_there_are() {
        let headline =
            Line::new().with("pool primary of pg-router routes writes to no server", Tone::Critical).dim("  +3 more");
        let line = fitted(headline, 30);
        assert_eq!((line.text().as_str(), line.width()), ("pool primary of pg-r…  +3 more", 30));
    }

    #[test]
    fn a_narrow_header_still_tells_how_many_sources_are_silent() {
        let mut snapshot = healthy();
        assert!(!summary(&snapshot, now()).within(78).text().contains("unreachable"));
        cut_off(&mut snapshot, "pg-2", seconds(38));
        let line = summary(&snapshot, now()).within(78);
        assert!(line.text().contains(" · 2 sources unreachable") && line.width() <= 78, "{}", line.text());
    }
}
