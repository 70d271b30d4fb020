//! Sessions: who does what, who blocks whom, and how many each application holds.

use super::{Pane, PaneHeight, ViewModel};
use crate::report::sessions;

pub(super) fn panes(view_model: ViewModel<'_>) -> Vec<Pane> {
    let snapshot = &view_model.picture.snapshot;
    // Shares, not natural heights: rows come and go every second, and what stands below must not move with them.
    vec![
        Pane::table("activity", "Activity", sessions::activity(snapshot), PaneHeight::Share(3)),
        Pane::table("blockers", "Blockers", sessions::blockers(snapshot), PaneHeight::Share(1)),
        Pane::table("applications", "By application", sessions::applications(snapshot), PaneHeight::Share(1)),
    ]
}
