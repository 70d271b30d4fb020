//! Asked once where the console is left while an action of it runs: what becomes of that.

use crate::report::line::Line;
use crate::report::table::Tone;
use crate::tui::app::App;
use crate::tui::widgets::wrap::fold;

pub(super) fn lines(app: &App, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for watch in app.acting.running_here() {
        lines.push(Line::new().with(watch.short(), Tone::Warning));
    }
    let Some(first) = app.acting.running_here().next() else {
        return vec![Line::new().plain("It has ended in the meantime.")];
    };
    lines.push(Line::new());
    let reported = match (&first.action, app.acting.outlives) {
        (None, _) => "It is just starting: if you leave now, it may not start at all.".to_owned(),
        (Some(_), false) => {
            "The demo's clusters are simulated and end with the console; so does the action.".to_owned()
        }
        (Some(action), true) => format!(
            "It continues without this console; press A in a later one to view it. `pgctl-tui audit {action}` shows the outcome."
        ),
    };
    lines.push(Line::new().plain(reported));
    lines.iter().flat_map(|line| fold(line, width, 2)).collect()
}
