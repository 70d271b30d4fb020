//! The members as a tree, what stands around them, and the worst findings.

use super::{Pane, PaneHeight, ViewModel};
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

pub(super) fn panes(view_model: ViewModel<'_>) -> Vec<Pane> {
    let snapshot = &view_model.picture.snapshot;
    let mut panes = vec![
        Pane::table(MEMBERS, "Members", topology::table(snapshot), PaneHeight::Natural),
        Pane::lines("around", "", topology::footer_lines(snapshot), PaneHeight::Natural),
    ];
    let found = findings::table(snapshot);
    let taken = usize::from(panes.iter().map(|pane| natural(pane, view_model.width)).fold(0, u16::saturating_add));
    // What has just happened, where there is room below what is wrong.
    if taken + found.rows.len() + ROOM_FOR_EVENTS < usize::from(view_model.height) {
        panes.push(Pane::table(FINDINGS, "Findings", found, PaneHeight::Natural));
        let latest = events::table(&view_model.picture.events, view_model.zone);
        panes.push(Pane::table(EVENTS, "Latest events", latest, PaneHeight::Share(1)));
    } else {
        panes.push(Pane::table(FINDINGS, "Findings", found, PaneHeight::Share(1)));
    }
    panes
}

pub(super) fn detail(view_model: ViewModel<'_>, pane: &str, row: &Text) -> Vec<Group> {
    match pane {
        FINDINGS => detail::finding(&view_model.picture.snapshot, row),
        EVENTS => super::events::detail(view_model, row),
        _ => detail::member(&view_model.picture.snapshot, &NodeName::new(row.as_str())),
    }
}
