//! Sessions: who does what, who blocks whom, and how many each application holds.

use super::{Pane, Scene, Size};
use crate::report::sessions;

pub(super) fn panes(scene: Scene<'_>) -> Vec<Pane> {
    let snapshot = &scene.picture.snapshot;
    // Shares, not natural heights: rows come and go every second, and what stands below must not move with them.
    vec![
        Pane::table("activity", "Activity", sessions::activity(snapshot), Size::Share(3)),
        Pane::table("blockers", "Blockers", sessions::blockers(snapshot), Size::Share(1)),
        Pane::table("applications", "By application", sessions::applications(snapshot), Size::Share(1)),
    ]
}
