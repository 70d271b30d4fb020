//! What is wrong, worst first.

use super::{Pane, PaneHeight, ViewModel};
use crate::model::text::Text;
use crate::report::detail::{self, Group};
use crate::report::findings;

pub(super) fn panes(view_model: ViewModel<'_>) -> Vec<Pane> {
    vec![Pane::table("findings", "Findings", findings::table(&view_model.picture.snapshot), PaneHeight::Share(1))]
}

pub(super) fn detail(view_model: ViewModel<'_>, row: &Text) -> Vec<Group> {
    detail::finding(&view_model.picture.snapshot, row)
}
