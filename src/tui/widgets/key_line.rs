//! The lines at the bottom of every view: what can be pressed here, and below it the views by digit with how to find
//! everything else.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::Canvas;
use crate::tui::command::Command;
use crate::tui::keymap::{Hint, Key, Keymap};
use crate::tui::theme::Role;
use crate::tui::views::View;

/// Columns between two hints.
const GAP: u16 = 2;

/// What the lines tell.
#[derive(Clone, Debug)]
pub struct KeyLine<'a> {
    /// What can be pressed here, the most wanted first.
    pub here: &'a [Hint],
    /// What can be pressed everywhere; never dropped for the name of a view.
    pub always: &'a [Hint],
    /// The present view, where the digits show another one.
    pub views: Option<View>,
}

/// Rows that the lines take on a screen of `height` rows.
pub fn height(height: u16) -> u16 {
    if height < 14 { 1 } else { 2 }
}

/// Draws the lines and returns where each key can be clicked.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, reported: &KeyLine<'_>, keymap: &Keymap) -> Vec<(Rect, Key)> {
    canvas.fill(area, Role::KeyLine);
    let mut places = Vec::new();
    if area.height < 2 {
        let always = bare(reported.always, 0);
        let end = from_the_right(canvas, area, &always, &mut places);
        hints(canvas, Rect { width: end.saturating_sub(area.x + 1), ..area }, reported.here, &mut places);
        return places;
    }
    let (above, below) = (Rect { height: 1, ..area }, Rect { y: area.y + 1, height: 1, ..area });
    hints(canvas, above, reported.here, &mut places);
    let (titles, worded) = share(reported, usize::from(area.width));
    let always = bare(reported.always, worded);
    let end = from_the_right(canvas, below, &always, &mut places);
    if let Some(current) = reported.views {
        let area = Rect { width: end.saturating_sub(area.x), ..below };
        views(canvas, area, |view| titles(view, current), current, keymap, &mut places);
    }
    places
}

/// What a view is called in the line, given the present one.
type Titles = fn(View, View) -> &'static str;

/// In which form the views stand, and how many of what can always be pressed keeps its word, so that both have room: a key
/// is never dropped for a name.
fn share(reported: &KeyLine<'_>, width: usize) -> (Titles, usize) {
    let forms: [Titles; 3] = [
        |view, _| view.title(),
        |view, _| view.short_title(),
        |view, current| if view == current { view.title() } else { "" },
    ];
    let words = reported.always.len();
    let Some(current) = reported.views else { return (forms[0], words) };
    for form in forms {
        let names: usize = View::NUMBERED.iter().map(|view| digit_width(form(*view, current))).sum();
        let fits = |worded: &usize| names + 1 + columns(&bare(reported.always, *worded)) <= width;
        if let Some(worded) = (0..=words).rev().find(fits) {
            return (form, worded);
        }
    }
    (forms[2], 0)
}

/// The same of which only the first `worded` keep their words.
fn bare(hints: &[Hint], worded: usize) -> Vec<Hint> {
    hints.iter().enumerate().map(|(at, hint)| if at < worded { hint.clone() } else { hint.bare() }).collect()
}

/// Columns of hints that stand close, each with the blank behind it.
fn columns(hints: &[Hint]) -> usize {
    hints.iter().map(|hint| usize::from(width_of(hint)) + 1).sum()
}

/// As many as fit, from the left. Where some do not, an ellipsis says that there are more.
fn hints(canvas: &mut Canvas<'_>, area: Rect, hints: &[Hint], places: &mut Vec<(Rect, Key)>) {
    let mut x = area.x + 1;
    for (at, hint) in hints.iter().enumerate() {
        let width = width_of(hint);
        // The last one needs no room for the ellipsis behind it.
        let behind = if at + 1 == hints.len() { 0 } else { GAP + 1 };
        if x.saturating_add(width).saturating_add(behind) > area.right() {
            canvas.as_str(x.min(area.right().saturating_sub(1)), area.y, 1, "…", Role::KeyLine);
            return;
        }
        put(canvas, x, area.y, hint, places);
        x += width + GAP;
    }
}

/// All of them, the last at the right edge. Returns where they begin.
fn from_the_right(canvas: &mut Canvas<'_>, area: Rect, hints: &[Hint], places: &mut Vec<(Rect, Key)>) -> u16 {
    let begin = area.right().saturating_sub(u16::try_from(columns(hints)).unwrap_or(u16::MAX)).max(area.x);
    let mut x = begin;
    for hint in hints {
        put(canvas, x, area.y, hint, places);
        x += width_of(hint) + 1;
    }
    begin
}

fn put(canvas: &mut Canvas<'_>, x: u16, y: u16, hint: &Hint, places: &mut Vec<(Rect, Key)>) {
    let width = width_of(hint);
    let used = canvas.as_str(x, y, width, &hint.key(), Role::KeyLineKey);
    if !hint.word.is_empty() {
        canvas.as_str(x + used + 1, y, width.saturating_sub(used + 1), &hint.word, Role::KeyLine);
    }
    if let Some(key) = hint.keys.first() {
        places.push((Rect { x, y, width, height: 1 }, *key));
    }
}

/// The views by digit.
fn views(
    canvas: &mut Canvas<'_>,
    area: Rect,
    title: impl Fn(View) -> &'static str,
    current: View,
    keymap: &Keymap,
    places: &mut Vec<(Rect, Key)>,
) {
    let mut x = area.x + 1;
    for view in View::NUMBERED {
        let Some(digit) = keymap.key_of(Command::View(view)) else { continue };
        let title = title(view);
        let width = u16::try_from(digit_width(title) - 1).unwrap_or(u16::MAX);
        if x.saturating_add(width) > area.right() {
            return;
        }
        let (key_role, role) = if view == current {
            (Role::KeyLineCurrent, Role::KeyLineCurrent)
        } else {
            (Role::KeyLineKey, Role::KeyLine)
        };
        let used = canvas.as_str(x, area.y, width, &digit, key_role);
        canvas.as_str(x + used + 1, area.y, width, title, role);
        if let Ok(key) = digit.parse() {
            places.push((Rect { x, y: area.y, width, height: 1 }, key));
        }
        x += width + 1;
    }
}

/// Columns of a view with the blank behind it.
fn digit_width(title: &str) -> usize {
    if title.is_empty() { 2 } else { title.width() + 3 }
}

fn width_of(hint: &Hint) -> u16 {
    let word = if hint.word.is_empty() { 0 } else { hint.word.width() + 1 };
    u16::try_from(hint.key().width() + word).unwrap_or(u16::MAX)
}
