//! The themes by name. The screen behind shows the one selected.

use crate::report::line::Line;
use crate::report::table::Tone;

pub(super) fn lines(names: &[String], selected: usize) -> Vec<Line> {
    let line = |(index, name): (usize, &String)| {
        if index == selected {
            Line::new().with(format!("▸ {name}"), Tone::Strong)
        } else {
            Line::new().plain(format!("  {name}"))
        }
    };
    names.iter().enumerate().map(line).collect()
}
