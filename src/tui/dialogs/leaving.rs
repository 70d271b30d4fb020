//! Asked once where the console is left while an action of it runs: what becomes of that.

use crate::report::line::Line;
use crate::report::table::Tone;
use crate::tui::app::App;
use crate::tui::widgets::wrap::fold;

pub(super) fn lines(app: &App, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for watch in app.acting.running_here() {
        lines.push(Line::new().with(watch.short(), Tone::Look));
    }
    let Some(first) = app.acting.running_here().next() else {
        return vec![Line::new().plain("It has ended meanwhile.")];
    };
    lines.push(Line::new());
    let told = match (&first.action, app.acting.outlives) {
        (None, _) => "It is only just beginning: left now, it may not begin at all.".to_owned(),
        (Some(_), false) => {
            "The demo's clusters are simulated and end with the console, and so does the action.".to_owned()
        }
        (Some(action), true) => format!(
            "It goes on without this console, and a later one shows it with A. pgctl-tui audit {action} tells how it ended."
        ),
    };
    lines.push(Line::new().plain(told));
    lines.iter().flat_map(|line| fold(line, width, 2)).collect()
}
