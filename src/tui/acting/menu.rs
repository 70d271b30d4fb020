//! The actions, each under its letter, with the reason where one cannot be done.

use super::sheet::Sheet;
use crate::report::line::Line;
use crate::report::table::Tone;
use crate::tui::app::App;
use crate::tui::command::{Command, Danger};
use crate::tui::widgets::wrap::fold;

/// Columns before what it does.
const NAME: usize = 20;

/// The dialog.
pub(super) fn sheet(app: &App, selected: usize, width: usize) -> Sheet {
    let mut body = Vec::new();
    let mut whole = Vec::new();
    for (letter, spec) in Command::menu() {
        let available = app.availability(spec.command);
        let tone = match (&available, spec.danger) {
            (Err(_), _) => Tone::Stale,
            (Ok(()), Danger::Destructive) => Tone::Act,
            (Ok(()), Danger::Disruptive) => Tone::Look,
            (Ok(()), Danger::Reversible | Danger::Session | Danger::None) => Tone::Plain,
        };
        let key = if available.is_ok() { Tone::Strong } else { Tone::Stale };
        let mut line = Line::new().with(letter.to_string(), key).plain("  ").with(spec.name, tone);
        line.pad_to(NAME);
        line.push(" ", Tone::Plain);
        match &available {
            Ok(()) => line.push(spec.help, Tone::Dim),
            Err(reason) => line.push(reason, Tone::Stale),
        }
        body.push(line);
        // What the row may have no room for.
        whole.push(match available {
            Ok(()) => Line::new().plain(spec.help),
            Err(reason) => Line::new().with(reason, Tone::Stale),
        });
    }
    let selected = selected.min(body.len().saturating_sub(1));
    let mut foot = whole.get(selected).map(|line| fold(line, width, 0)).unwrap_or_default();
    // As high for each of them, so that nothing moves with the selection.
    foot.resize_with(foot.len().max(2), Line::new);
    let scenario = || app.selected_scenario().map(|scenario| scenario.word().to_owned());
    let about = app.selected_node().map(|node| node.to_string()).or_else(scenario);
    let about = about.map_or_else(String::new, |about| format!(" · {about}"));
    Sheet {
        title: format!("Act{about}"),
        body,
        hint: "letter or Enter: its dialog · Esc leave".to_owned(),
        foot,
        selected: Some(selected),
        ..Sheet::default()
    }
}
