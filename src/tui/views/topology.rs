//! The members as a tree, what stands around them, and the worst findings.

use super::{Pane, Scene, Size};
use crate::model::name::NodeName;
use crate::model::text::Text;
use crate::report::detail::{self, Group};
use crate::report::{findings, topology};

/// Name of the table of members.
pub(in crate::tui) const MEMBERS: &str = "members";
const FINDINGS: &str = "findings";

pub(super) fn panes(scene: Scene<'_>) -> Vec<Pane> {
    let snapshot = &scene.picture.snapshot;
    vec![
        Pane::table(MEMBERS, "Members", topology::table(snapshot), Size::Natural),
        Pane::lines("around", "", topology::footer_lines(snapshot), Size::Natural),
        Pane::table(FINDINGS, "Findings", findings::table(snapshot), Size::Share(1)),
    ]
}

pub(super) fn detail(scene: Scene<'_>, pane: &str, row: &Text) -> Vec<Group> {
    if pane == FINDINGS {
        detail::finding(&scene.picture.snapshot, row)
    } else {
        detail::member(&scene.picture.snapshot, &NodeName::new(row.as_str()))
    }
}
