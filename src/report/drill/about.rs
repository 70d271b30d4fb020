//! What a drill is, and what each one does: for whoever has not begun one yet.

use super::super::line::Line;
use super::super::table::Tone;
use crate::action::drill::Scenario;

/// Columns of the titles at the left.
const TITLE_WIDTH: usize = 10;

/// What a drill of `scenario` does, what undoes it, and what it needs.
pub fn about(scenario: Scenario) -> Vec<Line> {
    let (done, reverted_steps) = match scenario {
        Scenario::Switchover => ("the same switchover as the action `switchover`, measured", "nothing to revert"),
        Scenario::Stop => ("the leader's container is stopped gracefully (killed after 60 s)", "started again"),
        Scenario::Kill => ("the leader's container is killed with SIGKILL", "started again"),
        Scenario::Freeze => (
            "the leader's container is paused: connections stay open, nothing responds",
            "client connections are blocked, the container is unpaused, and clients are allowed again once it is no longer the leader",
        ),
        Scenario::Cut => (
            "all network packets to and from the leader are dropped, except on loopback",
            "the rules are removed, by the container itself if necessary; clients are allowed again once it is no longer the leader",
        ),
        Scenario::Dcs => ("a majority of the DCS members is killed and stays down for a while", "started again"),
        Scenario::Router => ("the router that routes writes is killed for 10 s", "started again"),
    };
    let needs = match scenario.breaks() {
        None => "same as the action: no fault is injected",
        Some(_) => "drills.enabled = true for this cluster, and a container or commands to inject the fault",
    };
    let mut lines = vec![labelled_line("does").plain(done), labelled_line("reverted").plain(reverted_steps)];
    lines.push(labelled_line("needs").plain(needs));
    lines
}

fn labelled_line(title: &str) -> Line {
    let mut line = Line::new().with(title, Tone::Dim);
    line.pad_to(TITLE_WIDTH);
    line
}
