//! The members as a tree, what stands around them, and the worst findings.

use super::{Pane, Scene, Size};
use crate::model::name::NodeName;
use crate::model::text::Text;
use crate::report::detail::{self, Group};
use crate::report::{events, findings, topology};
use crate::tui::widgets::panes::natural;

/// Name of the table of members.
pub(in crate::tui) const MEMBERS: &str = "members";
/// Name of the table of findings, here as in a view of its own.
pub(in crate::tui) const FINDINGS: &str = "findings";
/// Name of the table of events, here as in a view of its own.
pub(in crate::tui) const EVENTS: &str = "events";

/// Rows that make a list of events worth having, with the titles and blanks around it.
const ROOM_FOR_EVENTS: usize = 12;

pub(super) fn panes(scene: Scene<'_>) -> Vec<Pane> {
    let snapshot = &scene.picture.snapshot;
    let mut panes = vec![
        Pane::table(MEMBERS, "Members", topology::table(snapshot), Size::Natural),
        Pane::lines("around", "", topology::footer_lines(snapshot), Size::Natural),
    ];
    let found = findings::table(snapshot);
    let taken = usize::from(panes.iter().map(|pane| natural(pane, scene.width)).fold(0, u16::saturating_add));
    // What has just happened, where there is room below what is wrong.
    if taken + found.rows.len() + ROOM_FOR_EVENTS < usize::from(scene.height) {
        panes.push(Pane::table(FINDINGS, "Findings", found, Size::Natural));
        let latest = events::table(&scene.picture.events, scene.zone);
        panes.push(Pane::table(EVENTS, "Latest events", latest, Size::Share(1)));
    } else {
        panes.push(Pane::table(FINDINGS, "Findings", found, Size::Share(1)));
    }
    panes
}

pub(super) fn detail(scene: Scene<'_>, pane: &str, row: &Text) -> Vec<Group> {
    match pane {
        FINDINGS => detail::finding(&scene.picture.snapshot, row),
        EVENTS => super::events::detail(scene, row),
        _ => detail::member(&scene.picture.snapshot, &NodeName::new(row.as_str())),
    }
}
