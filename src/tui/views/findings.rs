//! What is wrong, worst first.

use super::{Pane, Scene, Size};
use crate::model::text::Text;
use crate::report::detail::{self, Group};
use crate::report::findings;

pub(super) fn panes(scene: Scene<'_>) -> Vec<Pane> {
    vec![Pane::table("findings", "Findings", findings::table(&scene.picture.snapshot), Size::Share(1))]
}

pub(super) fn detail(scene: Scene<'_>, row: &Text) -> Vec<Group> {
    detail::finding(&scene.picture.snapshot, row)
}
