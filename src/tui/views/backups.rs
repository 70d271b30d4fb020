//! Backups.

use super::{Pane, PaneHeight, ViewModel};
use crate::report::backups;

pub(super) fn panes(view_model: ViewModel<'_>) -> Vec<Pane> {
    vec![Pane::table(
        "backups",
        "Backups",
        backups::table(&view_model.picture.snapshot, view_model.zone),
        PaneHeight::Share(1),
    )]
}
