//! What can be pressed where one is, and every command with its keys, made from the command table; what cannot be done now
//! says why.

use crate::report::line::Line;
use crate::report::table::Tone;
use crate::tui::app::App;
use crate::tui::command::{COMMANDS, Group};
use crate::tui::widgets::wrap::wrap;

const KEYS: usize = 16;
const NAME_WIDTH: usize = 18;
/// Most keys named for one thing.
const MAX_KEYS: usize = 4;

/// What can be pressed where the help was opened.
fn here(app: &App, width: usize) -> Vec<Line> {
    let (place, hints) = app.below_help();
    let mut lines = vec![Line::new().with(format!("Here: {place}"), Tone::Strong)];
    for hint in hints {
        let mut keys: Vec<String> = hint.keys.iter().map(ToString::to_string).collect();
        keys.truncate(MAX_KEYS);
        for (index, part) in wrap(&hint.word, width.saturating_sub(KEYS).max(16)).into_iter().enumerate() {
            let mut line = Line::new();
            if index == 0 {
                line.push(keys.join(" "), Tone::Strong);
            }
            line.pad_to(KEYS);
            line.push(part, Tone::Plain);
            lines.push(line);
        }
    }
    lines
}

pub(super) fn lines(app: &App, width: usize) -> Vec<Line> {
    let mut lines = here(app, width);
    for group in Group::ALL {
        if !lines.is_empty() {
            lines.push(Line::new());
        }
        lines.push(Line::new().with(group.title(), Tone::Strong));
        for spec in COMMANDS.iter().filter(|spec| spec.group == group) {
            let available = app.availability(spec.command);
            let tone = if available.is_ok() { Tone::Plain } else { Tone::Stale };
            let keys = match (spec.letter, spec.keys) {
                (Some(letter), []) => format!("a {letter}"),
                (None, []) => ":".to_owned(),
                (_, keys) => keys.join(" "),
            };
            let help = match &available {
                Ok(()) => spec.help.to_owned(),
                Err(reason) => format!("{} ({reason})", spec.help),
            };
            for (index, part) in wrap(&help, width.saturating_sub(KEYS + NAME_WIDTH).max(16)).into_iter().enumerate() {
                let mut line = Line::new();
                if index == 0 {
                    line.push(&keys, if available.is_ok() { Tone::Strong } else { Tone::Stale });
                    line.pad_to(KEYS);
                    line.push(spec.name, tone);
                }
                line.pad_to(KEYS + NAME_WIDTH);
                line.push(&part, tone);
                lines.push(line);
            }
        }
    }
    lines
}
