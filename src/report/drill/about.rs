//! What a drill is, and what each one does: for whoever has not begun one yet.

use super::super::line::Line;
use super::super::table::Tone;
use crate::action::drill::Scenario;

/// Columns of the titles at the left.
const TITLE: usize = 10;

/// What a drill of `scenario` does, what undoes it, and what it needs.
pub fn about(scenario: Scenario) -> Vec<Line> {
    let (done, undone) = match scenario {
        Scenario::Switchover => ("the same switchover as the action makes, measured", "there is nothing to undo"),
        Scenario::Stop => ("the leader's container is stopped in good order, killed after 60 s", "it is started"),
        Scenario::Kill => ("SIGKILL to the leader's container", "it is started"),
        Scenario::Freeze => (
            "the leader's container is frozen: connections stay open, nothing answers",
            "clients are kept out, it is thawed, and they are let in when it is seen not to lead",
        ),
        Scenario::Cut => (
            "every packet to and from the leader is dropped, except on its loopback",
            "the rules are removed, by the container itself if need be; clients are let in when it is seen not to lead",
        ),
        Scenario::Dcs => ("most members of the DCS are killed, and left dead for a while", "they are started"),
        Scenario::Router => ("the router that leads writes is killed for 10 s", "it is started"),
    };
    let needs = match scenario.breaks() {
        None => "no more than the action: nothing is broken",
        Some(_) => "drills.enabled = true for this cluster, and a container or commands for what is broken",
    };
    let mut lines = vec![titled("does").plain(done), titled("undone").plain(undone)];
    lines.push(titled("needs").plain(needs));
    lines
}

fn titled(title: &str) -> Line {
    let mut line = Line::new().with(title, Tone::Dim);
    line.pad_to(TITLE);
    line
}
